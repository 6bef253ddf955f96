"""What the judges of the mesh and of gateways say, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from .behaviour import Behaviour
from .compare import DEGRADED, DIFFERENT, SAME, differences
from .paths import normalized

KEPT, OUTSIDE = "kept", "outside"


class Verdict(NamedTuple):
    """What became of one aspect of one question.

    `outcome` is one of

    * `same`; with aspect `default-retries` where Istio's built-in retries went away, else with an empty
      aspect;
    * `degraded`: less tuning (retries, mirrors, a CORS age), the same answer;
    * `different`: another answer, place, header, limit or status;
    * aspect `path-normalization` with either of these two: it is so only because Istio normalises the path
      of this request and Linkerd does not (`degraded` where just the forwarded spelling differs);
    * `kept`: Istio objects that can concern the host are still there (aspect `also-routed` if routes apply
      too);
    * `outside`: the host is no Service, and Istio did nothing to it either.
    """

    question: int
    outcome: str
    aspect: str
    detail: str


def judged(
    number: int,
    istio: Behaviour,
    asked: Mapping[str, Any],
    ask: Callable[[Mapping[str, Any]], Behaviour],
) -> list[Verdict]:
    """The differences between Istio's answer and that of `ask` as verdicts, never empty.

    A request whose path Istio normalises is asked again with the path that Istio sees; what makes a
    difference no longer then is told as one verdict of the aspect `path-normalization`.
    """
    first = _verdicts(number, istio, ask(asked))
    path, mark, query = str(asked.get("path") or "/").partition("?")
    plain = normalized(path)
    if plain == path or not _differs(first):
        return first
    again = _verdicts(number, istio, ask({**asked, "path": plain + mark + query}))
    if {verdict.aspect for verdict in again} >= {verdict.aspect for verdict in first}:
        return first
    # The same place with the path as the client wrote it, or another place altogether.
    outcome = DIFFERENT if any(_misleads(verdict) for verdict in first if verdict not in again) else DEGRADED
    rest = [verdict for verdict in again if verdict.outcome != SAME]
    return [*rest, Verdict(number, outcome, "path-normalization", f"{path} is {plain} to Istio only")]


def _misleads(verdict: Verdict) -> bool:
    return verdict.outcome == DIFFERENT and not verdict.aspect.startswith("rewrite")


def _differs(found: list[Verdict]) -> bool:
    return any(verdict.outcome == DIFFERENT for verdict in found)


def _verdicts(number: int, istio: Behaviour, ours: Behaviour) -> list[Verdict]:
    found = [Verdict(number, *difference) for difference in differences(istio, ours)]
    wrong = [verdict for verdict in found if verdict.outcome != SAME]
    return wrong or found or [Verdict(number, SAME, "", "")]


def wire_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """A recorded request with its query as on the wire; a query may stand in `path`, in `query`, or in both."""
    query = request.get("query") or ""
    path, _, written = str(request.get("path") or "/").partition("?")
    parts = [written, urlencode(query) if isinstance(query, Mapping) else str(query)]
    return {**request, "path": path, "query": "&".join(part for part in parts if part)}
