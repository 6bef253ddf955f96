"""What is left before anything is written: markers, collisions, the ledger's totality, and what stays with what."""

from __future__ import annotations

from collections.abc import Iterator
from operator import is_
from typing import Any, NamedTuple

from transformer import edits, left_over
from transformer.findings import ObjectRef
from transformer.ledger import HELD, NO_OP, Fate
from transformer.objects import MARKER, Obj, View
from transformer.run import Derived, Edit, Run
from transformer.stream import nodes, splice

_GATEWAY = ("networking.istio.io", "Gateway")
_WAITS = Fate(NO_OP, "waits for phase switch")
_ROUTE_GROUPS = ("gateway.networking.k8s.io", "policy.linkerd.io")
_REQUEST_ROUTES = ("HTTPRoute", "GRPCRoute")


class Emitted(NamedTuple):
    """One object that will be written, at the place of its source; `replaces` are ours of an earlier run."""

    ref: ObjectRef
    value: dict[str, Any]
    plan: Derived
    replaces: tuple[Obj, ...] = ()


class Settlement(NamedTuple):
    """Outcome of a run: what stays (with its holder), what is emitted, and the verified operations per edited object.

    `left_over` are policies of an earlier run that are no longer made, and go.
    """

    held: dict[int, int]
    emitted: list[Emitted]
    operations: dict[int, list[splice.Op]]
    clients_stay: bool
    faulty: bool
    left_over: list[Obj]

    def stays(self, run: Run, uid: int) -> bool:
        """Whether a source that has its translation is kept all the same: nothing goes yet, or clients still obey it."""
        if not run.stage.flips:
            return True
        # Rules that stay name their Gateways, so these stay as well.
        ref = run.dropped[uid].ref if uid in run.dropped else None
        gateway = ref is not None and (ref.group, ref.kind) == _GATEWAY
        return self.clients_stay and (gateway or uid in run.client_config)


def settle(run: Run) -> Settlement:
    """Decide what moves. Every new hold restarts the closure, which only grows, so this ends."""
    faulty = False
    tried: dict[int, tuple[list[Edit], list[splice.Op]]] = {}
    _refuse_doubtful_yaml(run)
    while True:
        held = _staying(run)
        clients_stay = run.stage.keeps_clients or any(uid in held for uid in run.clients)
        hidden = clients_stay or run.stage.hides_routes
        before = len(held)
        if hidden:
            _hold_all(run, held, "MS260", run.gateway_only)
        if clients_stay and run.stage.flips:
            _hold_all(run, held, "MS020", _harms(run, held))
        emitted = list(_emitted(run, held, hidden))
        old = left_over.find(run, held)
        beside_istio = hidden or run.options["gateway-class"] == "keep-istio"
        operations = _operations(run, held, tried, beside_istio)
        _leave_unedited(old, operations)
        faulty |= _hold_unaccounted(run, held)
        if len(_staying(run)) == before:
            break
    for code, view, message in run.while_hidden if hidden else ():
        if view.obj.uid not in held:
            run.degrade(code, view, message)
    for uid in held:
        run.ledger.close(uid, Fate(HELD, "MS007"))
    return Settlement(held, emitted, operations, clients_stay, faulty, old)


def _staying(run: Run) -> dict[int, int]:
    """What is held, without what stays on purpose and of which nothing would have been made or changed."""
    plans: list[Derived | Edit] = [*run.derived, *run.edits]
    owners = {owner.uid for plan in plans for owner in plan.owners} if run.kept else set()
    return {
        uid: by
        for uid, by in run.units.closure().items()
        if uid not in run.kept or uid in owners or run.units.asked(uid)
    }


def _refuse_doubtful_yaml(run: Run) -> None:
    touched = {obj.uid: obj for obj in run.dropped.values()} | {
        edit.target.uid: edit.target for edit in run.edits
    }
    for obj in touched.values():
        tree = obj.part.tree if obj.part is not None else None
        if tree is not None and tree.duplicates:
            first, again = tree.duplicates[0]
            run.hold(
                "MS002",
                obj,
                f"`{again.value}` is written twice, in lines {obj.line + first.line} and {obj.line + again.line}",
            )
        if _merge_overrides(obj.root):
            run.hold("MS013", obj, "a merge key follows a key that it overrides")


