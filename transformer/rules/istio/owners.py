"""Objects that another controller edits in the cluster: they move together with that controller's own object, or stay.

Argo Rollouts, Flagger, Knative and KServe write VirtualServices and DestinationRules while they run. Those of a Rollout
or a Canary of the stream are judged with it (`rules/argo`, `rules/flagger`); all others are held.
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.ledger import NO_OP, Fate
from transformer.objects import Obj, View
from transformer.rules.istio.held import Held
from transformer.run import Run

ROLLOUT = ("argoproj.io", "Rollout")
CANARY = ("flagger.app", "Canary")


def refuse_owned(run: Run, obj: Obj) -> None:
    """Hold an object that a controller outside the stream owns, and bind one of the stream to its owner.

    Raises `Held` where nothing is left to translate: the object stays, or its owner writes a new one by itself.
    """
    for rollout in run.context.objects(*ROLLOUT):
        if any(named == (obj.ref.kind, obj.namespace, obj.name) for named in written_by_rollout(rollout)):
            if rollout.context:
                _refuse(run, obj, str(rollout.ref))
            run.units.bind([obj.uid, rollout.uid])
    for canary in run.context.objects(*CANARY):
        provider = canary.spec.get("provider").text()
        if canary.namespace != obj.namespace or provider not in ("", "istio"):
            continue
        if (obj.ref.kind, obj.name) in written_by_canary(canary):
            if provider == "istio" and not canary.context:
                _leave_to_canary(run, obj, canary)
            _refuse(run, obj, str(canary.ref))
        if (obj.ref.kind, obj.name) == ("DestinationRule", apex(canary)):
            _refuse(run, obj, str(canary.ref))
    for key in obj.labels:
        if key.startswith(("serving.knative.dev/", "networking.internal.knative.dev/", "serving.kserve.io/")):
            _refuse(run, obj, f"the controller that set the label {key}")


def _refuse(run: Run, obj: Obj, owner: str) -> None:
    run.hold("MS200", obj, f"{owner} edits this object while it runs; migrate that one first")
    raise Held


def _leave_to_canary(run: Run, obj: Obj, canary: Obj) -> None:
    """Flagger overwrites the object's spec with what the Canary says, so the manifest decides nothing."""
    run.units.bind([obj.uid, canary.uid])
    run.say("MS914", obj, f"Flagger writes this object from {canary.ref}, and an HTTPRoute after the move")
    run.mark(obj.spec, Fate(NO_OP, "MS914"))
    raise Held


def virtual_services(rollout: Obj) -> list[View]:
    """The entries of a Rollout that name VirtualServices with the routes whose weights it sets."""
    istio = rollout.spec.get("strategy", "canary", "trafficRouting", "istio")
    entries = [istio.get("virtualService"), *istio.get("virtualServices").each()]
    return [entry for entry in entries if entry]


def identity(entry: View) -> tuple[str, str]:
    """Namespace and name of the VirtualService that an entry means: `name`, or `name.namespace` as Argo reads it.

    https://github.com/argoproj/argo-rollouts/blob/master/utils/istio/istio.go
    """
    name, dot, namespace = entry.get("name").text().removesuffix(".cluster.local").rpartition(".")
    return (namespace, name) if dot else (entry.obj.namespace, namespace)


def written_by_rollout(rollout: Obj) -> Iterator[tuple[str, str, str]]:
    """Kind, namespace and name of what an Argo Rollout edits."""
    for entry in virtual_services(rollout):
        yield ("VirtualService", *identity(entry))
    istio = rollout.spec.get("strategy", "canary", "trafficRouting", "istio")
    if istio.get("destinationRule"):
        yield "DestinationRule", rollout.namespace, istio.get("destinationRule", "name").text()


def written_by_canary(canary: Obj) -> set[tuple[str, str]]:
    """Kinds and names of what Flagger writes for a Canary of the provider istio, in the Canary's namespace.

    https://github.com/fluxcd/flagger/blob/main/pkg/router/istio.go
    """
    name = apex(canary)
    return {
        ("VirtualService", name),
        ("DestinationRule", f"{name}-primary"),
        ("DestinationRule", f"{name}-canary"),
    }


def apex(canary: Obj) -> str:
    """The name of the Service that clients of a Canary dial; Flagger makes it."""
    return canary.spec.get("service", "name").text() or canary.spec.get("targetRef", "name").text()
