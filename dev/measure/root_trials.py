"""Random policies of two namespaces and of the root namespace, moved namespace by namespace and then as a whole.

After every step the moved pods are asked Linkerd's evaluator, those that stay Istio's: nobody may do more than at the start.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from dev.measure import authorization_trials as trials
from transformer.findings import Finding
from transformer.options import Options
from transformer.outcome import Report
from transformer.proof.istio_authorization import Authorization, NotModelled
from transformer.proof.linkerd_inbound import Inbound
from transformer.transform import transform

Json = dict[str, Any]
ROOT, SPACES = "istio-system", ("shop", "web")
#: What a journey's steps move.
STEPS: tuple[tuple[str, ...], ...] = (("shop",), SPACES, ())
CHANGED, AGAIN, OTHERWISE = "CHANGED", "AGAIN", "OTHERWISE"
LEFT_OPEN = "LEFT-OPEN"
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Step(NamedTuple):
    """What a run moved, what came out of it, and which namespaces are in Linkerd then."""

    only: tuple[str, ...]
    output: str
    reports: tuple[Report, ...]
    moved: frozenset[str]

    @property
    def findings(self) -> list[Finding]:
        """Findings of this run and of the earlier ones."""
        return [finding for report in self.reports for finding in report.findings]


class Trial(NamedTuple):
    """A generated world, the answers counted, and what must not be."""

    seed: int
    manifests: str
    counts: Mapping[str, int]
    faults: tuple[tuple[str, Json], ...]


def trial(seed: int, requests: int = 20) -> Trial:
    """One world and its journey. `faults` are wider or untold answers, changed documents, and results that differ."""
    dice = random.Random(seed)
    mtls = dice.choice(("permissive", "strict"))
    objects = list(_world(dice))
    texts = {id(obj): yaml.dump(obj, Dumper=_DUMPER, sort_keys=False) for obj in objects}
    manifests = "---\n".join(texts.values())
    istio = Authorization(objects, mtls=mtls)
    near = trials._near(objects) or trials.PATHS
    counts: dict[str, int] = {}
    faults: list[tuple[str, Json]] = []
    steps = list(_journey(manifests, mtls))
    for step in steps:
        found = [obj for obj in yaml.load_all(step.output, Loader=_LOADER) if obj]
        linkerd, after = Inbound(found), Authorization(found, mtls=mtls)
        faults += _broken(step, objects, texts)
        for space in SPACES:
            for _ in range(requests):
                request = {**trials._request(dice, near), "workload": f"{space}/cart"}
                if space in step.moved:
                    probed = "readinessProbe" in str(_workload(objects, space))
                    outcome = trials._compare(istio, linkerd, request, step.findings, probed=probed)
                else:
                    outcome = _staying(istio, after, request, step.moved)
                if outcome is not None:
                    counts[outcome] = counts.get(outcome, 0) + 1
                    if outcome in (trials.WIDER, trials.UNTOLD, LEFT_OPEN):
                        faults.append((outcome, {"step": step.only, **request}))
    faults += _compared_with_one_run(manifests, mtls, steps, counts)
    return Trial(seed, manifests, counts, tuple(faults))


def _journey(manifests: str, mtls: str) -> Iterator[Step]:
    reports: tuple[Report, ...] = ()
    for only in STEPS:
        output, report = _run(manifests, mtls, only)
        reports = (*reports, report)
        again, _ = _run(output, mtls, only)
        if again != output:
            yield Step((AGAIN, *only), output, reports, _moved(output))
        yield Step(only, output, reports, _moved(output))
        manifests = output


def _run(manifests: str, mtls: str, only: tuple[str, ...], context: str = "") -> tuple[str, Report]:
    facts = {"mesh.mtls": mtls, "authorization": "translate", "complete": ("*",), "fail-on": "never"}
    files = [("root.yaml", context.encode())] if context else []
    result = transform(manifests.encode(), Options(facts | {"only": only}), files)
    return b"".join(result.output).decode(), result.report


def _moved(output: str) -> frozenset[str]:
    return frozenset(
        obj["metadata"]["name"]
        for obj in yaml.load_all(output, Loader=_LOADER)
        if obj
        and obj["kind"] == "Namespace"
        and "linkerd.io/inject" in obj["metadata"].get("annotations", {})
    )


def _broken(step: Step, objects: Sequence[Json], texts: Mapping[int, str]) -> Iterator[tuple[str, Json]]:
    """Documents of others that changed, runs that do not repeat, and findings that no manifests are to blame for."""
    if AGAIN in step.only:
        yield AGAIN, {"step": step.only}
    for finding in step.reports[-1].findings:
        if finding.code in trials._INTERNAL:
            yield trials.BROKEN, {"step": step.only, "finding": finding.message}
    for obj in objects if step.only else ():
        place = obj["metadata"].get("namespace", obj["metadata"]["name"])
        if place not in step.only and texts[id(obj)] not in step.output:
            yield CHANGED, {"step": step.only, "object": f"{obj['kind']} {place}"}


def _staying(istio: Authorization, after: Authorization, request: Json, moved: frozenset[str]) -> str | None:
    """Whether a pod in Istio lets in, without an identity, whom it refused by name."""
    client = request["client"]
    if str(client["identity"]).partition("/ns/")[2].partition("/")[0] in moved:
        nameless = {**request, "client": {**client, "identity": None, "mtls": False}}
    else:
        nameless = request
    try:
        before, now = istio.ask(request)["verdict"], after.ask(nameless)["verdict"]
    except NotModelled:
        return None
    return LEFT_OPEN if now == "allow" != before else trials.HELD


def _compared_with_one_run(
    manifests: str, mtls: str, steps: Sequence[Step], counts: dict[str, int]
) -> Iterator[tuple[str, Json]]:
    """Where everything moves, a journey, and a run that has the root namespace as context, end like one run for all."""
    whole, report = _run(manifests, mtls, ())
    if not _is_clean((report,)):
        return
    others, root = _apart(manifests)
    apart, alone = _run(others, mtls, (), root)
    found = [("as context", _said(apart))] if _is_clean((alone,)) else []
    if _is_clean(steps[-1].reports):
        found.append(("step by step", _said(steps[-1].output)))
    one = _said(whole)
    for how, other in found:
        counts[how] = counts.get(how, 0) + 1
        for key in sorted({*one, *other}):
            if one.get(key) != other.get(key):
                yield OTHERWISE, {"object": key, "at once": one.get(key), how: other.get(key)}


def _is_clean(reports: Iterable[Report]) -> bool:
    """Whether everything moved, and no pattern was written out: what a pattern stands for may change between runs."""
    found = [finding for report in reports for finding in report.findings]
    return not any(one.severity == "error" or one.code == "MS430" for one in found)


def _apart(manifests: str) -> tuple[str, str]:
    """Manifests without those of the root namespace, and these."""
    inside = [text for text in manifests.split("---\n") if f"namespace: {ROOT}" in text]
    others = [text for text in manifests.split("---\n") if text not in inside]
    return "---\n".join(others), "---\n".join(inside)


def _said(output: str) -> dict[str, Json]:
    """Everything but what keeps Istio's injector away from namespaces that moved before others."""
    found = {}
    for obj in yaml.load_all(output, Loader=_LOADER):
        meta = obj["metadata"]
        if obj["kind"] == "Namespace":
            meta.get("labels", {}).pop("istio-injection", None)
            obj["metadata"] = {key: value for key, value in meta.items() if value}
        if obj["kind"] != "Service" and meta.get("namespace") != ROOT:
            found[f"{obj['apiVersion']} {obj['kind']} {meta.get('namespace')}/{meta['name']}"] = obj
    return found


