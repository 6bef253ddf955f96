"""Who may call whom after the examples with policies have moved, asked of a model of Linkerd's inbound policy.

The expected answers are read off the policies of the examples: TrafficTargets and an IngressBackend in `examples/bookstore`,
AuthorizationPolicies and a PeerAuthentication in `examples/ledger`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import pytest
import yaml

from tests.examples.cases import EXAMPLES
from transformer.proof.linkerd_inbound import Inbound


class Call(NamedTuple):
    """A call of an account (`name.namespace`, empty for none) to a container port."""

    client: str
    pod: str
    port: int
    allowed: bool
    reason: str
    method: str = "GET"
    path: str = "/"
    headers: dict[str, str] = {}  # noqa: RUF012 (a NamedTuple's default, never changed)
    tcp: bool = False


BUYER = {"client-app": "bookbuyer"}
CALLS = [
    Call("bookbuyer.books", "bookstore-v1", 14001, True, "books-bought", path="/books-bought", headers=BUYER),
    Call(
        "bookbuyer.books",
        "bookstore-v2",
        14001,
        True,
        "the other version",
        path="/books-bought",
        headers=BUYER,
    ),
    Call("bookbuyer.books", "bookstore-v1", 14001, False, "without the header", path="/books-bought"),
    Call("bookbuyer.books", "bookstore-v1", 14001, False, "GET only", "POST", "/books-bought", BUYER),
    Call("bookbuyer.books", "bookstore-v1", 14001, True, "the expression", "POST", "/buy-a-book/new"),
    Call("bookbuyer.books", "bookstore-v1", 14001, False, "the whole path", "POST", "/buy-a-book/new/2"),
    Call("bookbuyer.books", "bookstore-v1", 14001, False, "no match", path="/admin"),
    Call("bookthief.books", "bookstore-v1", 14001, False, "no target", path="/books-bought", headers=BUYER),
    Call(
        "bookbuyer.other",
        "bookstore-v1",
        14001,
        False,
        "another namespace",
        path="/books-bought",
        headers=BUYER,
    ),
    Call("", "bookstore-v1", 14001, False, "no identity", path="/books-bought", headers=BUYER),
    Call("", "bookstore-v1", 14001, True, "the kubelet's probe", path="/alive"),
    Call("bookstore.books", "bookwarehouse", 14001, True, "any path", "POST", "/anything"),
    Call("bookstore.books", "bookwarehouse", 14001, False, "POST only", "GET", "/anything"),
    Call("bookbuyer.books", "bookwarehouse", 14001, False, "another account", "POST", "/"),
    Call("bookwarehouse.books", "mysql", 3306, True, "the TCPRoute", tcp=True),
    Call("bookstore.books", "mysql", 3306, False, "not the warehouse", tcp=True),
    Call("edge.edge", "bookbuyer", 14001, True, "the ingress", path="/any"),
    Call("bookstore.books", "bookbuyer", 14001, False, "not the ingress"),
    Call("edge.edge", "bookthief", 14001, False, "no IngressBackend names it"),
]


WRITER = "payroll.office"
LEDGER_CALLS = [
    Call("anyone.web", "ledger", 8080, True, "everybody reads", path="/entries/7"),
    Call("anyone.web", "ledger", 8080, True, "reading closed books", path="/entries/last-year/7"),
    Call("anyone.web", "ledger", 8080, False, "not a writer", "POST", "/entries"),
    Call(WRITER, "ledger", 8080, True, "a writer", "POST", "/entries"),
    Call(WRITER, "ledger", 8080, True, "a writer, below", "POST", "/entries/7"),
    Call(WRITER, "ledger", 8080, False, "entries only", "POST", "/entriesx"),
    Call(WRITER, "ledger", 8080, False, "closed books", "POST", "/entries/last-year/7"),
    Call(WRITER, "ledger", 8080, False, "around the corner", "POST", "/entries/7/../last-year/7"),
    Call(WRITER, "ledger", 8080, False, "encoded", "POST", "/entries/last%2Dyear/7"),
    Call(WRITER, "ledger", 8080, False, "no rule for it", "DELETE", "/entries/7"),
    Call("payroll.other", "ledger", 8080, False, "another namespace", "POST", "/entries"),
    Call("", "ledger", 8080, False, "no identity", path="/entries"),
    Call("", "ledger", 8080, True, "the kubelet's probe", path="/healthz"),
    Call(WRITER, "ledger", 9000, False, "a port that nobody declares", path="/entries"),
    Call("anyone.web", "importer", 9000, True, "no policy but mutual TLS"),
    Call("", "importer", 9000, False, "mutual TLS"),
]  # fmt: skip
BY_EXAMPLE = {"bookstore": ("books", CALLS), "ledger": ("ledger", LEDGER_CALLS)}
ASKED = [(example, space, call) for example, (space, calls) in BY_EXAMPLE.items() for call in calls]


@functools.cache
def inbound(name: str) -> Inbound:
    example = next(example for example in EXAMPLES if example.name == name)
    return Inbound([found for found in yaml.safe_load_all(example.committed("after.yaml")) if found])


@pytest.mark.parametrize(
    ("example", "space", "call"), ASKED, ids=lambda one: one.reason if isinstance(one, Call) else str(one)
)
def test_only_callers_that_somebody_names_are_let_in(example: str, space: str, call: Call) -> None:
    name, _, namespace = call.client.partition(".")
    identity = f"{name}.{namespace}.serviceaccount.identity.linkerd.cluster.local" if call.client else None
    answer = inbound(example).ask({
        "pod": f"{space}/{call.pod}", "port": call.port, "method": call.method, "path": call.path, "query": "",
        "host": f"{call.pod}.{space}", "headers": call.headers, "tcp": call.tcp,
        "client": {"identity": identity, "ip": "10.0.0.9"},
    })  # fmt: skip
    assert (answer["verdict"] == "allow") == call.allowed, answer
