"""The Location that Linkerd's proxy answers a RequestRedirect filter with (linkerd2-proxy,
`http/filter/redirect.rs`).
"""

from __future__ import annotations

from collections.abc import Mapping

from .matching import Request, path_length, without_port
from .objects import Obj

_DEFAULT_PORTS = {"http": 80, "https": 443}


class UnusableRedirect(ValueError):
    """A prefix replacement where no path prefix matched: the proxy fails the request."""


def port_of(authority: str) -> int | None:
    """The port written in an authority."""
    rest = authority.removeprefix(without_port(authority))
    return int(rest[1:]) if rest[1:].isdigit() else None


def _beside_default(scheme: str, port: int | None) -> int | None:
    return None if port == _DEFAULT_PORTS.get(scheme) else port


def _authority(redirect: Obj, asked: str, scheme: str) -> str:
    hostname, port = redirect.get("hostname"), redirect.get("port")
    if hostname and port:
        return f"{hostname}:{port}"
    if hostname:
        # The client's own port survives a change of host unless it is the scheme's default.
        kept = _beside_default(scheme, port_of(asked))
        return f"{hostname}:{kept}" if kept else str(hostname)
    if port:
        wanted = _beside_default(scheme, int(port))
        if wanted and wanted != port_of(asked):
            return f"{without_port(asked)}:{wanted}"
        if wanted is None and port_of(asked) is not None:
            return without_port(asked)
    return asked


def _path_and_query(redirect: Obj, request: Request, match: Obj | None) -> str:
    query = f"?{request.query}" if request.query else ""
    change = redirect.get("path")
    if not isinstance(change, Mapping):
        return request.path + query
    if change.get("type") == "ReplaceFullPath":
        return str(change.get("replaceFullPath") or "/")
    path = match.get("path") if match is not None else None
    kind = path.get("type") or "PathPrefix" if isinstance(path, Mapping) else "PathPrefix"
    if kind != "PathPrefix":
        raise UnusableRedirect("no path prefix matched")
    length = path_length(path, request.path) if isinstance(path, Mapping) else 1
    rest = request.path[length or 0 :]
    slash = "/" if rest and not rest.startswith("/") else ""
    return str(change.get("replacePrefixMatch") or "") + slash + rest + query


def linkerd_location(redirect: Obj, request: Request, match: Obj | None) -> str | None:
    """The Location; None where it is the request's own address, which the proxy forwards instead."""
    scheme = str(redirect.get("scheme") or "http")
    target = _path_and_query(redirect, request, match)
    if not target.startswith("/"):
        target = "/" + target
    authority = _authority(redirect, request.host, scheme)
    own = request.path + (f"?{request.query}" if request.query else "")
    if (scheme, authority.lower(), target) == ("http", request.host.lower(), own):
        return None
    return f"{scheme}://{authority}{target}"
