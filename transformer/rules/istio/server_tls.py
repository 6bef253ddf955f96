"""What the protocol and the TLS settings of an Istio server ask of a listener (istio-surface §3; observed I20).

Client certificates become frontend validation where the chosen Gateway API has it, with the very authority that Istio
checks them against; everything that would let in more clients than today is held.
https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings
"""

from __future__ import annotations

from typing import NamedTuple

from transformer.ir.routes import Clients
from transformer.objects import Obj, View
from transformer.rules import fields, ingress
from transformer.rules.istio.held import Held
from transformer.run import Run

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_CONNECTIONS = frozenset({"TCP", "MONGO", "MYSQL", "REDIS"})
_TUNING = ("minProtocolVersion", "maxProtocolVersion", "cipherSuites")
_FILES = ("serverCertificate", "privateKey", "caCertificates", "caCrl", "tlsCertificates")
_PINS = ("subjectAltNames", "verifyCertificateSpki", "verifyCertificateHash")
_FROM_SECRET = "Put the certificate into a Secret and name it with credentialName."
_NO_ROUTE = "which the experimental channel has; the standard one has TLSRoute from Gateway API 1.5 and TCPRoute from 1.6"


class Terms(NamedTuple):
    """Protocol of the listener, whether it only redirects to https, its certificates, and the clients it accepts."""

    protocol: str
    redirect: bool = False
    certificates: tuple[str, ...] = ()
    clients: Clients | None = None


def lower(run: Run, server: View) -> Terms:
    """Terms of one server. Raises `Held` with the finding made."""
    port, tls = server.get("port"), server.get("tls")
    protocol = port.get("protocol").text().upper()
    mode = tls.get("mode").text() or "PASSTHROUGH"
    if protocol in _HTTP and (not tls or not _has_certificate(tls)):
        _account_idle(run, tls, "TLS settings have no effect on a plaintext port")
        return Terms("HTTP", redirect=tls.get("httpsRedirect").value() is True)
    if protocol in _CONNECTIONS:
        return _plain_connections(run, port, tls)
    if protocol not in ("HTTPS", "TLS", *_HTTP):
        run.hold("MS272", port, f"protocol {protocol} is none that a listener speaks")
        raise Held
    if mode == "PASSTHROUGH" and run.target.tls_route and not _has_certificate(tls):
        _account_idle(run, tls, "has no effect where TLS is passed through")
        return Terms("TLS")
    if mode == "PASSTHROUGH":
        at = tls if tls else port
        run.hold("MS272", at, f"TLS that is passed through needs a TLSRoute, {_NO_ROUTE}")
        raise Held
    _refuse_mode(run, tls, mode, protocol)
    certificates = _certificates(run, tls)
    if protocol == "TLS":
        _refuse_routeless(run, server)
        return Terms("TLS", certificates=certificates)
    return Terms("HTTPS", certificates=certificates, clients=_clients(run, tls, mode))


def _plain_connections(run: Run, port: View, tls: View) -> Terms:
    """A server for TCP, or for a protocol that Istio's gateway forwards as TCP."""
    if tls and list(fields.effective(run, tls)):
        run.hold("MS601", tls, f"TLS settings of a {port.get('protocol').text()} server: whether TLS is passed through, "
                 "terminated or not spoken at all depends on details of Istio")  # fmt: skip
        raise Held
    if not run.target.tcp_route:
        run.hold("MS272", port, f"protocol {port.get('protocol').text()} needs a TCPRoute, {_NO_ROUTE}")
        raise Held
    return Terms("TCP")


def _refuse_mode(run: Run, tls: View, mode: str, protocol: str) -> None:
    """Modes that no listener of the chosen version can stand for."""
    why = {
        "ISTIO_MUTUAL": "only workloads of the mesh may connect",
        "AUTO_PASSTHROUGH": "it joins networks of one mesh",
    }.get(mode, "")
    asks = mode in ("MUTUAL", "OPTIONAL_MUTUAL")
    lax = tls.get("insecureSkipVerify").value() is True
    if asks and protocol == "TLS":
        why = "client certificates can only be asked for by listeners for HTTPS"
    elif asks and not run.target.client_validation:
        why = "client certificates are checked from Gateway API 1.5 (experimental: 1.1)"
    elif mode == "MUTUAL" and lax:
        why = "client certificates are asked for, but not verified"
    elif mode == "OPTIONAL_MUTUAL" and not (lax and run.target.client_validation == "gateway"):
        why = "clients may come without a certificate, but not with a wrong one"
    if why:
        run.hold("MS273", tls, f"mode {mode}: {why}; a listener cannot say that with the chosen Gateway API")
        raise Held


