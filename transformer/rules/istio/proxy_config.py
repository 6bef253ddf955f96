"""A ProxyConfig object tunes Istio's proxies; Linkerd's have settings of their own, so the loss is told.

https://istio.io/latest/docs/reference/config/networking/proxy-config/
https://linkerd.io/2/reference/proxy-configuration/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.objects import Obj, View
from transformer.rules.istio import proxy_tuning
from transformer.rules.registry import rule
from transformer.run import Run


@rule(
    id="proxy-config",
    kinds=[("networking.istio.io", "ProxyConfig")],
    order=50,
    summary="threads and environment of Istio's proxies end, which is told; images need nothing",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Drop every ProxyConfig of the stream with a warning for what it sets."""
    for name, block in proxy_tuning.settings(run, objs, "ProxyConfig"):
        _field(run, name, block)


def _field(run: Run, name: str, block: View) -> None:
    if not block or name == "selector":
        run.no_op(block, "names what the rest is about")
    elif name == "image":
        run.no_op(block, "Linkerd's proxy has an image of its own")
    elif name == "concurrency":
        run.degrade(
            "MS331",
            block,
            f"Istio's proxies run {block.text()} threads (0: one per core); Linkerd's take theirs from their CPU limit",
            remedy="Set config.linkerd.io/proxy-cpu-limit on the pods if the proxy must be held back.",
        )
    else:
        names = ", ".join(key for key, _ in block.items())
        run.degrade("MS331", block, f"environment of Istio's proxy is lost: {names}")
