"""Whatever the arrangement: nothing that a policy may reach changes meshes while the policy stays.

Policies and pods with and without namespaces, in the stream, in Lists and in the context; the expectation is worked out
here from the objects alone, without the rules.
"""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from transformer.options import Options
from transformer.transform import transform

Object = dict[str, Any]

PLACES = st.sampled_from(["shop", "post", "istio-system", None])
LABELS = st.sampled_from([{"app": "a"}, {"app": "b"}])
KINDS = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "PeerAuthentication": "security.istio.io/v1beta1",
    "RequestAuthentication": "security.istio.io/v1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
}
TEMPLATES = {
    "Deployment": ("apps/v1", ("template",)),
    "CronJob": ("batch/v1", ("jobTemplate", "spec", "template")),
    "Rollout": ("argoproj.io/v1alpha1", ("template",)),
}


def metadata(name: str, place: str | None) -> Object:
    return {"name": name} | ({"namespace": place} if place else {})


@st.composite
def policies(draw: st.DrawFn, name: str) -> Object:
    kind = draw(st.sampled_from(sorted(KINDS)))
    wanted = draw(st.none() | LABELS)
    key = (
        {"workloadSelector": {"labels": wanted}}
        if kind == "EnvoyFilter"
        else {"selector": {"matchLabels": wanted}}
    )
    return {
        "apiVersion": KINDS[kind], "kind": kind, "metadata": metadata(name, draw(PLACES)), "spec": key if wanted else {},
    }  # fmt: skip


@st.composite
def workloads(draw: st.DrawFn, name: str) -> Object:
    kind = draw(st.sampled_from(sorted(TEMPLATES)))
    setting = draw(st.sampled_from([{"labels": {"sidecar.istio.io/inject": "true"}}, {"annotations": {
        "sidecar.istio.io/inject": "true"}}, {"annotations": {"sidecar.istio.io/proxyCPU": "100m"}}]))  # fmt: skip
    pods = setting | {"labels": draw(LABELS) | setting.get("labels", {})}
    version, path = TEMPLATES[kind]
    spec: Object = {"metadata": pods, "spec": {"containers": [{"name": "app", "image": "example.com/app"}]}}
    for step in reversed(path):
        spec = {step: spec}
    return {"apiVersion": version, "kind": kind, "metadata": metadata(name, draw(PLACES)), "spec": spec}


def namespace(name: str) -> Object:
    return {
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"istio-injection": "enabled"}},
    }  # fmt: skip


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Object], list[Object]]:
    """Objects of the stream, and of the context."""
    found = [draw(policies(f"p{number}")) for number in range(draw(st.integers(0, 1)))]
    found += [draw(workloads(f"w{number}")) for number in range(draw(st.integers(1, 3)))]
    found += [namespace(name) for name in draw(st.sets(st.sampled_from(["shop", "post"])))]
    context = [draw(policies(f"c{number}")) for number in range(draw(st.integers(0, 1)))]
    return draw(st.permutations(found)), context


def written(objects: list[Object], *, as_list: bool) -> bytes:
    if as_list:
        objects = [{"apiVersion": "v1", "kind": "List", "items": objects}]
    return yaml.safe_dump_all(objects, sort_keys=False).encode()


def pod_labels(workload: Object) -> dict[str, str]:
    found: Any = workload["spec"]
    for step in TEMPLATES[workload["kind"]][1]:
        found = found[step]
    labels: dict[str, str] = found["metadata"]["labels"]
    return labels


def may_reach(policy: Object, target: Object, *, of_context: bool) -> bool:
    place = policy["metadata"].get("namespace")
    spec = policy["spec"]
    wanted = (
        spec.get("selector", {}).get("matchLabels") or spec.get("workloadSelector", {}).get("labels") or {}
    )
    if policy["kind"] == "PeerAuthentication" and wanted and place == "istio-system":
        return False  # without effect in Istio
    if of_context and policy["kind"] == "PeerAuthentication" and not wanted:
        return False  # said by the default inbound policy
    anywhere = place in (None, "istio-system")
    if target["kind"] == "Namespace":
        return anywhere or target["metadata"]["name"] == place
    where = target["metadata"].get("namespace")
    return (anywhere or where in (None, place)) and wanted.items() <= pod_labels(target).items()


@given(
    streams(),
    st.booleans(),
    st.sampled_from(["strict", "permissive"]),
    st.sampled_from(["hold", "translate"]),
)
def test_nothing_leaves_a_policy_that_stays(
    objects: tuple[list[Object], list[Object]], as_list: bool, mtls: str, authorization: str
) -> None:
    stream, context = objects
    files = [("context.yaml", written(context, as_list=False))] if context else []
    options = Options({"mesh.mtls": mtls, "authorization": authorization, "fail-on": "never"})
    output = b"".join(transform(written(stream, as_list=as_list), options, files).output)
    after = list(yaml.safe_load_all(output))
    kept = after[0]["items"] if as_list else after
    policies = [one for one in stream if one["kind"] in KINDS]
    if authorization == "translate":
        policies = [one for one in policies if one in kept]
    for target in stream:
        if target["kind"] in KINDS or target in kept:
            continue
        for policy in policies:
            assert not may_reach(policy, target, of_context=False), (policy, target)
        for policy in context:
            assert not may_reach(policy, target, of_context=True), (policy, target)
