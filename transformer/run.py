"""One run: what rules may ask and say. Rules read objects and the context, and leave findings, marks, plans and relations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from transformer import codes
from transformer.findings import FieldPath, Finding, field_text
from transformer.ledger import ACCEPTED, DEGRADED, NO_OP, TRANSLATED, Fate, Ledger, Mark
from transformer.objects import Obj, View
from transformer.scope import Scope
from transformer.stage import Stage
from transformer.units import Units

if TYPE_CHECKING:
    from transformer.context.index import Context
    from transformer.options import Options
    from transformer.targets.versions import Target


class Derived(NamedTuple):
    """A planned new object: its value (or a function of "clients stay in Istio"), its owners, and what it accounts for.

    A `shared` one may be planned several times with one spec; it is emitted once, by the first plan whose owners move.
    `source` is what it comes from where that is not the first owner.
    """

    value: dict[str, Any] | Callable[[bool], dict[str, Any]]
    owners: tuple[Obj, ...]
    marks: tuple[Mark, ...]
    order: int = 0
    shared: bool = False
    source: Obj | None = None

    @property
    def origin(self) -> Obj:
        """What the object comes from."""
        return self.source or self.owners[0]


class Edit(NamedTuple):
    """A planned change of the map at `path` of an object: keys to write and keys to remove.

    `beside_istio`: only while clients may be in the old mesh (True), only where none is (False), or always.
    """

    target: Obj
    path: FieldPath
    write: dict[str, Any]
    remove: tuple[str, ...]
    owners: tuple[Obj, ...]
    marks: tuple[Mark, ...]
    renames: dict[str, str]
    beside_istio: bool | None = None


class MissingFact(NamedTuple):
    """A fact that no manifest tells and nobody has said."""

    key: str
    why: str
    at: Obj


class Run:
    """State of one run and the vocabulary of the rules."""

    def __init__(self, options: Options, context: Context, target: Target) -> None:
        self.options = options
        self.context = context
        self.target = target
        self.stage = Stage(options["phase"], bool(options["only"]))
        self.scope = Scope(options, context)
        self.ledger = Ledger()
        self.units = Units()
        self.findings: dict[Finding, None] = {}
        self.derived: list[Derived] = []
        self.edits: list[Edit] = []
        self.dropped: dict[int, Obj] = {}
        self.kept: dict[int, Obj] = {}
        self.facts: dict[str, list[MissingFact]] = {}
        self.objects: dict[int, Obj] = {}
        self.clients: dict[int, Obj] = {}
        self.client_config: dict[int, Obj] = {}
        self.gateway_only: list[tuple[View, str]] = []
        self.harms_clients: list[tuple[View, str, str]] = []
        self.while_hidden: list[tuple[str, View, str]] = []
        self.used_acceptances: set[tuple[str, str]] = set()
        self.memo: dict[str, Any] = {}
        self.run_wide: dict[str, list[tuple[Obj, Finding]]] = {}

    # -- what a rule says -------------------------------------------------------------------------------------------

    def say(self, code: str, at: View | Obj, message: str, *, remedy: str = "", target: str = "") -> Finding:
        """Add a finding of a warning or info code (an error code only through `hold` or `tell`)."""
        finding = self._finding(code, at, message, remedy, target, codes.CODES[code].severity)
        self.findings[finding] = None
        return finding

    def once(self, code: str, at: View | Obj, message: str, *, remedy: str = "", about: str = "") -> None:
        """A finding that holds for the whole run: told once (per `about`), on the first object that is not held."""
        finding = self._finding(code, at, message, remedy, "", codes.CODES[code].severity)
        self.run_wide.setdefault(f"{code} {about}", []).append(
            (at.obj if isinstance(at, View) else at, finding)
        )

    def hold(self, code: str, at: View | Obj, message: str, *, remedy: str = "") -> bool:
        """Ask that the object at `at` stays, with an error finding; False if a person accepted this loss.

        When it returns False the rule goes on without the construct, whose leaves are marked as accepted.
        """
        obj = at.obj if isinstance(at, View) else at
        finding = self._finding(code, at, message, remedy, "", codes.CODES[code].severity)
        reason = self._acceptance(code, obj)
        if reason:
            where = "object" if self._noted(code, obj) else "options"
            finding = finding._replace(severity="warning", accepted=reason, accepted_in=where)
            self.findings[finding] = None
            if isinstance(at, View):
                self.mark(at, Fate(ACCEPTED, code))
            return False
        self.findings[finding] = None
        self.units.hold(obj.uid)
        return True

    def accepts(self, code: str, obj: Obj) -> bool:
        """Whether a person accepted this loss on the object; whoever acts on it tells so with `hold`."""
        return bool(self._noted(code, obj)) or any(
            one.code == code and one.object == _full_name(obj) for one in self.options["accept"]
        )

    def tell(self, code: str, at: View, message: str) -> None:
        """An error finding about an object that nothing would be done with: there is nothing to hold."""
        finding = self._finding(code, at, message, "", "", codes.CODES[code].severity)
        reason = self._acceptance(code, at.obj)
        if reason:
            finding = finding._replace(severity="warning", accepted=reason)
        self.findings[finding] = None

    def degrade(self, code: str, at: View, message: str, *, remedy: str = "") -> None:
        """A warning for tuning that the target lacks; the field's leaves are degraded."""
        self.say(code, at, message, remedy=remedy)
        self.mark(at, Fate(DEGRADED, code))

    def no_op(self, at: View, why: str) -> None:
        """The field needs nothing on the target; `why` is a short reason or a finding code."""
        self.mark(at, Fate(NO_OP, why))

    def mark(self, at: View, fate: Fate) -> None:
        """Enter a fate for a field and everything under it, at once."""
        for one in at.sources():
            if one.present:
                self.ledger.enter(Mark(one.obj.uid, one.path, fate))

    def translated(self, *views: View, target: str = "") -> tuple[Mark, ...]:
        """Marks to hand to `derive` or `edit`: the fields (with everything under them) decide what is emitted there."""
        fate = Fate(TRANSLATED, target)
        written = (one for view in views for one in view.sources() if one.present)
        return tuple(Mark(one.obj.uid, one.path, fate) for one in written)

    # -- what a rule plans ------------------------------------------------------------------------------------------

    def account(self, obj: Obj, views: Iterable[View]) -> None:
        """Open the object's account with every leaf under the given views."""
        self.objects[obj.uid] = obj
        self.ledger.open(obj.uid, (leaf for view in views for leaf in view.leaves()))

    def drop(self, obj: Obj) -> None:
        """The object leaves the stream unless its unit is held, or something that stays on purpose needs it."""
        if obj.uid not in self.kept:
            self.dropped[obj.uid] = obj

    def keep(self, obj: Obj) -> None:
        """The object stays on purpose, and that is no hold: what is derived of it is emitted, edits of it are made."""
        self.kept[obj.uid] = obj
        self.dropped.pop(obj.uid, None)

    def derive(
        self,
        value: dict[str, Any] | Callable[[bool], dict[str, Any]],
        owners: Sequence[Obj],
        marks: Iterable[Mark] = (),
        *,
        order: int = 0,
        shared: bool = False,
        source: Obj | None = None,
    ) -> None:
        """Plan a new object at the place of its first owner, by `order` there; emitted only if no owner is held."""
        self.derived.append(Derived(value, tuple(owners), tuple(marks), order, shared, source))

    def edit(
        self, target: Obj, path: FieldPath, *, write: dict[str, Any] | None = None, remove: Sequence[str] = (),
        owners: Sequence[Obj] = (), marks: Iterable[Mark] = (), renames: dict[str, str] | None = None,
        beside_istio: bool | None = None,
    ) -> None:  # fmt: skip
        """Plan to write and remove keys of the map at `path`; done only if neither target nor owners are held.

        `renames`: which new key takes the line (and the comments) of which removed one.
        """
        holders = tuple(owners) or (target,)
        self.edits.append(
            Edit(
                target,
                path,
                write or {},
                tuple(remove),
                holders,
                tuple(marks),
                renames or {},
                beside_istio,
            )
        )

    def fact(self, key: str, at: Obj, why: str) -> str:
        """The value of a fact, empty where it is missing (then the run ends with one message about all missing facts)."""
        value: str = self.options[key]
        if not value:
            asked = self.facts.setdefault(key, [])
            if all(missing.at.uid != at.uid for missing in asked):
                asked.append(MissingFact(key, why, at))
        return value

    # -- inside -----------------------------------------------------------------------------------------------------

    def _finding(
        self, code: str, at: View | Obj, message: str, remedy: str, target: str, severity: str
    ) -> Finding:
        obj = at.obj if isinstance(at, View) else at
        path = at.path if isinstance(at, View) else ()
        line = (at.line if isinstance(at, View) else 0) or obj.line + obj.root.line
        known = codes.CODES[code]
        return Finding(
            code, severity, obj.file, line, obj.ref, field_text(path), message, remedy or known.remedy, target
        )

    def _acceptance(self, code: str, obj: Obj) -> str:
        """The reason a person gave for accepting this code on this object, or an empty string."""
        if not codes.CODES[code].acceptable:
            return ""
        noted = self._noted(code, obj)
        if noted:
            return noted
        name = _full_name(obj)
        for acceptance in self.options["accept"]:
            if acceptance.code == code and acceptance.object == name:
                self.used_acceptances.add((acceptance.code, acceptance.object))
                return str(acceptance.reason)
        return ""

    def _noted(self, code: str, obj: Obj) -> str:
        """The reason in the object's own annotation, or an empty string."""
        for line in obj.annotations.get("meshshift.dev/accept", "").replace(";", "\n").splitlines():
            accepted, _, reason = line.partition(":")
            if accepted.strip() == code and reason.strip():
                return reason.strip()
        return ""


def _full_name(obj: Obj) -> str:
    """Kind, namespace and name, as acceptances write them."""
    return "/".join(part for part in (obj.ref.kind, obj.namespace, obj.name) if part)
