"""The container image without a container engine: what its Dockerfile does is done in a folder, and that is run.

The Dockerfile has one step, the script build-image. It is run here on exactly the files that the image's build gets, and
what it has made is started as an engine would start it: as a user that nobody knows, without a home or any variable, and
where the machine permits it without a network and on a file system that cannot be written.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.delivery.kustomizing import PLUGIN
from tests.delivery.running import Done, identities, run
from tests.delivery.test_krm import application, resource_list
from tests.docs import walkthrough
from tests.real_tools import ROOT
from transformer import __version__

DOCKERFILE = PLUGIN / "Dockerfile"
READ_ONLY = "mount -o remount,bind,ro / && "
USER = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]
OTHER_USER = "setpriv --reuid=12345 --regid=12345 --clear-groups --inh-caps=-all --bounding-set=-all"
#: Ways to take things away from a program, the most thorough first; not every machine permits them.
CONFINEMENTS: tuple[list[str], ...] = (
    ["unshare", "--mount", "--net", "sh", "-c", f'{READ_ONLY} exec {OTHER_USER} -- "$0" "$@"'],
    ["unshare", "--mount", "--net", "sh", "-c", f'{READ_ONLY} exec {shlex.join(USER)} -- "$0" "$@"'],
    [*USER, "--net"],
    [],
)


class Step(NamedTuple):
    """An instruction of a Dockerfile and its words."""

    name: str
    words: list[str]


def stages() -> list[list[Step]]:
    """The instructions of the Dockerfile, by stage; those before the first stage come first."""
    found: list[list[Step]] = [[]]
    for line in DOCKERFILE.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            assert not line.endswith("\\"), "this test reads one line per instruction"
            name, *words = shlex.split(line)
            found += [[]] if name == "FROM" else []
            found[-1].append(Step(name, words))
    return found


def of(stage: list[Step], name: str) -> list[list[str]]:
    """The words of all instructions of one name."""
    return [step.words for step in stage if step.name == name]


def sent(name: str) -> bool:
    """Whether the engine gets a file of the repository, by the rules of Dockerfile.dockerignore: the last match counts."""
    answer = True
    for rule in (PLUGIN / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = rule.removeprefix("!")
        parts = name.split("/")
        above = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        hit = any(
            fnmatch(part, pattern.removeprefix("**/")) for part in (parts if "**/" in pattern else above)
        )
        if hit and not rule.startswith("#"):
            answer = rule.startswith("!")
    return answer


@pytest.fixture(scope="module")
def image(plain_environment: dict[str, str]) -> Iterator[Path]:
    """What the Dockerfile's first stage makes, in a folder that every user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="image"))
    folder.chmod(0o755)
    clone, context = folder / "clone", folder / "src"
    walkthrough.copy_repository(clone)
    _, build, _ = stages()
    for *sources, target in of(build, "COPY"):
        for source in sources:
            copied(clone / source, context / target / (source if target == "./" else ""))
    kept = ("PIP_", "SSL_", "HTTP", "http", "NO_PROXY", "no_proxy", "PATH", "HOME")
    env = {name: value for name, value in plain_environment.items() if name.startswith(kept)}
    ((script, _),) = of(build, "RUN")
    command = ["sh", "-c", 'exec "$0" "$1"', script, folder / "image"]
    made = run(command, env | {"PYTHON": sys.executable}, cwd=context).succeeded()
    assert made.out == f"meshshift {__version__}\n".encode()
    shutil.rmtree(clone)
    shutil.rmtree(context)
    yield folder / "image"
    shutil.rmtree(folder)


