"""Redirects of a VirtualService as redirect filters (istio-surface §2.4; observed I6, I14).

A filter replaces scheme, host, port and path; what the rule says beside the redirect has no effect, or holds the object.
"""

from __future__ import annotations

from transformer.ir.routes import Redirect
from transformer.ledger import Mark
from transformer.objects import View
from transformer.rules.istio.held import Held
from transformer.run import Run

#: Three spellings of the share that `mirror` copies.
MIRROR_SHARES = ("mirrorPercentage", "mirrorPercent", "mirror_percent")


def _account_beside(run: Run, rule: View) -> None:
    """What else the rule says: tuning of requests that are not sent on, or what the API server or a route refuses."""
    for name in ("timeout", "retries", "name", "mirror", "mirrors", *MIRROR_SHARES):
        if rule.get(name).present:
            run.no_op(rule.get(name), "has no effect on a redirect")
    if rule.get("rewrite"):
        run.hold("MS004", rule.get("rewrite"), "a rule has redirect and rewrite; the API server refuses it")
        raise Held
    cors = rule.get("corsPolicy")
    if cors and run.hold("MS231", cors, "the rule asks for CORS answers beside a redirect"):
        raise Held


def lower(run: Run, rule: View, dialled: int, marks: list[Mark], *, ingress: bool = False) -> Redirect:
    """A redirect for clients that dialled port `dialled`, or came in through a gateway's server on it."""
    redirect = rule.get("redirect")
    if list(rule.get("route").each()) or not any(field for _, field in redirect.items()):
        run.hold(
            "MS004",
            redirect,
            "a redirect stands without `route` and says something; the API server refuses it otherwise",
        )
        raise Held
    for name in ("derivePort", "prefixRewrite"):
        field = redirect.get(name)
        if field and not (name == "derivePort" and field.text() == "FROM_PROTOCOL_DEFAULT"):
            run.hold("MS250", field, f"{name} of a redirect has no equivalent")
            raise Held
    code = redirect.get("redirectCode").value() or 301
    allowed = run.target.redirect_codes
    if code not in allowed:
        run.hold("MS251", redirect.get("redirectCode"), f"redirect code {code} is not one of "
        f"{', '.join(map(str, sorted(allowed)))} "
                 f"with Gateway API {run.target.gateway_api[0]}.{run.target.gateway_api[1]}",
                 remedy="Gateway API 1.5 CRDs accept 303, 307 and 308 as well.")  # fmt: skip
        raise Held
    if rule.get("headers"):
        run.hold("MS252", rule.get("headers"), "header changes on a redirect have no equivalent")
        raise Held
    _account_beside(run, rule)
    path = redirect.get("uri").text()
    if "?" in path or "#" in path or (path and not path.startswith("/")):
        run.hold(
            "MS250",
            redirect.get("uri"),
            f"`{path}` is no plain path, and a redirect can only replace the path",
        )
        raise Held
    if (
        path
        and not ingress
        and run.hold(
            "MS253",
            redirect.get("uri"),
            "Linkerd drops the query when a redirect replaces the path; Istio keeps it",
        )
    ):
        raise Held
    hostname, _, port = redirect.get("authority").text().partition(":")
    number = redirect.get("port").value() or (int(port) if port.isdigit() else None)
    scheme = redirect.get("scheme").text()
    if ingress and scheme == "https":
        run.once("MS285", redirect, "a `:80` in the Host header no longer appears in redirects to https")
    if number is None and ingress:
        number = 80 if hostname and not scheme and dialled not in (80, 443) else None
    elif number is None and (hostname or (scheme == "https" and dialled == 80)):
        # Linkerd keeps the port that was dialled. Istio keeps it too, unless the host changes or 80 goes to https.
        number = 443 if scheme == "https" else 80
    marks += run.translated(redirect)
    return Redirect(code, scheme, hostname, number, path)
