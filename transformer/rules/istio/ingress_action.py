"""What a rule does with requests that come in through a gateway: Gateway API filters that mesh routes cannot have.

Rewrites replace text in Istio and path segments in Gateway API (observed I17, I26); a rewrite is carried over where the two
agree, told where only slashes differ, and held where the path would be another.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from transformer.ir.routes import Action, Cors, Forward, Mirror, Rewrite
from transformer.ledger import NO_OP, Fate, Mark
from transformer.objects import Obj, View
from transformer.order.predicates import Match
from transformer.rules.istio import durations, redirect_action
from transformer.rules.istio import virtual_service_action as shared
from transformer.rules.istio.held import Held
from transformer.run import Run


class Lowered(NamedTuple):
    """An action, whether it depends on the matched path, the leaves that decided it, and the rules it stands on."""

    action: Action
    keep_path: bool
    marks: tuple[Mark, ...]
    owners: tuple[Obj, ...]


def lower(run: Run, rule: View, match: Match, uri: View, server_port: int) -> Lowered:
    """Lower one rule for one of its matches; `uri` is the match's own condition. Raises `Held`."""
    if rule.get("directResponse"):
        run.hold(
            "MS233",
            rule.get("directResponse"),
            "the rule asks for an answer without a backend, which no Gateway API route can give",
        )
        raise Held
    shared.refuse_fault(run, rule)
    marks: list[Mark] = []
    owners: list[Obj] = []
    if rule.get("redirect"):
        return Lowered(
            redirect_action.lower(run, rule, server_port, marks, ingress=True), False, tuple(marks), ()
        )
    backends = shared.lower_backends(run, rule, server_port, marks, owners, ingress=True)
    request, response = shared.lower_headers(run, rule.get("headers"), marks)
    timeout = shared.lower_timeout(run, rule.get("timeout"), marks)
    if timeout is not None and not run.target.gateway_timeouts:
        if run.hold(
            "MS287",
            rule.get("timeout"),
            f"the API server would drop the timeout of {rule.get('timeout').text()}",
        ):
            raise Held
        timeout = None
    rewrite, keep = _rewrite(run, rule.get("rewrite"), match, uri, marks)
    mirrors = _mirrors(run, rule, server_port, marks, owners)
    cors = _cors(run, rule.get("corsPolicy"), marks)
    if rule.get("retries"):
        _retries(run, rule.get("retries"))
    run.mark(rule.get("name"), Fate(NO_OP, "names a route in logs only"))
    action = Forward(backends, request, response, timeout, rewrite, mirrors, cors)
    return Lowered(action, keep, tuple(marks), tuple(owners))


def _retries(run: Run, retries: View) -> None:
    if (retries.get("attempts").value() or 0) <= 0:
        run.no_op(retries, "no attempts: retries are off")
        return
    run.degrade(
        "MS240", retries, "retries of a gateway's route have no place in the standard channel of Gateway API"
    )


def _rewrite(
    run: Run, rewrite: View, match: Match, uri: View, marks: list[Mark]
) -> tuple[Rewrite | None, bool]:
    """The rewrite and whether it depends on the matched prefix."""
    if not rewrite:
        return None, False
    if rewrite.get("uriRegexRewrite"):
        run.hold(
            "MS282",
            rewrite.get("uriRegexRewrite"),
            "a rewrite by regular expression has no equivalent in Gateway API",
        )
        raise Held
    hostname = rewrite.get("authority").text()
    if ":" in hostname or "%" in hostname:
        run.hold(
            "MS282",
            rewrite.get("authority"),
            f"`{hostname}` is more than a host name, which is all that a rewrite can set",
        )
        raise Held
    marks += run.translated(rewrite)
    text = rewrite.get("uri").text()
    if not text:
        return (Rewrite(hostname=hostname) if hostname else None), False
    if uri.get("exact").present or uri.get("regex").present:
        return Rewrite(full=text, hostname=hostname), False
    prefix = uri.get("prefix").text() or "/"
    if prefix == text:
        return (Rewrite(hostname=hostname) if hostname else None), False
    _compare_prefixes(run, rewrite.get("uri"), prefix, text)
    if match.path.kind not in ("any", "prefix"):
        run.hold("MS282", rewrite.get("uri"), f"prefix `{prefix}` must be a PathPrefix to be replaced",
                 remedy="Use prefix-mode segment or auto.")  # fmt: skip
        raise Held
    return Rewrite(prefix=text.rstrip("/") or "/", hostname=hostname), True


