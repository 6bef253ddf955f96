"""Delegation: rules of a VirtualService that stand in another one, merged as Istio does before it reads them.

A rule that delegates becomes one rule for each of the delegate's: the matches are combined, the delegate's own blocks
replace those of the rule (istio-surface §2.1; observed I22). Both objects move together or stay together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from transformer.findings import FieldPath
from transformer.ledger import NO_OP, TRANSLATED, Fate
from transformer.objects import Obj, View
from transformer.rules.istio import kept_ingress
from transformer.rules.istio.check import check_fields
from transformer.rules.istio.held import Held
from transformer.rules.istio.merged_view import MergedFields, MergedList
from transformer.run import Run

_ISTIO = "networking.istio.io"
#: Blocks of the delegating rule that hold unless the delegate's rule has its own.
_INHERITED = (
    "rewrite", "directResponse", "timeout", "retries", "fault", "mirror", "mirrorPercent", "mirror_percent",
    "mirrorPercentage", "mirrors", "corsPolicy", "headers",
)  # fmt: skip
_MAPS = ("headers", "withoutHeaders", "queryParams")
_CONDITIONS = ("uri", "scheme", "method", "authority")
_CLIENTS = ("gateways", "sourceLabels", "sourceNamespace")


class MergedRule(MergedFields):
    """A delegate's rule as it stands in the list of the rule that delegates (`outer`)."""

    __slots__ = ("outer",)

    def __init__(self, base: View, fields: dict[str, View], outer: View) -> None:
        super().__init__(base, fields)
        self.outer = outer


class _Delegation:
    """Delegates of the stream, which are refused or used, which of their rules take requests, and the merged lists."""

    __slots__ = ("delegates", "lists", "reached", "refused", "used")

    def __init__(self) -> None:
        self.delegates: dict[int, Obj] = {}
        self.lists: dict[int, list[View]] = {}
        self.reached: set[tuple[int, FieldPath]] = set()
        self.refused: set[int] = set()
        self.used: set[int] = set()


def is_delegate(obj: Obj) -> bool:
    """Whether the object has rules but no hosts, so that it has an effect only through others."""
    hosts = obj.spec.get("hosts")
    hostless = not hosts or (hosts.is_sequence and not list(hosts.each()))
    return hostless and bool(list(obj.spec.get("http").each()))


def prepare(run: Run, objs: Sequence[Obj]) -> None:
    """Check the delegates of the stream and bind them to whatever delegates to them, before any rule is read."""
    known = _of(run)
    staying = kept_ingress.delegates(run)
    for obj in objs:
        if is_delegate(obj) and obj.uid not in staying:
            known.delegates[obj.uid] = obj
            try:
                _check(run, obj)
            except Held:
                known.refused.add(obj.uid)
    for root in run.context.objects(_ISTIO, "VirtualService"):
        for rule in root.spec.get("http").each():
            found = _named(run, root, rule) if rule.get("delegate") else None
            if found is None or kept_ingress.is_for_ingress_only(run, root):
                continue
            known.used.add(found.uid)
            run.units.bind([root.uid, found.uid])
            if root.context and not found.context:
                run.hold("MS234", found, f"{root.ref}, which is only in the context, delegates to it")


def _of(run: Run) -> _Delegation:
    found: _Delegation | None = run.memo.get("delegates")
    if found is None:
        found = run.memo["delegates"] = _Delegation()
    return found


def _check(run: Run, obj: Obj) -> None:
    check_fields(run, obj, "VirtualService")
    for name in ("gateways", "tls", "tcp"):
        if obj.spec.get(name):
            run.hold(
                "MS234", obj.spec.get(name), f"a VirtualService without hosts has no {name}; Istio refuses it"
            )
            raise Held
    for rule in obj.spec.get("http").each():
        if rule.get("delegate"):
            run.hold("MS234", rule.get("delegate"), "a delegate cannot delegate further; Istio refuses it")
            raise Held
        for match in rule.get("match").each():
            for name in _CLIENTS:
                if match.get(name):
                    run.hold(
                        "MS234",
                        match.get(name),
                        f"{name} in a delegate is read by some versions of Istio only",
                    )
                    raise Held
    run.mark(obj.spec.get("exportTo"), Fate(NO_OP, "says who may delegate to it"))


def _named(run: Run, root: Obj, rule: View) -> Obj | None:
    """The object that a rule delegates to, if stream or context have it."""
    block = rule.get("delegate")
    namespace = block.get("namespace").text() or root.namespace
    return run.context.find(_ISTIO, "VirtualService", namespace, block.get("name").text()).obj


