"""kpt with the KRM function: files on disk, and the place of objects that are new."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.crd_validation import Emitted
from tests.delivery.running import KRM_WRAPPER, Done, identities, run, write
from tests.delivery.samples import NAMESPACE, POLICY, SERVICE, STRICT, VIRTUAL_SERVICE

KPTFILE = "apiVersion: kpt.dev/v1\nkind: Kptfile\nmetadata:\n  name: shop\n"
SETTINGS = """\
# kept, comment and all
apiVersion: v1
kind: ConfigMap
metadata:
  name: last
  namespace: shop
"""
PACKAGE = {
    "Kptfile": KPTFILE,
    "ns.yaml": NAMESPACE,
    "app/app.yaml": "---\n".join((SERVICE, VIRTUAL_SERVICE, SETTINGS)),
}

# Comments wherever people write them; kpt writes the file anew, and only in a spelling of its own.
COMMENTED = """\
# about the file

# about the namespace
apiVersion: v1
kind: Namespace
metadata:
  name: shop # its name
  labels:
    istio-injection: enabled
    team: a # who is asked
---
# about the service
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
spec:
  selector: {app: cart} # in one line
  # about the ports
  ports:
  - name: http
    port: 80
"""
SUBSETS = """\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: cart
  namespace: shop
spec:
  host: cart
  subsets:
  - name: v1
    labels: {version: v1}
  - name: v2
    labels: {version: v2}
