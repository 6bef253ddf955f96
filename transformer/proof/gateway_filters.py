"""What Gateway API's filters and timeouts make of a request (Gateway API v1, HTTPPathModifier,
HTTPRequestRedirect).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .durations import InvalidDuration, gateway_millis
from .matching import Request, without_port
from .objects import Obj

_DEFAULT_PORTS = {"http": 80, "https": 443}


def _matched_prefix(match: Obj | None) -> str:
    path = (match or {}).get("path")
    entry: Obj = path if isinstance(path, Mapping) else {}
    if (entry.get("type") or "PathPrefix") != "PathPrefix":
        raise ValueError("a prefix is replaced where no prefix matched")
    return str(entry.get("value") or "/").rstrip("/")


def _replaced(change: Any, path: str, match: Obj | None) -> str:
    """The path after a `ReplaceFullPath` or `ReplacePrefixMatch`; slashes at the seam are one."""
    if not isinstance(change, Mapping):
        return path
    if change.get("type") == "ReplaceFullPath":
        return str(change.get("replaceFullPath") or "/")
    rest = (
        path[len(_matched_prefix(match)) :].lstrip("/") if path.rstrip("/") != _matched_prefix(match) else ""
    )
    tail = "/" if path.endswith("/") and not rest else ""
    head = str(change.get("replacePrefixMatch") or "").rstrip("/")
    return f"{head}/{rest}" if rest else head + tail or "/"


def rewritten(entry: Obj | None, asked: Request, match: Obj | None) -> dict[str, Any]:
    """`path_after` and `authority_after` of a URLRewrite filter, or of none."""
    block: Obj = entry["urlRewrite"] if entry is not None else {}
    return {
        "path_after": _replaced(block.get("path"), asked.path, match),
        "authority_after": str(block.get("hostname") or asked.host),
    }


def redirected(block: Obj, asked: Request, match: Obj | None, port: int, *, tls: bool) -> dict[str, Any]:
    """`status` and `location` of a RequestRedirect on a listener of that port."""
    scheme = str(block.get("scheme") or ("https" if tls else "http"))
    # Without a scheme of its own a redirect keeps the port of the listener, with one it takes the usual port.
    own = block.get("port") or (_DEFAULT_PORTS[scheme] if block.get("scheme") else port)
    authority = str(block.get("hostname") or without_port(asked.host))
    if own != _DEFAULT_PORTS[scheme]:
        authority += f":{own}"
    path = _replaced(block.get("path"), asked.path, match)
    query = f"?{asked.query}" if asked.query else ""
    return {"status": int(block.get("statusCode") or 302), "location": f"{scheme}://{authority}{path}{query}"}


def _duration(block: Obj, key: str) -> int | None:
    text = block.get(key)
    if text is None:
        return None
    try:
        return gateway_millis(str(text)) or None
    except InvalidDuration as error:
        raise ValueError(f"{key} {text!r} is no Gateway API duration") from error


def limits(rule: Obj) -> dict[str, Any]:
    """`timeout_ms`, `backend_timeout_ms` and `retry` of a rule; a malformed duration raises ValueError."""
    found = rule.get("timeouts")
    block: Obj = found if isinstance(found, Mapping) else {}
    return {
        "timeout_ms": _duration(block, "request"),
        "backend_timeout_ms": _duration(block, "backendRequest"),
        "retry": rule.get("retry"),
    }
