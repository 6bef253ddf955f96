"""Exit codes of every command, and that a failure never leaves manifests on standard output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import ASKS, BROKEN, HELD, MOVES, PLAIN, Call, last_report
from transformer import transform
from transformer.errors import BugError

DONE, FINDINGS, USAGE, INPUT, INTERNAL = range(5)

PEER = """\
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
"""
UNKNOWN = MOVES.replace(b"kind: VirtualService", b"kind: ServiceDependency")


@pytest.mark.parametrize(
    ("argv", "stdin", "code", "reason"),
    [
        ([], PLAIN, DONE, "nothing to do"),
        ([], MOVES, DONE, "a translation"),
        (["transform"], MOVES, DONE, "by name"),
        (["--linkerd", "2.19", "transform"], MOVES, DONE, "options before the command"),
        ([], HELD, FINDINGS, "a held object"),
        (["--fail-on", "never"], HELD, DONE, "held, and wanted so"),
        (["--fail-on=warning"], MOVES, DONE, "information is no warning"),
        ([], ASKS, USAGE, "a missing fact"),
        (["--mesh-mtls=strict"], ASKS, DONE, "the fact is given"),
        (["--fail-on", "never"], ASKS, USAGE, "a fact is missing all the same"),
        (["--linkerd", "2.15"], MOVES, USAGE, "a wrong value"),
        (["--linkerd", "2.15"], PLAIN, USAGE, "a wrong value, also where nothing depends on it"),
        (["--linkerd", "2.19", "--gateway-api", "1.4"], PLAIN, USAGE, "an unsupported pair"),
        (["--linked", "2.19"], MOVES, USAGE, "an unknown option"),
        (["--linkerd"], MOVES, USAGE, "an option without its value"),
        (["--context", "no/such"], MOVES, USAGE, "context that is not there"),
        (["--config", "no/such"], PLAIN, USAGE, "configuration that is not there"),
        (["trasform"], MOVES, USAGE, "an unknown command"),
        (["transform", "more"], MOVES, USAGE, "an operand that nobody reads"),
        ([], BROKEN.encode(), INPUT, "YAML that cannot be read and may matter"),
        ([], b"\xff\xfea\0", INPUT, "UTF-16"),
        (["check"], PLAIN, DONE, "nothing left"),
        (["check"], MOVES, FINDINGS, "something left"),
        (["check", "--fail-on=never"], MOVES, DONE, "left, and wanted so"),
        (["check"], BROKEN.encode(), INPUT, "nothing can be said"),
        (["check", "no/such"], b"", USAGE, "no such file"),
        (["explain"], b"", DONE, "all codes"),
        (["explain", "MS010", "ms002"], b"", DONE, "some codes"),
        (["explain", "MS00X"], b"", USAGE, "an unknown code"),
        (["rules"], b"", DONE, "all rules"),
        (["rules", "VirtualService"], b"", DONE, "rules of a kind"),
        (["rules", "Nothing"], b"", USAGE, "an unknown kind"),
        (["last"], b"", USAGE, "there is no report yet"),
        (["--version"], b"", DONE, "the version"),
        (["--help"], b"", DONE, "help"),
        (["check", "--help"], b"", DONE, "help for a command"),
        (["help", "check"], b"", DONE, "help for a command as well"),
    ],
)
def test_exit_codes(call: Call, argv: list[str], stdin: bytes, code: int, reason: str) -> None:
    done = call(*argv, stdin=stdin)
    assert done.code == code, f"{reason}: {done.err}"
    manifests = not argv or argv[0] not in (
        "check",
        "explain",
        "rules",
        "last",
        "help",
        "--help",
        "--version",
    )
    if code == DONE:
        assert done.out, reason
    elif manifests or code != FINDINGS:
        assert done.out == b"", reason
        assert done.err, reason


def test_a_stream_that_needs_nothing_comes_back_as_it_was(call: Call) -> None:
    odd = b"\xef\xbb\xbf# x\r\na:   [1,\t2]\r\n---\r\n{{ not yaml\n...\n\n"
    for argv in ([], ["--namespace", "x"], ["--report", "json"]):
        done = call(*argv, stdin=odd)
        assert (done.code, done.out) == (DONE, odd)


@pytest.mark.parametrize("fault", [BugError("an edit does not verify"), RuntimeError("boom")])
def test_an_internal_error_writes_no_manifests(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(transform, "transform", fail)
    if isinstance(fault, BugError):
        done = call(stdin=MOVES)
        assert (done.code, done.out) == (INTERNAL, b"")
        assert "an edit does not verify" in done.err
        assert last_report(tmp_path)["error"] == "an edit does not verify"
    else:
        with pytest.raises(RuntimeError):
            call(stdin=MOVES)


def test_a_leaf_without_a_fate_is_an_internal_error(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformer.rules import registry
    from transformer.rules.registry import Rule

    def forgetful(run: object, objects: object) -> None:
        from transformer.run import Run

        assert isinstance(run, Run)
        for obj in objects:  # type: ignore[attr-defined]
            run.account(obj, [obj.view])
            run.drop(obj)

    rule = Rule("forgetful", (("networking.istio.io", "VirtualService"),), (), 1, "", forgetful)
    monkeypatch.setattr(registry, "load", lambda groups=None: [rule])
    done = call(stdin=MOVES)
    assert (done.code, done.out) == (INTERNAL, b"")
    assert "MS009" in done.err


def test_output_without_objects_is_never_empty(call: Call) -> None:
    only = UNKNOWN.partition(b"---\n")[2]
    done = call("--accept=MS010@ServiceDependency/shop/cart=nobody needs it", stdin=only)
    assert done.code == DONE, done.err
    assert done.out.startswith(b"#")


@pytest.mark.parametrize(
    ("helm", "stdin", "out"),
    [("", b"", b""), ("meshshift", b"", b"#"), ("meshshift", b"\n", b"#"), ("", b"\n", b"\n")],
)
def test_empty_input_is_answered_as_the_caller_needs_it(
    call: Call, helm: str, stdin: bytes, out: bytes
) -> None:
    done = call(stdin=stdin, env={"HELM_PLUGIN_NAME": helm})
    assert done.code == DONE
    assert done.out.startswith(out) if helm else done.out == out
    assert "MS011" in done.err


def test_accepting_opens_what_was_held(call: Call) -> None:
    assert call(stdin=UNKNOWN).code == FINDINGS
    done = call("--accept", "MS010@ServiceDependency/shop/cart=tested without", stdin=UNKNOWN)
    assert done.code == DONE, done.err
    assert b"ServiceDependency" not in done.out
    assert "accepted: tested without" in done.err


def test_an_expired_acceptance_holds_again(call: Call) -> None:
    accept = "MS010@ServiceDependency/shop/cart=tested (until 2020-01-01)"
    assert call("--accept", accept, stdin=UNKNOWN, env={"SOURCE_DATE_EPOCH": "0"}).code == DONE
    done = call("--accept", accept, stdin=UNKNOWN, env={"SOURCE_DATE_EPOCH": "1600000000"})
    assert done.code == FINDINGS
    assert "expired on 2020-01-01" in done.err


def test_precedence_from_file_to_flag(call: Call, tmp_path: Path) -> None:
    (tmp_path / "meshshift.yaml").write_text("mesh: {mtls: strict}\nnamespace: file\n", encoding="utf-8")
    assert call(stdin=ASKS).code == DONE, "from the file"
    assert last_report(tmp_path)["assumptions"]["mesh.mtls"] == "strict"
    assert call(stdin=ASKS, env={"MESHSHIFT_MESH_MTLS": "permissive"}).code == DONE
    assert last_report(tmp_path)["assumptions"]["mesh.mtls"] == "permissive", (
        "the environment wins over the file"
    )
    assert call("--mesh-mtls=strict", stdin=ASKS, env={"MESHSHIFT_MESH_MTLS": "permissive"}).code == DONE
    assert last_report(tmp_path)["assumptions"]["mesh.mtls"] == "strict", "a flag wins over both"


def test_a_wrong_file_fails_also_where_nothing_depends_on_it(call: Call, tmp_path: Path) -> None:
    (tmp_path / "meshshift.yaml").write_text("mesh: {mlts: strict}\n", encoding="utf-8")
    done = call(stdin=PLAIN)
    assert (done.code, done.out) == (USAGE, b"")
    assert "meshshift.yaml: unknown key mesh.mlts; did you mean mesh.mtls?" in done.err


def test_context_files_are_read(call: Call, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "peer.yaml").write_text(PEER, encoding="utf-8")
    (more / "template.yaml").write_text("kind: Service\n{{- if .Values.x }}\n", encoding="utf-8")
    done = call("--context", "more", stdin=ASKS)
    assert done.code == DONE, f"the context tells the fact: {done.err}"
    assert b"PeerAuthentication" not in done.out
    assert "template.yaml is a template and was not read" in done.err