"""
WEIGHTS = VIRTUAL_SERVICE.replace(
    "        host: cart\n",
    "        host: cart\n        subset: v1\n      weight: 90\n"
    "    - destination:\n        host: cart\n        subset: v2\n      weight: 10\n",
)
PIPELINE = {"mutators": [{"exec": "meshshift", "configPath": "meshshift.yaml"}]}
CONFIGURATION = yaml.safe_dump(
    {
        "apiVersion": "meshshift.dev/v1alpha1",
        "kind": "MeshShift",
        "metadata": {"name": "shop", "annotations": {"config.kubernetes.io/local-config": "true"}},
        "spec": {"mesh.mtls": "strict"},
    }
)

Evaluate = Callable[[Path], Done]


@pytest.fixture
def evaluate(kpt: str, home: dict[str, str]) -> Evaluate:
    """`kpt fn eval FOLDER --exec …` with mesh.mtls told the way that kpt has for it."""

    def change(folder: Path) -> Done:
        return run([kpt, "fn", "eval", folder, "--exec", KRM_WRAPPER, "--", "mesh.mtls=strict"], home)

    return change


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in paths}


def test_derived_objects_land_in_the_file_of_their_source(
    evaluate: Evaluate, tmp_path: Path, emitted: Emitted
) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    evaluate(folder).succeeded()
    after = files(folder)
    assert set(after) == set(PACKAGE)
    app = list(yaml.safe_load_all(after["app/app.yaml"]))
    assert identities(app) == ["Service/cart", "HTTPRoute/cart", "ConfigMap/last"]
    assert after["app/app.yaml"].count("# kept, comment and all") == 1
    left = {note for document in app for note in document["metadata"].get("annotations", {})}
    assert left == {"meshshift.dev/from"}, "kpt takes its own annotations back"
    emitted.add("kpt", after["app/app.yaml"] + "---\n" + after["ns.yaml"])


def test_a_second_run_changes_nothing(evaluate: Evaluate, tmp_path: Path) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    evaluate(folder).succeeded()
    once = files(folder)
    evaluate(folder).succeeded()
    assert files(folder) == once


def test_held_objects_leave_every_file_as_it_was(evaluate: Evaluate, tmp_path: Path) -> None:
    package = PACKAGE | {"policy.yaml": POLICY}
    folder = write(tmp_path / "package", package)
    done = evaluate(folder)
    assert done.code == 1
    assert "MS403" in done.err + done.out.decode()
    assert files(folder) == package


def rendered(**more: str) -> dict[str, str]:
    """A package whose pipeline has the function."""
    kptfile = yaml.safe_dump({**yaml.safe_load(KPTFILE), "pipeline": PIPELINE})
    return {**PACKAGE, "Kptfile": kptfile, "meshshift.yaml": CONFIGURATION, **more}


def test_comments_stay_where_they_were_each_once(evaluate: Evaluate, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "package", {"Kptfile": KPTFILE, "app.yaml": COMMENTED + "---\n" + VIRTUAL_SERVICE}
    )
    evaluate(folder).succeeded()
    after = files(folder)["app.yaml"]
    comments = [line[line.index("#") :] for line in COMMENTED.splitlines() if "#" in line]
    assert [line[line.index("#") :] for line in after.splitlines() if "#" in line] == comments
    assert "name: shop # its name\n" in after
    assert "kind: HTTPRoute" in after


def test_several_objects_of_one_source_share_its_file_in_places_of_their_own(
    evaluate: Evaluate, tmp_path: Path, emitted: Emitted
) -> None:
    app = "---\n".join((SUBSETS, SERVICE, WEIGHTS, SETTINGS))
    folder = write(tmp_path / "package", {"Kptfile": KPTFILE, "ns.yaml": NAMESPACE, "app/app.yaml": app})
    evaluate(folder).succeeded()
    after = files(folder)
    assert set(after) == {"Kptfile", "ns.yaml", "app/app.yaml"}
    found = identities(list(yaml.safe_load_all(after["app/app.yaml"])))
    assert found == ["Service/cart-v1", "Service/cart-v2", "Service/cart", "HTTPRoute/cart", "ConfigMap/last"]
    emitted.add("kpt, subsets", after["app/app.yaml"])


@pytest.mark.parametrize(
    "package",
    [{"Kptfile": KPTFILE}, {}, {"Kptfile": KPTFILE, "service.yaml": SERVICE, "settings.yaml": SETTINGS}],
    ids=["only a Kptfile", "nothing", "no mesh"],
)
def test_a_package_without_a_mesh_stays_as_it_is(
    evaluate: Evaluate, tmp_path: Path, package: dict[str, str]
) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    write(folder, package)
    evaluate(folder).succeeded()
    assert files(folder) == package


def test_a_file_of_which_nothing_is_needed_goes_and_nothing_else(evaluate: Evaluate, tmp_path: Path) -> None:
    telemetry = (
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: t, namespace: shop}\nspec: {}\n"
    )
    folder = write(tmp_path / "package", {"Kptfile": KPTFILE, "t.yaml": telemetry, "last.yaml": SETTINGS})
    evaluate(folder).succeeded()
    assert files(folder) == {"Kptfile": KPTFILE, "last.yaml": SETTINGS}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "1 fact is missing"),
        (("--", "mesh.mtls=sometimes"), "'sometimes' is not one of strict, permissive"),
        (("--", "mesh.mlts=strict"), "did you mean mesh.mtls?"),
    ],
    ids=["no configuration", "a wrong value", "a wrong key"],
)
def test_without_the_right_options_every_file_stays(
    kpt: str, home: dict[str, str], tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    done = run([kpt, "fn", "eval", folder, "--exec", KRM_WRAPPER, *arguments], home)
    assert done.code == 1
    assert said in done.err + done.out.decode()
    assert files(folder) == PACKAGE


def test_a_function_configuration_may_be_a_file(kpt: str, home: dict[str, str], tmp_path: Path) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    config = write(tmp_path, {"function.yaml": CONFIGURATION}) / "function.yaml"
    command = [kpt, "fn", "eval", folder, "--exec", KRM_WRAPPER, "--fn-config", config]
    run(command, home).succeeded()
    assert "default-inbound-policy: all-authenticated" in files(folder)["ns.yaml"]


def test_a_pipeline_names_the_program_and_its_configuration(
    kpt: str, home: dict[str, str], tmp_path: Path
) -> None:
    folder = write(tmp_path / "package", rendered())
    run([kpt, "fn", "render", folder, "--allow-exec"], home).succeeded()
    after = files(folder)
    assert "kind: HTTPRoute" in after["app/app.yaml"]
    assert "all-authenticated" in after["ns.yaml"]
    assert after["meshshift.yaml"] == CONFIGURATION


def test_a_pipeline_that_may_not_start_programs_fails_by_itself(
    kpt: str, home: dict[str, str], tmp_path: Path
) -> None:
    """Unlike kustomize, which leaves the function out without a word."""
    folder = write(tmp_path / "package", rendered())
    done = run([kpt, "fn", "render", folder], home)
    assert done.code == 1
    assert "--allow-exec" in done.err
    assert files(folder) == rendered()


def test_a_pipeline_that_fails_leaves_every_file_and_keeps_the_results(
    kpt: str, home: dict[str, str], tmp_path: Path
) -> None:
    package = rendered(**{"policy.yaml": POLICY})
    folder = write(tmp_path / "package", package)
    command = [kpt, "fn", "render", folder, "--allow-exec", "--results-dir", tmp_path / "results"]
    assert run(command, home).code == 1
    assert files(folder) == package
    (item,) = yaml.safe_load((tmp_path / "results" / "results.yaml").read_text())["items"]
    held = next(result for result in item["results"] if result["tags"]["code"] == "MS403")
    assert held["severity"] == "error"
    assert held["file"] == {"path": "policy.yaml"}
    assert held["resourceRef"]["name"] == "readers"
    assert (item["exec"], item["exitCode"]) == ("meshshift", 1)
    assert "MS403" in item["stderr"]


def test_results_of_a_success_name_file_and_place(kpt: str, home: dict[str, str], tmp_path: Path) -> None:
    folder = write(
        tmp_path / "package", {"Kptfile": KPTFILE, "app.yaml": "---\n".join((SETTINGS, NAMESPACE))}
    )
    command = [kpt, "fn", "eval", folder, "--exec", KRM_WRAPPER, "--results-dir", tmp_path / "results"]
    run([*command, "--", "mesh.mtls=strict"], home).succeeded()
    (item,) = yaml.safe_load((tmp_path / "results" / "results.yaml").read_text())["items"]
    places = {result["tags"]["code"]: result.get("file") for result in item["results"]}
    assert places["MS133"] == {"path": "app.yaml", "index": 1}
    assert item["exitCode"] == 0


def test_source_and_sink_make_a_pipe_of_it(
    kpt: str, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "package", PACKAGE)
    source = run([kpt, "fn", "source", folder], home).succeeded()
    moved = run([program], home | STRICT, stdin=source.out).succeeded()
    run([kpt, "fn", "sink", tmp_path / "out"], home, stdin=moved.out).succeeded()
    assert set(files(tmp_path / "out")) == set(PACKAGE)
    assert files(folder) == PACKAGE
    gate = run([program, "check"], home | STRICT, stdin=source.out)
    assert gate.code == 1
    assert "app/app.yaml" in gate.out.decode()
    assert run([program, "check", tmp_path / "out"], home | STRICT).code == 0


def test_a_pipeline_sees_its_subpackages_as_well(kpt: str, home: dict[str, str], tmp_path: Path) -> None:
    """Routes of a package below are translated together with the Services above; files of one name are two files."""
    below = {
        "sub/Kptfile": KPTFILE.replace("name: shop", "name: sub"),
        "sub/app/app.yaml": "---\n".join((SUBSETS, WEIGHTS, SETTINGS)),
    }
    package = rendered(**{"app/app.yaml": SERVICE}) | below
    folder = write(tmp_path / "package", package)
    run([kpt, "fn", "render", folder, "--allow-exec"], home).succeeded()
    after = files(folder)
    assert set(after) == set(package)
    assert after["app/app.yaml"] == SERVICE
    names = ["Service/cart-v1", "Service/cart-v2", "HTTPRoute/cart", "ConfigMap/last"]
    assert identities(list(yaml.safe_load_all(after["sub/app/app.yaml"]))) == names


def test_the_image_is_started_without_a_network_as_nobody(
    kpt: str, home: dict[str, str], program: str, tmp_path: Path
) -> None:
    """A program called `docker` that notes its arguments and is the container."""
    folder = tmp_path / "programs"
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text(
        f'#!/bin/sh\necho "$@" >>\'{tmp_path}/arguments\'\n[ "$1" != version ] || {{ echo 27.0.0; exit; }}\n'
        f"exec env -u HOME '{program}'\n"
    )
    docker.chmod(0o755)
    image = "registry.example.invalid/meshshift:0.1.0"
    mutators = {"mutators": [{"image": image, "configPath": "meshshift.yaml"}]}
    kptfile = yaml.safe_dump({**yaml.safe_load(KPTFILE), "pipeline": mutators})
    package = write(tmp_path / "package", rendered(Kptfile=kptfile))
    run([kpt, "fn", "render", package], home | {"PATH": f"{folder}:{home['PATH']}"}).succeeded()
    assert "kind: HTTPRoute" in files(package)["app/app.yaml"]
    started = (tmp_path / "arguments").read_text().splitlines()[-1]
    assert started.startswith("run ")
    assert "--network none --user nobody" in started
    assert started.endswith(image)


def test_what_kpt_does_to_files_by_itself(kpt: str, home: dict[str, str], tmp_path: Path) -> None:
    """With `cat` as the function: what docs/integrations/kpt.md says that a migration is not to blame for."""
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: a\n\ndata:\n    a: >-\n        one\n        two\n"
    folder = write(tmp_path / "package", {"Kptfile": KPTFILE, "a.yaml": text})
    run([kpt, "fn", "eval", folder, "--exec", "cat"], home).succeeded()
    anew = files(folder)["a.yaml"]
    assert anew.startswith("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n")
    assert ">-" not in anew
    run([kpt, "fn", "eval", folder, "--exec", "cat"], home).succeeded()
    assert files(folder)["a.yaml"] == anew, "once is enough"
    write(folder, {"values.yaml": "a: 1\n"})
    refused = run([kpt, "fn", "eval", folder, "--exec", "cat"], home)
    assert refused.code == 1
    assert "resource must have `apiVersion`" in refused.err
    write(folder, {".krmignore": "values.yaml\n"})
    run([kpt, "fn", "eval", folder, "--exec", "cat"], home).succeeded()


def test_a_comment_behind_the_last_line_of_an_edited_object_is_not_lost(
    evaluate: Evaluate, tmp_path: Path
) -> None:
    """kpt puts comments back by itself, this one beside the one that came through: once too often, never gone."""
    folder = write(tmp_path / "package", {"Kptfile": KPTFILE, "ns.yaml": NAMESPACE + "# the end\n"})
    evaluate(folder).succeeded()
    assert files(folder)["ns.yaml"].count("# the end") in (1, 2)
