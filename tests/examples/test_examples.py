"""Every example does what its committed files say, whichever way it is delivered."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.crd_validation import Emitted
from tests.delivery.running import (
    KRM_WRAPPER,
    WRAPPER,
    Done,
    by_source,
    identities,
    install_program,
    isolated,
    run,
)
from tests.examples.cases import EXAMPLES, Example, build, expected, helm_template, transform
from tests.real_tools import ROOT

CHARTS = [example for example in EXAMPLES if example.chart]
MOVED = [example for example in EXAMPLES if example.code == 0]


def named(example: Example) -> str:
    return example.name


every = pytest.mark.parametrize("example", EXAMPLES, ids=named)
with_chart = pytest.mark.parametrize("example", CHARTS, ids=named)
moved = pytest.mark.parametrize("example", MOVED, ids=named)


@pytest.fixture
def home(tmp_path: Path, plain_environment: dict[str, str]) -> dict[str, str]:
    """An environment with an empty home and the program of this checkout on PATH."""
    (tmp_path / "program").mkdir()
    return isolated(plain_environment, tmp_path, install_program(tmp_path / "program"))


def objects(stream: bytes) -> dict[str, dict[str, Any]]:
    """Objects by `Kind/name`."""
    documents = [document for document in yaml.safe_load_all(stream) if document]
    found = dict(zip(identities(documents), documents, strict=True))
    assert len(found) == len(documents)
    return found


def without_namespace(found: dict[str, dict[str, Any]], namespace: str) -> dict[str, dict[str, Any]]:
    """The objects without the namespace that a kustomization gave all of them."""
    for value in found.values():
        if value["metadata"].get("namespace") == namespace:
            del value["metadata"]["namespace"]
    return found


def test_every_folder_is_tested() -> None:
    folders = {path.name for path in (ROOT / "examples").iterdir() if path.is_dir()}
    # Those of the integrations are run by their pages.
    assert folders - {"integrations"} == {example.name for example in EXAMPLES}


@every
def test_before_becomes_after_with_this_report(
    example: Example, home: dict[str, str], emitted: Emitted
) -> None:
    stream = example.committed("before.yaml")
    for name, content in expected(example, home, stream).items():
        assert content.decode() == example.committed(name).decode(), (
            f"{name}: python -m tests.examples.regenerate"
        )
    emitted.add(example.name, example.committed("after.yaml").decode())


@with_chart
def test_the_chart_renders_before(example: Example, helm3: str, home: dict[str, str]) -> None:
    assert helm_template(helm3, example, home).succeeded().out == example.committed("before.yaml")


@every
def test_the_kustomization_renders_the_same_objects(
    example: Example, kustomize: str, home: dict[str, str]
) -> None:
    rendered = objects(build(kustomize, example, home, "base").succeeded().out)
    assert rendered == objects(example.committed("before.yaml"))


@with_chart
def test_helm_3_prints_after(example: Example, helm3: str, home: dict[str, str]) -> None:
    done = helm_template(helm3, example, home, "--post-renderer", WRAPPER).succeeded()
    assert done.out == example.committed("after.yaml")


@with_chart
def test_helm_4_prints_the_same_objects(
    example: Example, helm4: str, home: dict[str, str], tmp_path: Path, emitted: Emitted
) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "meshshift").symlink_to(ROOT / "helm-postrender")
    env = home | {"HELM_PLUGINS": str(plugins)}
    done = helm_template(helm4, example, env, "--post-renderer", "meshshift").succeeded()
    assert objects(done.out) == objects(example.committed("after.yaml"))
    assert b"generated-by-postrender" not in done.out, (
        "every object stands under the template that it came from"
    )
    emitted.add(f"{example.name} by helm 4", done.out.decode())


@moved
def test_kustomize_prints_the_same_objects(
    example: Example, kustomize: str, home: dict[str, str], emitted: Emitted
) -> None:
    done = build(kustomize, example, home, "linkerd").succeeded()
    rendered, committed = (
        without_namespace(objects(stream), example.namespace)
        for stream in (done.out, example.committed("after.yaml"))
    )
    assert rendered == committed
    emitted.add(f"{example.name} by kustomize", done.out.decode())


def test_kpt_writes_what_is_new_into_the_file_of_its_source(
    kpt: str, home: dict[str, str], tmp_path: Path
) -> None:
    example = next(example for example in EXAMPLES if example.name == "bookinfo")
    package = tmp_path / "package"
    shutil.copytree(example.folder / "kustomize" / "base", package)
    (package / "kustomization.yaml").unlink()
    (package / "Kptfile").write_text("apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: bookinfo\n")
    files = {path.name for path in package.iterdir()}
    facts = ["mesh.mtls=strict", f"namespace={example.namespace}"]
    run([kpt, "fn", "eval", package, "--exec", KRM_WRAPPER, "--", *facts], home).succeeded()
    assert {path.name for path in package.iterdir()} == files
    traffic = [
        document for document in yaml.safe_load_all((package / "traffic.yaml").read_bytes()) if document
    ]
    by_helm = by_source(example.committed("after.yaml"))["bookinfo/templates/traffic.yaml"]
    assert identities(traffic) == identities([yaml.safe_load(document) for document in by_helm])
    written = b"---\n".join((package / name).read_bytes() for name in sorted(files - {"Kptfile"}))
    committed = objects(example.committed("after.yaml"))
    assert objects(written) == without_namespace(committed, example.namespace)


def codes(said: str) -> Iterable[str]:
    """Words that look like the code of a finding."""
    return {word.strip("`:,") for word in said.split() if word.startswith("MS") and word[2:5].isdigit()}


def test_kustomize_refuses_what_is_held_with_the_same_findings(kustomize: str, home: dict[str, str]) -> None:
    example = next(example for example in EXAMPLES if example.code)
    done = build(kustomize, example, home, "linkerd")
    assert (done.code, done.out) == (1, b"")
    assert codes(done.err) == codes(example.committed("report.txt").decode())


def check(example: Example, env: dict[str, str], stream: bytes) -> Done:
    return transform(example, env, stream, "check")


@every
def test_check_knows_before_from_after(example: Example, home: dict[str, str]) -> None:
    assert check(example, home, example.committed("before.yaml")).code == 1
    assert check(example, home, example.committed("after.yaml")).code == example.code


@every
def test_a_second_pass_changes_nothing(example: Example, home: dict[str, str]) -> None:
    after = example.committed("after.yaml")
    assert transform(example, home, after, "--fail-on=never").succeeded().out == after


def test_what_is_held_stays_byte_for_byte_and_the_rest_moves() -> None:
    example = next(example for example in EXAMPLES if example.code)
    before, after = (
        example.committed(name).decode().split("---\n") for name in ("before.yaml", "after.yaml")
    )
    held = [document for document in before if "namespace: ledger" in document or "name: ledger" in document]
    assert len(held) == 4
    assert all(document in after for document in held)
    assert any("kind: HTTPRoute" in document for document in after)


def test_regenerating_an_unknown_example_is_refused() -> None:
    from tests.examples import regenerate

    assert regenerate.main(["nowhere"]) == 2


def test_examples_run_the_program_that_is_tested(home: dict[str, str]) -> None:
    """A program of another checkout on PATH would make everything here pass or fail for nothing."""
    assert run(["meshshift", "--version"], home).succeeded().out.strip()


def test_accepting_the_policy_as_the_readme_says_moves_what_it_held(
    home: dict[str, str], tmp_path: Path
) -> None:
    example = next(example for example in EXAMPLES if example.code)
    shown = re.search(r"```yaml\n(.*?)```", example.committed("README.md").decode(), re.DOTALL)
    assert shown is not None
    config = example.committed("meshshift.yaml").decode() + textwrap.dedent(" " * 3 + shown[1].lstrip())
    (tmp_path / "accepting.yaml").write_text(config)
    done = transform(
        example, home, example.committed("before.yaml"), "--config", str(tmp_path / "accepting.yaml")
    ).succeeded()
    moved = objects(done.out)
    assert "AuthorizationPolicy/write" not in moved
    for namespace in ("Namespace/ledger", "Namespace/web"):
        assert moved[namespace]["metadata"]["annotations"]["linkerd.io/inject"] == "enabled"
    assert "the ledger checks tokens by itself" in done.err
