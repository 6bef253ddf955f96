"""A VirtualService that delegates gives the routes of one that says the same without, merged here on plain values."""

from __future__ import annotations

import copy
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from transformer.options import Options
from transformer.outcome import Report
from transformer.transform import transform

Json = dict[str, Any]

_BLOCKS = ("timeout", "retries", "headers", "fault")
_SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: reviews, namespace: shop}
spec:
  selector: {app: reviews}
  ports: [{name: http, port: 80}]
"""

_TEXTS = st.sampled_from(["/a", "/a/b", "/b", "/"])
_STRINGS = st.one_of(
    st.builds(lambda text: {"exact": text}, _TEXTS),
    st.builds(lambda text: {"prefix": text}, _TEXTS),
    st.builds(lambda text: {"regex": text + ".*"}, _TEXTS),
)
_VALUES = st.sampled_from([{"exact": "v"}, {"prefix": "v"}, {"prefix": "vw"}, {"exact": "vw"}])
_MATCH = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["left", "right"]),
        "uri": _STRINGS,
        "method": st.sampled_from([{"exact": "GET"}, {"exact": "POST"}]),
        "headers": st.dictionaries(st.sampled_from(["x-a", "x-b"]), _VALUES, min_size=1, max_size=2),
        "queryParams": st.dictionaries(st.sampled_from(["a", "b"]), _VALUES, min_size=1, max_size=2),
        "port": st.sampled_from([80, 81]),
        "ignoreUriCase": st.just(True),
    },
)
_TUNING: dict[str, st.SearchStrategy[Any]] = {
    "name": st.sampled_from(["one", "two"]),
    "match": st.lists(_MATCH, max_size=2),
    "timeout": st.sampled_from(["1s", "2s"]),
    "retries": st.sampled_from([{"attempts": 2, "retryOn": "5xx"}, {"attempts": 0}]),
    "headers": st.sampled_from([{}, {"request": {"set": {"x-c": "1"}}}]),
    "fault": st.just({"abort": {"httpStatus": 500}}),
}
_TO = st.fixed_dictionaries(
    {"route": st.just([{"destination": {"host": "reviews.shop.svc.cluster.local"}}])}, optional=_TUNING
)
_OUTER = st.fixed_dictionaries(
    {"delegate": st.just({"name": "inner", "namespace": "team"})}, optional=_TUNING
)


def _apart(outer: Json | None, inner: Json | None) -> bool:
    """Whether the inner condition is not inside the outer one, as Istio decides it."""
    if outer is None or inner is None:
        return False
    kinds = (next(iter(outer)), next(iter(inner)))
    (outer_text,), (inner_text,) = outer.values(), inner.values()
    if "regex" in kinds:
        return True
    if kinds == ("exact", "exact"):
        return bool(outer_text != inner_text)
    return kinds[0] == "exact" or not str(inner_text).startswith(outer_text)


def _inside(outer: Json, inner: Json) -> bool:
    pairs = [(outer.get(name), inner.get(name)) for name in ("uri", "method")]
    for name in ("headers", "queryParams"):
        pairs += [(outer.get(name, {}).get(key), value) for key, value in inner.get(name, {}).items()]
    ports = {one["port"] for one in (outer, inner) if "port" in one}
    same_case = bool(outer.get("ignoreUriCase")) == bool(inner.get("ignoreUriCase"))
    return not any(_apart(*pair) for pair in pairs) and len(ports) < 2 and same_case


def _combined(outer: Json, inner: Json) -> Json:
    maps = {name: outer.get(name, {}) | inner.get(name, {}) for name in ("headers", "queryParams")}
    return outer | inner | {name: found for name, found in maps.items() if found}


def merged(outer: Json, inner: Json) -> Json | None:
    """The inner rule as Istio has it in the place of the outer one; None where it leaves it out."""
    out = copy.deepcopy(inner)
    out |= {name: outer[name] for name in _BLOCKS if name in outer and name not in inner}
    names = [rule["name"] for rule in (outer, inner) if "name" in rule]
    if names:
        out["name"] = "-".join(names)
    wide, narrow = outer.get("match") or [], inner.get("match") or []
    if wide and narrow:
        pairs = [(one, [other for other in wide if _inside(other, one)]) for one in narrow]
        if not all(partners for _, partners in pairs):
            return None
        out["match"] = [_combined(other, one) for one, partners in pairs for other in partners]
    elif wide or narrow:
        out["match"] = wide or narrow
    return out


def _virtual_service(name: str, namespace: str, spec: Json) -> Json:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": meta, "spec": spec}


def _run(*objects: Json) -> tuple[list[Any], Report]:
    text = "---".join([_SERVICE, *("\n" + yaml.safe_dump(obj) for obj in objects)])
    result = transform(text.encode(), Options({"fail-on": "never"}))
    emitted = [obj for obj in yaml.safe_load_all(b"".join(result.output)) if obj]
    routes = [(obj["metadata"]["name"], obj["spec"]) for obj in emitted if obj["kind"] == "HTTPRoute"]
    for _, spec in routes:
        for match in (match for rule in spec["rules"] for match in rule.get("matches", ())):
            for name in ("headers", "queryParams"):
                match.get(name, []).sort(key=lambda entry: entry["name"])  # they have no order
    return routes, result.report


@given(st.lists(st.one_of(_OUTER, _TO), min_size=1, max_size=2), st.lists(_TO, min_size=1, max_size=2))
def test_delegating_is_writing_the_merged_rules_out(outer: list[Json], inner: list[Json]) -> None:
    rules: list[Json] = []
    for rule in outer:
        found = [merged(rule, one) for one in inner] if "delegate" in rule else [rule]
        rules += [one for one in found if one is not None]
    delegating = any("delegate" in rule for rule in outer)
    delegate = _virtual_service("inner", "team", {"http": inner})
    root = _virtual_service("reviews", "shop", {"hosts": ["reviews"], "http": outer})
    plain = _virtual_service("reviews", "shop", {"hosts": ["reviews"], "http": rules})
    routes, report = _run(root, *([delegate] if delegating else []))
    expected, _ = _run(plain)
    assert routes == expected
    fates = [fate.fates for fate in report.objects]
    assert not any("unaccounted" in fate for fate in fates), fates
