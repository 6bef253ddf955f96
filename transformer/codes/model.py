"""Shape of a catalogue entry."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """One kind of finding.

    `severity`: `error` holds the object, `warning` changes behaviour, `info` tells. `cause`, `effect` and `remedy` are
    sentences for `meshshift explain`; `remedy` is also what a finding says to do unless the rule knows better.
    `acceptable`: whether a person may accept the loss, after which the rule goes on without the construct.
    """

    code: str
    severity: str
    title: str
    cause: str
    effect: str
    remedy: str
    example: str = ""
    acceptable: bool = False
