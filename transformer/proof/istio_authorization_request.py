"""A request as the RBAC filters of a workload's sidecar see it: identity, addresses, normalized path, headers
and claims.

Source: Envoy's `source/common/http/path_utility.cc` (order of the normalization steps) and googleurl's
`url_canon_path.cc` (dot segments, escapes); Istio's `meshConfig.pathNormalization`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NamedTuple

from transformer.stream.patterns import pattern

Json = Mapping[str, Any]
Address = IPv4Address | IPv6Address

NORMALIZATIONS = ("NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES")

_ESCAPE = pattern(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = pattern(r"[A-Za-z0-9._~-]")
_ESCAPED_WHEN_BARE = pattern(r"[\x01-\x20\"<>^`{|}\x7f-\U0010ffff]")
# A lone percent sign, which might become an escape once its neighbours are decoded, and NUL.
_REFUSED = pattern(r"%(?![0-9A-Fa-f]{2})|%00|\x00|#")
# `..;x`: some patch levels of Envoy cut the parameter off before they resolve the segment.
_DOTS_WITH_PARAMETER = pattern(r"(^|/)\.{1,2};")


class NotModelled(ValueError):
    """A question whose answer hangs on something that the world does not say."""


class Connection(NamedTuple):
    """What the rules are asked about; `method` is None where no HTTP is seen."""

    identity: str | None
    """SPIFFE identity without `spiffe://`; None over plaintext."""
    address: Address
    remote: Address
    """The address in X-Forwarded-For where there is one, else `address`."""
    port: int
    mtls: bool
    method: str | None
    host: str
    path: str
    """Normalized, without query."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case, values of one name joined by commas."""
    claims: Json | None


def normalized(path: str, kind: str) -> str:
    """The path, without its query, that policies are matched against; `kind` is one of `NORMALIZATIONS`.

    Raises NotModelled for what proxies refuse or read differently, ValueError for an unknown kind.
    """
    if kind not in NORMALIZATIONS:
        raise ValueError(f"unknown path normalization {kind!r}")
    bare = path.partition("?")[0]
    if _REFUSED.search(bare):
        raise NotModelled(f"a path that proxies refuse before any policy, or read differently: {path!r}")
    if kind == "NONE":
        return bare
    if kind == "DECODE_AND_MERGE_SLASHES":
        bare = re.sub(r"%2[fF]", "/", re.sub(r"%5[cC]", "/", bare))
    bare = _decoded(bare).replace("\\", "/")
    if not bare.startswith("/"):
        raise NotModelled(f"not a path: {path!r}")
    if _DOTS_WITH_PARAMETER.search(bare):
        raise NotModelled(f"proxies differ in a dot segment with a parameter: {path!r}")
    bare = _ESCAPED_WHEN_BARE.sub(lambda m: "".join(f"%{byte:02X}" for byte in m[0].encode()), bare)
    bare = _without_dots(bare)
    return bare if kind == "BASE" else re.sub("/{2,}", "/", bare)


def _decoded(path: str) -> str:
    """Escaped unreserved characters decoded, once; `%2561` stays `%2561`."""

    def one(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if _UNRESERVED.match(char) else match[0]

    return _ESCAPE.sub(one, path)


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path[1:].split("/")
    for number, segment in enumerate(segments):
        if segment not in (".", ".."):
            kept.append(segment)
            continue
        if segment == ".." and kept:
            kept.pop()
        if number == len(segments) - 1:
            kept.append("")
    return "/" + "/".join(kept)


def _headers(request: Json) -> dict[str, str]:
    given = request.get("headers") or {}
    pairs = given.items() if isinstance(given, Mapping) else given
    found: dict[str, str] = {}
    for name, value in pairs:
        key = str(name).lower()
        found[key] = f"{found[key]},{value}" if key in found else str(value)
    return found


def _remote(headers: Mapping[str, str], address: Address) -> Address:
    last = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        return ip_address(last)
    except ValueError:
        return address


def connection(request: Json, *, mtls: bool, normalization: str, claims: Json | None) -> Connection:
    """The connection of a request that arrives over `mtls` or plaintext, with the claims the proxy accepted."""
    client = request["client"]
    address = ip_address(client["ip"])
    http = request.get("protocol") != "tcp"
    headers = _headers(request) if http else {}
    path, _, query = str(request.get("path") or "/").partition("?")
    return Connection(
        identity=client.get("identity") if mtls else None,
        address=address,
        remote=_remote(headers, address),
        port=int(request["port"]),
        mtls=mtls,
        method=str(request.get("method") or "GET") if http else None,
        host=str(request.get("host") or ""),
        path=normalized(path, normalization) if http else "",
        query=query or str(request.get("query") or ""),
        headers=headers,
        claims=claims if http else None,
    )
