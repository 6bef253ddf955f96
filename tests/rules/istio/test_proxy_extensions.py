"""What is said of proxy extensions: the filter by its name, a rate limit with all that Linkerd does otherwise."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from transformer.options import Options
from transformer.transform import transform

Json = dict[str, Any]

FULL = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}


def _extension(kind: str, spec: Json) -> Json:
    group = "networking.istio.io/v1alpha3" if kind == "EnvoyFilter" else "extensions.istio.io/v1alpha1"
    return {"apiVersion": group, "kind": kind, "metadata": {"name": "x", "namespace": "shop"}, "spec": spec}


def _filter(name: str, config: Json | None = None) -> Json:
    value = {"name": name, "typed_config": config or {}}
    patch = {"applyTo": "HTTP_FILTER", "patch": {"operation": "INSERT_BEFORE", "value": value}}
    return _extension("EnvoyFilter", {"configPatches": [patch]})


def _limit(burst: int, tokens: int, interval: str, **more: Any) -> Json:
    bucket = {"max_tokens": burst, "tokens_per_fill": tokens, "fill_interval": interval}
    limit = {"token_bucket": bucket, "filter_enabled": FULL, "filter_enforced": FULL, **more}
    return _filter("envoy.filters.http.local_ratelimit", limit)


CASES: list[tuple[Json, str, str, str]] = [
    (_filter("envoy.filters.http.lua"), "MS400", "envoy.filters.http.lua", "script"),
    (_filter("envoy.filters.http.ext_authz"), "MS400", "ext_authz", "authorizer"),
    (_extension("WasmPlugin", {"url": "oci://x/y"}), "MS400", "oci://x/y", "module"),
    (_extension("TrafficExtension", {"lua": {"inlineCode": "--"}}), "MS400", "Lua", "module"),
    (_limit(10, 10, "1s"), "MS920", "probes", "requestsPerSecond: 10"),
    (_limit(10, 1, "100ms"), "MS920", "probes", "requestsPerSecond: 10"),
    (_limit(4, 4, "60s"), "MS920", "no whole number per second", "application"),
    (_limit(100, 10, "1s"), "MS920", "100 requests at once and 10 per second", "application"),
    (_limit(10, 10, "soon"), "MS920", "cannot be read", "application"),
    (_limit(10, 10, "1s", filter_enforced={}), "MS920", "filter_enforced is not 100 %", "10"),
    (_limit(10, 10, "1s", status={"code": 503}), "MS920", "answers 503", "10"),
    (_limit(10, 10, "1s", descriptors=[{"entries": []}]), "MS920", "descriptors", "10"),
    (_limit(10, 10, "1s", response_headers_to_add=[{"a": 1}]), "MS920", "headers", "10"),
]


@pytest.mark.parametrize(("obj", "code", "message", "remedy"), CASES)
def test_the_finding_says_what_the_extension_does(obj: Json, code: str, message: str, remedy: str) -> None:
    data = yaml.safe_dump(obj).encode()
    result = transform(data, Options({}), ())
    assert not result.output
    found = [finding for finding in result.report.findings if finding.severity == "error"]
    assert [finding.code for finding in found] == [code]
    assert message in found[0].message
    assert remedy in found[0].remedy


def test_a_limit_beside_another_change_is_not_taken_for_a_limit() -> None:
    obj = _limit(10, 10, "1s")
    obj["spec"]["configPatches"].append({"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {}}})
    (found,) = transform(yaml.safe_dump(obj).encode(), Options({}), ()).report.findings
    assert found.code == "MS400"


def test_a_limit_that_is_said_exactly_names_no_difference_of_its_bucket() -> None:
    (found,) = transform(yaml.safe_dump(_limit(10, 10, "1s")).encode(), Options({}), ()).report.findings
    assert "whole number" not in found.message
    assert "at once" not in found.message