def copied(source: Path, target: Path) -> None:
    """COPY of a file or a folder, without what the engine does not get."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def start(image: Path, *arguments: str, stdin: bytes = b"") -> Done:
    """Start the image's program with the image's variables and nothing else, as confined as the machine permits."""
    last = stages()[-1]
    ((words),) = of(last, "ENV")
    ((entry,),) = ([shlex.split(word.strip("[]")) for word in words] for words in of(last, "ENTRYPOINT"))
    program = str(image) + entry[0].removeprefix("/opt/meshshift")
    for confinement in CONFINEMENTS:
        command = [*confinement, "env", "-i", *words, program]
        if not confinement or _permits(command):
            return run([*command, *arguments], {"PATH": os.environ["PATH"]}, stdin=stdin, cwd=Path("/"))
    raise AssertionError("the last one confines nothing")


def _permits(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    tried = subprocess.run([*command, "--version"], capture_output=True, check=False, cwd="/")
    return tried.returncode == 0


def contents(folder: Path) -> dict[str, int]:
    """All files below a folder with the time of their last change."""
    return {
        str(path): path.lstat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() or path.is_symlink()
    }


def test_it_answers_a_resource_list_and_leaves_no_trace(image: Path) -> None:
    before = contents(image)
    done = start(image, stdin=resource_list(*application())).succeeded()
    answer = yaml.safe_load(done.out)
    assert identities(answer["items"]) == ["Namespace/shop", "Service/cart", "HTTPRoute/cart"]
    assert "no report is kept" not in done.err, "there is no folder for reports, and none is missed"
    assert contents(image) == before


def test_it_fails_as_a_function_must(image: Path) -> None:
    done = start(image, stdin=resource_list(*application(), config=None))
    assert (done.code, done.out) == (2, b"")
    assert "mesh.mtls" in done.err


def test_all_of_its_commands_are_there(image: Path) -> None:
    assert b"exit codes" in start(image, "--help").succeeded().out
    assert b"MS010" in start(image, "explain", "MS010").succeeded().out
    assert start(image, "rules").succeeded().out


def test_every_module_is_compiled_by_content(image: Path) -> None:
    """Whoever runs it may not write; and times, which differ from build to build, must not count."""
    (packages,) = image.glob("lib/python3.*/site-packages")
    modules = [path for path in packages.rglob("*.py") if "transformer" in path.parts]
    assert len(modules) > 150
    for path in modules:
        (compiled,) = (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc")
        flags = struct.unpack("<I", compiled.read_bytes()[4:8])[0]
        assert flags == 1, "compiled from the text that had this hash, and not checked again"


def test_nothing_of_the_build_is_in_it(image: Path) -> None:
    (packages,) = image.glob("lib/python3.*/site-packages")
    assert not (packages / "pip").exists()
    locked = re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)
    wanted = {name.lower().replace("_", "-") for name in (*locked, "meshshift")}
    found = {
        re.split(r"-\d", path.name)[0].lower().replace("_", "-") for path in packages.glob("*.dist-info")
    }
    assert found <= wanted
    assert {"meshshift", "pyyaml", "pydantic"} <= found
    assert not list(packages.rglob("direct_url.json")), "pip notes where a file that it was given lay"


def test_an_existing_or_relative_target_is_refused(image: Path, plain_environment: dict[str, str]) -> None:
    script = PLUGIN / "build-image"
    for target, said in ((str(image), "exists already"), ("here", "not an absolute path")):
        done = run([script, target], plain_environment)
        assert done.code == 2
        assert said in done.err
    assert run([script], plain_environment).code == 2


# -- the Dockerfile itself -------------------------------------------------------------------------------------------


def test_the_dockerfile_copies_what_is_there_and_what_it_may_see() -> None:
    _, build, _ = stages()
    sources = [source for words in of(build, "COPY") for source in words[:-1]]
    for source in sources:
        assert (ROOT / source).exists(), source
        assert sent(source), source
    script = (PLUGIN / "build-image").read_text(encoding="utf-8")
    used = set(re.findall(r"\$root/([\w.-]+)", script))
    assert used <= set(sources), "the script reads nothing that is not copied"


@pytest.mark.parametrize(
    ("name", "is_sent"),
    [
        ("transformer/cli.py", True),
        ("transformer/rules/istio/gateway.py", True),
        ("kustomize-plugin/build-image", True),
        ("transformer/__pycache__/cli.cpython-313.pyc", False),
        ("kustomize-plugin/README.md", False),
        ("tests/conftest.py", False),
        (".git/config", False),
        (".venv/bin/python", False),
    ],
)
def test_the_engine_gets_only_what_it_needs(name: str, is_sent: bool) -> None:
    assert sent(name) is is_sent


def test_the_dockerfile_does_what_the_script_does_and_nothing_else() -> None:
    before, build, last = stages()
    assert [step.name for step in before] == ["ARG"]
    assert before[0].words[0].startswith("BASE=python:3.13-slim-")
    assert [step.name for step in build] == ["FROM", "WORKDIR", "COPY", "COPY", "COPY", "RUN"]
    assert of(build, "RUN") == [["kustomize-plugin/build-image", "/opt/meshshift"]]
    assert [step.name for step in last] == ["FROM", "COPY", "ENV", "USER", "WORKDIR", "ENTRYPOINT"]
    assert of(last, "COPY") == [["--from=build", "/opt/meshshift", "/opt/meshshift"]]
    assert {words[0] for words in (*of(build, "FROM"), *of(last, "FROM"))} == {"${BASE}"}, "one interpreter"


def test_the_image_runs_as_nobody() -> None:
    last = stages()[-1]
    assert of(last, "USER") == [["65534:65534"]]
    assert of(last, "ENTRYPOINT") == [["[/opt/meshshift/bin/meshshift]"]]


def test_the_names_of_the_image_agree() -> None:
    config = yaml.safe_load((PLUGIN / "meshshift.container.yaml").read_text(encoding="utf-8"))
    function = yaml.safe_load(config["metadata"]["annotations"]["config.kubernetes.io/function"])
    assert function == {"container": {"image": f"meshshift:{__version__}"}}
    assert f"-t meshshift:{__version__} " in DOCKERFILE.read_text(encoding="utf-8")
    metadata = yaml.safe_load((PLUGIN / "metadata.yaml").read_text(encoding="utf-8"))
    assert metadata["image"] == "meshshift"
    assert set(metadata) == {"image", "description", "tags", "license"}
    plain = yaml.safe_load((PLUGIN / "meshshift.yaml").read_text(encoding="utf-8"))
    assert config["spec"] == plain["spec"], (
        "the three configurations differ only in how the program is started"
    )
    legacy = yaml.safe_load((PLUGIN / "legacy" / "meshshift.yaml").read_text(encoding="utf-8"))
    assert legacy["spec"] == plain["spec"]
