"""Any object that its kind's definition allows: complete output or a finding, never a leaf that nobody answers for.

Small objects are drawn from the definitions that the rules themselves check against, so every field appears sooner
or later, in combinations that nobody would write by hand.
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from transformer.errors import DONE, FINDINGS
from transformer.options import Options
from transformer.rules import fields
from transformer.rules.istio import schema
from transformer.transform import Result, transform

NAMES = st.sampled_from(["reviews", "beta", "reviews.shop.svc.cluster.local", "other", "a.b"])
#: Values for text fields whose meaning depends on more than their type; other text is a name.
TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "host": NAMES,
    "subset": st.sampled_from(["v1", "v2"]),
    "name": st.sampled_from(["v1", "v2", "x-user"]),
    "exact": st.sampled_from(["/a", "/a/b", "GET", "x", ""]),
    "prefix": st.sampled_from(["/", "/a", "/a/", "x"]),
    "regex": st.sampled_from(["/a.*", "GET|POST", ".*", "*", "a(?=b)"]),
    "retryOn": st.sampled_from(["5xx", "503,reset", "connect-failure", ""]),
    "uri": st.sampled_from(["/new", "new", "/a?b"]),
    "authority": st.sampled_from(["example.com", "example.com:8080"]),
    "scheme": st.sampled_from(["http", "https"]),
}
LISTS: dict[str, st.SearchStrategy[Any]] = {
    "hosts": st.lists(NAMES, min_size=1, max_size=2),
    "gateways": st.lists(st.sampled_from(["mesh", "edge"]), max_size=2),
    "exportTo": st.lists(st.sampled_from([".", "*", "web"]), max_size=2),
}
INTEGERS: dict[str, st.SearchStrategy[Any]] = {
    "port": st.sampled_from([80, 90, 81]),
    "number": st.sampled_from([80, 90, 81]),
    "redirectCode": st.sampled_from([301, 302, 308]),
}


def drawn(shape: fields.Shape, name: str = "") -> st.SearchStrategy[Any]:
    """Values of a shape; about one optional field in five is present, and now and then one is null."""
    if isinstance(shape, dict):
        required = {key[:-1]: drawn(below, key[:-1]) for key, below in shape.items() if key.endswith("*")}
        optional = {
            key: st.none() | drawn(below, key) for key, below in shape.items() if not key.endswith("*")
        }
        names = st.sets(st.sampled_from(sorted(optional)), max_size=4) if optional else st.just(set[str]())
        return names.flatmap(
            lambda keys: st.fixed_dictionaries(required | {key: optional[key] for key in sorted(keys)})
        )
    if isinstance(shape, list):
        return LISTS.get(name, st.lists(drawn(shape[0], name), max_size=2))
    if isinstance(shape, tuple):
        keys = st.sampled_from(["x-a", "version", "Cookie", ":method", "host"])
        return st.dictionaries(keys, drawn(shape[0]), max_size=2)
    if shape == "str":
        return TEXTS.get(name, st.sampled_from(["a", "v1", "%A%", "50%%"]))
    if shape == "int":
        return INTEGERS.get(name, st.sampled_from([0, 1, 5, 100]))
    if shape == "dur":
        return st.sampled_from(["1s", "0s", "1m30s", "1.5ms"])
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "num": st.sampled_from([0, 0.5, 100]),
        "bool": st.booleans(),
    }
    return scalars[shape] if shape in scalars else st.sampled_from(shape.split("|"))


def manifest(kind: str, spec: dict[str, Any], name: str = "reviews") -> dict[str, Any]:
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


def service(name: str) -> dict[str, Any]:
    ports = [{"name": "http", "port": 80}, {"name": "http-b", "port": 90}]
    spec = {"selector": {"app": name}, "ports": ports}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": spec,
    }


SERVICES = [service("reviews"), service("beta")]
SUBSETS = [{"name": name, "labels": {"version": name}} for name in ("v1", "v2")]
RULES = [
    manifest("DestinationRule", {"host": name, "subsets": SUBSETS}, name) for name in ("reviews", "beta")
]


def run(*objects: dict[str, Any], data: bytes = b"", **options: Any) -> Result:
    stream = data or yaml.safe_dump_all(objects, sort_keys=False).encode()
    return transform(stream, Options({"fail-on": "never"} | options))


def check(*objects: dict[str, Any], **options: Any) -> None:
    """No unaccounted leaf, all or nothing, and a second run changes nothing."""
    strict = transform(yaml.safe_dump_all(objects, sort_keys=False).encode(), Options(options))
    assert strict.report.exit_code in (DONE, FINDINGS)
    assert bool(strict.output) is (strict.report.exit_code == DONE)
    result = run(*objects, **options)
    assert result.report.exit_code == DONE
    assert not [fate for fate in result.report.objects if "unaccounted" in fate.fates]
    output = b"".join(result.output)
    assert b"".join(run(data=output, **options).output) == output


VIRTUAL_SERVICES = st.fixed_dictionaries(
    {
        "hosts": st.lists(NAMES, min_size=1, max_size=2),
        "http": st.lists(drawn(schema.shape("VirtualService")["http"][0]), min_size=1, max_size=3),
    }
)


@given(VIRTUAL_SERVICES)
def test_virtual_services(spec: dict[str, Any]) -> None:
    check(*SERVICES, *RULES, manifest("VirtualService", spec))


FORWARDS = st.fixed_dictionaries(
    {"route": st.lists(drawn(schema.shape("VirtualService")["http"][0]["route"][0]), min_size=1, max_size=2)},
    optional={
        name: drawn(schema.shape("VirtualService")["http"][0][name], name)
        for name in ("match", "timeout", "retries", "headers", "mirror", "mirrorPercentage", "name")
    },
)


@pytest.mark.parametrize(("linkerd", "gateway_api"), [("2.16", "1.1"), ("2.19", "1.2"), ("2.20", "1.2")])
@given(http=st.lists(FORWARDS, min_size=1, max_size=3))
def test_virtual_services_that_forward(linkerd: str, gateway_api: str, http: list[dict[str, Any]]) -> None:
    virtual = manifest("VirtualService", {"hosts": ["reviews"], "http": http})
    check(*SERVICES, *RULES, virtual, **{"linkerd": linkerd, "gateway-api": gateway_api})


@given(st.lists(drawn(schema.shape("DestinationRule")), min_size=1, max_size=2))
def test_destination_rules(specs: list[dict[str, Any]]) -> None:
    rules = [manifest("DestinationRule", spec, f"rule-{number}") for number, spec in enumerate(specs)]
    check(*SERVICES, *rules, manifest("VirtualService", {"hosts": ["beta"], "http": [{"timeout": "1s"}]}))


ENTRY_HOSTS = st.lists(
    st.sampled_from(["api.example.com", "*.example.com", "*.local", "beta", "beta.shop", "*"]), max_size=2
)


@pytest.mark.parametrize("policy", ["allow-any", "registry-only"])
@given(
    entry=drawn(schema.shape("ServiceEntry")),
    hosts=ENTRY_HOSTS,
    sidecar=drawn(schema.shape("Sidecar")),
    rule=drawn(schema.shape("DestinationRule")),
)
def test_service_entries_and_sidecars(
    policy: str, entry: dict[str, Any], hosts: list[str], sidecar: dict[str, Any], rule: dict[str, Any]
) -> None:
    check(
        *SERVICES,
        manifest("ServiceEntry", entry | {"hosts": hosts}),
        manifest("Sidecar", sidecar),
        manifest("DestinationRule", rule | {"host": "api.example.com"}),
        **{"mesh.outbound-policy": policy},
    )


@given(telemetry=drawn(schema.shape("Telemetry")), config=drawn(schema.shape("ProxyConfig")))
def test_settings_of_proxies(telemetry: dict[str, Any], config: dict[str, Any]) -> None:
    check(
        manifest("Telemetry", telemetry) | {"apiVersion": "telemetry.istio.io/v1"},
        manifest("ProxyConfig", config),
    )


BACKENDS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "service": st.sampled_from(["reviews", "beta", "beta.web", "gone", None, ["reviews"], 7]),
            "weight": st.sampled_from([0, 1, 90, "500m", "1.5", "x", -1, None, True, [1]]),
            "port": st.just(80),
        },
    ),
    max_size=3,
)
GROUPED = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["all", None]),
        "pathRegex": st.sampled_from(["/a.*", ".*", "", "a(?=b)", None, 1]),
        "methods": st.sampled_from([["GET"], ["*"], ["PURGE"], [], None, "GET"]),
        "headers": st.sampled_from([[{"x-a": "b.*"}], {"x-a": "b"}, [{"host": "x"}], [], None, "x"]),
        "scheme": st.just("http"),
    },
)


@given(
    spec=st.fixed_dictionaries(
        {"service": st.sampled_from(["reviews", "reviews.shop", "reviews.web", "", None, ["reviews"]])},
        optional={
            "backends": st.none() | BACKENDS | st.just({"service": "beta"}),
            "matches": st.sampled_from(
                [
                    [{"kind": "HTTPRouteGroup", "name": "users"}],
                    [{"kind": "TCPRoute", "name": "users"}],
                    [],
                    None,
                    {},
                ]
            ),
            "port": st.just(80),
        },
    ),
    matches=st.lists(GROUPED, max_size=2),
    nested=st.booleans(),
)
def test_traffic_splits(spec: dict[str, Any], matches: list[dict[str, Any]], nested: bool) -> None:
    meta = {"name": "users", "namespace": "shop"}
    group: dict[str, Any] = {
        "apiVersion": "specs.smi-spec.io/v1alpha4",
        "kind": "HTTPRouteGroup",
        "metadata": meta,
    }
    group |= {"spec": {"matches": matches}} if nested else {"matches": matches}
    split = manifest("TrafficSplit", spec) | {"apiVersion": "split.smi-spec.io/v1alpha4"}
    check(*SERVICES, group, split)
