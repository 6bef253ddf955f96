"""The validator that every other test trusts: what it must accept, and what it must find."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests import real_tools
from tests.crd_validation import CrdValidator, Emitted, documents

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: api, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: api, port: 80}]
  rules: [{backendRefs: [{name: api, port: 80}]}]
"""
SERVER = """\
apiVersion: policy.linkerd.io/v1beta3
kind: Server
metadata: {name: api, namespace: shop}
spec: {podSelector: {matchLabels: {app: api}}, port: 80, proxyProtocol: HTTP/1}
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {ports: [{port: 80, targetPort: http}], selector: {app: api}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: api}
spec:
  replicas: 2
  selector: {matchLabels: {app: api}}
  template:
    metadata: {labels: {app: api}, annotations: {linkerd.io/inject: enabled}}
    spec: {containers: [{name: api, image: api}]}
"""
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata: {name: shop, annotations: {linkerd.io/inject: enabled}}
"""
TLS_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1alpha2
kind: TLSRoute
metadata: {name: db, namespace: shop}
spec:
  hostnames: [db.example]
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: db, port: 5432}]}]
"""
VIRTUAL_SERVICE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec: {hosts: [api]}
"""


@pytest.mark.parametrize(
    "manifests",
    [
        pytest.param(ROUTE, id="HTTPRoute"),
        pytest.param(SERVER, id="Server"),
        pytest.param("---\n".join([SERVICE, DEPLOYMENT, NAMESPACE]), id="built-in kinds"),
        pytest.param(f"# only a comment\n---\n--- # Source: x\n{ROUTE}---\n", id="documents without content"),
    ],
)
def test_valid_objects_have_no_errors(crd_validator: CrdValidator, manifests: str) -> None:
    assert crd_validator.validate({"good": manifests}) == {"good": []}


@pytest.mark.parametrize(
    ("manifests", "error", "reason"),
    [
        pytest.param(
            ROUTE.replace("{name: api, port: 80}]}]", "{name: api}]}]"),
            'spec.rules[0].backendRefs[0]: Invalid value: "object": Must have port for Service reference',
            "only a CEL rule says so, no schema",
            id="backend without port",
        ),
        pytest.param(
            ROUTE.replace("rules: [{", "rules: [{timeouts: {request: 1s, backendRequest: 2s}, "),
            "backendRequest timeout cannot be longer than request timeout",
            "a CEL rule that compares two durations",
            id="timeouts in the wrong order",
        ),
        pytest.param(
            SERVER.replace("{app: api}", "3"),
            "spec.podSelector.matchLabels",
            "a wrong type is found by the schema",
            id="Server with a number for labels",
        ),
        pytest.param(
            SERVER.replace("port: 80", "port: []"),
            "spec.port",
            "x-kubernetes-int-or-string is a type as well",
            id="list for a port",
        ),
        pytest.param(
            ROUTE.replace("parentRefs", "parentRef"),
            "spec.parentRef: Invalid value: value provided for unknown field",
            "the API server would drop the field in silence",
            id="unknown field",
        ),
        pytest.param(
            ROUTE.replace("name: api, namespace", "name: A_b, namespace"),
            "metadata.name",
            "names are checked beside the schema",
            id="bad name",
        ),
        pytest.param(
            NAMESPACE.replace("enabled", "yes"),
            "cannot unmarshal bool",
            "an unquoted word that YAML 1.1 reads as a boolean is no annotation",
            id="annotation that is no string",
        ),
        pytest.param(
            DEPLOYMENT.replace("replicas: 2", "replicas: two"),
            "spec.replicas",
            "built-in kinds have schemas too",
            id="Deployment with a word for a number",
        ),
        pytest.param(
            TLS_ROUTE,
            "failed to locate OpenAPI spec for GV: gateway.networking.k8s.io/v1alpha2",
            "Linkerd's chart carries this CRD, a standard install of Gateway API 1.2 does not",
            id="kind that is not installed",
        ),
        pytest.param(
            VIRTUAL_SERVICE, "networking.istio.io/v1", "not a kind of the targets", id="foreign kind"
        ),
        pytest.param("kind: [", "failed to parse yaml", "text that is no YAML", id="no YAML"),
        pytest.param(
            f"{SERVER}---  {{}}\n{SERVER}", "objects were judged", "content behind a separator", id="glued"
        ),
    ],
)
def test_invalid_objects_are_found(
    crd_validator: CrdValidator, manifests: str, error: str, reason: str
) -> None:
    found = crd_validator.validate({"good": SERVER, "bad": manifests})
    assert found["good"] == []
    assert error in "\n".join(found["bad"]), reason


@pytest.mark.parametrize(
    ("linkerd", "gateway_api", "channel", "valid", "reason"),
    [
        ("2.20", "1.2", "experimental", True, "the experimental channel has it"),
        ("2.20", "1.4", "standard", False, "not in the standard channel yet"),
        ("2.20", "1.5", "standard", False, "there as v1, and v1alpha2 is not served"),
        ("2.20", "1.6", "standard", False, "there as v1, and v1alpha2 is not served"),
        ("2.18", "1.4", "experimental", True, "an older Linkerd changes nothing"),
    ],
)
def test_versions_that_are_not_served_are_unknown(
    crd_validator: CrdValidator, linkerd: str, gateway_api: str, channel: str, valid: bool, reason: str
) -> None:
    found = crd_validator.validate({"route": TLS_ROUTE}, linkerd, gateway_api, channel)
    assert (found["route"] == []) is valid, (reason, found)


def test_versions_without_crds_are_refused(crd_validator: CrdValidator) -> None:
    with pytest.raises(KeyError):
        crd_validator.validate({"route": ROUTE}, gateway_api="0.8")


def test_foreign_kinds_pass_on_request_and_target_kinds_do_not(crd_validator: CrdValidator) -> None:
    found = crd_validator.validate({"istio": VIRTUAL_SERVICE, "target": TLS_ROUTE}, foreign=True)
    assert found["istio"] == []
    assert len(found["target"]) == 1


def test_unmarked_documents_can_be_left_out(crd_validator: CrdValidator) -> None:
    bad = SERVER.replace("HTTP/1", "7")
    marked = bad.replace("namespace: shop", "namespace: shop, annotations: {meshshift.dev/from: x}")
    found = crd_validator.validate({"plain": bad, "marked": marked}, marked_only=True)
    assert found["plain"] == []
    assert len(found["marked"]) == 1


def test_objects_are_validated_like_text(crd_validator: CrdValidator) -> None:
    server = {
        "apiVersion": "policy.linkerd.io/v1beta3",
        "kind": "Server",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"podSelector": {}, "port": 80},
    }
    found = crd_validator.validate({"set": [server, server | {"spec": {"podSelector": 3, "port": 80}}]})
    assert len(found["set"]) == 1
    assert found["set"][0].startswith("document 2 (Server api): spec.podSelector")


def test_documents_are_named_by_place_kind_and_name() -> None:
    assert [place for place, _ in documents(f"{SERVER}---\n# nothing\n---\n{ROUTE}")] == [
        "document 1 (Server api)",
        "document 3 (HTTPRoute api)",
    ]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '{}'", "an object was not judged"),
        ("echo '{}'; exit 1", "a failure without a reason"),
        ("exit 2", "the validator could not start"),
    ],
)
def test_a_validator_that_does_not_answer_is_no_success(
    tmp_path: Path, shared: Path, script: str, reason: str
) -> None:
    fake = tmp_path / "validate"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    validator = CrdValidator(str(fake), shared / "crds", tmp_path)
    try:
        found = validator.validate({"route": ROUTE})
    except AssertionError:
        return
    assert found["route"], reason


def test_collected_manifests_fail_together_with_their_names(crd_validator: CrdValidator) -> None:
    collected = Emitted()
    collected.add("fine", ROUTE)
    collected.add("stays", VIRTUAL_SERVICE)
    collected.add("wrong type", SERVER.replace("HTTP/1", "7"))
    collected.add("too new", TLS_ROUTE, gateway_api="1.5")
    with pytest.raises(AssertionError) as failure:
        collected.check(crd_validator)
    lines = str(failure.value).splitlines()
    assert lines[0] == "invalid output:"
    assert lines[1].startswith("wrong type (Linkerd 2.20, Gateway API 1.2 standard): document 1 (Server api)")
    assert lines[2].startswith("too new (Linkerd 2.20, Gateway API 1.5 standard): document 1 (TLSRoute db)")


def test_one_name_stands_for_one_set() -> None:
    collected = Emitted()
    collected.add("case", ROUTE)
    collected.add("case", ROUTE)
    with pytest.raises(AssertionError, match="two different sets"):
        collected.add("case", SERVER)


def test_the_emitted_fixture_takes_manifests_of_this_module(emitted: Emitted) -> None:
    emitted.add("route of the fixture's own test", ROUTE)
    assert emitted


@pytest.mark.parametrize(
    ("manifests", "tools", "in_ci", "outcome", "reason"),
    [
        pytest.param(ROUTE, True, False, "1 passed", "nothing to say", id="valid"),
        pytest.param(TLS_ROUTE, True, False, "1 passed, 1 error", "the run fails", id="invalid"),
        pytest.param(
            TLS_ROUTE, False, False, "1 passed, 1 skipped", "the tests themselves ran", id="no tool"
        ),
        pytest.param(ROUTE, False, True, "1 passed, 1 error", "CI skips nothing", id="no tool in CI"),
    ],
)
def test_outcome_of_a_module_that_emits(
    kubectl_validate: str,
    shared: Path,
    tmp_path: Path,
    manifests: str,
    tools: bool,
    in_ci: bool,
    outcome: str,
    reason: str,
) -> None:
    module = tmp_path / "test_emits.py"
    module.write_text(f"def test_it(emitted):\n    emitted.add('set', {manifests!r})\n", encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COV", "PYTEST"))}
    env["CI"] = "true" if in_ci else "false"
    if not tools:
        env |= {"PATH": str(tmp_path), "MESHSHIFT_TOOLS": str(tmp_path / "empty")}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    command += ["--config-file", str(real_tools.ROOT / "pyproject.toml"), str(module)]
    done = subprocess.run(
        command, cwd=real_tools.ROOT, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert f" {outcome} in " in done.stdout.splitlines()[-1], (reason, done.stdout, done.stderr)
    assert (done.returncode == 0) == ("error" not in outcome)
