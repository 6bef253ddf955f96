"""Codes of TCP, TLS and gRPC routes and of the listeners that serve them (MS6xx)."""

from __future__ import annotations

from transformer.codes.model import Code

_DEAD = "It has no effect today, and none after the move."

CODES: tuple[Code, ...] = (
    Code("MS600", "error", "no route for connections of the mesh",
         "tcp or tls rules for meshed clients send connections elsewhere; Linkerd reads TCPRoutes and TLSRoutes as v1alpha2 only.",
         "The standard channel of Gateway API does not serve that version, so the rules stay in Istio.",
         "Install the experimental channel (`channel: experimental`) with Linkerd 2.18 or newer, or keep these clients in Istio.",
         "tcp:\n- route: [{destination: {host: db, subset: v2}}]"),
    Code("MS601", "error", "TCP server with TLS settings",
         "A server for TCP, MONGO, MYSQL or REDIS has a `tls` block.",
         "A listener for TCP would take plaintext; whether Istio does depends on the block's mode.",
         "Say protocol TLS where the server speaks TLS, or drop the block."),
    Code("MS602", "warning", "client certificates checked by another implementation",
         "The server asks clients for certificates; as frontend validation of a Gateway the implementation of its class does.",
         "Where the implementation cannot read the authority, nobody gets in: it must not open the listener. Whether the header "
         "x-forwarded-client-cert is set, or passed on as clients send it, is the implementation's matter.",
         "Check that the class supports frontend validation, that the authority lies in the Gateway's namespace, and that no "
         "application trusts x-forwarded-client-cert."),
    Code("MS603", "error", "authority of clients is not known",
         "Clients must show a certificate, and what it is checked against is not at hand: Istio reads a Secret `<credentialName>-cacert`, "
         "else the one with the server's certificate, and prefers another key than Gateway API.",
         "A guess could let in clients that are refused today.",
         "Render the Secret or ConfigMap in the stream or its context (the keys are enough), and name it with caCertCredentialName.",
         "tls: {mode: MUTUAL, credentialName: shop, caCertCredentialName: shop-clients}"),
    Code("MS604", "warning", "TLSRoute behind terminated TLS",
         "The server terminates TLS for something other than HTTP, and the chosen Gateway API has no TCPRoute.",
         "A TLSRoute on such a listener is an extended feature: where it is missing, connections are refused.",
         "Check that the class supports it, or install the experimental channel, which has TCPRoute."),
    Code("MS605", "error", "tcp rule for a port of unknown protocol",
         "The port's name tells no protocol, so Istio looks at each connection: HTTP obeys the http rules, all else the tcp rules.",
         "A TCPRoute would take HTTP, too, so the object stays.", "Name the port after its protocol, such as tcp-db.", "ports: [{name: tcp-db, port: 9000}]"),
    Code("MS606", "warning", "tcp or tls rule without effect",
         "An earlier rule takes its connections, or no port, gateway or server fits it.", _DEAD, "Delete the rule, or correct it."),
    Code("MS607", "error", "server names that overlap",
         "Two matches of tls rules share a server name without naming the same ones.",
         "Envoy refuses the listener, so what happens today depends on when the rule was written.", "Give each server name to one match."),
    Code("MS608", "warning", "condition that gateways do not look at",
         "Subnets, labels and namespaces of clients in tcp and tls matches count for sidecars only.", _DEAD, "Delete the condition."),
    Code("MS609", "error", "connections outside the listener",
         "Istio uses a tcp or tls rule for connections that a listener would not give to its route: the server name is wider than the "
         "server's hosts, or routes of the namespace may not attach.",
         "Such connections would be refused.", "Name the server names in the hosts of the server."),
)  # fmt: skip
