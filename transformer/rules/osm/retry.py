"""A Retry becomes retry annotations of Services that only its ServiceAccount may call; any other one is held.

OSM retries in the sidecars of one ServiceAccount, Linkerd's annotations count for every caller of the Service.
https://release-v1-2.docs.openservicemesh.io/docs/guides/traffic_management/retry_policy/
https://linkerd.io/2/reference/retries/
"""

from __future__ import annotations

from collections.abc import Sequence

from transformer.ir import authorization as ir
from transformer.ledger import ACCEPTED, DEGRADED, NO_OP, TRANSLATED, Fate
from transformer.objects import Obj, View
from transformer.rules import osm_mode, reach
from transformer.rules.istio.authorization_rules import Unsayable
from transformer.rules.istio.durations import milliseconds
from transformer.rules.osm import fields_of_kinds
from transformer.rules.registry import rule
from transformer.run import Run
from transformer.targets import metadata
from transformer.targets.gateway_api.http_route import duration

_PREFIX = "retry.linkerd.io/"
_KNOWN = ("5xx", "gateway-error")


@rule(
    id="osm-retry",
    kinds=[("policy.openservicemesh.io", "Retry")],
    order=35,
    summary="retries become annotations of Services that nobody else may call, or are held",
)
def translate(run: Run, objs: Sequence[Obj]) -> None:
    """Translate every Retry of the stream, or hold it with the workloads of its namespaces."""
    for obj in objs:
        metadata.account(run, obj)
        run.drop(obj)
        if osm_mode.feature(run, "enableRetryPolicy") is False:
            if fields_of_kinds.check(run, obj):
                run.say("MS539", obj, "enableRetryPolicy is false in MeshConfig, so OSM does not retry")
            run.mark(obj.spec, Fate(NO_OP, "MS539"))
            continue
        for reached in reach.of(run, obj):
            run.units.bind([obj.uid, reached.uid])
        try:
            if fields_of_kinds.check(run, obj):
                _translate(run, obj)
        except Unsayable as problem:
            if not run.hold(problem.code, problem.at, problem.message, remedy=problem.remedy):
                run.mark(obj.spec, Fate(ACCEPTED, problem.code))


def _translate(run: Run, obj: Obj) -> None:
    if osm_mode.feature(run, "enableRetryPolicy") is None:
        raise Unsayable(
            "MS537", obj, "nobody says whether enableRetryPolicy is on, so whether OSM retries is not known",
            "Add the MeshConfig as --context.",
        )  # fmt: skip
    policy, source = obj.spec.get("retryPolicy"), obj.spec.get("source")
    annotations = _annotations(policy)
    services = [_service(run, obj, entry) for entry in obj.spec.get("destinations").each()]
    for service, entry in zip(services, obj.spec.get("destinations").each(), strict=True):
        _refuse_other_callers(run, service, entry, source)
        if any(key.startswith(_PREFIX) for key in service.annotations) and annotations:
            raise Unsayable("MS537", entry, f"{service.ref} has retry annotations already")
        if run.memo.setdefault("retries-of", {}).setdefault(service.uid, obj.uid) != obj.uid:
            raise Unsayable("MS537", entry, f"another Retry names {service.ref} too")
    if not annotations:
        run.say("MS539", policy.get("numRetries"), "nothing is tried again")
        run.mark(obj.spec, Fate(NO_OP, "MS539"))
        return
    _tell(run, policy)
    run.mark(obj.spec, Fate(TRANSLATED, "annotations of its Services"))
    for service in services:
        run.edit(service, ("metadata", "annotations"), write=annotations, owners=[obj])


def _annotations(policy: View) -> dict[str, str]:
    """Annotations of a Service; none where nothing is retried."""
    limit = policy.get("numRetries").value()
    if limit == 0:
        return {}
    conditions = [text for text in _conditions(policy) if text in _KNOWN]
    if not conditions:
        raise Unsayable("MS537", policy.get("retryOn"), "Linkerd has none of the conditions")
    found = {f"{_PREFIX}http": ",".join(conditions), f"{_PREFIX}limit": str(1 if limit is None else limit)}
    if policy.get("perTryTimeout"):
        timeout = milliseconds(policy.get("perTryTimeout").text())
        if not timeout:
            raise Unsayable("MS537", policy.get("perTryTimeout"), "is no time in whole milliseconds")
        found[f"{_PREFIX}timeout"] = duration(timeout)
    return found


def _conditions(policy: View) -> list[str]:
    return [text.strip() for text in policy.get("retryOn").text().split(",") if text.strip()]


def _service(run: Run, obj: Obj, entry: View) -> Obj:
    name, space = entry.get("name").text(), entry.get("namespace").text()
    found = run.context.service(space, name).obj
    if entry.get("kind").text() != "Service" or found is None or found.context:
        raise Unsayable(
            "MS537", entry, f"{entry.get('kind').text()} {space}/{name} is not in the stream, so it cannot be annotated",
            "Render the Service in the same stream.",
        )  # fmt: skip
    return found


def _refuse_other_callers(run: Run, service: Obj, entry: View, source: View) -> None:
    """Whether the policies of this run let nobody else in: then it does not matter that all callers retry."""
    wanted = service.spec.get("selector").texts()
    accounts = {
        pod.account for pod in reach.workloads(run, service.namespace) if wanted and wanted.items() <= pod.labels.items()
    }  # fmt: skip
    admitted = run.memo.get("admitted-callers", {})
    known = [admitted.get((service.namespace, account)) for account in sorted(accounts)]
    only = ir.account(source.get("namespace").text(), source.get("name").text())
    if (
        not known
        or source.get("kind").text() != "ServiceAccount"
        or any(c is None or not c <= only for c in known)
    ):
        raise Unsayable(
            "MS537", entry, f"other callers than {source.get('namespace').text()}/{source.get('name').text()} may call "
            f"{service.ref}, and they would retry too",
        )  # fmt: skip


def _tell(run: Run, policy: View) -> None:
    lost = [text for text in _conditions(policy) if text not in _KNOWN]
    if policy.get("retryBackoffBaseInterval"):
        run.mark(policy.get("retryBackoffBaseInterval"), Fate(DEGRADED, "MS538"))
        lost.append("retryBackoffBaseInterval")
    if lost:
        run.mark(policy.get("retryOn"), Fate(DEGRADED, "MS538"))
    told = f"Linkerd has no {', '.join(lost)}" if lost else "Envoy's 5xx means connections that fail too"
    run.say("MS538", policy, told)
