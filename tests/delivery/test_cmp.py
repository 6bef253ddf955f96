"""`meshshift cmp` driven as Argo CD's plugin server drives it, with real Helm and kustomize."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.delivery.cmp_server import App, Server, fake, on_path, programs, variables
from tests.delivery.running import chart, identities, one, run, write
from tests.delivery.samples import HELD, HOOK, MESH, NAMESPACE, POLICY, SERVICE, STRICT, VIRTUAL_SERVICE

STRICTLY = {"name": "mesh.mtls", "string": "strict"}
MOVED = ["Namespace/shop", "Service/cart", "HTTPRoute/cart"]
#: Shows what Helm was told.
SHOWN = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  namespace: {{ .Release.Namespace }}
  version: {{ .Capabilities.KubeVersion.Version }}
  api: {{ .Capabilities.APIVersions.Has "example.org/v1/Thing" | quote }}
  colour: {{ .Values.colour | quote }}
  list: {{ .Values.list | quote }}
  size: {{ kindOf .Values.size | quote }}
"""
VALUES = "colour: red\nlist: ''\nsize: ''\n"
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
"""


@pytest.fixture(params=["helm3", "helm4"])
def server(request: pytest.FixtureRequest, tmp_path: Path, home: dict[str, str], kustomize: str) -> Server:
    """The plugin server of a container with one of the Helms."""
    helm = request.getfixturevalue(request.param)
    return _server(tmp_path, on_path(home, programs(tmp_path / "bin", helm=helm, kustomize=kustomize)))


@pytest.fixture
def newest(tmp_path: Path, home: dict[str, str], helm4: str, kustomize: str) -> Server:
    """The plugin server of a container with Helm 4, as Argo CD has it since 3.5."""
    return _server(tmp_path, on_path(home, programs(tmp_path / "bin", helm=helm4, kustomize=kustomize)))


def _server(folder: Path, environ: dict[str, str]) -> Server:
    (folder / "work").mkdir()
    return Server(folder / "work", environ)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a chart, a kustomization on a base, and plain files."""
    root = tmp_path / "repository"
    chart(root / "chart", MESH)
    write(root / "chart", {"crds/things.yaml": CRD, "templates/hook.yaml": HOOK})
    chart(root / "shown", {"shown.yaml": SHOWN})
    write(root / "shown", {"values.yaml": VALUES, "blue.yaml": "colour: blue\n"})
    base = {"namespace.yaml": NAMESPACE, "service.yaml": SERVICE, "traffic.yaml": VIRTUAL_SERVICE}
    write(root / "base", {"kustomization.yaml": f"resources: [{', '.join(base)}]\n", **base})
    write(root / "overlay", {"kustomization.yaml": "resources: [../base]\nnamePrefix: ''\n"})
    write(root / "plain", base)
    return root


def test_a_chart_is_rendered_and_moved(server: Server, repository: Path) -> None:
    done = server.generate(repository, App("chart", parameters=[STRICTLY])).succeeded()
    found = identities(done.documents)
    assert [one for one in MOVED if one not in found] == []
    assert "VirtualService/cart" not in found
    # As Argo CD's own Helm source: CRDs and hooks are part of the answer.
    assert {"CustomResourceDefinition/things.example.org", "Job/migrate"} <= set(found)
    without = [STRICTLY, {"name": "skip-crds", "string": "true"}]
    done = server.generate(repository, App("chart", parameters=without)).succeeded()
    assert "CustomResourceDefinition/things.example.org" not in identities(done.documents)


