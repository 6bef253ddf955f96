"""What an EnvoyFilter, WasmPlugin or TrafficExtension does in Istio's proxies, in words: none of it has a translation.

A local rate limit comes closest: Linkerd's HTTPLocalRateLimitPolicy. It is held nevertheless. Linkerd counts probes of the
kubelet, which Istio's agent answers past the filter, so a flood would fail them; Envoy keeps a bucket for each port and
for each kind of connection, Linkerd one for each Server; and a refusal has another body and another gRPC status.
https://istio.io/latest/docs/tasks/policy-enforcement/rate-limit/ , https://linkerd.io/2/reference/rate-limiting/
https://github.com/linkerd/linkerd2-proxy/blob/main/linkerd/proxy/server-policy/src/local_rate_limit.rs
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from transformer.objects import Obj, View
from transformer.rules.istio import durations

_LIMIT = "envoy.filters.http.local_ratelimit"
_LIMIT_TYPE = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_SHARES = {"": 100, "HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
#: Parts of filter names, and what can be done where there is no such filter.
_REMEDIES = (
    ("ext_authz", "Let an ingress or the application ask the authorizer."),
    ("jwt", "Verify tokens at the ingress or in the application."),
    ("rbac", "Say it with an AuthorizationPolicy, which can be migrated."),
    ("ratelimit", "Limit at the ingress or in the application; Linkerd has no shared limits."),
    ("lua", "Move what the script does into the application or the ingress."),
    ("wasm", "Move what the module does into the application or the ingress."),
    ("cors", "Answer CORS in the application or at the ingress."),
    ("compressor", "Compress in the application or at the ingress."),
    ("grpc_web", "Translate gRPC-Web in the application or at the ingress."),
    ("proxy_protocol", "Read the PROXY protocol at the ingress."),
)


class Extension(NamedTuple):
    """A finding to hold the object with: its code, one sentence, and what to do (empty for what the code says)."""

    code: str
    message: str
    remedy: str = ""


def describe(obj: Obj) -> Extension | None:
    """What the object does and what to do instead; None for a kind that extends no proxy."""
    if obj.ref.kind == "EnvoyFilter":
        return _envoy_filter(obj)
    if obj.ref.kind in ("WasmPlugin", "TrafficExtension"):
        wasm = obj.spec if obj.ref.kind == "WasmPlugin" else obj.spec.get("wasm")
        what = f"runs the module {wasm.get('url').text()}" if wasm.get("url") else "runs a Lua script"
        return Extension(
            "MS400",
            f"{obj.ref.kind} {what} in Istio's proxies; Linkerd's run no code of users",
            _remedy("wasm"),
        )
    return None


def _envoy_filter(obj: Obj) -> Extension:
    names = list(
        dict.fromkeys(name for patch in obj.spec.get("configPatches").each() for name in _names(patch))
    )
    if names == [_LIMIT] and all(map(_limits_requests, obj.spec.get("configPatches").each())):
        return _rate_limit(obj)
    what = " and ".join(names) if names else ", ".join(
        dict.fromkeys(patch.get("applyTo").text() or "nothing" for patch in obj.spec.get("configPatches").each())
    )  # fmt: skip
    return Extension(
        "MS400",
        f"EnvoyFilter changes {what or 'nothing'} of Istio's proxies, which Linkerd's do not have",
        _remedy(*names),
    )


def _limits_requests(patch: View) -> bool:
    """Whether a patch is a part of a local rate limit: the filter, its settings for routes, or what they count."""
    value = patch.get("patch", "value")
    return _LIMIT in _names(patch) or bool(value.get("rate_limits") or value.get("route", "rate_limits"))


def _remedy(*names: str) -> str:
    """What to do about the gravest of the filters."""
    found = next((remedy for part, remedy in _REMEDIES for name in names if part in name.lower()), "")
    return f"{found} Then accept the finding, which drops the object." if found else ""


def _names(patch: View) -> Iterator[str]:
    value = patch.get("patch", "value")
    if patch.get("applyTo").text() in (
        "HTTP_FILTER",
        "NETWORK_FILTER",
        "LISTENER_FILTER",
        "EXTENSION_CONFIG",
    ):
        found = value.get("name").text()
        yield from [found] if found else []
    for name, _ in value.get("typed_per_filter_config").items():
        yield name


def _rate_limit(obj: Obj) -> Extension:
    """A local rate limit with all that keeps it from being said in Linkerd."""
    limits = [
        limit
        for patch in obj.spec.get("configPatches").each()
        for limit in _limits(patch.get("patch", "value"))
    ]
    buckets = [limit.get("token_bucket") for limit in limits if limit.get("token_bucket")]
    reasons = list(dict.fromkeys(reason for limit in limits for reason in _differences(limit)))
    if len(buckets) > 1 or any(
        patch.get("applyTo").text() != "HTTP_FILTER" for patch in obj.spec.get("configPatches").each()
    ):
        reasons.insert(0, "it limits routes or classes of requests apart, Linkerd a whole Server")
    rate = _rate(buckets[0]) if len(buckets) == 1 else None
    if len(buckets) == 1:
        reasons = [*_bucket_differences(buckets[0], rate), *reasons]
    reasons.append("Linkerd counts probes too, and a refusal has another body and another gRPC status")
    remedy = ""
    if rate is not None and rate.denominator == 1 and buckets[0].get("max_tokens").value() == rate:
        remedy = (
            "Where that will do, write a Server for each port, with the access policy that the pods have, and for each an "
            f"HTTPLocalRateLimitPolicy with total.requestsPerSecond: {rate} (Linkerd 2.17 or newer), then accept the finding."
        )
    return Extension("MS920", f"EnvoyFilter limits requests in each proxy: {'; '.join(reasons)}", remedy)


def _limits(value: View) -> Iterator[View]:
    """Settings of the filter, plain or wrapped in a TypedStruct."""
    for config in (value.get("typed_config"), value.get("typed_per_filter_config", _LIMIT)):
        wrapped = config.get("type_url").text().endswith(_LIMIT_TYPE)
        if config:
            yield config.get("value") if wrapped else config


def _rate(bucket: View) -> Fraction | None:
    """Tokens per second, None where the bucket cannot be read."""
    interval = durations.milliseconds(bucket.get("fill_interval").text())
    tokens = bucket.get("tokens_per_fill").value() if bucket.get("tokens_per_fill").present else 1
    if not interval or not isinstance(tokens, int):
        return None
    return Fraction(tokens * 1000, interval)


def _bucket_differences(bucket: View, rate: Fraction | None) -> Iterator[str]:
    burst = bucket.get("max_tokens").value()
    if rate is None:
        yield "its bucket cannot be read"
    elif rate.denominator != 1:
        yield f"{burst} requests per {bucket.get('fill_interval').text()} are no whole number per second"
    elif burst != rate:
        yield f"{burst} requests at once and {rate} per second, where Linkerd takes one number for both"


def _differences(limit: View) -> Iterator[str]:
    for name in ("filter_enabled", "filter_enforced"):
        share = limit.get(name, "default_value")
        whole = _SHARES.get(share.get("denominator").text())
        if limit.get("token_bucket") and share.get("numerator").value() != whole:
            yield f"{name} is not 100 %"
    if limit.get("descriptors"):
        yield "descriptors tell requests apart"
    if limit.get("local_rate_limit_per_downstream_connection").value() is True:
        yield "each connection has a bucket of its own"
    if limit.get("status", "code").text() not in ("", "429"):
        yield f"it answers {limit.get('status', 'code').text()}, Linkerd 429"
    if limit.get("response_headers_to_add") or limit.get("enable_x_ratelimit_headers").text() not in (
        "",
        "OFF",
    ):
        yield "answers carry headers that Linkerd does not write"
