"""Path normalisation as Istio's `BASE` setting does it: dot segments, backslashes, escaped unreserved
characters.

Slashes are not merged, `%2F` stays (Istio, `MeshConfig.pathNormalization`).
"""

from __future__ import annotations

import re

from transformer.stream.patterns import pattern

_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_ESCAPE = pattern(r"%([0-9A-Fa-f]{2})")


def _decoded(found: re.Match[str]) -> str:
    char = chr(int(found[1], 16))
    return char if char in _UNRESERVED else found[0]


def normalized(path: str) -> str:
    """The path that Istio matches and forwards."""
    plain = _ESCAPE.sub(_decoded, path).replace("\\", "/")
    out: list[str] = []
    segments = plain.split("/")[1:]
    for index, segment in enumerate(segments):
        last = index == len(segments) - 1
        if segment == "..":
            if out:
                out.pop()
        elif segment != ".":
            out.append(segment)
            continue
        if last:
            out.append("")
    return "/" + "/".join(out)
