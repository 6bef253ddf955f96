"""Policy objects that Linkerd's webhook refuses, or admits and does not mean, are never written."""

from __future__ import annotations

from typing import Any

import pytest

from transformer.proof.linkerd_admission import refusal
from transformer.targets import validation, versions

TARGET = versions.target("2.20", "1.2", "standard")
SERVER = {"group": "policy.linkerd.io", "kind": "Server", "name": "web"}
MESH = {"group": "policy.linkerd.io", "kind": "MeshTLSAuthentication", "name": "web"}
NETWORK = {"group": "policy.linkerd.io", "kind": "NetworkAuthentication", "name": "web"}


def made(kind: str, version: str = "v1alpha1", **spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": f"policy.linkerd.io/{version}", "kind": kind, "metadata": metadata, "spec": spec}


GOOD = [
    made(
        "Server",
        "v1beta3",
        podSelector={},
        port=8080,
        proxyProtocol="opaque",
        accessPolicy="all-authenticated",
    ),
    made("Server", "v1beta3", podSelector={"matchLabels": {"app": "web"}}, port="http"),
    made("AuthorizationPolicy", targetRef=SERVER, requiredAuthenticationRefs=[MESH, NETWORK]),
    made("MeshTLSAuthentication", identities=["*"]),
    made("MeshTLSAuthentication", identityRefs=[{"kind": "Namespace", "name": "ops"}]),
    made(
        "NetworkAuthentication",
        networks=[{"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}, {"cidr": "::/0"}],
    ),
]
BAD = [
    (made("Server", "v1beta3", podSelector={}, port=0), "no port"),
    (made("Server", "v1beta3", port=8080), "no pods"),
    (made("Server", "v1beta3", podSelector={}, port=8080, proxyProtocol="http"), "an unknown protocol"),
    (
        made("Server", "v1beta3", podSelector={}, port=8080, accessPolicy="all_authenticated"),
        "a misspelt policy",
    ),
    (
        made("Server", "v1beta2", podSelector={}, port=8080, accessPolicy="deny"),
        "a field that the version lacks",
    ),
    (
        made("AuthorizationPolicy", targetRef=SERVER, requiredAuthenticationRefs=[]),
        "it would let everyone in",
    ),
    (made("AuthorizationPolicy", targetRef=SERVER, requiredAuthenticationRefs=[MESH, MESH]), "two of a kind"),
    (
        made("AuthorizationPolicy", targetRef={**SERVER, "group": ""}, requiredAuthenticationRefs=[MESH]),
        "a wrong group",
    ),
    (
        made(
            "AuthorizationPolicy",
            targetRef=SERVER,
            requiredAuthenticationRefs=[{"kind": "Secret", "name": "a"}],
        ),
        "a Secret",
    ),
    (made("MeshTLSAuthentication", identities=[]), "nobody"),
    (
        made("MeshTLSAuthentication", identities=["*"], identityRefs=[{"kind": "Namespace", "name": "a"}]),
        "both forms",
    ),
    (made("MeshTLSAuthentication", identities=["web.*"]), "a star that is not the first label"),
    (
        made("MeshTLSAuthentication", identityRefs=[{"kind": "Namespace", "name": "a", "namespace": "b"}]),
        "a nested one",
    ),
    (made("NetworkAuthentication", networks=[]), "no network"),
    (made("NetworkAuthentication", networks=[{"cidr": "10.0.0.0/33"}]), "no block"),
    (
        made("NetworkAuthentication", networks=[{"cidr": "10.0.0.0/8", "except": ["11.0.0.0/8"]}]),
        "an exception outside",
    ),
    (
        made("NetworkAuthentication", networks=[{"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8"]}]),
        "all of it excepted",
    ),
]


@pytest.mark.parametrize("value", GOOD)
def test_what_may_be_written(value: dict[str, Any]) -> None:
    assert validation.problems(value, TARGET) == []
    assert refusal(value) is None


@pytest.mark.parametrize(("value", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_what_is_never_written(value: dict[str, Any], reason: str) -> None:
    assert validation.problems(value, TARGET), reason
