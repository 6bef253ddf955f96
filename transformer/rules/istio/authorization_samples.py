"""Methods and hosts that stand for all that policies can tell apart, grouped as Linkerd's routes can name them.

A route names nine methods and no pattern of them; its host names count with every port and with a dot behind them, in any
case (linkerd2-proxy `linkerd/http/route/src/http/match/host.rs`), which Istio compares as they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from transformer.ir.request_classes import METHODS, OTHER
from transformer.stream.patterns import pattern
from transformer.targets.linkerd.request_paths import Unwritable

_LABEL = r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_NAME = pattern(rf"{_LABEL}(?:\.{_LABEL})*\Z")
_NUMBER = pattern(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\Z")
#: What no policy names, within a method or a host.
_NOVEL = "~"


class Sample(NamedTuple):
    """A method or host; `usual` ones may not lose callers, others may if it is told."""

    text: str
    usual: bool = True


def fits(text: str, seen: str) -> bool:
    """Whether a value of a policy, with a star at one end or without, matches."""
    if text == "*":
        return True
    if text.startswith("*"):
        return seen.endswith(text[1:])
    if text.endswith("*"):
        return seen.startswith(text[:-1])
    return seen == text


def methods(texts: Iterable[str]) -> dict[str, list[Sample]]:
    """Samples by the method that a route names; those of all other methods under OTHER."""
    written = sorted(set(texts) - {"*"})
    patterns = any("*" in text for text in written)
    named = [method for method in METHODS if patterns or method in written]
    others = [Sample(method) for method in METHODS if method not in named][:1]
    others.append(Sample(_NOVEL, usual=False))
    for text in written:
        if "*" in (text[:1], text[-1:]):
            others.append(Sample(text.replace("*", _NOVEL), usual=False))
        elif text not in METHODS:
            others.append(Sample(text))
    return {**{method: [Sample(method)] for method in named}, OTHER: others}


def hosts(texts: Iterable[str]) -> dict[str, list[Sample]]:
    """Samples by the host name that a route names; those of all other hosts under OTHER. Raises `Unwritable`."""
    written = sorted(set(texts) - {"*"})
    names: dict[str, set[str]] = {}
    others = [Sample(_NOVEL)]
    for text in written:
        name, _, port = text.partition(":")
        bare = name.removesuffix(".")
        if "*" in name or (port != "*" and "*" in port):
            others += [Sample(text.replace("*", _NOVEL)), Sample(text.replace("*", ""))]
            continue
        if not _NAME.match(bare) or _NUMBER.match(bare):
            raise Unwritable(f"{text} is no host name that a route can have", "MS405")
        names.setdefault(bare, set()).add(f"{name}:{_NOVEL}" if port == "*" else text)
    found = {OTHER: others}
    for name, usual in names.items():
        usual.add(name)
        every = {name, f"{name}:{_NOVEL}", f"{name}.", f"{name}.:{_NOVEL}"} | usual
        found[name] = [Sample(text, text in usual) for text in sorted(every)]
    return found
