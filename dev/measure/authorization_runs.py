"""The program over recorded worlds of Istio's authorization, and Linkerd's answer to every question about what moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from dev.measure.authorization_told import explained
from dev.measure.vector_runs import World, worlds
from transformer.options import Options
from transformer.outcome import Report
from transformer.proof.linkerd_inbound import Inbound
from transformer.transform import transform

SAME, STRICTER, WIDER, HELD, OUTSIDE = "same", "stricter", "WIDER", "held", "outside"


class Answered(NamedTuple):
    """A question, Istio's verdict, Linkerd's answer (none where the workload stays) and how they compare."""

    question: Mapping[str, Any]
    istio: str
    linkerd: Mapping[str, Any] | None
    outcome: str


class AuthorizationRun(NamedTuple):
    """One world: the report, what came out, and every question compared."""

    world: World
    report: Report
    output: str
    answers: tuple[Answered, ...]

    @property
    def untold(self) -> list[Answered]:
        """Refusals that Istio does not know and no finding explains."""
        return [
            found
            for found in self.answers
            if found.outcome == STRICTER and found.linkerd is not None
            and not explained(
                self.report.findings, found.question["request"]["workload"], found.question["request"], found.linkerd
            )
        ]  # fmt: skip


def run(world: World, **options: Any) -> AuthorizationRun:
    """Transform a world with the facts that it states and ask Linkerd's evaluator about the output."""
    facts = {"mesh.mtls": world["facts"]["mtls"], "authorization": "translate"}
    chosen = {**facts, "complete": ("*",), "fail-on": "never", **options}
    result = transform(world["manifests"].encode(), Options(chosen), name=world["id"])
    output = b"".join(result.output).decode()
    # The worlds' writer takes `n` and `y` for text, so their reader does too.
    inbound = Inbound([found for found in yaml.safe_load_all(output) if found])
    staying = frozenset(
        (fate.ref.namespace, fate.ref.name) for fate in result.report.objects if fate.outcome == "held"
    )
    probes = _probes(world)
    answers = tuple(_compare(inbound, asked, staying, probes) for asked in world["questions"])
    return AuthorizationRun(world, result.report, output, answers)


def run_all(vectors: Path, **options: Any) -> Iterator[AuthorizationRun]:
    """Every recorded world, one by one."""
    return (run(world, **options) for world in worlds(vectors, "authorization"))


def _compare(
    inbound: Inbound, asked: Mapping[str, Any], staying: frozenset[tuple[str, str]], probes: Mapping[tuple[str, int], set[str]]
) -> Answered:  # fmt: skip
    request, verdict = asked["request"], str(asked["istio"]["verdict"])
    namespace, _, name = request["workload"].partition("/")
    pod = inbound._injector.pod(inbound.objects, namespace, name)
    if pod is None or not pod.meshed:
        return Answered(asked, verdict, None, HELD if _is_in_istio(inbound, namespace, name) else OUTSIDE)
    answer = inbound.ask(_question(request))
    if answer["status"] == 404:
        return Answered(asked, verdict, answer, WIDER)  # no Server may leave a request without a route
    let_in = answer["verdict"] == "allow"
    if let_in == (verdict == "allow"):
        return Answered(asked, verdict, answer, SAME)
    if let_in:
        probe = request.get("method") == "GET" and _path(request) in probes.get(
            (request["workload"], request["port"]), ()
        )
        return Answered(asked, verdict, answer, "probe" if probe else WIDER)
    return Answered(asked, verdict, answer, STRICTER)


def _question(request: Mapping[str, Any]) -> dict[str, Any]:
    client = request["client"]
    identity = None
    if client["identity"] and client["mtls"]:
        _, _, space, _, account = client["identity"].split("/")
        identity = f"{account}.{space}.serviceaccount.identity.linkerd.cluster.local"
    return {
        **{
            key: value
            for key, value in request.items()
            if key not in ("workload", "client", "protocol", "jwt")
        },
        "pod": request["workload"],
        "client": {"identity": identity, "ip": client["ip"]},
        "tcp": request.get("protocol") == "tcp",
    }


def _path(request: Mapping[str, Any]) -> str:
    return str(request.get("path", "")).partition("?")[0]


def _is_in_istio(inbound: Inbound, namespace: str, name: str) -> bool:
    """Whether the pods have Istio's sidecar still."""
    owner = inbound.objects.namespace(namespace)
    labels = (owner or {}).get("metadata", {}).get("labels") or {}
    if labels.get("istio-injection") != "enabled":
        return False
    found = next(obj for obj in inbound.objects.workloads(namespace) if obj["metadata"]["name"] == name)
    template = found["spec"]["template"]["metadata"]
    own = {**(template.get("annotations") or {}), **(template.get("labels") or {})}
    return str(own.get("sidecar.istio.io/inject")) != "false"


def _probes(world: World) -> dict[tuple[str, int], set[str]]:
    """Paths of HTTP probes by workload and container port."""
    found: dict[tuple[str, int], set[str]] = {}
    for obj in yaml.safe_load_all(world["manifests"]):
        template = (
            ((obj or {}).get("spec") or {}).get("template")
            if isinstance((obj or {}).get("spec"), dict)
            else None
        )
        for container in ((template or {}).get("spec") or {}).get("containers", []):
            names = {port.get("name"): port["containerPort"] for port in container.get("ports", [])}
            for key in ("readinessProbe", "livenessProbe", "startupProbe"):
                get = (container.get(key) or {}).get("httpGet")
                if get:
                    where = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
                    port = names.get(get["port"], get["port"])
                    found.setdefault((where, port), set()).add(str(get.get("path", "/")).partition("?")[0])
    return found
