"""Identities that an AuthorizationPolicy of Istio writes out: whom it lets in by name, and whom it keeps out.

https://istio.io/latest/docs/reference/config/security/authorization-policy/#Source
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj, View

_ACCOUNTS, _DOMAINS = "serviceAccounts", "trustDomains"
_IDENTITIES = ("principals", "namespaces", _ACCOUNTS, _DOMAINS)
_KEYS = {
    "source.principal": "principals", "source.namespace": "namespaces", "source.serviceAccount": _ACCOUNTS,
    "source.trustDomain": _DOMAINS,
}  # fmt: skip


def refused(policy: Obj) -> Iterator[str]:
    """Identities that the policy keeps out: those of a DENY, and those that an ALLOW leaves out.

    Values are as written, but `namespace/account` for a short account, and `*` for a trust domain.
    """
    return _written(policy, listed_by="DENY")


def admitted(policy: Obj) -> Iterator[str]:
    """Identities that the policy lets in: those of an ALLOW, and those that a DENY leaves out. Values as in `refused`."""
    return _written(policy, listed_by="ALLOW")


def _written(policy: Obj, listed_by: str) -> Iterator[str]:
    """Values of the fields that say what is wanted, or of their negatives where the action is the other one."""
    action = policy.spec.get("action").text() or "ALLOW"
    if action not in ("ALLOW", "DENY"):
        return
    listed = action == listed_by
    for one in policy.spec.get("rules").each():
        for source in (entry.get("source") for entry in one.get("from").each()):
            for name in _IDENTITIES:
                key = name if listed else f"not{name[0].upper()}{name[1:]}"
                yield from _values(policy, name, source.get(key))
        for condition in one.get("when").each():
            name = _KEYS.get(condition.get("key").text(), "")
            if name:
                yield from _values(policy, name, condition.get("values" if listed else "notValues"))


def _values(policy: Obj, name: str, field: View) -> Iterator[str]:
    for entry in field.each():
        text = entry.text()
        if name == _DOMAINS:
            yield "*"
        elif name == _ACCOUNTS and "/" not in text:
            yield f"{policy.namespace or '*'}/{text}"
        else:
            yield text
