"""Objects of plans: no two of a kind share a name, and every policy opens what exists."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from transformer.ir import authorization as ir
from transformer.ir import networks
from transformer.ir.request_classes import OTHER, ROOT, Path, Table, fold
from transformer.targets.linkerd import inbound_policy
from transformer.targets.linkerd.inbound_plan import plan
from transformer.targets.linkerd.request_paths import Unwritable

#: Sets that need one policy, and sets that need two.
CALLERS = (
    ir.NOBODY, ir.account("a", "x"), ir.account("b", "y"), ir.account("c", "z"),
    ir.account("a", "x") | ir.from_networks(networks.block("10.0.0.0/8")),
    ir.account("b", "y") | ir.from_networks(networks.block("10.1.0.0/16")),
)  # fmt: skip
ROWS = st.fixed_dictionaries({OTHER: st.sampled_from(CALLERS)})


@given(
    ROWS,
    st.dictionaries(st.sampled_from([Path("/a"), Path("/b"), Path("/c"), Path("/d/")]), ROWS, min_size=2),
)
def test_names_do_not_clash(root: dict[str, ir.SourceSet], rows: dict[Path, dict[str, ir.SourceSet]]) -> None:
    try:
        made = plan(Table(None, {OTHER: fold({ROOT: root, **rows})}), [], opaque=False)
    except Unwritable:
        return
    objects = list(inbound_policy.objects(made, "cart-80", {"app": "cart"}, 80))
    specs: dict[tuple[str, str], object] = {}
    for found in objects:
        known = specs.setdefault((found.kind, found.name), found.spec)
        # Authentications of the same callers are shared, nothing else is.
        assert known is found.spec or (found.kind.endswith("Authentication") and known == found.spec), (
            found.name
        )
    names = {(found.kind, found.name) for found in objects}
    for found in objects:
        if found.kind == "AuthorizationPolicy":
            target = found.spec["targetRef"]
            assert (target["kind"], target["name"]) in names
            for ref in found.spec["requiredAuthenticationRefs"]:
                assert (ref["kind"], ref["name"]) in names
