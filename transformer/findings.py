"""What a run has to say about an object: stable code, place, one sentence on what it means, one on what to do."""

from __future__ import annotations

from typing import NamedTuple

Step = str | int
FieldPath = tuple[Step, ...]

SEVERITIES = ("info", "warning", "error")


class ObjectRef(NamedTuple):
    """Identity of a Kubernetes object as a manifest states it; an empty namespace is "none written"."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str

    @property
    def api_version(self) -> str:
        """`group/version`, or the bare version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {place}"


class Finding(NamedTuple):
    """One finding; `severity` is that of its code unless a person accepted it: then `accepted` holds the reason.

    `accepted_in` says where the acceptance stands: "object" (an annotation) or "options".
    """

    code: str
    severity: str
    file: str
    line: int
    object: ObjectRef | None
    field: str
    message: str
    remedy: str
    target: str = ""
    held_by: str = ""
    accepted: str = ""
    accepted_in: str = ""


def field_text(path: FieldPath) -> str:
    """Write a path as people do: `spec.http[0].match`, `metadata.labels["istio.io/rev"]`."""
    out = ""
    for step in path:
        if isinstance(step, int):
            out += f"[{step}]"
        elif step.replace("_", "").replace("-", "").isalnum():
            out += f".{step}" if out else step
        else:
            out += f'["{step}"]'
    return out