def rules(run: Run, obj: Obj) -> list[View]:
    """The http rules as Istio reads them, delegates merged. Raises `Held` with the finding made."""
    known = _of(run)
    if obj.uid not in known.lists:
        found: list[View] = []
        for rule in obj.spec.get("http").each():
            found += _merged(run, obj, rule) if rule.get("delegate") else [rule]
        known.lists[obj.uid] = found
    return known.lists[obj.uid]


def _merged(run: Run, root: Obj, rule: View) -> list[MergedRule]:
    """The rules that one delegating rule becomes."""
    block = rule.get("delegate")
    if rule.get("route") or rule.get("redirect"):
        run.hold("MS004", block, "a rule that delegates has no route or redirect; the API server refuses it")
        raise Held
    delegate = _delegate(run, root, rule)
    if delegate is None:
        run.mark(rule, Fate(NO_OP, "MS239"))
        return []
    merged = [_merge_rule(run, rule, leaf) for leaf in delegate.spec.get("http").each()]
    found = [one for one in merged if one is not None]
    if not found:
        run.mark(rule, Fate(NO_OP, "MS239"))
        return []
    run.mark(block, Fate(TRANSLATED, "merged"))
    _account_overridden(run, rule, found)
    return found


def _delegate(run: Run, root: Obj, rule: View) -> Obj | None:
    """The delegate; None (told) where Istio finds none and leaves the rule out."""
    block = rule.get("delegate")
    namespace = block.get("namespace").text() or root.namespace
    where = f"{namespace}/{block.get('name').text()}".lstrip("/")
    found = _named(run, root, rule)
    if found is None and not run.context.is_complete(namespace):
        run.hold("MS234", block, f"VirtualService {where} is not in the stream",
                 remedy="Render both in one stream; or declare the namespace `complete` if there is no such "
                 "object, and the rule goes, as it does in Istio.")  # fmt: skip
        raise Held
    if found is not None and found.context != root.context:
        run.hold("MS234", block, f"VirtualService {where} is only in the context: its owner could not change the "
                 "routes any more that are made of it", remedy="Render both in one stream.")  # fmt: skip
        raise Held
    if found is None or not is_delegate(found):
        why = "does not exist" if found is None else "is no delegate: it has hosts, or no rules"
        run.say("MS239", block, f"VirtualService {where} {why}; Istio leaves the rule out")
        return None
    if found.uid in _of(run).refused:
        raise Held
    exported = [entry.text() for entry in found.spec.get("exportTo").each()]
    visible = {found.namespace if name == "." else name for name in exported} or {"*"}
    if not visible & {"*", root.namespace}:
        run.say(
            "MS239",
            block,
            f"VirtualService {where} is not exported to {root.namespace}; Istio leaves the rule out",
        )
        return None
    return found


def _merge_rule(run: Run, root: View, leaf: View) -> MergedRule | None:
    """The delegate's rule under the conditions of the rule that delegates; None (told) where they exclude each other."""
    fields = {name: root.get(name) for name in _INHERITED if root.get(name)}
    for name, field in leaf.items():
        if field or name not in fields:
            fields[name] = field
    names = {str(index): one.get("name") for index, one in enumerate((root, leaf)) if one.get("name")}
    if len(names) > 1:
        fields["name"] = MergedFields(leaf.get("name"), names)
    elif root.get("name"):
        fields["name"] = root.get("name")
    outer, inner = list(root.get("match").each()), list(leaf.get("match").each())
    if outer and inner:
        pairs = [(one, [other for other in outer if not _conflict(run, other, one)]) for one in inner]
        lost = next((one for one, partners in pairs if not partners), None)
        if lost is not None:
            run.say("MS239", lost, f"the match lies in none of those of rule {root.path[-1]} of {root.obj.ref}; "
                    "Istio leaves the delegate's rule out")  # fmt: skip
            return None
        entries = tuple(_merge_match(run, other, one) for one, partners in pairs for other in partners)
        fields["match"] = MergedList(leaf.get("match"), entries)
    elif outer:
        fields["match"] = root.get("match")
    return MergedRule(leaf, fields, root)


def _merge_match(run: Run, root: View, leaf: View) -> View:
    fields = {name: field for name, field in root.items() if field}
    for name, field in leaf.items():
        if not field:
            continue
        if name in _MAPS and name in fields and field.is_mapping:
            fields[name] = _merge_map(run, fields[name], field)
        else:
            fields[name] = field
    return MergedFields(leaf, fields)