def _merge_overrides(node: nodes.Node) -> bool:
    if node.kind == nodes.MAPPING:
        return nodes.merges_override(node) or any(_merge_overrides(value) for _, value in node.value)
    return node.kind == nodes.SEQUENCE and any(_merge_overrides(item) for item in node.value)


def _hold_all(run: Run, held: dict[int, int], code: str, asked: list[tuple[View, str]]) -> None:
    """Hold what only turned out to be impossible because both meshes run (policy.linkerd.io routes can say less)."""
    for view, message in asked:
        if view.obj.uid not in held:
            run.hold(code, view, message)


def _harms(run: Run, held: dict[int, int]) -> list[tuple[View, str]]:
    """Rules that break calls of clients that stay to pods that move; a rule without a namespace is for every host."""
    moving = {obj.namespace or obj.name for uid, obj in run.clients.items() if uid not in held}
    return [
        (view, message)
        for view, space, message in run.harms_clients
        if space in moving or (moving and not space)
    ]


def _emitted(run: Run, held: dict[int, int], hidden: bool) -> Iterator[Emitted]:
    # Most runs only edit; the checks of derived objects are loaded by those that have any.
    if run.derived:
        from transformer.targets import validation
    seen: dict[tuple[str, str, str, str], tuple[Derived, dict[str, Any]]] = {}
    for plan in run.derived:
        if any(owner.uid in held for owner in plan.owners):
            continue
        value = plan.value(hidden) if callable(plan.value) else plan.value
        ref = _ref(value, plan.owners[0])
        key = (ref.group, ref.kind, ref.namespace, ref.name)
        if key in seen and _alike(seen[key], plan, value):
            continue  # what several owners need alike, such as a ReferenceGrant, is written for the first that moves
        if key in seen:
            first, second = seen[key][0].owners[0], plan.owners[0]
            if _identity(first) == _identity(second):
                for one in (first, second):
                    run.hold("MS006", one, f"{one.ref} is written twice in this input")
                continue
            run.hold("MS006", first, f"{ref} would also be created for {second.ref}")
            run.hold("MS006", second, f"{ref} would also be created for {first.ref}")
            continue
        seen[key] = (plan, value)
        found = run.context.find(ref.group, ref.kind, ref.namespace, ref.name).obj
        existing = found if found is not None and not found.context else None
        if plan.shared and existing is not None and _is_shared(existing, value):
            continue
        if (
            found is not None
            and not _is_ours(found, value)
            and not (plan.shared and _is_shared(found, value))
        ):
            run.hold(
                "MS006",
                plan.owners[0],
                f"{ref} is in {found.file} already and does not carry the mark {MARKER}",
            )
            continue
        problems = validation.problems(value, run.target)
        if problems:
            run.hold("MS015", plan.owners[0], f"{ref} would not be valid: {problems[0]}")
            continue
        if existing is None or existing.view.value() != value:
            yield Emitted(ref, value, plan, tuple(_made_before(run, ref, value)))


def _identity(obj: Obj) -> tuple[str, str, str, str]:
    return obj.ref.group, obj.ref.kind, obj.namespace, obj.name


def _existing(run: Run, ref: ObjectRef) -> Obj | None:
    # Objects of the stream come before those of context files.
    found = run.context.find(ref.group, ref.kind, ref.namespace, ref.name).obj
    return found if found is not None and not found.context else None


def _made_before(run: Run, ref: ObjectRef, value: dict[str, Any]) -> Iterator[Obj]:
    """What an earlier run made of the same source under the same name, in any group, as a route of either kind of requests.

    A route of one name in both groups is never left: which of the two wins is random (observed L6). Nor is one of another
    kind: a GRPCRoute hides the HTTPRoutes of its parent (observed L20).
    """
    for group in _ROUTE_GROUPS if ref.group in _ROUTE_GROUPS else (ref.group,):
        for kind in _REQUEST_ROUTES if ref.kind in _REQUEST_ROUTES else (ref.kind,):
            found = _existing(run, ref._replace(group=group, kind=kind))
            if found is not None and _is_ours(found, value):
                yield found


