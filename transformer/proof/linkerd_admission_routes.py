"""What Linkerd's policy webhook checks of routes (linkerd2, `policy-controller/runtime/src/admission.rs` and
`policy-controller/k8s/index/src/routes`).

Gateway API routes that the webhook cannot read at all are let in, for the sake of other controllers; the
schema of their CRD is the API server's part.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from transformer.stream.patterns import pattern

from . import policy_annotations as notes
from .linkerd_admission_shapes import Refused, mapping, mappings, targets
from .objects import POLICY, Obj, annotations_of, group_of, items, spec
from .rust_regex import compiled

_HEADER_NAME = pattern(r"[-!#$%&'*+.^_`|~0-9A-Za-z]+", re.ASCII)
_HEADER_VALUE = pattern(r"[\t\x20-\x7e\x80-\U0010ffff]*")
_GO_DURATION = pattern(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h)")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_OWN_FILTERS = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
    "RequestRedirect": "requestRedirect",
}
_GRPC_FILTERS = {"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "ExtensionRef"}
_HTTP_FILTERS = {*_GRPC_FILTERS, "RequestRedirect", "URLRewrite"}


def http_route(obj: Obj) -> None:
    """An HTTPRoute of either group; raises `Refused` and what annotations and patterns raise."""
    own = group_of(obj) == POLICY
    if not own and not _is_read(obj, _HTTP_FILTERS):
        return
    _parents(obj)
    if _is_outbound(obj):
        notes.retry(annotations_of(obj), grpc=False)
        notes.timeouts(annotations_of(obj))
    for rule in items(spec(obj), "rules"):
        for match in items(rule, "matches"):
            _path(match.get("path"))
            for field in ("headers", "queryParams"):
                for entry in items(match, field):
                    _value(entry, header=field == "headers")
        for entry in items(rule, "filters"):
            if own:
                _own_filter(entry)
            _filter(entry)
        if own and rule.get("timeouts") is not None:
            _timeouts(mapping(rule, "timeouts"))
        if not own:
            _backends(rule)


def grpc_route(obj: Obj) -> None:
    """A GRPCRoute; raises `Refused` and what annotations and patterns raise."""
    if not _is_read(obj, _GRPC_FILTERS):
        return
    _parents(obj)
    if _is_outbound(obj):
        notes.retry(annotations_of(obj), grpc=True)
        notes.timeouts(annotations_of(obj))
    for rule in items(spec(obj), "rules"):
        for match in items(rule, "matches"):
            method = match.get("method")
            if isinstance(method, Mapping) and method.get("type") == "RegularExpression":
                raise Refused("a method match of type RegularExpression")
            for entry in items(match, "headers"):
                _value(entry, header=True)
        for entry in items(rule, "filters"):
            _filter(entry)
        _backends(rule)


def one_rule(obj: Obj) -> None:
    """A TLSRoute or TCPRoute: exactly one rule."""
    _parents(obj)
    if len(mappings(spec(obj), "rules")) != 1:
        raise Refused("exactly one rule is supported")


def _is_read(obj: Obj, known: set[str]) -> bool:
    """Whether the webhook knows every filter; with a newer one, such as CORS, it lets the route in unread."""
    return all(
        entry.get("type") in known
        for rule in items(spec(obj), "rules")
        for owner in (rule, *items(rule, "backendRefs"))
        for entry in items(owner, "filters")
    )


def _own_filter(entry: Obj) -> None:
    """A filter of Linkerd's own route is one of three and brings its settings."""
    field = _OWN_FILTERS.get(str(entry.get("type")))
    if field is None:
        raise Refused(f"filter of an unknown type: {entry.get('type')}")
    mapping(entry, field)


def _parents(obj: Obj) -> None:
    for ref in items(spec(obj), "parentRefs"):
        if targets(ref, POLICY, "EgressNetwork") and ref.get("port") is None:
            raise Refused("an EgressNetwork as the parent needs a port")


def _is_outbound(obj: Obj) -> bool:
    """Whether a parent is a Service or an EgressNetwork; a missing group is that of the route's CRD."""
    return any(
        targets(ref, group, kind)
        for ref in items(spec(obj), "parentRefs")
        for group, kind in (("", "Service"), (POLICY, "EgressNetwork"))
        if ref.get("group") is not None
    )


def _path(match: Any) -> None:
    if not isinstance(match, Mapping):
        return
    value = str(match.get("value") if match.get("value") is not None else "/")
    if match.get("type") == "RegularExpression":
        compiled(value)
    elif not value.startswith("/"):
        raise Refused(f"path {value!r} is not absolute")


def _value(entry: Obj, *, header: bool) -> None:
    value = str(entry.get("value") if entry.get("value") is not None else "")
    if header:
        _header_name(entry.get("name"))
    if entry.get("type") == "RegularExpression":
        compiled(value)
    elif header:
        _header_value(value)


def _header_name(name: Any) -> None:
    if _HEADER_NAME.fullmatch(str(name)) is None:
        raise Refused(f"{name!r} is no header name")


def _header_value(value: Any) -> None:
    if _HEADER_VALUE.fullmatch(str(value)) is None:
        raise Refused("a header value with control characters")


def _filter(entry: Obj) -> None:
    for key in ("requestHeaderModifier", "responseHeaderModifier"):
        block = entry.get(key)
        if isinstance(block, Mapping):
            for header in items(block, "set") + items(block, "add"):
                _header_name(header.get("name"))
                _header_value(header.get("value"))
            for name in block.get("remove") or []:
                _header_name(name)
    redirect = entry.get("requestRedirect")
    if isinstance(redirect, Mapping):
        _redirect(redirect)


def _redirect(redirect: Obj) -> None:
    status = redirect.get("statusCode")
    if status is not None and not (isinstance(status, int) and 100 <= status <= 999):
        raise Refused(f"statusCode {status!r}")
    change = redirect.get("path")
    if not isinstance(change, Mapping):
        return
    full, prefix = change.get("replaceFullPath"), change.get("replacePrefixMatch")
    path = full if full is not None else prefix
    if path is None or not str(path).startswith("/"):
        raise Refused(f"redirect to {path!r}, which is no absolute path")


def _backends(rule: Obj) -> None:
    for ref in items(rule, "backendRefs"):
        group, kind = ref.get("group"), ref.get("kind")
        if group in (None, "", "core") and kind in (None, "Service") and not ref.get("port"):
            raise Refused("a Service as the backend needs a port")


def _seconds(text: Any) -> float:
    """A duration as Go writes it, such as `1m30s` or `1.5s`."""
    value = str(text).lstrip("+")
    if value == "0":
        return 0.0
    total, at = 0.0, 0
    while at < len(value):
        found = _GO_DURATION.match(value, at)
        if found is None:
            raise Refused(f"{text!r} is no duration of the route")
        number = found[0].rstrip("nuµμmsh")
        total += float(number) * _GO_UNITS[found[0][len(number) :]]
        at = found.end()
    return total


def _timeouts(block: Obj) -> None:
    limits = {
        key: _seconds(block[key]) for key in ("request", "backendRequest") if block.get(key) is not None
    }
    if len(limits) == 2 and limits["backendRequest"] > limits["request"]:
        raise Refused("backendRequest above request")
