"""`proxy.istio.io/config`: ProxyConfig as a YAML or JSON string in an annotation, read field by field.

Names are camelCase or snake_case. https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig
"""

from __future__ import annotations

from typing import Any, NamedTuple

from transformer.stream import nodes
from transformer.stream.patterns import pattern

#: Fields that only concern Istio's own machinery.
_NOT_NEEDED = frozenset({
    "configPath", "binaryPath", "serviceCluster", "parentShutdownDuration", "discoveryAddress", "proxyAdminPort",
    "controlPlaneAuthPolicy", "customConfigFile", "proxyBootstrapTemplatePath", "statusPort", "image", "meshId",
    "statNameLength", "readinessProbe", "availabilityZone", "statsdUdpAddress", "statsCompression",
    "envoyMetricsServiceAddress",
})  # fmt: skip
_DURATION = pattern(r"^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$")
_AWAIT = {True: "enabled", False: "disabled"}


class Reading(NamedTuple):
    """What a ProxyConfig means for Linkerd.

    `write` are annotations by key, `lost` the fields without a counterpart, `not_needed` those that Linkerd can do
    without, `needs_agent` those that only Istio's agent can serve, and `malformed` is why it cannot be read.
    """

    write: dict[str, str]
    lost: list[str]
    not_needed: list[str]
    needs_agent: list[str]
    malformed: str = ""


def read(text: str) -> Reading:
    """Read the annotation's value."""
    reading = Reading({}, [], [], [])
    try:
        tree = nodes.parse(text)
        value = nodes.to_value(tree.root) if tree.root is not None else None
    except nodes.ParseError as error:
        return reading._replace(malformed=f"not readable as YAML: {error.message}")
    if value is None:
        return reading
    if not isinstance(value, dict):
        return reading._replace(malformed="not a mapping of ProxyConfig fields")
    for key, field in value.items():
        problem = _field(reading, _camel(str(key)), field)
        if problem:
            return reading._replace(malformed=problem)
    return reading


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def _field(reading: Reading, name: str, value: Any) -> str:
    """Sort one field; the return value says what is wrong with it, if anything."""
    if value is None:
        return ""
    if name == "holdApplicationUntilProxyStarts":
        if not isinstance(value, bool):
            return f"{name} must be true or false, not {value!r}"
        reading.write["config.linkerd.io/proxy-await"] = _AWAIT[value]
    elif name == "terminationDrainDuration":
        if not isinstance(value, str) or not _DURATION.match(value):
            return f"{name} must be a duration such as 30s, not {value!r}"
        reading.write["config.linkerd.io/shutdown-grace-period"] = value
    elif name == "proxyMetadata" and isinstance(value, dict):
        for variable in value:
            (reading.needs_agent if variable == "OUTPUT_CERTS" else reading.lost).append(
                f"proxyMetadata.{variable}"
            )
    elif name == "interceptionMode":
        {"REDIRECT": reading.not_needed, "NONE": reading.needs_agent}.get(value, reading.lost).append(name)
    else:
        (reading.not_needed if name in _NOT_NEEDED else reading.lost).append(name)
    return ""
