"""What is said of a document that cannot be read.

What a Secret holds is never told. A kind can hide in what cannot be parsed, so errors of `transformer.stream` quote nothing;
a parser without libyaml may, which is why Secrets that can be seen get no more than a place.
"""

from __future__ import annotations

from transformer.stream import nodes
from transformer.stream.patterns import pattern

_SECRET = pattern(rb"kind[\"']?[ \t]*:\s*(?:[!&]\S*\s+)*[\"']?Secret(?:List)?\b")


def message(place: str, raw: bytes, error: nodes.ParseError) -> str:
    """Why a document that may matter stops the run, with the remedy for what is usually the cause.

    `place` is where the error is, `raw` are the document's bytes.
    """
    if "undefined alias" in error.message and not _SECRET.search(raw):
        remedy = "Helm 4 splits a List whose items share anchors and loses them (helm/helm#32203): write the anchors out"
    elif b"{{" in raw:
        remedy = "it looks like a template: render it first (helm template, kustomize build) and transform the result"
    else:
        remedy = "correct the YAML"
    return f"{place}: this document may hold mesh objects but cannot be read: {fault(raw, error)}; {remedy}"


def fault(raw: bytes, error: nodes.ParseError) -> str:
    """What is wrong in a document, unless it is a Secret or a list with one: an unquoted `*word` is an alias, for one."""
    return "it is a Secret, so what is wrong in it is not shown" if _SECRET.search(raw) else error.message