def _certificates(run: Run, tls: View) -> tuple[str, ...]:
    """Secrets with the server's certificates; settles all settings but the mode and the client's authority."""
    for name in (*_FILES, *_PINS):
        if tls.get(name):
            run.hold("MS274", tls.get(name), f"{name} names what lies in the gateway's container or checks client "
                     "certificates; a listener takes a Secret", remedy=_FROM_SECRET)  # fmt: skip
            raise Held
    if tls.get("mode").text() == "SIMPLE":
        run.no_op(tls.get("insecureSkipVerify"), "clients are not asked for certificates")
        run.no_op(tls.get("caCertCredentialName"), "clients are not asked for certificates")
    for name in _TUNING:
        if tls.get(name).text() == "TLS_AUTO":
            run.no_op(tls.get(name), "the default")
        elif tls.get(name):
            run.degrade("MS275", tls.get(name), f"{name} depends on the Gateway API implementation")
    names = [tls.get("credentialName").text(), *(entry.text() for entry in tls.get("credentialNames").each())]
    certificates = tuple(_plain(name) for name in names if name)
    if not certificates or any("://" in name for name in certificates):
        run.hold(
            "MS274", tls, "there is no credentialName, so the certificate cannot be told", remedy=_FROM_SECRET
        )
        raise Held
    return certificates


def _plain(name: str) -> str:
    """`name` or `namespace/name` of a Secret, however Istio's credential names spell it."""
    return name.removeprefix("kubernetes://").removeprefix("kubernetes-gateway://")


def _refuse_routeless(run: Run, server: View) -> None:
    """TLS that is terminated for connections needs a TCPRoute, or a TLSRoute with the names of the listener."""
    if run.target.tcp_route:
        return
    everything = any(host.text().rpartition("/")[2] == "*" for host in server.get("hosts").each())
    if run.target.gateway_api < (1, 5) or everything:
        more = " (a TLSRoute cannot stand for every host)" if everything else ""
        message = f"TLS that is terminated for connections needs a TCPRoute{more}, {_NO_ROUTE}"
        run.hold("MS272", server.get("tls"), message)
        raise Held
    message = (
        "the listener terminates TLS and its route is a TLSRoute, which only some implementations support"
    )
    run.say("MS604", server.get("tls"), message)


def _clients(run: Run, tls: View, mode: str) -> Clients | None:
    """The authority that clients are checked against, None where they are not asked.

    Istio prefers the key `cacert`, Gateway API reads `ca.crt`; a revocation list has no place in Gateway API. So what the
    object holds must be known.
    """
    if mode not in ("MUTUAL", "OPTIONAL_MUTUAL"):
        return None
    named = tls.get("caCertCredentialName")
    text = named.text() if named else f"{_plain(tls.get('credentialName').text())}-cacert"
    kind = "ConfigMap" if text.startswith("configmap://") else "Secret"
    space, _, name = _plain(text.removeprefix("configmap://")).rpartition("/")
    holders = [
        obj for obj in run.context.objects("", kind) if obj.name == name and space in ("", obj.namespace)
    ]
    at, where = named or tls, f"{kind} {space}/{name}" if space else f"{kind} {name}"
    why = _unusable(holders)
    if why:
        other = (
            "" if named else f" (Istio reads {name.removesuffix('-cacert')} where that one does not exist)"
        )
        run.hold("MS603", at, f"clients are checked against the authority in {where}{other}, {why}")
        raise Held
    if ingress.mapped(run, tls.obj.namespace, tls.obj.name) is not None:
        return Clients(kind, space, name, mode == "OPTIONAL_MUTUAL")  # nothing is written here that would ask
    run.say("MS602", at, f"clients must show a certificate of the authority in {where}, key ca.crt"
            + ("; only some implementations read it from a Secret" if kind == "Secret" else ""))  # fmt: skip
    return Clients(kind, space, name, mode == "OPTIONAL_MUTUAL")


def _unusable(holders: list[Obj]) -> str:
    """Why the authority cannot be taken from the objects found, or an empty string."""
    if not holders:
        return "which is neither in the stream nor in its context"
    keys = {
        key for obj in holders for field in ("data", "stringData") for key, _ in obj.view.get(field).items()
    }
    if len(holders) > 1:
        return "of which there are several"
    if "ca.crt" not in keys or "cacert" in keys:
        return "in another key than ca.crt"
    if keys & {"ca.crl", "crl"}:
        return "with a list of revoked certificates, which Gateway API has no place for"
    return ""


def _account_idle(run: Run, tls: View, why: str) -> None:
    """Settings of a server that does not terminate TLS."""
    for name, field in fields.effective(run, tls):
        if name not in ("mode", "httpsRedirect"):
            run.no_op(field, why)


def _has_certificate(tls: View) -> bool:
    return any(
        tls.get(name)
        for name in ("credentialName", "credentialNames", "serverCertificate", "tlsCertificates")
    )