def _alike(earlier: tuple[Derived, dict[str, Any]], plan: Derived, value: dict[str, Any]) -> bool:
    """Whether two plans want the same object; what is shared may say that it comes from another source."""
    shared = plan.shared and earlier[0].shared
    return earlier[1] == value or (shared and earlier[1].get("spec") == value.get("spec"))


def _is_shared(existing: Obj, value: dict[str, Any]) -> bool:
    """Whether an earlier run made the same for another source."""
    return MARKER in existing.annotations and bool(existing.spec.value() == value.get("spec"))


def _is_ours(existing: Obj, value: dict[str, Any]) -> bool:
    wanted: str = value["metadata"]["annotations"][MARKER]
    return existing.annotations.get(MARKER) == wanted


def _ref(value: dict[str, Any], source: Obj) -> ObjectRef:
    group, _, version = str(value["apiVersion"]).rpartition("/")
    meta = value["metadata"]
    return ObjectRef(group, version, value["kind"], meta.get("namespace", source.namespace), meta["name"])


def _operations(
    run: Run,
    held: dict[int, int],
    tried: dict[int, tuple[list[Edit], list[splice.Op]]],
    beside_istio: bool,
) -> dict[int, list[splice.Op]]:
    """Operations per edited object, each tried on its text: an edit that is refused holds its object.

    `tried` keeps what worked in an earlier round, for plans that a new hold did not touch.
    """
    plans: dict[int, list[Edit]] = {}
    for edit in run.edits:
        if edit.target.part is not None:
            edit.target.part.edits = []  # an earlier round may have planned it for owners that are held now
        if not run.stage.flips or edit.beside_istio not in (None, beside_istio):
            continue
        if edit.target.uid not in held and not any(owner.uid in held for owner in edit.owners):
            plans.setdefault(edit.target.uid, []).append(edit)
    found: dict[int, list[splice.Op]] = {}
    for uid, planned in plans.items():
        target: Obj = planned[0].target
        part = target.part
        if part is None or uid in run.dropped:
            continue
        earlier = tried.get(uid)
        if earlier is not None and len(earlier[0]) == len(planned) and all(map(is_, earlier[0], planned)):
            part.edits = found[uid] = earlier[1]
            continue
        try:
            part.edits = edits.operations(target, planned)
            if part.edits:
                part.try_edits()
                found[uid] = part.edits
                tried[uid] = planned, part.edits
        except (splice.Refused, edits.Conflict) as refusal:
            part.edits = []
            owners = {owner.uid: owner for edit in planned for owner in edit.owners}
            for owner in owners.values():
                if owner.uid != uid:
                    run.hold("MS003", owner, f"{target.ref} cannot be edited safely: {refusal}")
            run.hold("MS003", target, f"cannot be edited safely: {refusal}")
        if not found.get(uid):
            part.edits = []
    for uid, obj in run.objects.items():
        if uid in held and obj.part is not None:
            obj.part.edits = []
    return found


def _leave_unedited(old: list[Obj], operations: dict[int, list[splice.Op]]) -> None:
    """What goes is not edited, as the policies of an earlier phase would be when they are put in force."""
    for obj in old:
        operations.pop(obj.uid, None)
        if obj.part is not None:
            obj.part.edits = []


def _hold_unaccounted(run: Run, held: dict[int, int]) -> bool:
    """Enter what the plans account for, then hold whatever still has a leaf without a fate."""
    plans: list[Derived | Edit] = [*run.derived, *run.edits]
    done = [plan for plan in plans if not any(owner.uid in held for owner in plan.owners)]
    run.ledger.plan(
        mark if run.stage.flips or isinstance(plan, Derived) else mark._replace(fate=_WAITS)
        for plan in done
        for mark in plan.marks
    )
    faulty = False
    for uid in run.ledger.accounts():
        missing = run.ledger.unaccounted(uid) if uid not in held else []
        for leaf in missing:
            obj = run.objects[uid]
            faulty |= run.hold("MS009", obj.view.get(*[str(s) for s in leaf if isinstance(s, str)]) if leaf else obj,
                               f"{'.'.join(map(str, leaf))} was neither translated nor reported")  # fmt: skip
    return faulty
