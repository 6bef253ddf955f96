"""Where two behaviours differ, aspect by aspect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from .behaviour import Behaviour, Destination, Retries
from .matching import without_port

SAME, DEGRADED, DIFFERENT = "same", "degraded", "different"
_SHARE_TOLERANCE = 0.002


class Difference(NamedTuple):
    """One aspect in which the translation is not what Istio does; `outcome` is `degraded` or `different`."""

    outcome: str
    aspect: str
    detail: str


def differences(istio: Behaviour, ours: Behaviour) -> list[Difference]:
    """Every difference; Istio's built-in retries that nothing replaces are `("same", "default-retries")`.

    `degraded` is used for what is lost of tuning: retries and mirrors. A setting that is there and wrong is
    `different`.
    """
    if istio.action != ours.action:
        return [Difference(DIFFERENT, "action", f"{istio.action} became {ours.action}{_shown(ours)}")]
    if istio.action == "redirect":
        return list(_redirect(istio, ours))
    if istio.action == "direct-response":
        wrong = istio.direct != ours.direct
        return (
            [Difference(DIFFERENT, "direct-response", f"{istio.direct} became {ours.direct}")]
            if wrong
            else []
        )
    if istio.action != "route":
        return []
    found = list(_destinations(istio, ours))
    if not istio.l4:
        found += _rewrites(istio, ours)
        found += _tuning(istio, ours)
    return found


def _shown(behaviour: Behaviour) -> str:
    if behaviour.action == "route":
        return " to " + _shares(behaviour.shares)
    return f" {behaviour.redirect}" if behaviour.redirect else ""


def _shares(shares: Mapping[Destination, float]) -> str:
    return " + ".join(
        f"{share:.4g} {'|'.join(sorted(destination.target))}"
        for destination, share in sorted(shares.items(), key=str)
    )


def _close(one: Mapping[Any, float], other: Mapping[Any, float]) -> bool:
    return all(abs(one.get(key, 0.0) - other.get(key, 0.0)) <= _SHARE_TOLERANCE for key in {*one, *other})


def _by_target(shares: Mapping[Destination, float]) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for destination, share in shares.items():
        found[destination.target] = found.get(destination.target, 0.0) + share
    return found


def _destinations(istio: Behaviour, ours: Behaviour) -> Iterable[Difference]:
    if not _close(_by_target(istio.shares), _by_target(ours.shares)):
        yield Difference(DIFFERENT, "destinations", f"{_shares(istio.shares)} became {_shares(ours.shares)}")
        return
    if istio.l4:
        return
    for direction in ("request", "response"):
        one, other = _with_changes(istio.shares, direction), _with_changes(ours.shares, direction)
        if not _close(one, other):
            yield Difference(DIFFERENT, f"{direction}-headers", f"{_changed(one)} became {_changed(other)}")


def _with_changes(shares: Mapping[Destination, float], direction: str) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for destination, share in shares.items():
        key = (destination.target, frozenset(c for c in destination.changes if c[0] == direction))
        found[key] = found.get(key, 0.0) + share
    return found


def _changed(shares: Mapping[Any, float]) -> str:
    return " + ".join(
        sorted(f"{share:.4g} {sorted(c[1:] for c in made)}" for (_, made), share in shares.items())
    )


def _rewrites(istio: Behaviour, ours: Behaviour) -> Iterable[Difference]:
    if istio.path is not None and istio.path != ours.path:
        # Istio puts strings together, Gateway API segments: `//y` and `/y`, `/v1` and `/v1/`.
        slashes = ours.path is not None and _slashless(istio.path) == _slashless(ours.path)
        aspect = "rewrite-slashes" if slashes else "rewrite"
        yield Difference(DIFFERENT, aspect, f"path {istio.path} became {ours.path}")
    if istio.authority is not None and (istio.authority or "").lower() != (ours.authority or "").lower():
        yield Difference(
            DIFFERENT, "rewrite-authority", f"authority {istio.authority} became {ours.authority}"
        )


def _slashless(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment]


def _tuning(istio: Behaviour, ours: Behaviour) -> Iterable[Difference]:
    if istio.timeout_ms != ours.timeout_ms:
        yield Difference(DIFFERENT, "timeout", f"{istio.timeout_ms} ms became {ours.timeout_ms} ms")
    if istio.fault != ours.fault:
        yield Difference(DIFFERENT, "fault", f"{istio.fault or 'none'} became {ours.fault or 'none'}")
    if istio.mirror != ours.mirror:
        lost = ours.mirror < istio.mirror
        yield Difference(
            DEGRADED if lost else DIFFERENT, "mirror", f"{_mirrors(istio)} became {_mirrors(ours)}"
        )
    yield from _cors(istio.cors, ours.cors)
    yield from _retries(istio.retries, ours.retries)


def _mirrors(behaviour: Behaviour) -> str:
    found = sorted(f"{percent:g}% {'|'.join(sorted(target))}" for target, percent in behaviour.mirror)
    return " + ".join(found) or "none"


def _cors(istio: Mapping[str, Any] | None, ours: Mapping[str, Any] | None) -> Iterable[Difference]:
    if (istio is None) != (ours is None):
        yield Difference(DIFFERENT, "cors", f"{istio} became {ours}")
    elif istio is not None and ours is not None:
        # Gateway API cannot leave the age out; its default of five seconds only costs preflights.
        one, other = ({**block, "max_age_s": None} for block in (istio, ours))
        if _canonical_cors(one) != _canonical_cors(other):
            yield Difference(DIFFERENT, "cors", f"{istio} became {ours}")
        elif istio.get("max_age_s") != ours.get("max_age_s"):
            yield Difference(
                DEGRADED, "cors-max-age", f"{istio.get('max_age_s')} s became {ours.get('max_age_s')} s"
            )


def _canonical_cors(block: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "origins": sorted(str(sorted(origin.items())) for origin in block.get("allow_origins") or []),
        "methods": sorted(str(method) for method in block.get("allow_methods") or []),
        "headers": sorted(str(name).lower() for name in block.get("allow_headers") or []),
        "exposed": sorted(str(name).lower() for name in block.get("expose_headers") or []),
        "credentials": bool(block.get("allow_credentials")),
    }


def _retries(istio: Retries | None, ours: Retries | None) -> Iterable[Difference]:
    if istio is None and ours is None:
        return
    if ours is None and istio is not None and istio.built_in:
        yield Difference(
            SAME, "default-retries", "Istio's two built-in retries on connection failures are gone"
        )
        return
    detail = f"{_retry(istio)} became {_retry(ours)}"
    if ours is None:
        yield Difference(DEGRADED, "retries", detail)
        return
    if istio is None or not ours.statuses or istio.statuses != ours.statuses or ours.other - istio.other:
        # Retries on answers that Istio passes on repeat requests that were not repeated before.
        narrower = (
            istio is not None and set() < ours.statuses < istio.statuses and not ours.other - istio.other
        )
        yield Difference(DEGRADED if narrower else DIFFERENT, "retries", detail)
    elif (istio.attempts, istio.per_try_ms) != (ours.attempts, ours.per_try_ms):
        yield Difference(DIFFERENT, "retries", detail)
    elif istio.other - ours.other:
        yield Difference(DEGRADED, "retries", detail)


def _retry(found: Retries | None) -> str:
    if found is None:
        return "none"
    codes = sorted(found.statuses)
    shown = f"{codes[0]}-{codes[-1]}" if len(codes) > 4 else ",".join(map(str, codes))
    return (
        f"{found.attempts} on {','.join([*sorted(found.other), shown] if shown else sorted(found.other))}"
        + (f" each {found.per_try_ms} ms" if found.per_try_ms else "")
    )


def _canonical_location(location: str) -> tuple[str, str, str, str, str]:
    parts = urlsplit(location)
    authority = parts.netloc.lower()
    default = {"http": ":80", "https": ":443"}.get(parts.scheme)
    if default is not None:
        authority = authority.removesuffix(default)
    return parts.scheme, authority, parts.path, parts.query, parts.fragment


def _redirect(istio: Behaviour, ours: Behaviour) -> Iterable[Difference]:
    if istio.redirect is None or ours.redirect is None:
        yield Difference(DIFFERENT, "redirect", f"{istio.redirect} became {ours.redirect}")
        return
    if istio.redirect[0] != ours.redirect[0]:
        yield Difference(DIFFERENT, "redirect-status", f"{istio.redirect[0]} became {ours.redirect[0]}")
    one, other = _canonical_location(istio.redirect[1]), _canonical_location(ours.redirect[1])
    if one != other:
        aspect = "redirect-location"
        if one[:3] == other[:3] and not other[3]:
            aspect = "redirect-query"
        elif one[:1] + one[2:] == other[:1] + other[2:] and without_port(one[1]) == without_port(other[1]):
            aspect = "redirect-port"
        yield Difference(DIFFERENT, aspect, f"{istio.redirect[1]} became {ours.redirect[1]}")