def test_helm_is_told_what_argo_cd_would_tell_it(server: Server, repository: Path) -> None:
    app = App("shown", name="argocd_cart", namespace="blue")
    found = one(server.generate(repository, app).succeeded().documents, "ConfigMap/cart")["data"]
    assert found == {
        "namespace": "blue", "version": "v1.33.0", "api": "true", "colour": "red", "list": "", "size": "string",
    }  # fmt: skip
    parameters: list[dict[str, Any]] = [
        {"name": "release-name", "string": "mine"},
        {"name": "values-files", "array": ["blue.yaml"]},
        {"name": "values", "string": "size: 1\n"},
        {"name": "helm-parameters", "map": {"list": "a,b=c"}},
    ]
    done = server.generate(repository, app._replace(parameters=parameters)).succeeded()
    found = one(done.documents, "ConfigMap/mine")["data"]
    assert (found["colour"], found["list"], found["size"]) == ("blue", "a,b=c", "float64")
    parameters = [{"name": "helm-string-parameters", "map": {"size": "1"}}]
    done = server.generate(repository, app._replace(parameters=parameters)).succeeded()
    assert one(done.documents, "ConfigMap/cart")["data"]["size"] == "string"


@pytest.mark.parametrize("path", ["overlay", "plain"])
def test_other_folders_are_rendered_and_moved(path: str, newest: Server, repository: Path) -> None:
    done = newest.generate(repository, App(path, env=STRICT)).succeeded()
    assert identities(done.documents) == MOVED


def test_findings_name_files_where_nothing_was_rendered(newest: Server, repository: Path) -> None:
    write(repository / "plain", {"z.yaml": POLICY})
    done = newest.generate(repository, App("plain", parameters=[STRICTLY]))
    assert (done.code, done.out) == (1, b"")
    assert "z.yaml:12: error MS403 AuthorizationPolicy shop/readers" in done.err
    assert "nothing was written" in done.err


def test_a_policy_that_is_held_writes_nothing(server: Server, tmp_path: Path) -> None:
    chart(tmp_path / "repository", HELD)
    done = server.generate(tmp_path / "repository", App(parameters=[STRICTLY]))
    assert (done.code, done.out) == (1, b"")
    assert "AuthorizationPolicy shop/readers" in done.err
    never = [STRICTLY, {"name": "fail-on", "string": "never"}]
    done = server.generate(tmp_path / "repository", App(parameters=never)).succeeded()
    assert "AuthorizationPolicy/readers" in identities(done.documents)


def test_a_chart_that_does_not_render_writes_nothing(server: Server, tmp_path: Path) -> None:
    chart(tmp_path / "repository", {**MESH, "broken.yaml": '{{ fail "no colour was chosen" }}'})
    done = server.generate(tmp_path / "repository", App(parameters=[STRICTLY]))
    assert (done.code, done.out) == (3, b"")
    assert "helm template failed with exit code 1: " in done.err
    assert "no colour was chosen" in done.err


EMPTY: dict[str, dict[str, str | bytes]] = {
    "nothing": {},
    "comments": {"templates/a.yaml": "# nothing\n"},
    "a list without items": {"templates/a.yaml": "apiVersion: v1\nkind: List\nitems: []\n"},
    "a list whose items are null": {"templates/a.yaml": "apiVersion: v1\nkind: List\nitems: null\n"},
    "a list of nothing": {"templates/a.yaml": "apiVersion: v1\nkind: List\nitems: [null]\n"},
    "a list that has no items": {"templates/a.yaml": "apiVersion: v1\nkind: List\n"},
    "a list of empty lists": {
        "templates/a.yaml": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ServiceList, items: null}]\n"
    },
    "only settings of the mesh": {
        "templates/a.yaml": "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\nmetadata: {name: a, namespace: shop}\n"
        "spec: {accessLogging: [{disabled: true}]}\n"
    },
}


@pytest.mark.parametrize("files", EMPTY.values(), ids=EMPTY)
def test_an_empty_answer_is_refused_unless_it_is_asked_for(
    files: dict[str, str | bytes], newest: Server, tmp_path: Path
) -> None:
    write(chart(tmp_path / "repository", {}), files)
    done = newest.generate(tmp_path / "repository")
    assert (done.code, done.out) == (3, b""), done.err
    assert "Argo CD deletes all that an empty answer lacks (prune)" in done.err
    allowed = App(parameters=[{"name": "allow-empty", "string": "true"}])
    documents = newest.generate(tmp_path / "repository", allowed).succeeded().documents
    assert {document["kind"] for document in documents} <= {"List"}


