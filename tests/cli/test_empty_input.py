"""Empty input is told in the same words on the quick path and through the report."""

from __future__ import annotations

import subprocess

import pytest

from transformer.__main__ import EMPTY_INPUT


@pytest.mark.parametrize("arguments", [[], ["--mesh-mtls", "strict"]])
def test_empty_input_is_told(meshshift_command: list[str], arguments: list[str]) -> None:
    run = subprocess.run(
        [*meshshift_command, *arguments], input="", capture_output=True, text=True, check=True
    )
    assert run.stdout == ""
    assert run.stderr.startswith(EMPTY_INPUT)


def test_helm_4_gets_a_comment(meshshift_command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELM_PLUGIN_NAME", "meshshift")
    run = subprocess.run(meshshift_command, input="", capture_output=True, text=True, check=True)
    assert run.stdout.startswith("# ")
