"""Linkerd's retry, timeout, circuit breaking and opaque port annotations.

An error in one key drops the whole group on a Service and makes admission refuse a route
(linkerd2, `policy-controller/k8s/index/src/outbound/index.rs`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from .durations import linkerd_millis

Annotations = Mapping[str, str]

GRPC_CODES = frozenset({"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"})
_STATUS_NAMES = {"5xx": "500-599", "gateway-error": "502-504"}
_ACCRUAL = "balancer.linkerd.io/failure-accrual"
_SUCCESS_RATE = "balancer.alpha.linkerd.io/failure-accrual-success-rate-"


class InvalidAnnotation(ValueError):
    """A value that the policy controller refuses."""


class Timeouts(NamedTuple):
    """Milliseconds, None where unset."""

    request: int | None = None
    response: int | None = None
    idle: int | None = None


class Retry(NamedTuple):
    """Retry settings; `conditions` are status ranges or gRPC codes, empty where none is given."""

    limit: int
    timeout_ms: int | None
    conditions: tuple[str, ...]


def timeouts(annotations: Annotations) -> Timeouts:
    """`timeout.linkerd.io/*`; raises ValueError where any of them is malformed."""

    def one(key: str) -> int | None:
        value = annotations.get(f"timeout.linkerd.io/{key}")
        return None if value is None else linkerd_millis(value)

    return Timeouts(one("request"), one("response"), one("idle"))


def _unsigned(text: str, bits: int) -> int:
    if re.fullmatch(r"\+?[0-9]+", text, re.ASCII) is None or int(text) >= 2**bits:
        raise InvalidAnnotation(text)
    return int(text)


def _status(text: str) -> int | None:
    number = int(text) if re.fullmatch(r"\+?[0-9]{1,9}", text, re.ASCII) else 0
    return number if 100 <= number < 600 else None


def _statuses(text: str) -> str:
    named = _STATUS_NAMES.get(text.lower())
    if named is not None:
        return named
    low, dash, high = text.partition("-")
    first, last = _status(low), _status(high) if dash else _status(low)
    if first is None or last is None or first > last:
        raise InvalidAnnotation(text)
    return f"{first}-{last}"


def _grpc_code(text: str) -> str:
    if text.lower() not in GRPC_CODES:
        raise InvalidAnnotation(text)
    return text.lower()


def retry(annotations: Annotations, *, grpc: bool) -> Retry | None:
    """`retry.linkerd.io/*` as an HTTPRoute or a GRPCRoute reads them; raises ValueError where malformed."""
    limit_text = annotations.get("retry.linkerd.io/limit")
    limit = None if limit_text is None else _unsigned(limit_text, 16)
    timeout_text = annotations.get("retry.linkerd.io/timeout")
    timeout = None if timeout_text is None else linkerd_millis(timeout_text)
    text = annotations.get("retry.linkerd.io/grpc" if grpc else "retry.linkerd.io/http")
    read: Callable[[str], str] = _grpc_code if grpc else _statuses
    conditions = None if text is None else tuple(sorted(read(part) for part in text.split(",")))
    # Zero counts as absent for both numbers.
    if not limit and not timeout and conditions is None:
        return None
    return Retry(limit or 1, timeout or None, conditions or ())


def _number(annotations: Annotations, key: str, default: float) -> float:
    text = annotations.get(key)
    if text is None:
        return default
    try:
        value = float(text.strip().replace("_", "?"))
    except ValueError as error:
        raise InvalidAnnotation(text) from error
    return value


def _millis(annotations: Annotations, key: str, default: int) -> int:
    text = annotations.get(key)
    return default if text is None else linkerd_millis(text)


def _count(annotations: Annotations, key: str, default: int) -> int:
    text = annotations.get(key)
    return default if text is None else _unsigned(text.strip(), 32)


def failure_accrual(annotations: Annotations) -> dict[str, Any] | None:
    """`balancer.linkerd.io/failure-accrual` and its parameters; raises ValueError where malformed."""
    mode = annotations.get(_ACCRUAL)
    if mode is None:
        return None
    if mode not in ("consecutive", "unified"):
        raise InvalidAnnotation(mode)
    found: dict[str, Any] = {
        "mode": mode,
        "max_failures": _count(annotations, f"{_ACCRUAL}-consecutive-max-failures", 7),
        "min_penalty_ms": _millis(annotations, f"{_ACCRUAL}-consecutive-min-penalty", 1000),
        "max_penalty_ms": _millis(annotations, f"{_ACCRUAL}-consecutive-max-penalty", 60_000),
        "jitter": _number(annotations, f"{_ACCRUAL}-consecutive-jitter-ratio", 0.5),
    }
    if found["min_penalty_ms"] > found["max_penalty_ms"] or not found["max_penalty_ms"]:
        raise InvalidAnnotation("penalties")
    if not 0 <= found["jitter"] <= 100:
        raise InvalidAnnotation("jitter")
    return found if mode == "consecutive" else {**found, **_success_rate(annotations)}


def _success_rate(annotations: Annotations) -> dict[str, Any]:
    threshold = _number(annotations, f"{_SUCCESS_RATE}threshold", 0.8)
    window = _millis(annotations, f"{_SUCCESS_RATE}window", 10_000)
    requests = _count(annotations, f"{_SUCCESS_RATE}min-requests", 5)
    if not 0 <= threshold <= 1 or window == 0:
        raise InvalidAnnotation("success rate")
    if threshold and (window < 10 or requests > 1_000_000):
        raise InvalidAnnotation("success rate window")
    return {"success_rate_threshold": threshold, "window_ms": window, "min_requests": requests}


def port_list(text: str, names: Mapping[str, int]) -> frozenset[int]:
    """The ports of a comma-separated list of numbers, ranges and port names; others are passed over."""
    found: set[int] = set()
    for part in text.split(","):
        named = names.get(part.strip())
        if named is not None:
            found.add(named)
            continue
        low, dash, high = (piece.strip() for piece in part.strip().partition("-"))
        if low.isdigit() and (high.isdigit() if dash else not high):
            found.update(range(int(low), int(high or low) + 1))
    return frozenset(found)