def _workload(objects: Sequence[Json], space: str) -> Json:
    wanted = ("Deployment", "StatefulSet", "DaemonSet")
    return next(o for o in objects if o["kind"] in wanted and o["metadata"]["namespace"] == space)


def _world(dice: random.Random) -> Iterator[Json]:
    for space in SPACES:
        labels = {"istio-injection": "enabled"}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space, "labels": labels}}
        for account in ("cart", "front"):
            yield trials._object("v1", "ServiceAccount", account, space)
        names = ("cart", "front") if dice.random() < 0.3 else ("cart",)
        for name in names:
            yield _in(space, trials._workload(dice, name))
            yield _in(space, trials._service(dice, name))
    for number in range(dice.choice((1, 1, 2))):
        yield _in(ROOT, _deny_all(dice, f"r{number}"))
    for number in range(dice.choice((0, 1, 1, 2, 3))):
        yield _in(dice.choice(SPACES), trials._policy(dice, f"p{number}"))
    # Never two for the same pods: which of them counts is decided by their age.
    for number, space in enumerate(dice.sample((ROOT, *SPACES), dice.choice((0, 0, 1, 2)))):
        yield _in(space, trials._peer(dice, f"m{number}"))


def _deny_all(dice: random.Random, name: str) -> Json:
    """A policy of the root namespace, often the one that admits nobody."""
    found = trials._policy(dice, name)
    return {**found, "spec": {}} if dice.random() < 0.3 else found


def _in(space: str, obj: Json) -> Json:
    return {**obj, "metadata": {**obj["metadata"], "namespace": space}}
