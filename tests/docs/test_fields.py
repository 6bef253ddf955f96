"""The page of fields: complete against the custom resource definitions, current, and without a gap."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev import fields
from dev.measure import field_paths, field_runs, field_streams, field_tables, field_values, pages
from dev.measure.field_runs import Row
from dev.measure.field_streams import Column, Table
from transformer.codes import CODES
from transformer.rules.istio import schema

KINDS = tuple(dict.fromkeys(table.kind for table in field_tables.TABLES))
_HTTP = next(table for table in field_tables.TABLES if table.samples is field_values.HTTP)
ROWS: dict[str, list[Row]] = {}
#: Kinds that only the old mesh's proxies act upon.
_HELD_WHOLE = frozenset(
    {
        "RequestAuthentication",
        "WorkloadEntry",
        "WorkloadGroup",
        "EnvoyFilter",
        "WasmPlugin",
        "TrafficExtension",
    }
)


def rows(table: Table) -> list[Row]:
    """What was measured, once per session."""
    key = f"{table.kind} {table.title}"
    if key not in ROWS:
        ROWS[key] = field_runs.measure(table)
    return ROWS[key]


def test_the_page_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    current = (pages.DOCS / "fields.md").read_text(encoding="utf-8")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    written = pages.write("fields.md", fields.COMMAND, fields.page())
    assert current == written.read_text(encoding="utf-8"), f"run: {fields.COMMAND}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_every_field_of_the_definition_and_no_other(kind: str, shared: Path) -> None:
    defined = {
        path
        for version in field_paths.schemas(shared / "crds", kind).values()
        for path in field_paths.paths(version)
    }
    assert defined
    assert sorted(path for of, path in set(field_streams.paths(field_tables.TABLES)) if of == kind) == sorted(
        defined
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_value_of_an_enumeration_is_measured(kind: str, shared: Path) -> None:
    found: dict[str, str] = {}
    for table in field_tables.TABLES:
        for column in table.columns if table.kind == kind else ():
            found |= {
                column.prefix + path: " ".join(samples)
                for path, samples in table.samples.items()
                if column.has(path)
            }
    missing = [
        (path, value)
        for version in field_paths.schemas(shared / "crds", kind).values()
        for path, values in field_paths.enumerations(version)
        for value in values
        if value not in found[path]
    ]
    assert missing == []


@pytest.mark.parametrize("table", field_tables.TABLES, ids=lambda table: f"{table.kind} {table.title[:20]}")
def test_every_field_has_a_fate_that_is_told(table: Table) -> None:
    for row in rows(table):
        for column, by_version in row.measured.items():
            for version, found in by_version.items():
                where = f"{row.path} {column} {version}: {row.sample}"
                assert found.fate in fields.FATES, where
                assert set(found.codes) <= set(CODES), where
                severities = {CODES[code].severity for code in found.codes}
                assert ("error" in severities) == (found.fate == "held"), where
                assert found.fate != "degraded" or "warning" in severities, where
                assert found.fate != "no-op" or found.why or found.codes, where


def test_what_moves_in_every_place() -> None:
    """Guards the streams themselves: were their objects held, every field would be held with them."""
    for table in field_tables.TABLES:
        for column in table.columns:
            fates = {
                row.measured[column.title]["1.5"].fate for row in rows(table) if column.title in row.measured
            }
            stays = table.kind in _HELD_WHOLE or column.title == "calls out are closed"
            assert (fates == {"held"}) == stays, (table.kind, table.title, column.title)


def test_a_sample_without_its_field_is_refused() -> None:
    table = _HTTP._replace(samples={"timeout": ("name: first",)})
    with pytest.raises(ValueError, match="is not in its sample"):
        field_runs.measure(table)


def _beside_a_redirect() -> list[tuple[str, list[Any]]]:
    redirect = {"route": None, "redirect": {"scheme": "https"}}
    return [
        (sample, column.build(yaml.safe_load(f"{{{sample}}}") | redirect))
        for column in _HTTP.columns
        for samples in field_values.HTTP.values()
        for sample in samples
    ]


def _servers_of_other_kinds() -> list[tuple[str, list[Any]]]:
    """TLS settings of terminating servers on servers that do not ask for client certificates, or do not terminate."""
    found = []
    for samples, base in itertools.product(field_values.SERVER.values(), _SERVERS):
        for sample in samples:
            tls = yaml.safe_load(f"{{{sample}}}").get("tls", {})
            more = {name: value for name, value in tls.items() if not name.startswith(("mode", "credential"))}
            found.append((sample, _SERVER.build({**base, "tls": {**base["tls"], **more}})))
    return found


_SERVER: Column = next(
    table for table in field_tables.TABLES if table.samples is field_values.SERVER
).columns[0]
_SERVERS: tuple[dict[str, Any], ...] = (
    {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "tls": {}},
    {"port": {"number": 443, "name": "tls", "protocol": "TLS"}, "tls": {"mode": "PASSTHROUGH"}},
    {"port": {"number": 443, "name": "https", "protocol": "HTTPS"}, "tls": {"mode": "SIMPLE", "credentialName": "c"}},
)  # fmt: skip


@pytest.mark.parametrize("streams", [_beside_a_redirect, _servers_of_other_kinds])
@pytest.mark.parametrize("version", field_runs.VERSIONS)
def test_fields_that_do_not_go_together_have_fates_too(streams: Any, version: str) -> None:
    for sample, objects in streams():
        report, fate = field_runs.run(objects, version)
        assert report.exit_code == 0, f"{sample} {version}"
        assert "unaccounted" not in fate.fates, f"{sample} {version}"


#: Translated fields, and samples of them that say what the stream would mean without the field.
_IMPLIED: dict[str, str | tuple[str, ...]] = {
    "action": "ALLOW",  # the default
    "mtls.mode": ("UNSET", "STRICT"),  # as the mesh has it
    "portLevelMtls.*.mode": ("UNSET", "STRICT"),
    "exportTo[]": "['*']",
    "gateways[]": "[mesh]",
    "corsPolicy.unmatchedPreflights": "IGNORE",  # what the filter does; without the field a finding says so
    "match[].gateways[]": "gateways: [",  # all that the VirtualService names
    "match[].port": "port: ",  # the only one of the host, or of the gateway
    "redirect.derivePort": "FROM_PROTOCOL_DEFAULT",
    "tls.mode": "PASSTHROUGH",
    "service": "service: web",
    "host": "host: web.shop.svc",
    "matches[].methods[]": "'*'",
    "matches[].name": "name: all",  # nothing refers to it
    "delegate.namespace": "namespace: shop",  # the namespace of the VirtualService itself
    "match[].authority.exact": "shop.example",  # the only host of the gateway anyway
    "match[].authority.prefix": "shop.",
    "match[].authority.regex": "shop[.]example",
}


@pytest.mark.parametrize("table", field_tables.TABLES, ids=lambda table: f"{table.kind} {table.title[:20]}")
def test_what_counts_as_translated_shows_in_what_is_written(table: Table) -> None:
    """A field that is called translated and then forgotten would leave the output as it is without the field."""
    for row, column in itertools.product(rows(table), table.columns):
        for version, found in row.measured.get(column.title, {}).items():
            if found.fate != "translated":
                continue
            sample = yaml.safe_load(f"{{{row.sample}}}")
            written = field_runs.output(column.build(copy.deepcopy(sample)), version, column.channel)
            _remove(sample, field_runs.steps(row.path))
            without = field_runs.output(column.build(sample), version, column.channel)
            texts = _IMPLIED.get(row.path, ())
            implied = any(text in row.sample for text in ((texts,) if isinstance(texts, str) else texts))
            assert written != without or implied, f"{row.path} {column.title}: {row.sample}"


def _remove(value: Any, path: tuple[str, ...]) -> None:
    """Take a field out of a sample, in every item and under every key."""
    head, rest = path[0], path[1:]
    keys = (
        range(len(value)) if head == "[]" else list(value) if head == "*" else [head] if head in value else []
    )
    for key in reversed(keys):
        if rest:
            _remove(value[key], rest)
        else:
            del value[key]


@pytest.mark.parametrize("kind", ["Gateway", "VirtualService", "DestinationRule"])
def test_shapes_of_the_rules_are_those_of_the_definitions(kind: str, shared: Path) -> None:
    ours = _without_durations(schema.shape(kind))
    versions = field_paths.schemas(shared / "crds", kind)
    assert set(versions) == {"v1", "v1beta1", "v1alpha3"}
    for version, found in versions.items():
        assert _sorted(ours) == _sorted(field_paths.shape(found["properties"]["spec"])), version


def _without_durations(shape: Any) -> Any:
    """Durations are texts in a definition."""
    if isinstance(shape, dict):
        return {name: _without_durations(below) for name, below in shape.items()}
    if isinstance(shape, list):
        return [_without_durations(shape[0])]
    if isinstance(shape, tuple):
        return (_without_durations(shape[0]),)
    return "str" if shape == "dur" else shape


def _sorted(shape: Any) -> Any:
    """The same with fields in one order, so that a difference is easy to read."""
    if isinstance(shape, dict):
        return {name: _sorted(below) for name, below in sorted(shape.items())}
    return type(shape)(map(_sorted, shape)) if isinstance(shape, (list, tuple)) else shape
