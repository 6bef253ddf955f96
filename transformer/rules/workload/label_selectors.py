"""Labels that other objects select pods or Namespaces by: taking one away would change what they match.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from __future__ import annotations

from collections.abc import Iterator

from transformer.objects import Obj, View
from transformer.run import Run

_POD_SELECTORS = frozenset({"podSelector", "selector"})
_OF_PODS = (
    ("networking.k8s.io", "NetworkPolicy"),
    ("extensions", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
)
_OF_NAMESPACES = (
    ("networking.k8s.io", "NetworkPolicy"), ("extensions", "NetworkPolicy"), ("gateway.networking.k8s.io", "Gateway"),
)  # fmt: skip


def pod_keys(run: Run) -> dict[str, set[str]]:
    """Label keys that Services, NetworkPolicies and disruption budgets select pods by, by namespace."""
    found: dict[str, set[str]] = {}
    for service in run.context.objects("", "Service"):
        keys = found.setdefault(service.namespace, set())
        keys.update(key for key, _ in service.spec.get("selector").items())
    for group, kind in _OF_PODS:
        for obj in run.context.touching(group, kind):
            keys = {key for selector in _selectors(obj.spec, _POD_SELECTORS) for key in _keys(selector)}
            found.setdefault(obj.namespace, set()).update(keys)
            if kind == "NetworkPolicy":
                # Its peers may lie in any namespace.
                found.setdefault("", set()).update(keys)
    return found


def namespace_keys(run: Run) -> dict[str, Obj]:
    """Label keys that NetworkPolicies and Gateways select Namespaces by, each with one object that does."""
    found: dict[str, Obj] = {}
    for group, kind in _OF_NAMESPACES:
        names = frozenset({"namespaceSelector"} if kind == "NetworkPolicy" else {"selector"})
        for obj in run.context.touching(group, kind):
            for selector in _selectors(obj.spec, names):
                for key in _keys(selector):
                    found.setdefault(key, obj)
    return found


def _selectors(view: View, names: frozenset[str]) -> Iterator[View]:
    for name, child in view.items():
        if name in names:
            yield child
        else:
            yield from _selectors(child, names)
    for child in view.each():
        yield from _selectors(child, names)


def _keys(selector: View) -> Iterator[str]:
    yield from (key for key, _ in selector.get("matchLabels").items())
    yield from (entry.get("key").text() for entry in selector.get("matchExpressions").each())
