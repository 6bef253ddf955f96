"""Runs streams through the whole program for the tests of the workload rules, twice, and checks what always holds."""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from transformer.options import Acceptance, Options
from transformer.outcome import Report
from transformer.transform import transform


class Outcome(NamedTuple):
    """What came out: text, parsed objects by `Kind/name`, finding codes by severity order, and the report."""

    text: str
    objects: dict[str, Any]
    codes: list[str]
    report: Report

    def finding(self, code: str) -> str:
        """Message and remedy of the only finding with a code."""
        found = [f for f in self.report.findings if f.code == code]
        assert len(found) == 1, [f"{f.code} {f.message}" for f in self.report.findings]
        return f"{found[0].message}\n{found[0].remedy}"

    def outcome(self, name: str) -> str:
        """What became of an object, by `Kind/name`."""
        return next(
            fate.outcome for fate in self.report.objects if f"{fate.ref.kind}/{fate.ref.name}" == name
        )


def run(text: str, context: str = "", accept: tuple[str, ...] = (), **options: Any) -> Outcome:
    """Transform a stream; option names use `_` for `.` and `-`, `accept` takes `CODE@Kind/namespace/name`."""
    names = {key.replace(".", "_").replace("-", "_"): key for key, _ in Options().items()}
    values = {names[key]: value for key, value in options.items()}
    values.setdefault("mesh.mtls", "permissive")
    values.setdefault("mesh.osm-policy-mode", "permissive")
    values.setdefault("fail-on", "never")
    values["accept"] = tuple(Acceptance(entry[:5], entry[6:], "asked the owner") for entry in accept)
    files = [("context.yaml", context.encode())] if context else []
    once = transform(text.encode(), Options(values), files)
    output = b"".join(once.output).decode()
    again = transform(output.encode(), Options(values), files)
    assert b"".join(again.output).decode() == output, "a second run changes something"
    for fate in once.report.objects:
        assert "unaccounted" not in fate.fates, fate
    assert not any(f.code in ("MS009", "MS003") for f in once.report.findings), once.report.findings
    # A run that fails writes nothing.
    held = [fate for fate in once.report.objects if fate.outcome == "held" and output]
    before = _objects(text)
    after = _objects(output)
    for fate in held:
        name = f"{fate.ref.kind}/{fate.ref.name}"
        assert after[name] == before[name], f"{name} is held, but changed"
    # What nobody declared is told in nearly every one of these runs; `tests/cases` say where.
    codes = sorted({f.code for f in once.report.findings if not f.accepted} - {"MS439"})
    return Outcome(output, after, codes, once.report)


def _objects(text: str) -> dict[str, Any]:
    return {
        f"{value['kind']}/{value['metadata']['name']}": value for value in yaml.safe_load_all(text) if value
    }


def namespace(
    name: str = "shop", *, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None
) -> str:
    """A Namespace manifest."""
    return _dump(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": _metadata(name, "", labels, annotations)}
    )


def workload(
    *, kind: str = "Deployment", labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None,
    spec: dict[str, Any] | None = None, selector: dict[str, str] | None = None, own: dict[str, str] | None = None,
    name: str = "cart", namespace: str = "shop",
) -> str:  # fmt: skip
    """A workload whose pod template carries the labels and annotations; `own` are annotations of the workload itself."""
    pod_spec = {"containers": [{"name": "app", "image": "shop/app:1"}]} | (spec or {})
    template: dict[str, Any] = {
        "metadata": _metadata("", "", {"app": "cart"} | (labels or {}), annotations),
        "spec": pod_spec,
    }
    groups = {"Job": "batch/v1", "CronJob": "batch/v1", "Rollout": "argoproj.io/v1alpha1", "Pod": "v1"}
    value: dict[str, Any] = {
        "apiVersion": groups.get(kind, "apps/v1"),
        "kind": kind,
        "metadata": _metadata(name, namespace, None, own),
        "spec": {"template": template},
    }
    if kind == "Pod":
        value["metadata"] |= template["metadata"]
        value["spec"] = pod_spec
    elif kind == "CronJob":
        value["spec"] = {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}
    elif kind != "Job":
        value["spec"]["selector"] = {"matchLabels": {"app": "cart"} | (selector or {})}
    return _dump(value)


def service(
    ports: list[dict[str, Any]], *, name: str = "cart", namespace: str = "shop", **metadata: Any
) -> str:
    """A Service that selects the workload above."""
    meta = {"name": name, "namespace": namespace} | metadata
    return _dump(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": {"app": "cart"}, "ports": ports},
        }
    )


def template(value: dict[str, Any]) -> dict[str, Any]:
    """The pod template of a workload manifest, whatever its kind."""
    if value["kind"] == "Pod":
        return value
    spec = value["spec"]["jobTemplate"]["spec"] if value["kind"] == "CronJob" else value["spec"]
    found: dict[str, Any] = spec["template"]
    return found


def pod_annotations(value: dict[str, Any]) -> dict[str, str]:
    """Annotations of a pod template, by key."""
    return dict(template(value)["metadata"].get("annotations") or {})


def pod_labels(value: dict[str, Any]) -> dict[str, str]:
    """Labels of a pod template, without the application's own."""
    return {
        key: text for key, text in (template(value)["metadata"].get("labels") or {}).items() if key != "app"
    }


def _metadata(
    name: str, namespace: str, labels: dict[str, str] | None, annotations: dict[str, str] | None
) -> dict[str, Any]:  # fmt: skip
    given = {"name": name, "namespace": namespace, "labels": labels, "annotations": annotations}
    return {key: value for key, value in given.items() if value}


def _dump(value: dict[str, Any]) -> str:
    return "---\n" + yaml.safe_dump(value, sort_keys=False)
