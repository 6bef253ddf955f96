"""Fields of custom resource definitions: paths of all leaves, and the shape in which the rules write them down."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

#: Where the definitions of translated kinds stand, below the folder of definitions.
FILES = (
    "istio-1.31/crds.yaml", "smi/split.yaml", "smi/httproutegroup.yaml", "smi/access.yaml", "smi/tcproute.yaml",
    "smi/udproute.yaml", "osm/config_extensionservice.yaml", "osm/config_mesh_root_certificate.yaml",
    "osm/config_meshconfig.yaml", "osm/policy_egress.yaml", "osm/policy_ingress_backend.yaml", "osm/policy_retry.yaml",
    "osm/policy_telemetry.yaml", "osm/policy_upstream_traffic_setting.yaml",
)  # fmt: skip
_OSM_GROUPS = ("config.openservicemesh.io", "policy.openservicemesh.io")
GROUPS = (
    "networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io", "split.smi-spec.io",
    "specs.smi-spec.io", "access.smi-spec.io",
)  # fmt: skip
#: Before the name of a kind that Open Service Mesh shares with Istio.
OSM = "OSM "
_TYPES = {"string": "str", "integer": "int", "number": "num", "boolean": "bool"}


def schemas(crds: Path, kind: str) -> dict[str, dict[str, Any]]:
    """The schema of a kind by version, without `status`, which nobody writes into a manifest."""
    found = {}
    name = kind.removeprefix(OSM)
    groups = _OSM_GROUPS if kind.startswith(OSM) else GROUPS
    for crd in _definitions(crds):
        if crd["spec"]["names"]["kind"] == name and crd["spec"]["group"] in groups:
            for version in crd["spec"]["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                written = {name: field for name, field in schema["properties"].items() if name != "status"}
                found[version["name"]] = {**schema, "properties": written}
    return found


@cache
def _definitions(crds: Path) -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    documents = (yaml.load_all((crds / file).read_bytes(), Loader=loader) for file in FILES)
    return [crd for found in documents for crd in found if crd]


def paths(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every leaf as `a.b[].*`."""
    if "properties" in schema:
        for name, below in schema["properties"].items():
            yield from paths(below, f"{path}.{name}" if path else name)
    elif schema.get("type") == "array":
        yield from paths(schema["items"], f"{path}[]")
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from paths(schema["additionalProperties"], f"{path}.*")
    else:
        yield path


def enumerations(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, tuple[str, ...]]]:
    """Leaves that take one of several values, with the values."""
    for name, below in schema.get("properties", {}).items():
        yield from enumerations(below, f"{path}.{name}" if path else name)
    if schema.get("type") == "array":
        yield from enumerations(schema["items"], f"{path}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from enumerations(schema["additionalProperties"], f"{path}.*")
    if "enum" in schema:
        # `off` without quotes is a boolean in the definition's file.
        yield path, tuple("off" if value is False else value for value in schema["enum"])


def shape(schema: dict[str, Any]) -> Any:
    """The schema as `transformer.rules.fields` has it; what a text must look like is not part of it."""
    if "properties" in schema:
        required = schema.get("required", ())
        return {
            name + ("*" if name in required else ""): shape(below)
            for name, below in schema["properties"].items()
        }
    if schema.get("type") == "array":
        return [shape(schema["items"])]
    if isinstance(schema.get("additionalProperties"), dict):
        return (shape(schema["additionalProperties"]),)
    return "|".join(schema["enum"]) if "enum" in schema else _TYPES[schema["type"]]
