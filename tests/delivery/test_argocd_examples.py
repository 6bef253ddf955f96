"""The Applications of examples/integrations/argocd: fields that Argo CD has, and what their plugin answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.delivery.cmp_server import App, Server, on_path, programs
from tests.delivery.running import identities, one
from tests.delivery.test_cmp_files import strangers
from tests.real_tools import ROOT

EXAMPLES = ROOT / "examples" / "integrations" / "argocd"
_ENV = [{"name": str, "value": str}]
_PARAMETERS = [{"name": str, "string": str, "array": [str], "map": {str: str}}]
_PLUGIN = {"name": str, "env": _ENV, "parameters": _PARAMETERS}
_SOURCE = {"repoURL": str, "targetRevision": str, "path": str, "plugin": _PLUGIN}
_SPEC = {
    "project": str,
    "source": _SOURCE,
    "sourceHydrator": {
        "drySource": _SOURCE,
        "syncSource": {"targetBranch": str, "path": str, "repoURL": str},
        "hydrateTo": {"targetBranch": str},
    },
    "destination": {"server": str, "name": str, "namespace": str},
    "syncPolicy": {"automated": {"prune": bool, "selfHeal": bool}},
}
_OBJECT = {"apiVersion": str, "kind": str, "metadata": {"name": str, "namespace": str}}
#: Fields of Argo CD 3.6 (pkg/apis/application/v1alpha1) that the examples use.
_KINDS: dict[str, Any] = {
    "Application": {**_OBJECT, "spec": _SPEC},
    "ApplicationSet": {
        **_OBJECT,
        "spec": {
            "goTemplate": bool,
            "goTemplateOptions": [str],
            "generators": [{"list": {"elements": [{str: str}]}}],
            "template": {"metadata": {"name": str}, "spec": _SPEC},
        },
    },
}


def load(name: str) -> Any:
    return yaml.safe_load((EXAMPLES / name).read_text(encoding="utf-8"))


@pytest.fixture
def server(tmp_path: Path, home: dict[str, str], helm4: str) -> Server:
    (tmp_path / "work").mkdir()
    return Server(tmp_path / "work", on_path(home, programs(tmp_path / "bin", helm=helm4)))


def app(source: dict[str, Any], namespace: str) -> App:
    plugin = source["plugin"]
    assert plugin["name"] == "meshshift"
    env = {entry["name"]: entry["value"] for entry in plugin.get("env", [])}
    return App(source["path"], namespace, namespace, plugin.get("parameters", ()), env)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_argo_cd_has_every_field_of_the_examples(path: Path) -> None:
    found = load(path.name)
    assert found["apiVersion"] == "argoproj.io/v1alpha1"
    assert strangers(found, _KINDS[found["kind"]]) == []


@pytest.mark.parametrize("name", ["application.yaml", "hydrator.yaml"])
def test_an_application_is_answered_with_what_has_moved(name: str, server: Server) -> None:
    spec = load(name)["spec"]
    source = spec.get("source") or spec["sourceHydrator"]["drySource"]
    done = server.generate(EXAMPLES, app(source, "shop")).succeeded()
    assert identities(done.documents) == ["Service/cart", "Deployment/cart", "HTTPRoute/cart"]
    pods = one(done.documents, "Deployment/cart")["spec"]
    assert pods["replicas"] == 3
    wanted = "1.1" if name == "application.yaml" else "1.0"
    assert pods["template"]["spec"]["containers"][0]["image"].endswith(wanted)


def test_every_application_of_the_set_is_answered_at_its_phase(server: Server) -> None:
    spec = load("applicationset.yaml")["spec"]
    answers = {}
    for element in spec["generators"][0]["list"]["elements"]:
        text = yaml.safe_dump(spec["template"]["spec"])
        for key, value in element.items():
            text = text.replace(f"{{{{ .{key} }}}}", value)
        assert "{{" not in text
        one_spec = yaml.safe_load(text)
        namespace = one_spec["destination"]["namespace"]
        done = server.generate(EXAMPLES, app(one_spec["source"], namespace)).succeeded()
        answers[namespace] = {document["kind"] for document in done.documents}
    assert answers == {
        "shop-staging": {"Service", "Deployment", "HTTPRoute"},
        "shop-production": {"Service", "Deployment", "HTTPRoute", "VirtualService"},
    }
