"""Who may call whom after the bookstore has moved, asked of a model of Linkerd's inbound policy.

The expected answers are read off the TrafficTargets and the IngressBackend in `examples/bookstore`.
"""

from __future__ import annotations

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
    Call("bookstore.books", "mysql", 3306, False, "another account", tcp=True),
    Call("edge.edge", "bookbuyer", 14001, True, "the ingress", path="/any"),
    Call("bookstore.books", "bookbuyer", 14001, False, "not the ingress"),
    Call("edge.edge", "bookthief", 14001, False, "no IngressBackend names it"),
]


@pytest.fixture(scope="module")
def inbound() -> Inbound:
    example = next(example for example in EXAMPLES if example.name == "bookstore")
    return Inbound([found for found in yaml.safe_load_all(example.committed("after.yaml")) if found])


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.client} {call.pod} {call.reason}")
def test_only_callers_that_somebody_names_are_let_in(inbound: Inbound, call: Call) -> None:
    name, _, namespace = call.client.partition(".")
    identity = f"{name}.{namespace}.serviceaccount.identity.linkerd.cluster.local" if call.client else None
    answer = inbound.ask({
        "pod": f"books/{call.pod}", "port": call.port, "method": call.method, "path": call.path, "query": "",
        "host": "bookstore.books", "headers": call.headers, "tcp": call.tcp,
        "client": {"identity": identity, "ip": "10.0.0.9"},
    })  # fmt: skip
    assert (answer["verdict"] == "allow") == call.allowed, answer
