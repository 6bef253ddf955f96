"""Which documents may hold a needle: plain byte searches, made complete for escaped double-quoted scalars.

Imports nothing, so that the start-up path of a stream without relevant documents stays as short as it can be.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# Escapes of double-quoted scalars that can hide letters, digits, dots and dashes. Plain and single-quoted
# scalars cannot hide anything: folding them puts a space where the break was.
_ESCAPES = (b"\\x", b"\\u", b"\\U", b"\\\n", b"\\\r")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def contains(data: bytes, needles: Sequence[bytes], start: int = 0, end: int | None = None) -> bool:
    """Whether a scalar in `data[start:end]` may hold one of the needles once it is decoded.

    Never a false no; a false yes (a needle in a comment, an unrelated `\\u` escape) only costs a parse.
    Needles are made of letters, digits, dots, dashes, underscores and slashes. UTF-16 and UTF-32 count as a yes.
    """
    stop = len(data) if end is None else end
    if any(data.find(needle, start, stop) >= 0 for needle in needles):
        return True
    # Only wide characters bring zeros into a text, so those of which no mark tells are seen by them.
    if data[start : min(start + 2, stop)] in _UTF16 or data.find(b"\0", start, stop) >= 0:
        return True
    if data.find(b"\\", start, stop) < 0:
        return False
    if any(data.find(escape, start, stop) >= 0 for escape in _ESCAPES):
        return True
    return data.find(b"\\/", start, stop) >= 0 and any(b"/" in needle for needle in needles)


def is_wide(data: bytes) -> bool:
    """Whether a text is UTF-16 or UTF-32, by its mark or by the zeros of its first characters."""
    return data[:2] in _UTF16 or b"\0" in data[:4]


def candidates(data: bytes, documents: Sequence[tuple[int, int]], needles: Sequence[bytes]) -> list[bool]:
    """For each document (byte offsets), whether it may hold a needle."""
    if not contains(data, needles):
        return [False] * len(documents)
    return [contains(data, needles, start, end) for start, end in documents]
