"""Objects that another controller edits in the cluster: they stay until that controller's own object is migrated.

Argo Rollouts, Flagger, Knative and KServe write VirtualServices and DestinationRules while they run.
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj
from transformer.rules.istio.held import Held
from transformer.run import Run


def refuse_owned(run: Run, obj: Obj) -> None:
    """Hold an object that a Rollout, Canary or serverless controller owns; raises `Held`."""
    owner = next(_owners(run, obj), None)
    if owner:
        run.hold("MS200", obj, f"{owner} edits this object while it runs; migrate that one first")
        raise Held


def _owners(run: Run, obj: Obj) -> Iterator[str]:
    for rollout in run.context.objects("argoproj.io", "Rollout"):
        istio = rollout.spec.get("strategy", "canary", "trafficRouting", "istio")
        named = [istio.get("virtualService", "name").text(), istio.get("destinationRule", "name").text()]
        named += [entry.get("name").text() for entry in istio.get("virtualServices").each()]
        if rollout.namespace == obj.namespace and obj.name in named:
            yield str(rollout.ref)
    for canary in run.context.objects("flagger.app", "Canary"):
        target = canary.spec.get("service", "name").text() or canary.spec.get("targetRef", "name").text()
        names = {target, f"{target}-primary", f"{target}-canary"}
        if (
            canary.namespace == obj.namespace
            and obj.name in names
            and canary.spec.get("provider").text() in ("", "istio")
        ):
            yield str(canary.ref)
    for key in obj.labels:
        if key.startswith(("serving.knative.dev/", "networking.internal.knative.dev/", "serving.kserve.io/")):
            yield f"the controller that set the label {key}"
