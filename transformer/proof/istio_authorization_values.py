"""The value tests of an AuthorizationPolicy's fields and `when` keys: what one written value matches.

Source: Istio's `pilot/pkg/security/authz/{model,matcher}` (1.31; regular expressions that it makes of globs
are quoted since 1.30) and Envoy's `uri_template_internal.cc`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any, NamedTuple

from .istio_authorization_request import Connection, NotModelled

Test = Callable[[Connection], bool]
Text = Callable[[str], bool]


class Attribute(NamedTuple):
    """One thing that rules look at; `http` says that a TCP filter cannot see it."""

    test: Callable[[str], Test]
    http: bool


def text(value: str) -> Text:
    """`*` is any non-empty string; one star at the start or the end is a wildcard, any other a character."""
    if value == "*":
        return lambda seen: seen != ""
    if value.startswith("*"):
        return lambda seen: seen.endswith(value[1:])
    if value.endswith("*"):
        return lambda seen: seen.startswith(value[:-1])
    return lambda seen: seen == value


def _identity(matches: Text) -> Test:
    # No certificate, no identity: nothing positive matches, and so every negation does.
    return lambda seen: seen.identity is not None and matches(seen.identity)


def principal(value: str) -> Test:
    """A peer identity `<trust domain>/ns/<ns>/sa/<sa>`; a written `spiffe://` makes it match nothing."""
    return _identity(text(value))


def namespace(value: str) -> Test:
    """The namespace of the peer identity; stars are wildcards anywhere."""
    glob = ".*".join(re.escape(part) for part in value.split("*"))
    pattern = re.compile(f".*/ns/{glob}/.*")
    return _identity(lambda seen: pattern.fullmatch(seen) is not None)


def service_account(value: str, own_namespace: str) -> Test:
    """`<ns>/<sa>`, or `<sa>` of the policy's own namespace, in whatever trust domain."""
    first, slash, second = value.partition("/")
    where, who = (first, second) if slash else (own_namespace, value)
    pattern = re.compile(f".+/ns/{re.escape(where)}/(.+/|)sa/{re.escape(who)}(/.+)?")
    return _identity(lambda seen: pattern.fullmatch(seen) is not None)


def source_block(value: str) -> Test:
    """The peer's address, in a CIDR block or alone. Raises ValueError for no such block."""
    block = ip_network(value, strict=False)
    return lambda seen: seen.address in block


def remote_block(value: str) -> Test:
    """As `source_block`, of the address that X-Forwarded-For names."""
    block = ip_network(value, strict=False)
    return lambda seen: seen.remote in block


def port(value: str) -> Test:
    """The port of the workload. Raises ValueError for no number."""
    number = int(value)
    return lambda seen: seen.port == number


def method(value: str) -> Test:
    """The HTTP method, case and all."""
    matches = text(value)
    return lambda seen: value == "*" or matches(seen.method or "")


def host(value: str) -> Test:
    """The Host header as it was sent, port included, in any case."""
    matches = text(value.lower())
    return lambda seen: value == "*" or matches(seen.host.lower())


# What Envoy takes for a segment's characters: `*` and `=` are not among them.
_SEGMENT = r"a-zA-Z0-9\-._~%!$&'()+,;:@"


def path(value: str) -> Test:
    """The normalized path; with `{*}` or `{**}` a template, else a string with the usual stars."""
    if "{*}" not in value and "{**}" not in value:
        matches = text(value)
        return lambda seen: matches(seen.path)
    parts = re.split(r"(\{\*\*?\})", value)
    kinds = {"{*}": f"[{_SEGMENT}]+", "{**}": f"[{_SEGMENT}/]*"}
    pattern = re.compile("".join(kinds.get(part) or re.escape(part) for part in parts))
    return lambda seen: pattern.fullmatch(seen.path) is not None


# Set or rewritten by the proxies on the way, so that the client's word is not what the policy sees.
_PROXY_HEADERS = frozenset({"x-forwarded-client-cert", "x-forwarded-proto", "x-request-id"})


def header(name: str, value: str) -> Test:
    """A request header; `*` asks for its presence. A missing header matches nothing."""
    key, matches = name.lower(), text(value)

    def test(seen: Connection) -> bool:
        found = _pseudo(seen, key) if key == "host" or key.startswith(":") else _sent(seen, key)
        return found is not None and (value == "*" or matches(found))

    return test


def _sent(seen: Connection, key: str) -> str | None:
    if key in _PROXY_HEADERS or key.startswith("x-envoy-"):
        raise NotModelled(f"the proxies set the header {key}")
    return seen.headers.get(key)


def _pseudo(seen: Connection, key: str) -> str | None:
    if key in ("host", ":authority"):
        return seen.host
    if key == ":path":
        return seen.path + (f"?{seen.query}" if seen.query else "")
    if key == ":method":
        return seen.method
    raise NotModelled(f"{key} is not known here")


def request_principal(value: str) -> Test:
    """`<issuer>/<subject>` of the token, parted at the last slash; a star at either end is a wildcard."""
    issuer, slash, subject = value.rpartition("/")
    if value == "*":
        return _issued(text("*"), text("*"))
    if value.startswith("*"):
        if not slash:
            return _issued(text("*"), text(value))
        return _issued(text(issuer), lambda seen: seen == subject)
    if value.endswith("*"):
        if not slash:
            return _issued(text(value), text("*"))
        any_subject = subject == "*"
        start = subject[:-1]
        return _issued(
            lambda seen: seen == issuer,
            lambda seen: seen.startswith(start) and not (any_subject and seen == ""),
        )
    whole = (issuer, subject) if slash else (value, "")
    return _issued(lambda seen: seen == whole[0], lambda seen: seen == whole[1])


def _issued(issuer: Text, subject: Text) -> Test:
    return lambda seen: _string_claim(seen, "iss", issuer) and _string_claim(seen, "sub", subject)


def _string_claim(seen: Connection, name: str, matches: Text) -> bool:
    found = (seen.claims or {}).get(name)
    return isinstance(found, str) and matches(found)


def claim(names: tuple[str, ...], value: str) -> Test:
    """A claim of the token, nested by `names`: a string, or a list with such a string in it."""
    matches = text(value)

    def test(seen: Connection) -> bool:
        found: Any = seen.claims
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        entries = found if isinstance(found, list) else [found]
        return any(isinstance(entry, str) and matches(entry) for entry in entries)

    return test


def unknowable(what: str, *, needs_mtls: bool = False) -> Callable[[str], Test]:
    """A field whose value the world does not tell; over plaintext, one that comes with mTLS is just absent."""

    def make(value: str) -> Test:
        def test(seen: Connection) -> bool:
            if needs_mtls and not seen.mtls:
                return False
            raise NotModelled(f"{what} is not known here")

        return test

    return make
