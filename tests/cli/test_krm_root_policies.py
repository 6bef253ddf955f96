"""Files of a ResourceList where a policy of Istio's root namespace lies in another one than the pods."""

from __future__ import annotations

import pytest
import yaml

from tests.cli.running import NAMESPACE, Call
from tests.cli.test_krm_function import PATH, WORKLOAD, function_config, placed, resource_list

ROOT_POLICY = """\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: metrics, namespace: istio-system}
spec:
  rules:
  - from: [{source: {namespaces: [monitoring]}}]
"""


@pytest.mark.parametrize("only", ["only: [shop], complete: [shop, istio-system]", "complete: ['*']"])
def test_nothing_is_written_into_the_file_of_a_policy_of_the_root_namespace(call: Call, only: str) -> None:
    meshed = WORKLOAD.replace("NAME", "web").replace("image: web", "image: web, ports: [{containerPort: 80}]")
    manifests = [
        placed(NAMESPACE, "a.yaml", 0),
        placed(meshed, "a.yaml", 1),
        placed(ROOT_POLICY, "root.yaml", 0),
    ]
    tail = function_config(f"{{mesh: {{mtls: strict}}, {only}}}")
    found = call(stdin=resource_list(*manifests, tail=tail))
    assert found.code == 0, found.err
    made = [
        one
        for one in yaml.safe_load(found.out)["items"]
        if one["apiVersion"].startswith("policy.linkerd.io/")
    ]
    assert {one["metadata"]["annotations"]["meshshift.dev/from"] for one in made} == {
        "AuthorizationPolicy/istio-system/metrics"
    }
    assert {one["metadata"]["annotations"][PATH] for one in made} == {"a.yaml"}
