"""What the help lists."""

from __future__ import annotations

import re

import pytest

from tests.cli.running import Call
from transformer import cli
from transformer.command_line import FLAGS
from transformer.options import OPTIONS


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_help_of_a_command_lists_its_flags_and_no_others(call: Call, name: str) -> None:
    own = {flag.name for flag in FLAGS if not flag.commands or name in flag.commands}
    for argv in (["help", name], [name, "--help"]):
        done = call(*argv)
        shown = set(re.findall(r"^  (?:-h, )?--([\w-]+)", done.out.decode(), re.MULTILINE))
        options = {option.flag.removeprefix("--") for option in OPTIONS}
        assert shown - options == own | {"help", "version"}
        assert options <= shown, "every option is for every command"
        assert f"for {name}: " not in done.out.decode()


def test_help_without_a_command_lists_all_flags(call: Call) -> None:
    out = call("--help").out.decode()
    assert [flag.name for flag in FLAGS if f"\n  --{flag.name}" not in out] == []
