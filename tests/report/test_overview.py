"""The overview: one screen whatever there is, grouped and counted, and a next command that fits."""

from __future__ import annotations

import re
from typing import Any

import pytest

from transformer.codes import CODES
from transformer.report import json, overview
from transformer.report.overview import Place

HERE = Place("k8s", 3, "k8s", configured=True)
STAGES = "NAMESPACE  READY FOR      BLOCKED BY\nshop       phase: switch\n"


def ref(kind: str = "VirtualService", name: str = "cart") -> dict[str, str]:
    return {"group": "networking.istio.io", "version": "v1", "kind": kind, "namespace": "shop", "name": name}


def finding(code: str, **more: Any) -> dict[str, Any]:
    return {"code": code, "severity": CODES[code].severity, "accepted": "", "file": "k8s/cart.yaml", "line": 7,
            "object": ref(), "field": "", "message": "m", "remedy": "r", "target": "", "held_by": ""} | more  # fmt: skip


def thing(kind: str, outcome: str, *, stays: bool = False) -> dict[str, Any]:
    return {
        **ref(kind),
        "file": "",
        "line": 1,
        "outcome": outcome,
        "held_by": "",
        "codes": [],
        "fates": {},
        "stays": stays,
    }


def fact(key: str) -> dict[str, Any]:
    return {"key": key, "why": ["w"], "objects": [{**ref(), "file": "", "line": 1}]}


def report(**parts: Any) -> dict[str, Any]:
    return json.failure("check", 1, "") | parts


def lines(where: Place = HERE, stages: str = "", width: int = 100, **parts: Any) -> list[str]:
    return overview.render(report(**parts), where, stages, width=width).splitlines()


def test_what_there_is_and_what_becomes_of_it() -> None:
    objects = [thing("Gateway", "held"), thing("VirtualService", "translated"), thing("VirtualService", "degraded"),
               thing("VirtualService", "translated", stays=True), thing("Namespace", "edited"), thing("Sidecar", "unchanged"),
               thing("Service", "kept")]  # fmt: skip
    shown = lines(objects=objects, emitted=[ref("HTTPRoute"), ref("HTTPRoute"), ref("Service")])
    assert shown[0] == (
        "7 objects of an old mesh in 3 manifest files: 3 would move, 1 to be decided, 1 unchanged, 2 kept"
    )
    table = {line.split()[0]: [int(cell) for cell in line.split()[1:]] for line in shown[3:8]}
    assert table["VirtualService"] == [3, 2, 0]
    assert table["Gateway"] == [1, 0, 1]
    assert "would be written: 2 HTTPRoute, 1 Service" in shown


def test_decisions_are_grouped_and_consequences_are_only_counted() -> None:
    errors = [finding("MS202"), finding("MS202", object=ref(name="web"), line=9), finding("MS206")]
    others = [finding("MS007"), finding("MS014"), finding("MS315"), finding("MS202", accepted="fine")]
    shown = lines(objects=[thing("VirtualService", "held")], findings=errors + others)
    at = shown.index("What stands in the way (1 more object held because of it):")
    assert shown[at + 1] == "  MS202 2×  Service is not known        VirtualService shop/cart (cart.yaml:7)"
    assert shown[at + 2] == "  MS206 1×  two objects claim one host  VirtualService shop/cart (cart.yaml:7)"
    assert shown[at + 4 : at + 6] == [
        "What else to look at:",
        "  MS315 1×  subset that no route uses  VirtualService shop/cart (cart.yaml:7)",
    ]


@pytest.mark.parametrize(
    ("width", "end"),
    [
        (100, "VirtualService shop/cart (k8s/a/very/long/folder.yaml:7)"),
        (88, "VirtualService shop/cart (…/folder.yaml:7)"),
        (66, "VirtualService shop/cart"),
    ],
)
def test_an_example_shows_as_much_of_its_place_as_fits(width: int, end: str) -> None:
    entry = finding("MS202", file="k8s/a/very/long/folder.yaml")
    shown = lines(Place("all"), width=width, objects=[thing("VirtualService", "held")], findings=[entry])
    assert any(line.endswith("  " + end) for line in shown), shown


