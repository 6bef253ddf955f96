"""`meshshift explain --workload`: tables of who may call what, before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import NAMESPACE, SERVICE, Call

WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      containers:
      - name: app
        ports: [{containerPort: 80}]
        readinessProbe: {httpGet: {path: /healthz, port: 80}}
"""
POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  action: %s
  rules:
  - from: [{source: {principals: [cluster.local/ns/web/sa/front]}}]
    to: [{operation: {methods: [GET], paths: [/api/*]}}]
"""
FACTS = ("--mesh-mtls=permissive", "--complete=shop,istio-system")


def stream(*documents: str) -> bytes:
    return "---\n".join(documents).encode()


def manifests(action: str = "ALLOW") -> bytes:
    return stream(NAMESPACE, WORKLOAD, SERVICE, POLICY % action)


def rows(out: bytes, side: str) -> dict[str, str]:
    """What may be called by whom, on one side of the port."""
    found, here = {}, False
    for line in out.decode().splitlines():
        here = line.strip().startswith(side) or (here and line.startswith("          "))
        if here and "  " in line.strip():
            what, _, who = line.replace(side, "", 1).strip().rpartition("  ")
            found[what.strip()] = who
    return found


def test_both_sides_of_a_policy_are_told_by_port(call: Call) -> None:
    done = call("explain", "--workload", "shop/cart", *FACTS, stdin=manifests())
    assert done.code == 0
    assert b"port 80, read as HTTP, mutual TLS PERMISSIVE" in done.out
    before, after = rows(done.out, "before"), rows(done.out, "after")
    assert before["GET /api/*"] == "web/front"
    assert before["every method every other path"] == "nobody"
    assert after["GET /healthz"] == "everyone"
    assert "web/front" in after.values()
    assert b"probes, served to everyone afterwards: /healthz on 80" in done.out


def test_what_is_held_stays_as_before_and_says_why(call: Call) -> None:
    done = call("explain", "--workload", "shop/cart", *FACTS, stdin=manifests("DENY"))
    assert done.code == 0
    assert rows(done.out, "before")["every method every other path"] == "everyone"
    assert rows(done.out, "after") == {"everything": "as before, in Istio"}
    assert b"MS408 AuthorizationPolicy shop/cart" in done.out


def test_files_are_read_together(call: Call, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY % "ALLOW")
    (tmp_path / "rest.yaml").write_bytes(stream(NAMESPACE, WORKLOAD, SERVICE))
    done = call("explain", "--workload=shop/cart", *FACTS, str(tmp_path))
    assert done.code == 0
    assert rows(done.out, "before")["GET /api/*"] == "web/front"


def test_a_workload_without_policies_is_named(call: Call) -> None:
    done = call("explain", "--workload=shop/other", *FACTS, stdin=manifests())
    assert done.code == 1
    assert b"for shop/other. Policies reach shop/cart." in done.out


@pytest.mark.parametrize(
    ("argv", "reason"),
    [
        (("explain", "--workload=cart"), "no namespace"),
        (("explain", "--workload=shop/"), "no name"),
        (("check", "--workload=shop/cart"), "another command"),
    ],
)
def test_wrong_calls(call: Call, argv: tuple[str, ...], reason: str) -> None:
    assert call(*argv, stdin=manifests()).code == 2, reason
