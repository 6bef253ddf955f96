"""Recorded verdicts of Istio's policies, asked again of Linkerd's evaluator about what the program makes of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dev.measure.authorization_runs import HELD, SAME, STRICTER, WIDER, AuthorizationRun, run
from dev.measure.vector_runs import World, worlds
from tests.real_tools import absent
from transformer.ir import authorization
from transformer.targets.linkerd import inbound_plan, inbound_policy, request_paths
from transformer.targets.linkerd.inbound_policy import Object

Json = dict[str, Any]


@pytest.fixture(scope="module")
def recorded(shared: Path) -> list[World]:
    folder = shared / "vectors"
    if not folder.is_dir():
        absent("the recorded answers, ../shared/vectors, are not beside the repository")
    found = worlds(folder, "authorization")
    assert len(found) > 200
    return found


@pytest.fixture(scope="module")
def runs(recorded: list[World]) -> list[AuthorizationRun]:
    return [run(world) for world in recorded]


def outcomes(runs: list[AuthorizationRun]) -> Counter[str]:
    return Counter(answer.outcome for found in runs for answer in found.answers)


def test_nobody_may_do_more_than_before(runs: list[AuthorizationRun]) -> None:
    wider = {found.world["id"]: [a for a in found.answers if a.outcome == WIDER] for found in runs}
    assert {world: answers for world, answers in wider.items() if answers} == {}
    counts = outcomes(runs)
    # A run that held nearly everything would prove nothing.
    assert counts[SAME] > 5000
    assert counts[HELD] > 1000


def test_whatever_is_stricter_is_told(runs: list[AuthorizationRun]) -> None:
    assert [(found.world["id"], found.untold) for found in runs if found.untold] == []
    assert outcomes(runs)[STRICTER] < 200


def test_every_field_has_a_fate(runs: list[AuthorizationRun]) -> None:
    for found in runs:
        assert found.report.exit_code == 0, found.world["id"]
        for fate in found.report.objects:
            assert "unaccounted" not in fate.fates, (found.world["id"], fate.ref)


def test_a_second_run_and_another_order_change_nothing(recorded: list[World]) -> None:
    for world in recorded[:140:3]:
        once = run(world)
        again = run({**world, "manifests": once.output})
        assert again.output == once.output, world["id"]
        turned = "---\n".join(reversed(world["manifests"].split("---\n")))
        other = run({**world, "manifests": turned})
        assert [a.outcome for a in other.answers] == [a.outcome for a in once.answers], world["id"]
        assert _objects(other) == _objects(once), world["id"]


def _objects(found: AuthorizationRun) -> list[str]:
    return sorted(text.strip() for text in found.output.split("---\n") if text.strip())


def test_without_complete_nothing_is_guessed(recorded: list[World], runs: list[AuthorizationRun]) -> None:
    partial = [run(world, complete=()) for world in recorded]
    counts = outcomes(partial)
    assert counts[WIDER] == 0
    assert counts[HELD] >= outcomes(runs)[HELD]


Emit = Callable[..., Iterator[Object]]


def changed(kind: str, change: Callable[[Json], Json]) -> Callable[[Emit], Emit]:
    """An emission whose objects of a kind get another spec."""

    def wrap(emit: Emit) -> Emit:
        def emitted(*args: Any) -> Iterator[Object]:
            for made in emit(*args):
                yield made._replace(spec=change(made.spec)) if made.kind == kind else made

        return emitted

    return wrap


def without(kind: str) -> Callable[[Emit], Emit]:
    """An emission without a kind of object."""
    return lambda emit: lambda *args: (made for made in emit(*args) if made.kind != kind)


def loosened(spec: Json) -> Json:
    return {**spec, "accessPolicy": "all-unauthenticated"}


def without_methods(spec: Json) -> Json:
    rules = [
        {
            **rule,
            "matches": [
                {key: value for key, value in match.items() if key != "method"} for match in rule["matches"]
            ],
        }
        for rule in spec["rules"]
    ]
    return {**spec, "rules": rules}


def without_addresses(spec: Json) -> Json:
    return {**spec, "networks": [{"cidr": "0.0.0.0/0"}, {"cidr": "::/0"}]}


def on_another_port(spec: Json) -> Json:
    return {**spec, "port": spec["port"] + 1, "accessPolicy": "all-unauthenticated"}


FAULTS: Mapping[str, Callable[[Emit], Emit]] = {
    "a Server that lets everyone in": changed("Server", loosened),
    "no Server": without("Server"),
    "lost methods": changed("HTTPRoute", without_methods),
    "lost addresses": changed("NetworkAuthentication", without_addresses),
    "any identity": changed("MeshTLSAuthentication", lambda spec: {"identities": ["*"]}),
    "a wrong port": changed("Server", on_another_port),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_emission_is_noticed(
    recorded: list[World], monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(inbound_policy, "objects", FAULTS[fault](inbound_policy.objects))
    noticed = (a for world in recorded for a in run(world).answers if a.outcome == WIDER)
    assert next(noticed, None) is not None, fault


def test_a_lost_refusal_of_other_spellings_is_noticed(
    recorded: list[World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_plan, "NON_CANONICAL", "^/nothing-of-this-name$")
    monkeypatch.setattr(request_paths, "_ANY", "[^/]*")
    assert any(a.outcome == WIDER for world in recorded for a in run(world).answers)


def test_a_lost_subtraction_is_noticed(recorded: list[World], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorization.SourceSet, "__sub__", lambda self, other: self)
    assert any(a.outcome == WIDER for world in recorded for a in run(world).answers)