def test_one_screen_whatever_there_is() -> None:
    codes = [code.code for code in CODES.values() if code.severity == "error"][:60]
    warnings = [code.code for code in CODES.values() if code.severity == "warning"][:20]
    data = {
        "objects": [thing(f"Kind{number}", "held") for number in range(40)],
        "emitted": [ref("HTTPRoute")],
        "findings": [finding(code) for code in codes + warnings],
        "facts": [fact(key) for key in ("mesh.mtls", "gateway-class", "namespace", "mesh.osm-policy-mode")],
        "notes": [f"note {number}" for number in range(9)] + ["x/a.yaml is a template and was not read"] * 3,
    }
    stages = STAGES + "more\n" * 30
    for where in (HERE, Place("k8s", 3, "k8s"), Place("the stream")):
        for width in (60, 80, 100):
            shown = lines(where, stages, width, **data)
            assert len(shown) <= overview.LINES
            assert max(map(len, shown)) <= width
    text = "\n".join(shown)
    for told in ("more kinds", "more codes", "4 facts are missing", "mesh.mtls, gateway-class",
                 "3 templates were not read (a.yaml",
                 "9 more remarks", "more namespaces"):  # fmt: skip
        assert told in text, told


@pytest.mark.parametrize(
    ("where", "parts", "following"),
    [
        (Place("k8s", 1, "k8s"), {}, "meshshift init k8s"),
        (Place("a", 1, "$(a)"), {}, "meshshift init '$(a)'"),
        (Place("a", 1, "$(a)", unused="$(a)/b"), {}, "meshshift check '--config=$(a)/b' '$(a)'"),
        (
            Place("k8s", 1, "k8s", unused="k8s/meshshift.yaml"),
            {},
            "meshshift check --config=k8s/meshshift.yaml k8s",
        ),
        (HERE, {"facts": [fact("mesh.mtls")]}, "meshshift check --mesh-mtls=…"),
        (HERE, {"findings": [finding("MS202")]}, "meshshift explain MS202"),
        (HERE, {}, "meshshift < rendered.yaml"),
        (Place("the stream"), {}, "meshshift < rendered.yaml"),
    ],
)
def test_the_next_command_fits(where: Place, parts: dict[str, Any], following: str) -> None:
    shown = lines(where, objects=[thing("VirtualService", "translated")], **parts)
    assert next(line for line in shown if line.startswith("next:")).split(maxsplit=1)[1].startswith(following)
    assert shown[-1].startswith("details: meshshift last")


@pytest.mark.parametrize("objects", [[], [thing("Sidecar", "unchanged")], [thing("Gateway", "kept")]])
def test_where_nothing_is_left_to_do(objects: list[dict[str, Any]]) -> None:
    shown = lines(objects=objects, exit_code=0)
    assert shown[-1] == "Nothing is left to do here."
    if not objects:
        assert shown[0] == "Nothing of Istio, SMI or Open Service Mesh in k8s (3 manifest files)"


def test_stages_are_shown_while_a_migration_is_under_way() -> None:
    shown = lines(stages=STAGES, objects=[thing("VirtualService", "translated")])
    assert "shop       phase: switch" in shown


def test_names_cannot_steer_the_terminal_and_colours_take_no_room() -> None:
    entry = finding("MS202", object=ref(name="\x1b[2Jcart"))
    data = report(objects=[thing("VirtualService", "held")], findings=[entry])
    painted = overview.render(data, HERE, width=60, colour=True)
    assert "\x1b[2J" not in painted
    assert "\x1b[31mMS202\x1b[0m" in overview.render(data, HERE, width=100, colour=True)
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in painted.splitlines()) <= 60


@pytest.mark.parametrize(
    ("findings", "following"),
    [
        ([finding("MS315")], "meshshift explain MS315"),
        ([finding("MS202", accepted="fine")], "meshshift last"),
    ],
)
def test_a_run_that_fails_never_says_that_nothing_is_left(
    findings: list[dict[str, Any]], following: str
) -> None:
    shown = lines(findings=findings, exit_code=1)
    assert shown[-1] == f"next:    {following}"
    assert not any("Nothing is left" in line for line in shown)
