"""Runs the command line in this process, and the whole program in one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from transformer import cli

PLAIN = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"
SERVICE = """\
apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
spec:
  selector: {app: cart}
  ports: [{port: 80, name: http}]
"""
ROUTE = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
  namespace: shop
spec:
  hosts: [cart]
  http:
  - route:
    - destination: {host: cart, port: {number: 80}}
"""
#: Held: Linkerd reads no tokens.
POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: cart
  namespace: shop
spec:
  selector: {matchLabels: {app: cart}}
  rules: [{when: [{key: 'request.auth.claims[role]', values: [admin]}]}]
"""
#: Needs the fact `mesh.mtls`.
NAMESPACE = """\
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
"""
BROKEN = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: [}\n"

MOVES = f"{SERVICE}---\n{ROUTE}".encode()
HELD = f"{SERVICE}---\n{POLICY}".encode()
ASKS = NAMESPACE.encode()


class Done(NamedTuple):
    """How a run ended."""

    code: int
    out: bytes
    err: str


Call = Callable[..., Done]


def caller(folder: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[bytes]) -> Call:
    """A function that runs the command line in `folder`, without the developer's environment."""
    patch.chdir(folder)
    patch.setenv("MESHSHIFT_STATE", str(folder / "state"))

    def call(*argv: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
        capture.readouterr()
        with pytest.MonkeyPatch.context() as here:
            for name, value in (env or {}).items():
                here.setenv(name, value)
            code = cli.run(argv, stdin)
        out, err = capture.readouterr()
        return Done(code, out, err.decode())

    return call


def program(
    *argv: str, stdin: bytes = b"", env: Mapping[str, str], folder: Path, python: tuple[str, ...] = ()
) -> Done:
    """The program in a process of its own."""
    done = subprocess.run(
        [sys.executable, *python, "-m", "transformer", *argv],
        input=stdin,
        env=env,
        cwd=folder,
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr.decode())


def last_report(folder: Path) -> dict[str, Any]:
    """The report that a run of `caller` kept."""
    data: dict[str, Any] = json.loads((folder / "state" / "last.json").read_text(encoding="utf-8"))
    return data
