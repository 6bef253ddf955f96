"""Where requests go after an example has moved: what its VirtualServices say, asked of a model of Linkerd.

The expected answers are read off the sources in `examples/`, not off what was emitted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import yaml

from tests.examples.cases import EXAMPLES
from transformer.proof.linkerd_outbound import Outbound

COMMITTED = {example.name: example.committed("after.yaml") for example in EXAMPLES}


class Ask(NamedTuple):
    """A request to a Service of an example, and the answer: shares by Service, or a redirect's location."""

    example: str
    service: str
    port: int
    path: str
    answer: dict[str, float] | str
    reason: str
    timeout: int | None = None
    method: str = "GET"
    query: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 (a NamedTuple's default, never changed)
    retries: int | None = None


STABLE = {"frontend-stable": 1.0}
NEXT = {"frontend-next": 1.0}
NEXT_HEADER = {"x-boutique-track": "next"}
PLACE_ORDER = "/boutique.v1.Checkout/PlaceOrder"
CANARY = {"reviews-v1": 0.8, "reviews-v3": 0.2}

ASKED = [
    Ask("bookinfo", "reviews", 9080, "/reviews/0", CANARY, "everybody else", 3000, retries=2),
    Ask("bookinfo", "reviews", 9080, "/reviews/0", {"reviews-v2": 1.0}, "the tester sees v2, without retries",
        10000, headers={"end-user": "jason"}),
    Ask("bookinfo", "reviews", 9080, "/", CANARY, "nearly the tester", 3000, headers={"end-user": "jasons"},
        retries=2),
    Ask("bookinfo", "ratings", 9080, "/ratings/0", {"ratings": 1.0}, "one destination", 1500, retries=3),
    Ask("bookinfo", "details", 9080, "/details/0", {"details": 1.0}, "no VirtualService"),
    Ask("bookstore", "bookstore", 14001, "/books-bought", {"bookstore-v1": 0.75, "bookstore-v2": 0.25}, "the TrafficSplit",
        retries=3),
    Ask("bookstore", "bookwarehouse", 14001, "/restock", {"bookwarehouse": 1.0}, "no TrafficSplit", method="POST"),
    Ask("boutique", "frontend", 80, "/basket", "http://frontend/cart", "the old address"),
    Ask("boutique", "frontend", 80, "/basket", "http://frontend/cart", "the first rule wins",
        headers=NEXT_HEADER),
    Ask("boutique", "frontend", 80, "/baskets", STABLE, "an exact path is exact", 5000),
    Ask("boutique", "frontend", 80, "/product/1", NEXT, "preview by query", query="preview=1"),
    Ask("boutique", "frontend", 80, "/product/1", STABLE, "preview by query is for GET", 5000, method="POST",
        query="preview=1"),
    Ask("boutique", "frontend", 80, "/product/1", NEXT, "preview by header, any method", method="POST",
        headers=NEXT_HEADER),
    Ask("boutique", "frontend", 80, "/static/a.css", NEXT, "the preview comes before static files",
        headers=NEXT_HEADER),
    Ask("boutique", "frontend", 80, "/static/a.css", NEXT, "by query too", query="preview=1"),
    Ask("boutique", "frontend", 80, "/static/a.css", STABLE, "static files have no timeout"),
    Ask("boutique", "frontend", 80, "/static", STABLE, "the prefix ends with a slash: a page", 5000),
    Ask("boutique", "frontend", 80, "/", STABLE, "a page", 5000),
    Ask("boutique", "payment", 50051, "/boutique.v1.Payment/Charge", {"payment": 1.0}, "never twice", 2000),
    Ask("boutique", "checkout", 5050, PLACE_ORDER, {"checkout": 1.0}, "an order takes its time", 20000),
    Ask("boutique", "checkout", 5050, PLACE_ORDER + "s", {"checkout": 1.0}, "another method", 5000),
    Ask("canary", "tickets", 8080, "/", {"tickets-stable": 0.9, "tickets-canary": 0.1}, "one in ten"),
    Ask("canary", "tickets-canary", 8080, "/", {"tickets-canary": 1.0}, "asked for by name"),
    Ask("held", "web", 80, "/", {"web": 1.0}, "what is not held has moved", 4000),
]  # fmt: skip
NAMESPACES = {"bookinfo": "bookinfo", "held": "web", "bookstore": "books"}


def answer_to(ask: Ask) -> dict[str, Any]:
    """What Linkerd does with the request."""
    namespace = NAMESPACES.get(ask.example, "default")
    objects = [document for document in yaml.safe_load_all(COMMITTED[ask.example]) if document]
    return Outbound(objects).ask(
        {
            "source_ns": namespace,
            "service": f"{namespace}/{ask.service}",
            "host": ask.service,
            "port": ask.port,
            "method": ask.method,
            "path": ask.path,
            "query": ask.query,
            "headers": ask.headers,
        }
    )


@pytest.mark.parametrize(
    "ask", ASKED, ids=[f"{n}-{ask.example}-{ask.service}" for n, ask in enumerate(ASKED)]
)
def test_requests_go_where_the_virtual_services_send_them(ask: Ask) -> None:
    found = answer_to(ask)
    if isinstance(ask.answer, str):
        assert found["redirect"] == {"status": 302, "location": ask.answer}, ask.reason
        return
    weights = {backend["service"].partition("/")[2]: backend["weight"] for backend in found["backends"]}
    total = sum(weights.values()) or 1
    assert {name: weight / total for name, weight in weights.items()} == pytest.approx(ask.answer), ask.reason
    assert found["timeout_ms"] == ask.timeout, ask.reason
    assert (found["retry"] or {}).get("limit") == ask.retries, ask.reason


def test_the_headers_of_static_files_and_pages() -> None:
    static, page = (
        answer_to(next(ask for ask in ASKED if ask.path == path and not (ask.headers or ask.query)))
        for path in ("/static/a.css", "/")
    )
    response = [
        static["response_headers"],
        *(backend.get("response_headers") for backend in static["backends"]),
    ]
    assert any("max-age=86400" in str(changes) for changes in response)
    assert any("x-served-by" in str(changes) for changes in response)
    assert "x-boutique-entry" in str(page["request_headers"])
