"""How `init` writes: all or nothing, never outside of its folder; and how it shows what it would write."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any

import pytest

from tests.cli.running import Call
from tests.delivery.running import write
from tests.init.repositories import APPLICATION, SHOP, STRICT, snapshot
from transformer import whole_files
from transformer.errors import UsageError
from transformer.frontends.init import transaction
from transformer.frontends.init.plan import Change


def repository(folder: Path) -> Path:
    """Something to wire of several kinds, with hard line ends."""
    return write(
        folder,
        {
            "live/kustomization.yaml": "resources:\r\n- shop.yaml",
            "live/shop.yaml": SHOP,
            "größer als/kustomization.yaml": "resources: [../live/shop.yaml]\n",
            "apps/shop.yaml": APPLICATION,
            "shop/shop.yaml": SHOP.replace("shop", "store"),
            ".pre-commit-config.yaml": "repos: []\n",
        },
    )


def test_the_difference_is_what_a_run_would_do(call: Call, tmp_path: Path) -> None:
    before = snapshot(repository(tmp_path))
    done = call("init", STRICT, "--diff")
    assert done.code == 0, done.err
    assert "7 files would change; nothing was written" in done.err
    assert snapshot(tmp_path) == before
    copy = repository(tmp_path.parent / (tmp_path.name + "-patched"))
    git = shutil.which("git")
    assert git is not None
    subprocess.run([git, "apply", "-"], input=done.out, cwd=copy, check=True)
    assert call("init", STRICT).code == 0
    assert snapshot(copy) == snapshot(tmp_path)
    assert call("init", "--diff").out == b""


def test_a_failure_in_the_middle_takes_everything_back(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(repository(tmp_path))
    replace, moved = os.replace, []

    def failing(source: str, target: str) -> None:
        moved.append(target)
        if len(moved) == 4:
            raise OSError(28, "No space left on device", target)
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    done = call("init", STRICT)
    monkeypatch.setattr(os, "replace", replace)
    assert done.code == 2
    assert "cannot be written: No space left on device; nothing was changed" in done.err
    assert len(moved) > 4, "what had been moved was moved back"
    assert snapshot(tmp_path) == before


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"a.yaml": "a: 1\n", "b.yaml": "b: 1\n"})
    replace, moved = os.replace, []

    def interrupted(source: str, target: str) -> None:
        moved.append(target)
        if len(moved) == 2:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        transaction.write(
            str(tmp_path),
            [Change("a.yaml", b"a: 1\n", b"a: 2\n", ""), Change("b.yaml", b"b: 1\n", b"b: 2\n", "")],
        )
    assert snapshot(tmp_path) == {"a.yaml": b"a: 1\n", "b.yaml": b"b: 1\n"}


def test_a_folder_that_cannot_be_written_leaves_no_trace(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "a: 1\n"})
    changes = [Change("a.yaml", b"a: 1\n", b"a: 2\n", ""), Change("gone/b.yaml", None, b"b: 1\n", "")]
    with pytest.raises(UsageError, match="nothing was changed"):
        transaction.write(str(tmp_path), changes)
    assert snapshot(tmp_path) == {"a.yaml": b"a: 1\n"}


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_cannot_be_filled_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    write(tmp_path, {"a.yaml": "a: 1\n"})

    def full(path: str, mode: str) -> IO[Any]:
        file = open(path, mode)  # noqa: SIM115
        if mode != "xb":
            return file

        class Full(io.BytesIO):
            def write(self, body: object) -> int:
                file.close()
                raise error

        return Full()

    monkeypatch.setattr(whole_files, "open", full, raising=False)
    with pytest.raises(UsageError if isinstance(error, OSError) else KeyboardInterrupt):
        transaction.write(str(tmp_path), [Change("a.yaml", b"a: 1\n", b"a: 2\n", "")])
    assert snapshot(tmp_path) == {"a.yaml": b"a: 1\n"}


def test_a_folder_whose_name_is_no_utf_8_is_shown_and_wired(call: Call, tmp_path: Path) -> None:
    write(
        tmp_path / os.fsdecode(b"b\xe9"),
        {"kustomization.yaml": "resources: [shop.yaml]\n", "shop.yaml": SHOP},
    )
    done = call("init", STRICT, "--diff")
    assert done.code == 0, done.err
    assert b"diff --git a/b\xe9/kustomization.yaml b/b\xe9/kustomization.yaml\n" in done.out
    assert call("init", STRICT).code == 0


def test_a_file_that_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "a: 1\n", "b.yaml": "b: 2\n"})
    changes = [Change("a.yaml", b"a: 1\n", b"a: 2\n", ""), Change("b.yaml", b"b: 1\n", b"b: 3\n", "")]
    with pytest.raises(UsageError, match=r"b\.yaml has changed meanwhile"):
        transaction.write(str(tmp_path), changes)
    with pytest.raises(UsageError, match=r"b\.yaml has changed meanwhile"):
        transaction.write(str(tmp_path), [Change("b.yaml", None, b"b: 3\n", "")])
    assert snapshot(tmp_path) == {"a.yaml": b"a: 1\n", "b.yaml": b"b: 2\n"}


def test_links_out_of_the_folder_are_not_followed(call: Call, tmp_path: Path) -> None:
    outside = write(
        tmp_path / "outside", {"kustomization.yaml": "resources: [shop.yaml]\n", "shop.yaml": SHOP}
    )
    inside = write(tmp_path / "repo", {"live/shop.yaml": SHOP})
    (inside / "live/kustomization.yaml").symlink_to(outside / "kustomization.yaml")
    (inside / "all").symlink_to(outside)
    before = snapshot(outside)
    done = call("init", "repo", STRICT)
    assert done.code == 0, done.err
    assert b"live/kustomization.yaml: a link out of the folder, which was not followed" in done.out
    assert b"all: a link out of the folder" in done.out
    assert snapshot(outside) == before
    with pytest.raises(UsageError, match="is a link out of"):
        transaction.write(str(inside), [Change("live/kustomization.yaml", b"", b"x", "")])


@pytest.mark.parametrize("there", [True, False])
def test_a_configuration_file_that_is_a_link_out_of_the_folder_is_refused(
    call: Call, tmp_path: Path, there: bool
) -> None:
    write(tmp_path, {"repo/shop.yaml": SHOP, **({"outer.yaml": "{}\n"} if there else {})})
    (tmp_path / "repo/meshshift.yaml").symlink_to("../outer.yaml")
    before = snapshot(tmp_path)
    done = call("init", "repo", STRICT)
    assert done.code == 2
    assert "repo/meshshift.yaml is a link out of repo; nothing was written" in done.err
    assert snapshot(tmp_path) == before


def test_a_link_within_the_folder_stays_a_link(call: Call, tmp_path: Path) -> None:
    write(tmp_path, {"live/shop.yaml": SHOP, "kustomizations/live": "resources: [shop.yaml]\n"})
    link = tmp_path / "live/kustomization.yaml"
    link.symlink_to("../kustomizations/live")
    assert call("init", STRICT).code == 0
    assert link.is_symlink()
    assert b"transformers:" in (tmp_path / "kustomizations/live").read_bytes()


def test_permissions_stay(call: Call, tmp_path: Path) -> None:
    repository(tmp_path)
    path = tmp_path / "live/kustomization.yaml"
    path.chmod(0o640)
    assert call("init", STRICT).code == 0
    assert path.stat().st_mode & 0o777 == 0o640
