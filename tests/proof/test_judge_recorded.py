"""The judge against recorded answers: what is made to give one answer is accepted, what gives another is
not.

For every recorded answer a route is made that gives this answer to every request, straight from the record.
It knows nothing of the VirtualService, so that only the two readings, of Istio's answer and of Linkerd's,
are compared.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.proof.worlds import cases, objects, present
from transformer.proof.judge import judge_world
from transformer.proof.objects import Objects

Json = dict[str, Any]

# What no route of Linkerd's can say; `retries` are left out of the routes that are made here.
UNSAYABLE = {
    "cors",
    "fault",
    "mirror",
    "path-normalization",
    "retries",
    "rewrite",
    "rewrite-authority",
    "rewrite-slashes",
}


def header_filters(owner: Json) -> list[Json]:
    """The header filters that make the recorded changes."""
    found = []
    for side in ("request", "response"):
        block = owner.get(f"{side}_headers")
        if block:
            made = {
                verb: [{"name": key, "value": str(value)} for key, value in block.get(verb, {}).items()]
                for verb in ("set", "add")
            }
            kind = f"{side.capitalize()}HeaderModifier"
            made["remove"] = block.get("remove", [])
            found.append({"type": kind, f"{side}HeaderModifier": made})
    return found


def backends(answer: Json, known: Objects) -> tuple[list[Json], list[Json]] | None:
    """References to the recorded destinations and Services of their own for them; None where labels are
    unknown.
    """
    refs, services = [], []
    for number, entry in enumerate(answer["destinations"]):
        weight = round(entry["share"] * 10_000)
        if entry.get("missing"):
            refs.append({"name": "missing", "port": 1, "weight": weight})
            continue
        if entry["service"] is None or (entry.get("subset_name") and not entry["subset"]):
            return None
        namespace, _, name = entry["service"].partition("/")
        made = copy.deepcopy(dict(known.service(namespace, name) or {}))
        made["metadata"] = {"name": f"made-{number}", "namespace": namespace}
        made["spec"]["selector"] = {**made["spec"]["selector"], **(entry["subset"] or {})}
        services.append(made)
        ref = {"name": f"made-{number}", "namespace": namespace, "port": entry["port"], "weight": weight}
        refs.append({**ref, "filters": header_filters(entry)})
    return refs, services


def made_for(answer: Json, parent: tuple[str, str], known: Objects) -> list[Json] | None:
    """Objects that give the answer to whatever is asked of the parent; None where that cannot be said."""
    rule: Json = {"matches": [{"path": {"type": "Exact", "value": "/never/asked"}}]}
    services: list[Json] = []
    if answer["action"] in ("route", "no-cluster"):
        found = backends(answer, known)
        if found is None:
            return None
        refs, services = found
        rule = {"backendRefs": refs, "filters": header_filters(answer)}
        if answer.get("timeout_ms"):
            rule["timeouts"] = {"request": f"{answer['timeout_ms']}ms"}
    elif answer["action"] != "not-found":
        return None
    spec = {"parentRefs": [{"group": "", "kind": "Service", "name": parent[1]}], "rules": [rule]}
    metadata = {"name": "made", "namespace": parent[0]}
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata,
        "spec": spec,
    }
    return [*services, route]


@pytest.mark.parametrize("case", cases("istio/routing"))
def test_an_answer_made_to_measure_is_the_same(case: Json | None) -> None:
    recorded = present(case)
    plain = [obj for obj in objects(recorded["manifests"]) if "istio.io" not in obj["apiVersion"]]
    known = Objects(plain)
    for question in recorded["questions"]:
        request, answer = question["request"], question["istio"]
        parent = known.resolve_host(request["host"], request["source_ns"], "cluster.local")
        made = None
        if parent is not None and "clusterIP" not in known.service(*parent)["spec"]:  # type: ignore[index]
            made = made_for(answer, parent, known)
        if made is None:
            continue
        one = {"questions": [question]}
        wrong = [
            v for v in judge_world(one, [*plain, *made]) if v.outcome != "same" and v.aspect not in UNSAYABLE
        ]
        assert not wrong, (request, answer)
        # The same objects must not pass for an answer that they do not give.
        other = (
            {**answer, "action": "not-found"} if answer["action"] != "not-found" else {"action": "no-cluster"}
        )
        [verdict] = judge_world({"questions": [{**question, "istio": other}]}, [*plain, *made])
        assert (verdict.outcome, verdict.aspect) == ("different", "action")
