"""Phases and parts: cases, and the journeys that a team makes through them, pull request by pull request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.case_tables import CASES, Case, cases, check, ids
from tests.crd_validation import Emitted
from transformer.errors import DONE
from transformer.options import Options
from transformer.outcome import Report
from transformer.transform import transform

STAGES = (*cases("phases"), *cases("only"))
STRICT = {"mesh.mtls": "strict"}
MESH = ("istio.io", "istio-injection")
#: What a team of one namespace says in every run: which namespaces it sees whole.
KNOWN = {"complete": ("shop", "web", "istio-system")}
PHASES = ("prepare", "switch", "enforce")


@pytest.mark.parametrize("case", STAGES, ids=[case.name for case in STAGES])
def test_case(case: Case, emitted: Emitted) -> None:
    check(case, emitted)


def moved(data: bytes, **options: Any) -> tuple[bytes, Report]:
    """One pull request: the stream after a run that must succeed."""
    result = transform(data, Options(STRICT | options))
    assert result.report.exit_code == DONE, result.report.findings
    return b"".join(result.output), result.report


def objects(data: bytes) -> dict[tuple[str, str], dict[str, Any]]:
    found = {}
    for document in yaml.safe_load_all(data):
        found[document["kind"], document["metadata"]["name"]] = document
    return found


def journey(data: bytes, *steps: dict[str, Any]) -> Iterator[bytes]:
    for options in steps:
        data, _ = moved(data, **options)
        yield data


def test_three_pull_requests_of_one_repository() -> None:
    source = (CASES / "phases" / "prepare" / "input.yaml").read_bytes()
    phases: tuple[dict[str, Any], ...] = ({"phase": "prepare"}, {"phase": "switch"}, {"phase": "enforce"})
    prepared, switched, enforced = map(objects, journey(source, *phases))
    before = objects(source)
    assert {key: prepared[key] for key in before} == before, "the first adds and changes nothing"
    assert set(prepared) - set(before) == {("HTTPRoute", "cart")}
    assert not {kind for kind, _ in switched} & {"VirtualService", "DestinationRule"}
    assert switched["HTTPRoute", "cart"]["apiVersion"].startswith("policy.linkerd.io/"), "hidden from Istio"
    annotations = switched["Namespace", "shop"]["metadata"]["annotations"]
    assert annotations["config.linkerd.io/default-inbound-policy"] == "audit"
    annotations = enforced["Namespace", "shop"]["metadata"]["annotations"]
    assert annotations == {
        "linkerd.io/inject": "enabled",
        "config.linkerd.io/default-inbound-policy": "all-authenticated",
    }


def test_the_last_phase_alone_ends_where_the_three_do_but_for_what_hides_from_istio() -> None:
    source = (CASES / "phases" / "prepare" / "input.yaml").read_bytes()
    *_, last = journey(source, {"phase": "prepare"}, {"phase": "switch"}, {"phase": "enforce"})
    direct = objects(moved(source)[0])
    stepwise = objects(last)
    route, other = stepwise["HTTPRoute", "cart"], direct["HTTPRoute", "cart"]
    assert route["spec"] == other["spec"]
    del (
        stepwise["Namespace", "shop"]["metadata"]["labels"],
        stepwise["HTTPRoute", "cart"],
        direct["HTTPRoute", "cart"],
    )
    # While Istio's clients were there the opaque port had to stand in the list instead of the port's appProtocol.
    for found in (direct, stepwise):
        del found["Service", "cart"]
    assert stepwise == direct


def test_one_namespace_after_the_other() -> None:
    source = (CASES / "only" / "namespace" / "input.yaml").read_bytes()
    shop, bank, rest = journey(source, {"only": ("shop",)}, {"only": ("bank",)}, {})
    half = objects(shop)
    assert half["Namespace", "bank"] == objects(source)["Namespace", "bank"]
    assert {kind for kind, _ in objects(bank)} > {"VirtualService"}, (
        "sources stay while somebody may obey them"
    )
    last = objects(rest)
    assert not any(word in rest.decode() for word in ("networking.istio.io", "policy.linkerd.io/v1beta3"))
    routes = [last["HTTPRoute", name]["apiVersion"] for name in ("cart", "ledger")]
    assert routes == ["gateway.networking.k8s.io/v1"] * 2
    assert {space["metadata"]["annotations"]["linkerd.io/inject"] for (kind, _), space in last.items()
            if kind == "Namespace"} == {"enabled"}  # fmt: skip


def test_one_workload_and_then_its_namespace() -> None:
    source = (CASES / "only" / "labels" / "input.yaml").read_bytes()
    cart, shop = map(objects, journey(source, {"only": ("app=cart",)}, {}))
    template = cart["Deployment", "cart"]["spec"]["template"]["metadata"]
    assert template["labels"]["sidecar.istio.io/inject"] == "false"
    assert cart["Deployment", "web"] == objects(source)["Deployment", "web"]
    template = shop["Deployment", "cart"]["spec"]["template"]["metadata"]
    assert template["labels"] == {"app": "cart"}
    assert template["annotations"]["linkerd.io/inject"] == "enabled"
    assert shop["Namespace", "shop"]["metadata"]["annotations"]["linkerd.io/inject"] == "enabled"


def texts(data: bytes) -> set[bytes]:
    return {document.strip() for document in data.split(b"---\n")}


def of_linkerd(data: bytes) -> dict[tuple[str, str], dict[str, Any]]:
    """Objects of Linkerd; a Server that was enforced says `deny`, another one leaves it out, which means the same."""
    found = {}
    for key, value in objects(data).items():
        if value["apiVersion"].startswith("policy.linkerd.io/"):
            spec = {
                name: field
                for name, field in value["spec"].items()
                if (name, field) != ("accessPolicy", "deny")
            }
            found[key] = {**value, "spec": spec}
    return found


def test_namespace_by_namespace_under_a_policy_of_the_root_namespace_that_admits_nobody() -> None:
    """The mesh is closed by default and opened per namespace; each namespace goes through its three pull requests."""
    source = (CASES / "root-policies" / "journey" / "input.yaml").read_bytes()
    closed = next(text for text in texts(source) if b"name: everything" in text)
    stream, seen = source, []
    for space in ("shop", "web"):
        for phase in PHASES:
            before = texts(stream)
            stream, _ = moved(stream, **KNOWN, only=(space,), phase=phase)
            assert closed in texts(stream), (
                f"{space} {phase}: the policy of the root namespace stays as it is"
            )
            assert moved(stream, **KNOWN, only=(space,), phase=phase)[0] == stream, (
                "a second run changes nothing"
            )
            other = {text for text in before if (b"web" if space == "shop" else b"namespace: shop") in text}
            assert other <= texts(stream), f"{space} {phase}: the other namespace is not touched"
            seen.append(objects(stream))
    prepared, switched, enforced = seen[:3]
    assert prepared["Server", "cart-8080"]["spec"]["accessPolicy"] == "audit"
    assert ("AuthorizationPolicy", "cart") in prepared, "sources stay while nothing moves"
    assert ("AuthorizationPolicy", "cart") not in switched
    closing = "config.linkerd.io/default-inbound-policy"
    assert switched["Namespace", "shop"]["metadata"]["annotations"][closing] == "audit"
    assert enforced["Namespace", "shop"]["metadata"]["annotations"][closing] == "deny"
    assert enforced["Server", "cart-8080"]["spec"]["accessPolicy"] == "deny"

    last, _ = moved(stream, complete=("*",))
    assert closed not in texts(last), "with the last namespace the policy goes"
    at_once, _ = moved(source, complete=("*",))
    assert of_linkerd(last) == of_linkerd(at_once)
    for space in ("shop", "web"):
        annotations = [
            objects(data)["Namespace", space]["metadata"]["annotations"] for data in (last, at_once)
        ]
        assert annotations[0] == annotations[1]


def test_a_namespace_joins_those_that_have_moved() -> None:
    source = (CASES / "root-policies" / "journey" / "input.yaml").read_bytes()
    steps: tuple[dict[str, Any], ...] = ({"only": ("shop",)}, {"only": ("shop", "web")})
    first, second = journey(source, *(KNOWN | step for step in steps))
    kept = of_linkerd(first)
    assert kept, "something has moved"
    assert kept.items() <= of_linkerd(second).items(), "what has moved is left as it is"
    last, _ = moved(second, complete=("*",))
    at_once, _ = moved(source, complete=("*",))
    assert of_linkerd(last) == of_linkerd(at_once)


@pytest.mark.parametrize("name", ids(cases("only")))
def test_what_only_does_not_name_passes_untouched(name: str) -> None:
    """Every document of a namespace, or of a workload, that is not named is in the output as it came in."""
    case = next(case for case in cases("only") if case.folder.name == name)
    if any("bank" in entry or "=" in entry for entry in case.settings["only"]):
        return
    result = transform(case.input, case.options(fail_on="never"), case.context)
    if result.report.facts and any(result.report.facts.values()):
        return
    output = b"".join(result.output)
    for document in case.input.split(b"---\n"):
        parsed = yaml.safe_load(document)
        place = parsed["metadata"].get("namespace", parsed["metadata"]["name"])
        if place not in case.settings["only"] and parsed["kind"] != "Service":
            assert document in output, f"{parsed['kind']} {place} was changed"
