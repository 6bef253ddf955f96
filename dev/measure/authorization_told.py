"""Which findings of a run explain that Linkerd refuses a request that Istio lets in: each by what it says, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from transformer.findings import Finding

_PORTS = re.compile(r"\bport ([0-9]+(?:, [0-9]+)*)")
_NAMES = re.compile(r"\bports of (.*) that no manifest declares")
#: Findings about requests on the ports that they name.
_BY_PORT = frozenset({"MS422", "MS425", "MS431", "MS432"})
_ODD = re.compile(r"/(?:;|\.(?:[./;]|$))|%|\\")
_UNDECLARED, _PATTERNS = "MS421", "MS430"
#: Methods that routes of Linkerd can name.
_NAMED_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"))


def explained(
    findings: Iterable[Finding], workload: str, request: Mapping[str, Any], answer: Mapping[str, Any]
) -> bool:
    """Whether a finding announces the refusal.

    `workload` is `namespace/name`, `answer` that of Linkerd's evaluator. Closed undeclared ports explain what is refused
    without a Server; the others explain requests on ports that they name, of the kind that they are about.
    """
    return any(_explains(finding, workload, request, answer) for finding in findings)


def _explains(finding: Finding, workload: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    if finding.code == _PATTERNS:
        return True
    if finding.code == _UNDECLARED:
        names = _NAMES.search(finding.message)
        named = names is not None and workload.rpartition("/")[2] in names[1].split(", ")
        return named and answer["server"] is None
    if finding.code not in _BY_PORT:
        return False
    ports = _PORTS.search(finding.message)
    if ports is None or str(request["port"]) not in ports[1].split(", "):
        return False
    if finding.code == "MS422":
        return not _is_plain(str(request.get("path", "/")))
    return finding.code != "MS431" or request.get("method") not in _NAMED_METHODS


def _is_plain(path: str) -> bool:
    """Whether a path has nothing that MS422 is about: dot segments, segments that begin like one, escapes, backslashes."""
    return _ODD.search(path.partition("?")[0]) is None