def test_an_empty_folder_is_refused_too(newest: Server, tmp_path: Path) -> None:
    write(tmp_path / "repository", {"README.md": "nothing here"})
    done = newest.generate(tmp_path / "repository")
    assert (done.code, done.out) == (3, b"")
    assert "nothing was rendered, and Argo CD deletes" in done.err


#: A program that starts another one, which counts as long as it lives, and then waits for it.
_SLOW = "(n=0; while :; do n=$((n+1)); echo $n > '{beat}'; sleep 0.05; done) &\nwait"


def is_alive(beat: Path) -> bool:
    """Whether somebody still counts."""
    last = beat.read_bytes()
    time.sleep(0.5)
    return beat.read_bytes() != last


def test_a_slow_program_is_ended_with_all_that_it_started(
    newest: Server, repository: Path, tmp_path: Path
) -> None:
    beat = tmp_path / "beat"
    slow = fake(tmp_path / "slow", "helm", _SLOW.format(beat=beat))
    newest.environ = on_path(newest.environ, slow) | {"ARGOCD_EXEC_TIMEOUT": "1s"}
    done = newest.generate(repository, App("chart", parameters=[STRICTLY]))
    assert (done.code, done.out) == (2, b"")
    assert "helm template was ended after 0.9 seconds: raise ARGOCD_EXEC_TIMEOUT" in done.err
    assert not is_alive(beat)