def _merge_map(run: Run, root: View, leaf: View) -> View:
    outer, inner = dict(root.items()), dict(leaf.items())
    for key in outer.keys() & inner.keys():
        # The delegate's condition lies inside the other one, or the pair would have been left out.
        run.mark(outer[key], Fate(TRANSLATED, "merged"))
    return MergedFields(leaf, outer | inner)


def _conflict(run: Run, root: View, leaf: View) -> bool:
    """Whether the delegate's match is not inside the other one, by Istio's own comparison."""
    if any(_apart(root.get(name), leaf.get(name)) for name in _CONDITIONS):
        return True
    for name in ("headers", "queryParams"):
        if any(_apart(root.get(name, key), condition) for key, condition in leaf.get(name).items()):
            return True
    for key, condition in leaf.get("withoutHeaders").items():
        if root.get("headers", key).present or root.get("withoutHeaders", key).present:
            run.hold(
                "MS234",
                condition,
                f"both rules speak of header `{key}`, which versions of Istio combine differently",
            )
            raise Held
    if bool(root.get("ignoreUriCase").value()) != bool(leaf.get("ignoreUriCase").value()):
        return True
    ports = {port for one in (root, leaf) if (port := one.get("port").value())}
    return len(ports) > 1


def _apart(root: View, leaf: View) -> bool:
    """Texts decide, not languages: expressions never combine, nor do presence conditions."""
    if not root or not leaf:
        return False
    if root.get("regex").text() or leaf.get("regex").text():
        return True
    exact, prefix = root.get("exact").text(), root.get("prefix").text()
    inner_exact, inner_prefix = leaf.get("exact").text(), leaf.get("prefix").text()
    if exact:
        return bool(inner_prefix) or inner_exact != exact
    return not (prefix and (inner_prefix or inner_exact).startswith(prefix))


def _read(found: Iterable[View]) -> set[tuple[int, FieldPath]]:
    """The fields, as they are written, that merged rules are made of."""
    return {(one.obj.uid, one.path) for rule in found for _, field in rule.items() for one in field.sources()}


def _is_read(field: View, read: set[tuple[int, FieldPath]]) -> bool:
    """Whether the field, something under it or something that contains it is read."""
    return any(
        uid == field.obj.uid and path[: len(field.path)] == field.path[: len(path)] for uid, path in read
    )


def _account_overridden(run: Run, rule: View, found: Sequence[View]) -> None:
    """Blocks and conditions of the delegating rule that no merged rule has: those of the delegate count."""
    read = _read(found)
    fields = [field for name, field in rule.items() if name in _INHERITED]
    fields += [field for match in rule.get("match").each() for _, field in match.items()]
    for field in fields:
        if not _is_read(field, read):
            run.mark(field, Fate(NO_OP, "the delegate's rules say it more closely"))


def account(run: Run, obj: Obj, reached: set[int], *, stays: bool = False) -> None:
    """Tell which rules take no requests: those that apply nowhere, or stand behind one that takes everything.

    `stays`: a gateway that obeys the object stays in Istio, so such rules may be for it.
    """
    known = _of(run)
    found = rules(run, obj)
    taking = [rule for index, rule in enumerate(found) if index in reached]
    outer = {rule.outer.path for rule in taking if isinstance(rule, MergedRule)}
    known.reached |= {(rule.obj.uid, rule.path) for rule in taking}
    for index, rule in enumerate(found):
        if index in reached:
            continue
        why = "for a gateway that stays in Istio" if stays else "MS226"
        if not stays:
            run.say("MS226", rule, "no request of the mesh ever reaches this rule; it is left out")
        if not isinstance(rule, MergedRule):
            run.mark(rule, Fate(NO_OP, why))
        elif rule.outer.path not in outer:
            run.mark(rule.outer, Fate(NO_OP, why))
        else:
            read = _read(taking)
            for one in rule.sources():
                if one.obj.uid == obj.uid and not _is_read(one, read):
                    run.mark(one, Fate(NO_OP, why))


def finish(run: Run) -> None:
    """Account for the delegates' rules that no rule of the stream uses; a delegate that nobody names stays."""
    known = _of(run)
    for delegate in known.delegates.values():
        if delegate.uid not in known.used:
            run.hold("MS204", delegate, "has no hosts: it is a delegate, and nothing here delegates to it")
            continue
        for rule in delegate.spec.get("http").each():
            if (delegate.uid, rule.path) not in known.reached:
                run.mark(rule, Fate(NO_OP, "no rule that delegates here sends it requests"))


def label(rule: View) -> str:
    """What people call the rule: of a merged one both names."""
    return "-".join(one.text() for one in rule.get("name").sources() if one.text())
