"""Codes of authorization and TLS policies (MS4xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = (
    Code(
        "MS400", "error", "security policy is held",
        "The object decides who may call a workload or how (AuthorizationPolicy, PeerAuthentication, RequestAuthentication, "
        "TrafficTarget …), and this version does not translate it.",
        "The policy stays, and with it every workload that it reaches: only the old mesh's sidecar enforces it.",
        "Keep these workloads in the old mesh for now; accepting the finding drops the policy and leaves them unprotected.",
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy",
        acceptable=True,
    ),
    Code(
        "MS401", "error", "legacy security object",
        "Objects of rbac.istio.io and authentication.istio.io cannot exist beside any current Istio.",
        "Whether they protect something today depends on a very old control plane.",
        "Delete them if they are dead, or replace them by AuthorizationPolicy and PeerAuthentication first.",
    ),
    Code(
        "MS402", "error", "security policy of the context",
        "A file that is only context has a policy that applies to a workload or Namespace of the stream that would move.",
        "The policy is not migrated here and only the old mesh's sidecar enforces it, so what it reaches stays.",
        "Migrate the policy in the same run, or take it out of the context if no cluster has it; accepting the finding "
        "leaves these workloads without it.",
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy  # in a file that `context` names",
        acceptable=True,
    ),
)  # fmt: skip