def test_what_argo_cd_ends_leaves_nothing_behind(newest: Server, repository: Path, tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    slow = fake(tmp_path / "slow", "helm", _SLOW.format(beat=beat))
    environ = on_path(newest.environ, slow) | variables(App("chart", parameters=[STRICTLY]))
    with subprocess.Popen(
        ["meshshift", "cmp", "generate"], cwd=repository / "chart", env=environ, process_group=0,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as plugin:  # fmt: skip
        while not beat.exists():
            time.sleep(0.02)
        assert is_alive(beat)
        os.killpg(plugin.pid, signal.SIGKILL)
        assert plugin.communicate()[0] == b""
    assert not is_alive(beat)


def test_a_program_that_is_missing_is_named(
    home: dict[str, str], program: str, tmp_path: Path, repository: Path
) -> None:
    alone = Path(program).parent
    here = _server(tmp_path, home | {"PATH": f"{alone}:/usr/bin:/bin"})
    if run(["sh", "-c", "command -v helm"], here.environ).code == 0:
        here.environ["PATH"] = str(alone)
    done = here.generate(repository, App("chart"))
    assert done.code == 2
    assert "helm template cannot be run: helm: No such file or directory" in done.err


def test_output_of_any_size_passes_whole(newest: Server, repository: Path, tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    body = "x" * 1000
    maps = (
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m{n}}}\ndata: {{a: {body}}}\n"
        for n in range(20000)
    )
    big.write_text("".join([*maps, "---\n", SERVICE, "---\n", VIRTUAL_SERVICE]), encoding="utf-8")
    newest.environ = on_path(
        newest.environ, fake(tmp_path / "fake", "helm", f"echo note >&2; exec cat '{big}'")
    )
    done = newest.generate(repository, App("chart", parameters=[STRICTLY])).succeeded()
    assert len(done.out) > 20_000_000
    assert done.out.count(b"\nkind: ") == 20002
    assert b"HTTPRoute" in done.out[-800:]


def test_plugins_of_a_kustomization_are_never_run(newest: Server, repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    write(
        repository / "overlay",
        {
            "kustomization.yaml": "resources: [../base]\ntransformers: [function.yaml]\n",
            "function.yaml": "apiVersion: example.org/v1\nkind: F\nmetadata:\n  name: f\n  annotations:\n"
            "    config.kubernetes.io/function: 'exec: {path: ./run.sh}'\n",
            "run.sh": f"#!/bin/sh\ntouch '{ran}'\ncat\n",
        },
    )
    done = newest.generate(repository, App("overlay", parameters=[STRICTLY]))
    assert (done.code, done.out) == (3, b"")
    assert "kustomize build failed" in done.err
    assert not ran.exists()


def test_the_configuration_file_of_the_folder_counts(newest: Server, repository: Path) -> None:
    config = "mesh: {mtls: strict}\nreport-file: /tmp/elsewhere\ncontext: [../base]\n"
    write(repository / "plain", {"meshshift.yaml": config})
    done = newest.generate(repository, App("plain")).succeeded()
    assert identities(done.documents) == MOVED
    assert "report-file of meshshift.yaml is not used here" in done.err
    assert not Path("/tmp/elsewhere").exists()


def _flags(server: Server) -> None:
    server.config["spec"]["generate"]["args"] = ["--phase=switch"]


@pytest.mark.parametrize(
    ("before", "phase"),
    [
        (lambda server: None, "enforce"),
        (lambda server: server.environ.update(MESHSHIFT_PHASE="prepare"), "enforce"),
        (_flags, "switch"),
    ],
    ids=["Application", "container", "flag of plugin.yaml"],
)
def test_what_the_operator_writes_into_plugin_yaml_wins(
    before: Callable[[Server], Any], phase: str, newest: Server, repository: Path
) -> None:
    before(newest)
    parameters = [STRICTLY, {"name": "phase", "string": "enforce"}]
    app = App("plain", parameters=parameters, env={"MESHSHIFT_PHASE": "prepare"})
    done = newest.generate(repository, app).succeeded()
    assert ("phase switch" in done.err) == (phase == "switch")
    assert "phase prepare" not in done.err


def test_objects_without_a_namespace_are_in_that_of_the_destination(newest: Server, tmp_path: Path) -> None:
    texts = [text.replace("  namespace: shop\n", "") for text in (SERVICE, VIRTUAL_SERVICE)]
    write(tmp_path / "repository", {"a.yaml": "---\n".join(texts)})
    done = newest.generate(
        tmp_path / "repository", App(namespace="elsewhere", parameters=[STRICTLY])
    ).succeeded()
    route = one(done.documents, "HTTPRoute/cart")
    assert route["metadata"]["annotations"]["meshshift.dev/from"] == "VirtualService/elsewhere/cart"
    assert "namespace" not in route["metadata"]


SECRET = "c2VjcmV0LXZhbHVl"


_HEAD = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, labels: {istio-injection: enabled}}\n"
_BODIES = [
    f"data: {{a: {SECRET}}}",
    f"data: {{a: {SECRET}, a: {SECRET}}}",
    f"data: {{{SECRET}: a, {SECRET}: b}}",
    f"data:\n  a: 1\n  b: *{SECRET}",
    f"data: &{SECRET} {{a: *{SECRET}}}",
    f"data:\n  a: !!int {SECRET}",
    f"data: {{<<: {SECRET}}}",
    f"stringData:\n  ? {{{SECRET}: 1}}\n  : {SECRET}",
    f'stringData: {{a: "{SECRET}\\q"}}',
    f"stringData: {{a: {SECRET}, b: [{SECRET}}}",
    f"stringData: {{a: @{SECRET}}}",
    f"data:\n  a:\n   b: {SECRET}\n  {SECRET}",
]


@pytest.mark.parametrize("body", _BODIES)
@pytest.mark.parametrize("source", ["chart", "plain"])
def test_no_value_of_a_secret_is_ever_told(source: str, body: str, newest: Server, tmp_path: Path) -> None:
    """What the plugin says is shown in Argo CD's user interface, to people who may not read Secrets."""
    root = tmp_path / "repository"
    text = f"{_HEAD}{body}\n"
    # Not through the real Helm, which refuses some of these before the program sees them.
    newest.environ = on_path(newest.environ, fake(tmp_path / "fake", "helm", "exec cat templates/*.yaml"))
    if source == "chart":
        chart(root, {"a.yaml": "---\n" + NAMESPACE, "b.yaml": "---\n" + text})
    else:
        write(root, {"a.yaml": NAMESPACE, "b.yaml": text})
    done = newest.generate(root, App(parameters=[STRICTLY]))
    assert SECRET not in done.err
    assert done.code == 0 or done.out == b""
