"""Validates objects as the API server would: CRD schemas, CEL rules, no unknown fields.

The work is done by `kubectl-validate`, which carries the API server's own code and the schemas of the
built-in kinds. One process judges a whole folder, so callers collect first and validate together.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

# The newest Kubernetes whose built-in schemas kubectl-validate v0.0.4 carries.
KUBERNETES = "1.30"
GATEWAY_API = {"1.2": "1.2.1", "1.4": "1.4.1", "1.5": "1.5.1", "1.6": "1.6.1"}
LINKERD = {version: version for version in ("2.16", "2.17", "2.18", "2.19", "2.20")} | {"edge": "2.20"}

TARGET_GROUPS = ("gateway.networking.k8s.io", "linkerd.io", "policy.linkerd.io", "workload.linkerd.io")
MARKER = "meshshift.dev/from"

# Content behind the separator is left where it is: the validator then finds two objects, which is an error.
_DOCUMENT = re.compile(r"^---[ \t]*(?:#.*)?$", re.MULTILINE)
_KIND = re.compile(r"^kind: *(\S+)", re.MULTILINE)
_NAME = re.compile(r"\bname: *([\w.-]+)")
_NO_SCHEMA = re.compile(r"failed to locate OpenAPI spec for GV: (\S+)")

Manifests = str | Sequence[Mapping[str, Any]]


class Target(NamedTuple):
    """The versions installed in a cluster."""

    linkerd: str = "2.20"
    gateway_api: str = "1.2"
    channel: str = "standard"


class CrdValidator:
    """Validates against the CRDs in the folder `crds`; prepared CRDs are kept in the folder `work`."""

    def __init__(self, command: str, crds: Path, work: Path) -> None:
        self._command = command
        self._crds = crds
        self._work = work

    def validate(
        self,
        named_objects: Mapping[str, Manifests],
        linkerd: str = "2.20",
        gateway_api: str = "1.2",
        channel: str = "standard",
        *,
        foreign: bool = False,
        marked_only: bool = False,
    ) -> dict[str, list[str]]:
        """Errors of every named set of manifests (YAML text or objects); an empty list where all is valid.

        `foreign` passes kinds of groups that neither Kubernetes nor the targets know (an Istio object that
        stays, say). `marked_only` judges only documents with the marker of derived objects. Raises
        `AssertionError` when the validator itself does not work, `KeyError` for a version without CRDs.
        """
        target = Target(linkerd, gateway_api, channel)
        errors: dict[str, list[str]] = {name: [] for name in named_objects}
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            origin: dict[str, tuple[str, str]] = {}
            for name, manifests in named_objects.items():
                for position, text in documents(manifests):
                    if marked_only and MARKER not in text:
                        continue
                    path = Path(folder) / f"{len(origin):06}.yaml"
                    path.write_text(text, encoding="utf-8")
                    origin[path.name] = (name, position)
            if not origin:
                return errors
            answers = self._run(Path(folder), target)
        for file, (name, position) in origin.items():
            # Every file holds one object: an answer more or less means that something was not judged.
            statuses = answers.pop(file, [])
            if len(statuses) != 1:
                errors[name].append(f"{position}: {len(statuses)} objects were judged instead of one")
            for status in statuses:
                errors[name] += [f"{position}: {error}" for error in failures(status, foreign)]
        assert not answers, f"answers about unknown files: {sorted(answers)}"
        return errors

    def _run(self, folder: Path, target: Target) -> dict[str, list[dict[str, Any]]]:
        command = [self._command, ".", "--version", KUBERNETES, "--output", "json"]
        command += ["--local-crds", str(self._prepared(target))]
        # Without this a cluster that the developer is connected to would answer in place of the CRDs.
        env = os.environ | {"KUBECONFIG": os.devnull}
        done = subprocess.run(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in (0, 1), f"kubectl-validate failed ({done.returncode}): {done.stderr}"
        answers: dict[str, list[dict[str, Any]]] = json.loads(done.stdout)
        refused = any(status["status"] != "Success" for statuses in answers.values() for status in statuses)
        assert refused == (done.returncode == 1), f"exit code {done.returncode} contradicts the answers"
        return answers

    def _prepared(self, target: Target) -> Path:
        """Folder with the CRDs of one target, written on first use."""
        folder = self._work / f"crds-{target.linkerd}-{target.gateway_api}-{target.channel}"
        if not folder.exists():
            gateway_api = f"gateway-api-{GATEWAY_API[target.gateway_api]}-{target.channel}"
            kept = served(self._crds / gateway_api / "crds.yaml", "gateway.networking.k8s.io")
            # Linkerd's chart also brings Gateway API CRDs, of a version of its own. The installed ones count.
            kept += served(self._crds / f"linkerd-{LINKERD[target.linkerd]}" / "crds.yaml", "linkerd.io")
            folder.mkdir()
            (folder / "crds.yaml").write_text("---\n".join(kept), encoding="utf-8")
        return folder


def served(file: Path, group: str) -> list[str]:
    """The CRDs of an API group and its subgroups, without the versions that the API server does not serve."""
    kept = []
    for text in _DOCUMENT.split(file.read_text(encoding="utf-8")):
        name = re.search(r'^  name: "?([a-z0-9.-]+)"?$', text, re.MULTILINE)
        is_crd = re.search(r"^kind: CustomResourceDefinition$", text, re.MULTILINE)
        if not is_crd or name is None or not name[1].partition(".")[2].endswith(group):
            continue
        if re.search(r"served: false|x-kubernetes-int-or-string", text):
            crd = yaml.load(text, Loader=yaml.CSafeLoader)
            # kubectl-validate takes every version that has a schema.
            crd["spec"]["versions"] = [version for version in crd["spec"]["versions"] if version["served"]]
            spell_out_int_or_string(crd)
            text = json.dumps(crd) + "\n"
        kept.append(text)
    assert kept, f"no CRDs of {group} in {file}"
    return kept


def spell_out_int_or_string(schema: Any) -> None:
    """Says in plain schema words what an API server reads out of `x-kubernetes-int-or-string`.

    kubectl-validate takes anything for such a field, even a list.
    """
    if isinstance(schema, dict):
        if schema.get("x-kubernetes-int-or-string") is True:
            schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
        for part in schema.values():
            spell_out_int_or_string(part)
    elif isinstance(schema, list):
        for part in schema:
            spell_out_int_or_string(part)


def documents(manifests: Manifests) -> Iterable[tuple[str, str]]:
    """Each object as text, with words that tell where it stands."""
    if not isinstance(manifests, str):
        for number, item in enumerate(manifests, 1):
            name = item.get("metadata", {}).get("name")
            yield f"document {number} ({item.get('kind')} {name})", json.dumps(item)
        return
    for number, text in enumerate(_DOCUMENT.split(manifests), 1):
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            continue
        # Only to name the document in a message; what it means is for kubectl-validate to say.
        kind, name = _KIND.search(text), _NAME.search(text)
        yield f"document {number} ({kind[1] if kind else '?'} {name[1] if name else '?'})", text


def failures(status: Mapping[str, Any], foreign: bool) -> list[str]:
    """The reasons in one answer of the validator."""
    if status["status"] == "Success":
        return []
    message = status.get("message", "")
    unknown = _NO_SCHEMA.search(message)
    if foreign and unknown and not unknown[1].partition("/")[0].endswith(TARGET_GROUPS):
        return []
    causes = status.get("details", {}).get("causes", [])
    reasons = [": ".join(filter(None, (cause.get("field"), cause.get("message")))) for cause in causes]
    return reasons or [message]


class Emitted:
    """Collects what tests of one module saw emitted; `check` validates all of it, once per target."""

    def __init__(self) -> None:
        self._sets: dict[tuple[Target, bool], dict[str, Manifests]] = {}

    def add(
        self,
        name: str,
        manifests: Manifests,
        linkerd: str = "2.20",
        gateway_api: str = "1.2",
        channel: str = "standard",
        *,
        marked_only: bool = False,
    ) -> None:
        """Registers manifests under a name that says which test they come from; objects of kinds that neither
        Kubernetes nor the targets know are passed over."""
        named = self._sets.setdefault((Target(linkerd, gateway_api, channel), marked_only), {})
        assert named.get(name, manifests) == manifests, f"two different sets of manifests are called {name}"
        named[name] = manifests

    def __bool__(self) -> bool:
        return bool(self._sets)

    def check(self, validator: CrdValidator) -> None:
        """Fails with every error of every set."""
        lines = []
        for (target, marked_only), named in self._sets.items():
            found = validator.validate(named, *target, foreign=True, marked_only=marked_only)
            versions = f"Linkerd {target.linkerd}, Gateway API {target.gateway_api} {target.channel}"
            lines += [f"{name} ({versions}): {error}" for name, errors in found.items() for error in errors]
        assert not lines, "invalid output:\n" + "\n".join(lines)
