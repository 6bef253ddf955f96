"""Where things are written that only a policy of the root namespace says, and what the report tells of the policy."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.case_tables import Case, cases, run
from transformer.errors import FINDINGS
from transformer.options import Options
from transformer.transform import Result, transform

CASES = {case.folder.name: case for case in cases("root-policies")}
ONLY = {"only": ("shop",), "complete": ("shop", "istio-system"), "mesh.mtls": "strict"}
JOB = """\
---
apiVersion: batch/v1
kind: Job
metadata: {name: a-job, namespace: shop, annotations: {helm.sh/hook: pre-install}}
spec:
  template:
    metadata: {labels: {app: a-job}}
    spec: {containers: [{name: c, image: c, ports: [{containerPort: 8080}]}]}
"""


def of(name: str, **changes: Any) -> Result:
    case: Case = CASES[name]
    return run(case, case.input, **changes)


def documents(result: Result) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(b"".join(result.output)) if found]


def test_a_hook_takes_nothing_with_it_when_it_is_deleted() -> None:
    result = transform(CASES["alone"].input + JOB.encode(), Options(ONLY))
    found = documents(result)
    kinds = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert kinds.index(("Server", "metrics-8080")) == kinds.index(("Deployment", "cart")) + 1
    made = [one for one in found if one["apiVersion"].startswith("policy.linkerd.io/")]
    assert made
    assert not any("helm.sh/hook" in one["metadata"]["annotations"] for one in made)


def test_the_report_says_what_an_object_comes_from() -> None:
    emitted = of("alone").report.emitted
    assert emitted
    assert {source for _, source in emitted} == {"AuthorizationPolicy istio-system/metrics"}


def test_a_root_policy_that_only_names_is_kept_and_not_accounted() -> None:
    fates = {str(fate.ref): fate for fate in of("root-named").report.objects}
    policy = fates["AuthorizationPolicy istio-system/everything"]
    assert (policy.outcome, policy.fates) == ("kept", {})
    assert "AuthorizationPolicy istio-system/everything" not in {
        str(fate.ref) for fate in of("deny-all").report.objects
    }, "outside of `only` it is context"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "of-the-gateway-incomplete",
            "Name shop under complete once stream and context hold all of its workloads.",
        ),
        ("ambient", "Leave these workloads out of the run"),
        ("own-in-context", "Migrate the policy in the same run"),
    ],
)
def test_the_remedy_is_one(name: str, says: str) -> None:
    report = of(name).report
    assert report.exit_code == FINDINGS
    assert [one.remedy.startswith(says) for one in report.findings if one.code == "MS402"] == [True]


def test_what_the_remedy_says_helps() -> None:
    report = of("of-the-gateway-incomplete", complete=("shop",)).report
    assert not [one for one in report.findings if one.severity == "error"]


def test_what_is_told_names_what_moves() -> None:
    told = [
        one.message
        for one in of("one-namespace-held", fail_on="never").report.findings
        if one.code == "MS440"
    ]
    assert told == ["stays, and is said in Linkerd for what moves of web"]
