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
#: Which of the first four bytes are zero: both orders of UTF-16, then of UTF-32.
_WIDE_ZEROS = frozenset(
    {
        (False, True, False, True),
        (True, False, True, False),
        (False, True, True, True),
        (True, True, True, False),
    }
)


def contains(data: bytes, needles: Sequence[bytes], start: int = 0, end: int | None = None) -> bool:
    """Whether a scalar in `data[start:end]` may hold one of the needles once it is decoded.

    Never a false no; a false yes (a needle in a comment, an unrelated `\\u` escape) only costs a parse.
    Needles are made of letters, digits, dots, dashes, underscores and slashes; in UTF-16 and UTF-32 there are zeros
    between, and their marks count as a yes.
    """
    stop = len(data) if end is None else end
    if any(data.find(needle, start, stop) >= 0 for needle in needles):
        return True
    if data[start : min(start + 2, stop)] in _UTF16:
        return True
    if data.find(b"\0", start, stop) >= 0:
        return contains(data[start:stop].replace(b"\0", b""), needles)
    if data.find(b"\\", start, stop) < 0:
        return False
    if any(data.find(escape, start, stop) >= 0 for escape in _ESCAPES):
        return True
    return data.find(b"\\/", start, stop) >= 0 and any(b"/" in needle for needle in needles)


def is_wide(data: bytes) -> bool:
    """Whether a text is UTF-16 or UTF-32, by its mark or by where the zeros of its first characters are."""
    zeros = tuple(byte == 0 for byte in data[:4])
    return data[:2] in _UTF16 or zeros in _WIDE_ZEROS


def candidates(data: bytes, documents: Sequence[tuple[int, int]], needles: Sequence[bytes]) -> list[bool]:
    """For each document (byte offsets), whether it may hold a needle."""
    if not contains(data, needles):
        return [False] * len(documents)
    return [contains(data, needles, start, end) for start, end in documents]
