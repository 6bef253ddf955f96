"""The ServiceProfile that linkerd-smi wrote for a TrafficSplit and leaves behind.

It has one `dstOverrides` entry for every backend and nothing else (linkerd-smi pkg/adaptor/controller.go), and Linkerd
ignores HTTPRoutes of a Service that has one (trap T10).
"""

from __future__ import annotations

from transformer.ledger import TRANSLATED, Fate
from transformer.objects import Obj
from transformer.rules import parents
from transformer.rules.smi import weights
from transformer.run import Run
from transformer.targets import metadata


def settle(run: Run, split: Obj, root: Obj) -> str:
    """Take over what the extension left; a reason to hold the split where the profile says something else."""
    profile = parents.profile(run, root)
    if profile is None:
        if run.options["smi-implementation"] == "linkerd-smi":
            run.once("MS547", split, f"the extension may have left a ServiceProfile for {root.ref}")
        return ""
    if not _says_the_same(run, split, profile):
        return f"ServiceProfile {profile.name} makes Linkerd ignore every HTTPRoute of {root.ref}"
    if profile.context:
        run.say(
            "MS547",
            split,
            f"delete ServiceProfile {profile.namespace}/{profile.name}: until then Linkerd obeys it",
        )
        return ""
    run.units.bind([split.uid, profile.uid])
    metadata.account(run, profile)
    run.drop(profile)
    run.mark(profile.spec, Fate(TRANSLATED, str(split.ref)))
    run.say("MS547", split, f"ServiceProfile {profile.name} says the same and goes")
    return ""


def _says_the_same(run: Run, split: Obj, profile: Obj) -> bool:
    """Whether the profile holds the split's weights and nothing else."""
    if {name for name, _ in profile.spec.items()} != {"dstOverrides"} or split.spec.get("matches"):
        return False
    suffix = f".{split.namespace}.svc.{run.options['mesh.cluster-domain']}"
    written = [
        (entry.get("authority").text(), weights.quantity(entry.get("weight").value()))
        for entry in profile.spec.get("dstOverrides").each()
    ]
    wanted = [
        (entry.get("service").text() + suffix, weights.quantity(entry.get("weight").value()))
        for entry in split.spec.get("backends").each()
    ]
    found = [weight for _, weight in (*written, *wanted)]
    if [name for name, _ in written] != [name for name, _ in wanted] or any(
        weight is None for weight in found
    ):
        return False
    ours, theirs = ([weight for _, weight in side if weight is not None] for side in (wanted, written))
    return (
        bool(sum(ours))
        and bool(sum(theirs))
        and [w / sum(ours) for w in ours] == [w / sum(theirs) for w in theirs]
    )
