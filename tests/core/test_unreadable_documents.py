"""Documents that parse as YAML and still cannot be read as Kubernetes would: refused where they matter, passed elsewhere."""

from __future__ import annotations

import pytest

from transformer.errors import InputError
from transformer.options import Options
from transformer.transform import transform

OPTIONS = Options({"mesh.mtls": "permissive", "fail-on": "never"})
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels: {istio-injection: enabled}
"""
UNREADABLE = [
    ("  {{ .Values.name }}: x", 4, "a template's braces are a mapping as a key"),
    ("  ? [a]\n  : x", 4, "a sequence as a key"),
    ("  port: !!int eighty", 4, "a tag that does not fit its text"),
    ("  share: .inf", 4, "a number without a JSON form"),
    ("  <<: text", 4, "a merge of something that is no mapping"),
]


@pytest.mark.parametrize(("line", "number", "reason"), UNREADABLE)
def test_a_mesh_object_is_refused_with_its_place(line: str, number: int, reason: str) -> None:
    text = f"apiVersion: networking.istio.io/v1\nkind: VirtualService\nspec:\n{line}\n"
    with pytest.raises(InputError, match=rf"^in\.yaml:{number}: ") as refused:
        transform(text.encode(), OPTIONS, name="in.yaml")
    assert ("template" in str(refused.value)) == ("{{" in line), reason


@pytest.mark.parametrize(("line", "number", "reason"), UNREADABLE)
def test_an_unrelated_object_passes_also_where_the_context_asks_for_its_kind(
    line: str, number: int, reason: str
) -> None:
    # Services and workloads of a Namespace that moves are looked at.
    service = f"---\napiVersion: v1\nkind: Service\nspec:\n{line}\nmetadata: {{name: web, namespace: shop}}\n"
    result = transform((NAMESPACE + service).encode(), OPTIONS)
    assert [ref.kind for ref in result.report.edited] == ["Namespace"], reason
    assert b"".join(result.output).endswith(service.encode()), reason


SECRET = "hunter2"


@pytest.mark.parametrize(
    "kind", ["Secret", "SecretList", "!!str Secret", "&a Secret", '"Secre\\u0074"', "\n  Secret", "ConfigMap"]
)
@pytest.mark.parametrize(
    "line",
    [
        f"p: *{SECRET}",
        f"p: &{SECRET} [*{SECRET}]",
        f"p: !!int {SECRET}",
        f"!!float {SECRET}: p",
        f"p: !{SECRET}!x y",
        f"p: &{SECRET} &{SECRET} x",
        f"p: @{SECRET}",
        f"p: {SECRET}: x",
        f'p: "{SECRET}\\q"',
        f"p: [{SECRET}",
        f"<<: {SECRET}",
        f"? {{{SECRET}: p}}\n: {SECRET}",
        f"%{SECRET}: x",
        f"p: |{SECRET}",
    ],
)
def test_no_value_is_ever_told(kind: str, line: str) -> None:
    """Reports are read by people who may not read Secrets, and what is one is hard to see in what cannot be parsed."""
    text = f"apiVersion: v1\nkind: {kind}\nmetadata: {{labels: {{istio-injection: enabled}}}}\n{line}\n"
    with pytest.raises(InputError) as refused:
        transform(text.encode(), OPTIONS, name="in.yaml")
    assert SECRET not in str(refused.value)
