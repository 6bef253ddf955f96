"""Rules of a Service's HTTPRoute or GRPCRoute: what Istio honours today and Linkerd ignores, drops or reads differently.

Istio: istio/istio pilot/pkg/config/kube/gateway/conversion.go. Linkerd: linkerd2 policy-controller/k8s/index
(outbound/index/http.rs, grpc.rs) and linkerd2-proxy linkerd/http/route; observed L4, L9, L11, L13, L19, L24.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from transformer.objects import Obj, View
from transformer.rules.gateway_api import parent_services, references
from transformer.rules.gateway_api.problems import Problem
from transformer.rules.istio import durations, expressions
from transformer.run import Run
from transformer.stream.patterns import pattern

_HEADERS = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
}
_ONE_UNIT = pattern(r"[0-9]{1,5}(?:ms|s|m|h)")
_CHARACTER = r"(?:[A-Za-z0-9/_~!&',;=:@%-]|\\[^A-Za-z0-9])"
_PLAIN = pattern(rf"{_CHARACTER}*")
#: Literals with an open end: there is only one way to match them, so they need no anchors.
_LITERAL = pattern(rf"\^?{_CHARACTER}*(?:\.\*)?\$?")
#: Single characters and classes of which the last alone may repeat: the longest match is the only one that is tried.
_ATOMS = pattern(rf"\^?(?:{_CHARACTER}|\\[dw]|\[[^\]\\]+\])*[+*]?\$?")
_ESCAPED = pattern(r"(?<!\\)(?:\\\\)*\\$")
_TIMEOUT = "timeout.linkerd.io/request"
_DURATION = pattern(r"[0-9]+(?:ms|s|m|h|d)|0")
_STATUS = r"(?:5xx|gateway-error|[1-5][0-9]{2}(?:-[1-5][0-9]{2})?)"
_GRPC_STATUS = r"(?:cancelled|deadline-exceeded|internal|resource-exhausted|unavailable)"
_ANNOTATIONS = {
    _TIMEOUT: _DURATION,
    "timeout.linkerd.io/response": _DURATION,
    "timeout.linkerd.io/idle": _DURATION,
    "retry.linkerd.io/timeout": _DURATION,
    "retry.linkerd.io/limit": pattern(r"[0-9]{1,5}"),
    "retry.linkerd.io/http": pattern(rf"{_STATUS}(?:,{_STATUS})*"),
    "retry.linkerd.io/grpc": pattern(rf"{_GRPC_STATUS}(?:,{_GRPC_STATUS})*"),
}
_RETRIES = ("retry.linkerd.io/http", "retry.linkerd.io/grpc", "retry.linkerd.io/limit")


def annotation_problems(obj: Obj) -> Iterator[Problem]:
    """Annotations for Linkerd on the route that its webhook refuses, and the route with them."""
    for key, view in obj.view.get("metadata", "annotations").items():
        accepted = _ANNOTATIONS.get(key)
        if accepted is not None and not accepted.fullmatch(view.text()):
            yield Problem(
                "MS722",
                view,
                f"Linkerd refuses a route with {key}: {view.text()!r}",
                "Correct the annotation.",
            )


def problems(run: Run, rule: View, kind: str) -> Iterator[Problem]:
    """Differences in one rule of a route of the given kind."""
    if kind == "HTTPRoute":
        yield from _matches(rule)
        yield from _timeouts(run, rule)
    else:
        yield from _grpc_matches(rule)
    redirects = False
    for entry in rule.get("filters").each():
        redirects |= entry.get("type").text() == "RequestRedirect"
        yield from _filter(run, entry, kind)
    yield from _backends(run, rule, redirects)
    retry = rule.get("retry")
    if retry and not any(key in rule.obj.annotations for key in _RETRIES):
        yield Problem("MS722", retry, "Linkerd reads retry annotations and not this field",
                      "Write retry.linkerd.io/http and retry.linkerd.io/limit on the route (Istio ignores them).")  # fmt: skip


def _matches(rule: View) -> Iterator[Problem]:
    for match in rule.get("matches").each():
        path = match.get("path")
        if path.get("type").text() == "RegularExpression":
            yield from _expression(path.get("value"))
        for name in ("headers", "queryParams"):
            for entry in match.get(name).each():
                if entry.get("type").text() == "RegularExpression":
                    yield from _expression(entry.get("value"))


def _expression(field: View) -> Iterator[Problem]:
    text = field.text()
    same, reason = expressions.rust(text)
    if reason or same != text:
        yield Problem("MS727", field, reason or f"Linkerd's engine would need `{same}`")
    elif not is_whole(text):
        yield Problem("MS727", field, f"Linkerd may take a part of the value for `{text}` and then refuse the whole",
                      f"Write `^(?:{text})$`: Istio reads it the same.")  # fmt: skip


def is_whole(text: str) -> bool:
    """Whether a search for the first alternative finds the whole value wherever the expression matches it."""
    if _LITERAL.fullmatch(text) or _ATOMS.fullmatch(text):
        return True
    alternatives = _alternatives(text)
    if len(alternatives) > 1:
        plain = all(_PLAIN.fullmatch(one) for one in alternatives)
        pairs = itertools.combinations(alternatives, 2)
        return plain and not any(later.startswith(earlier) for earlier, later in pairs)
    # The end of the value is asked for, or whatever is left is taken.
    last = text[-1:] if text[-1:] == "$" else text[-2:]
    return last in ("$", ".*", ".+") and not _ESCAPED.search(text.removesuffix(last))


def _alternatives(text: str) -> list[str]:
    """The expression cut at bars that stand in no group and no class."""
    found, start, depth, index, in_class = [], 0, 0, 0, False
    while index < len(text):
        char = text[index]
        if char == "\\":
            index += 1
        elif in_class:
            in_class = char != "]"
        elif char == "[":
            in_class = True
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            found.append(text[start:index])
            start = index + 1
        index += 1
    return [*found, text[start:]]


def _grpc_matches(rule: View) -> Iterator[Problem]:
    for match in rule.get("matches").each():
        method = match.get("method")
        if not method:
            yield Problem(
                "MS722", match, "a match without a method makes Linkerd's proxy refuse all routes of the port"
            )
        elif method.get("type").text() == "RegularExpression":
            yield Problem("MS720", method, "Linkerd ignores a route with a method by expression")
        for entry in match.get("headers").each():
            if entry.get("type").text() == "RegularExpression":
                yield from _expression(entry.get("value"))


def _timeouts(run: Run, rule: View) -> Iterator[Problem]:
    if _TIMEOUT in rule.obj.annotations:
        return  # written for Linkerd, which prefers it; Istio does not read it
    request, backend = rule.get("timeouts", "request"), rule.get("timeouts", "backendRequest")
    annotation = f"Write the annotation {_TIMEOUT} on the route (Istio ignores it)."
    if request and durations.milliseconds(request.text()) != 0:
        if not run.target.rule_timeouts:
            yield Problem("MS722", request, "Linkerd before 2.20 does not read timeouts of rules", annotation)
        elif not _ONE_UNIT.fullmatch(request.text()):
            yield Problem("MS722", request, f"Linkerd reads one number with one unit; `{request.text()}` is no timeout to it",
                          "Write it in one unit: 90s for 1m30s.")  # fmt: skip
    if backend and durations.milliseconds(backend.text()) != 0:
        yield Problem("MS722", backend, "Istio limits the request by it; Linkerd ignores it",
                      "Write timeouts.request instead." if run.target.rule_timeouts else annotation)  # fmt: skip


def _filter(run: Run, entry: View, kind: str) -> Iterator[Problem]:
    name = entry.get("type").text()
    if name in _HEADERS:
        yield from _headers(entry.get(_HEADERS[name]), name)
    elif name == "RequestRedirect" and kind == "HTTPRoute":
        yield from _redirect(run, entry.get("requestRedirect"))
    else:
        yield Problem("MS720", entry, f"filter {name}: Linkerd drops the whole route, its other rules too")


def _headers(block: View, name: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for operation in ("set", "add", "remove"):
        for item in block.get(operation).each():
            header = (item.text() if operation == "remove" else item.get("name").text()).lower()
            if header in seen:
                yield Problem(
                    "MS722", item, f"`{header}` is changed twice; the meshes do it in different order"
                )
            seen.add(header)
            if header == "host" and name == "RequestHeaderModifier":
                yield Problem(
                    "MS722", item, "Istio takes it for the request's authority, Linkerd changes a header only"
                )
            if "%" in item.get("value").text():
                yield Problem("MS722", item.get("value"), "Envoy fills `%…%` in, Linkerd sends it as it is")


def _redirect(run: Run, redirect: View) -> Iterator[Problem]:
    if redirect.get("path"):
        kind = redirect.get("path", "type").text()
        why = (
            "Linkerd's proxy refuses a redirect that replaces a prefix, and all routes of the port with it"
            if kind == "ReplacePrefixMatch"
            else "Linkerd drops the query when a redirect replaces the path; Istio keeps it"
        )
        yield Problem("MS728", redirect.get("path"), why)
    changes = [name for name in ("scheme", "hostname") if redirect.get(name)]
    if changes and not redirect.get("port"):
        yield Problem("MS728", redirect, f"without a port Linkerd keeps the one that was dialled when {' and '.join(changes)} "
                      "change", "Write the port.")  # fmt: skip
    if not changes and not redirect.get("port") and not redirect.get("path"):
        yield Problem("MS728", redirect, "it redirects to the same address, which Linkerd does not do")
    code = redirect.get("statusCode").text() or "302"
    if code not in map(str, run.target.redirect_codes):
        yield Problem(
            "MS728",
            redirect.get("statusCode"),
            f"Linkerd ignores a route with code {code} before Gateway API 1.5",
        )


def _backends(run: Run, rule: View, redirects: bool) -> Iterator[Problem]:
    found = list(references.backends(rule))
    if not found and not redirects:
        yield Problem(
            "MS723", rule, "without backendRefs Istio answers 500 and Linkerd sends to the Service itself"
        )
    weights = [ref.at.get("weight").value() for ref in found]
    if found and not any(weight is None or weight for weight in weights):
        yield Problem(
            "MS723", rule.get("backendRefs"), "no backend has a weight: Istio answers 500, Linkerd does not"
        )
    for ref in found:
        yield from _backend(run, ref)


def _backend(run: Run, ref: references.Reference) -> Iterator[Problem]:
    if ref.group or ref.kind != "Service":
        yield Problem("MS723", ref.at, f"Linkerd answers 500 for the backend {ref.kind} {ref.name}")
    elif not ref.at.get("port"):
        yield Problem("MS723", ref.at, "a backend needs a port")
    service = run.context.service(ref.namespace, ref.name).obj if ref.is_service else None
    if service is not None and parent_services.has_no_address(service):
        yield Problem("MS723", ref.at, f"{service.ref} has no cluster IP, by which Linkerd finds a backend")
    foreign = any(
        parent.is_service and parent.namespace != ref.at.obj.namespace
        for parent in references.parents(ref.at.obj)
    )
    if foreign and not ref.at.get("namespace"):
        why = f"Linkerd looks for {ref.name} in the parent Service's namespace, Istio in the route's"
        yield Problem("MS723", ref.at, why, "Write the backend's namespace.")
    for entry in ref.at.get("filters").each():
        name = entry.get("type").text()
        if name in _HEADERS:
            yield from _headers(entry.get(_HEADERS[name]), name)
        else:
            yield Problem("MS723", entry, f"filter {name} of a backend: Linkerd answers 500 for its share")
