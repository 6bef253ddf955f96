"""What a run has to say: findings of the run as a whole, the fate of every object, and the exit code."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from transformer import coexistence, final_findings, left_callers, left_over, moved_callers, unseen_policies
from transformer.errors import DONE, FINDINGS, INTERNAL, BugError
from transformer.findings import SEVERITIES, Finding, ObjectRef
from transformer.ledger import Ledger
from transformer.objects import Obj
from transformer.rules import root_policies
from transformer.run import MissingFact, Run
from transformer.settle import Settlement

if TYPE_CHECKING:
    from transformer.rules.istio.authorization_plans import Wanted

MESH_SUFFIXES = (".istio.io", ".smi-spec.io", ".openservicemesh.io")
PASSED_KINDS = frozenset({("install.istio.io", "IstioOperator")})
_OUR_KINDS_NEED = {
    "gateway.networking.k8s.io": "Gateway API CRDs",
    "policy.linkerd.io": "Linkerd's policy CRDs",
}
# Byte order marks, a directive, an end marker.


class ObjectFate(NamedTuple):
    """What became of one object: `outcome` is translated, degraded, edited, kept, held or unchanged; `fates` counts its leaves.

    `stays`: it is translated and kept all the same, for clients in the old mesh or until the next phase.
    """

    ref: ObjectRef
    outcome: str
    held_by: str
    codes: tuple[str, ...]
    fates: dict[str, int]
    file: str = ""
    line: int = 0
    uid: int = -1
    stays: bool = False


class Report(NamedTuple):
    """Everything a run has to say, for people and machines.

    `ledger` has the leaves of `objects` by their `uid`; `access` who may call a workload, where policies were translated;
    `places` beside which objects emitted ones are written that come from another one.
    """

    findings: list[Finding]
    objects: list[ObjectFate]
    emitted: list[tuple[ObjectRef, str]]
    edited: list[ObjectRef]
    facts: dict[str, list[MissingFact]]
    assumptions: dict[str, str]
    exit_code: int
    ledger: Ledger | None = None
    access: Mapping[ObjectRef, Wanted] | None = None
    places: Mapping[ObjectRef, ObjectRef] = {}


def report(
    run: Run, settlement: Settlement, findings: list[Finding], objects: Sequence[Obj], exit_code: int | None
) -> Report:
    findings = findings + left_over.untold(settlement, _with_holders(run, settlement))
    findings += left_over.findings(settlement)
    findings += [*_prerequisites(settlement), *_stale_acceptances(run)]
    findings += coexistence.findings(run, settlement)
    findings += left_callers.findings(run, settlement)
    findings += moved_callers.findings(run, settlement)
    findings += unseen_policies.findings(run, settlement)
    findings += root_policies.findings(run, settlement.held)
    if exit_code is None:
        exit_code = _exit_code(run, findings, settlement)
    targets = {edit.target.uid: edit.target for edit in run.edits}
    edited = _edited(run)
    told: dict[ObjectRef | None, set[str]] = {}
    for finding in findings:
        if finding.severity != "info":
            told.setdefault(finding.object, set()).add(finding.code)
    return Report(
        sorted(findings, key=rank),
        [_object_fate(run, settlement, obj, told) for obj in objects if _concerned(run, obj, edited)],
        [(emitted.ref, str(emitted.plan.origin.ref)) for emitted in settlement.emitted],
        [targets[uid].ref for uid in settlement.operations],
        {key: [m for m in entries if m.at.uid not in settlement.held] for key, entries in run.facts.items()},
        _assumptions(run),
        exit_code,
        run.ledger,
        run.memo.get("access"),
        {one.ref: one.plan.owners[0].ref for one in settlement.emitted if one.plan.source is not None},
    )


def _assumptions(run: Run) -> dict[str, str]:
    """Options that the result depends on, with the values that were taken."""
    keys = ["mesh.mtls", "mesh.root-namespace", "mesh.cluster-domain", "mesh.outbound-policy"]
    if any(obj.ref.group.endswith(".smi-spec.io") for obj in run.dropped.values()):
        keys += ["smi-implementation", "mesh.osm-policy-mode"]
    if run.memo.get("own-identities"):
        keys += ["linkerd-install.trust-domain", "linkerd-install.control-plane-namespace"]
    chosen = {key: str(run.options[key]) for key in keys if run.options[key]}
    return chosen | coexistence.assumptions(run)


def _with_holders(run: Run, settlement: Settlement) -> list[Finding]:
    """Findings of the rules, and one for every object that stays because of another."""
    holder = {uid: _some(run, by).ref for uid, by in settlement.held.items()}
    found = _of_what_moves(run, settlement)
    edited = _edited(run)
    for uid, by in settlement.held.items():
        if run.units.asked(uid) or uid not in run.objects:
            continue
        obj = run.objects[uid]
        if not _concerned(run, obj, edited):
            continue
        held = final_findings.about(obj, "MS007", f"stays as it is because {holder[uid]} is held")
        found.append(held._replace(held_by=str(holder[by] if by in holder else holder[uid])))
    return found


def rank(finding: Finding) -> tuple[object, ...]:
    """Order of the report: gravest first, causes before what follows from them, then by place."""
    consequence = finding.code in ("MS007", "MS014")
    severity = -SEVERITIES.index(finding.severity)
    return (severity, consequence, finding.file, finding.line, finding.code, finding.field, finding.message)


def _of_what_moves(run: Run, settlement: Settlement) -> list[Finding]:
    """Findings of the rules without those that tell what the move would change of an object that stays."""
    staying = {run.objects[uid].ref for uid in settlement.held if uid in run.objects}
    found = []
    for finding in run.findings:
        changes = finding.severity != "error" and finding.code != "MS005" and not finding.accepted
        if not (changes and finding.object in staying):
            found.append(finding)
    for entries in run.run_wide.values():
        found += [finding for obj, finding in entries if obj.uid not in settlement.held][:1]
    if run.stage.flips:
        return found
    # Nothing is edited yet, so what edits would change is told in the phase that makes them.
    translated = {obj.ref for obj in (*run.dropped.values(), *run.memo.get("told-of-policies", ()))}
    return [one for one in found if one.severity == "error" or one.accepted or one.object in translated]


def _some(run: Run, uid: int) -> Obj:
    found = run.objects.get(uid) or run.clients.get(uid)
    if found is None:
        owners = (owner for plan in run.derived for owner in plan.owners)
        planned = itertools.chain((edit.target for edit in run.edits), owners)
        found = next((obj for obj in planned if obj.uid == uid), None)
    if found is None:
        raise BugError(f"object {uid} is held, and the run does not know it")
    return found


def _edited(run: Run) -> frozenset[int]:
    """Objects that a rule wants to edit, whether they are held or not."""
    return frozenset(edit.target.uid for edit in run.edits)


def _concerned(run: Run, obj: Obj, edited: frozenset[int]) -> bool:
    """Whether the run would do something with the object: drop it, edit it, or hold it by its own kind."""
    if obj.uid in run.dropped or obj.uid in run.clients or obj.ref.group.endswith(MESH_SUFFIXES):
        return True
    return obj.uid in edited or run.units.asked(obj.uid)


def _object_fate(
    run: Run, settlement: Settlement, obj: Obj, told: dict[ObjectRef | None, set[str]]
) -> ObjectFate:
    fates: dict[str, int] = {}
    for _, fate in run.ledger.entries(obj.uid):
        kind = fate.kind if fate is not None else "unaccounted"
        fates[kind] = fates.get(kind, 0) + 1
    own = tuple(sorted(told.get(obj.ref, ())))
    if obj.uid in settlement.held:
        outcome = "held"
    elif obj.uid in run.kept and obj.uid not in settlement.operations:
        outcome = "kept"
    elif obj.uid not in run.dropped and obj.uid not in settlement.operations:
        outcome = "unchanged"
    elif "degraded" in fates or "accepted" in fates:
        outcome = "degraded"
    else:
        outcome = "translated" if obj.uid in run.dropped else "edited"
    held_by = str(_some(run, settlement.held[obj.uid]).ref) if obj.uid in settlement.held else ""
    stays = outcome != "held" and obj.uid in run.dropped and settlement.stays(run, obj.uid)
    line = obj.line + obj.root.line
    return ObjectFate(obj.ref, outcome, held_by, own, fates, obj.file, line, obj.uid, stays)


def _prerequisites(settlement: Settlement) -> Iterable[Finding]:
    kinds = sorted({(e.ref.api_version, e.ref.kind) for e in settlement.emitted if e.ref.group})
    if kinds:
        needs = sorted(
            {_OUR_KINDS_NEED[e.ref.group] for e in settlement.emitted if e.ref.group in _OUR_KINDS_NEED}
        )
        listed = ", ".join(f"{kind} ({version})" for version, kind in kinds)
        yield final_findings.of_run("MS008", f"emitted {listed}: needs {' and '.join(needs)}")


def _stale_acceptances(run: Run) -> Iterable[Finding]:
    for acceptance in run.options["accept"]:
        if (acceptance.code, acceptance.object) not in run.used_acceptances:
            message = f"nothing to accept: {acceptance.code} on {acceptance.object}"
            yield final_findings.of_run("MS012", message)


def _exit_code(run: Run, findings: list[Finding], settlement: Settlement) -> int:
    if settlement.faulty:
        return INTERNAL
    limit: Any = run.options["fail-on"]
    if limit == "never":
        return DONE
    floor = SEVERITIES.index(limit)
    return (
        FINDINGS if any(SEVERITIES.index(f.severity) >= floor and not f.accepted for f in findings) else DONE
    )