def _compare_prefixes(run: Run, at: View, prefix: str, text: str) -> None:
    """Istio puts `text` in place of the characters of `prefix`, Gateway API in place of its segments."""
    if prefix.endswith("/") == text.endswith("/"):
        return
    if text.endswith("/"):
        run.say("MS281", at, f"`{prefix}/x` became `{text}/x`, with two slashes, and becomes `{text}x` now")
        return
    run.hold(
        "MS282",
        at,
        f"Istio turns `{prefix}x` into `{text}x`, a replaced path prefix would turn it into `{text}/x`",
    )
    raise Held


def _mirrors(
    run: Run, rule: View, server_port: int, marks: list[Mark], owners: list[Obj]
) -> tuple[Mirror, ...]:
    found = []
    if rule.get("mirror"):
        share = next(
            (rule.get(name) for name in ("mirrorPercent", "mirror_percent") if rule.get(name).present),
            rule.get("none"),
        )
        share = rule.get("mirrorPercentage", "value") if rule.get("mirrorPercentage") else share
        explicit_zero = (
            rule.get("mirrorPercentage").present and not rule.get("mirrorPercentage", "value").present
        )
        found.append((rule.get("mirror"), share, explicit_zero))
    for entry in rule.get("mirrors").each():
        share = entry.get("percentage", "value")
        found.append((entry.get("destination"), share, entry.get("percentage").present and not share.present))
    mirrors = []
    for destination, share, zero in found:
        percent = Fraction(0) if zero else Fraction(str(share.value())) if share else Fraction(100)
        if percent == 0:
            run.no_op(destination, "nothing is mirrored: 0 %")
            continue
        if percent != 100 and run.target.gateway_api < (1, 3):
            if run.hold(
                "MS283",
                destination,
                f"{float(percent):g} % of the requests are mirrored; a share needs Gateway API 1.3",
            ):
                raise Held
            continue
        namespace, name, port = shared.lower_destination(run, destination, server_port, marks, owners, True)
        whole = percent.denominator == 1
        mirrors.append(Mirror(namespace, name, port, percent.numerator if whole else (percent / 100).numerator,
                              100 if whole else (percent / 100).denominator))  # fmt: skip
    for name in ("mirror", "mirrors", *redirect_action.MIRROR_SHARES):
        marks += run.translated(rule.get(name))
    return tuple(mirrors)


def _cors(run: Run, policy: View, marks: list[Mark]) -> Cors | None:
    if not policy:
        return None
    if run.target.gateway_api < (1, 5):
        if run.hold("MS231", policy, "CORS answers of the gateway; routes have them from Gateway API 1.5",
                    remedy="Install Gateway API 1.5 CRDs and say gateway-api: 1.5, or let the application "
                    "answer."):  # fmt: skip
            raise Held
        return None
    origins = [entry.get("exact").text() for entry in policy.get("allowOrigins").each()]
    origins += [entry.text() for entry in policy.get("allowOrigin").each()] if not origins else []
    odd = [entry for entry in policy.get("allowOrigins").each() if not entry.get("exact").text()]
    if odd or not origins:
        if run.hold(
            "MS231",
            odd[0] if odd else policy,
            "origins by prefix or expression; a route takes exact ones, or wildcards for whole labels",
        ):
            raise Held
        return None
    age = durations.milliseconds(policy.get("maxAge").text()) if policy.get("maxAge") else None
    marks += run.translated(policy)
    _tell_unmatched(run, policy)

    def texts(name: str) -> tuple[str, ...]:
        return tuple(entry.text() for entry in policy.get(name).each())

    credentials = policy.get("allowCredentials").value() is True
    seconds = max(1, age // 1000) if age else None
    return Cors(
        tuple(origins),
        texts("allowMethods"),
        texts("allowHeaders"),
        texts("exposeHeaders"),
        credentials,
        seconds,
    )


def _tell_unmatched(run: Run, policy: View) -> None:
    """Istio passes preflights of other origins on unless it is told to ignore them; the filter answers them all."""
    field = policy.get("unmatchedPreflights")
    if field.text() == "IGNORE":
        return
    message = "preflights of other origins no longer reach the destination"
    if field.present:
        run.degrade("MS289", field, message)
    else:
        run.say("MS289", policy, message)
