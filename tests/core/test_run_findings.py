"""Findings about the run as a whole say what they mean: both sides, by name."""

from __future__ import annotations

from transformer.options import Options
from transformer.transform import transform

NAMESPACE = (
    "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n  labels:\n    istio-injection: enabled\n---\n"
)
POLICY = (
    "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\n"
    "metadata: {name: closed, namespace: post}\nspec: {}\n---\n"
)
ROUTE = (
    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: mail, namespace: post}\n"
    "spec:\n  hosts: [mail]\n  gateways: [%s]\n  http: [{route: [{destination: {host: mail}}]}]\n"
)


def messages(text: str, code: str) -> list[str]:
    report = transform(text.encode(), Options({"mesh.mtls": "strict", "fail-on": "never"})).report
    return [finding.message for finding in report.findings if finding.code == code]


def test_meshes_side_by_side_are_told_with_an_example_of_each() -> None:
    text = NAMESPACE.format("shop") + NAMESPACE.format("post") + POLICY
    assert messages(text, "MS016") == [
        "1 move, such as Namespace shop, and 1 stay, such as Namespace post: calls between them are refused"
    ]


def test_in_a_strict_mesh_with_an_exception_not_every_call_between_the_meshes_is_refused() -> None:
    lax = (
        "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: lax, namespace: post}\n"
        "spec: {selector: {matchLabels: {app: mail}}, mtls: {mode: STRICT}, portLevelMtls: {80: {mode: PERMISSIVE}}}\n"
    )
    (message,) = messages(NAMESPACE.format("shop") + NAMESPACE.format("post") + POLICY + lax, "MS016")
    assert message.endswith("calls between them are plaintext, and refused wherever mutual TLS is required")


def test_routes_that_stay_are_told_to_clients_that_move() -> None:
    (message,) = messages(NAMESPACE.format("shop") + ROUTE % "mesh", "MS017")
    assert "1 stay, such as VirtualService post/mail: what moves, such as Namespace shop," in message


def test_routes_of_gateways_alone_are_no_rules_for_clients() -> None:
    assert not messages(NAMESPACE.format("shop") + ROUTE % "edge", "MS017")
