"""The one table of options: what each is called, takes, defaults to and means.

Flags, environment, configuration file and functionConfig are all read against this table. The pydantic model in
`transformer.config` is built from it, so that a run which only has flags never pays for importing pydantic.
"""

from __future__ import annotations

from typing import Any, NamedTuple

LINKERD_VERSIONS = ("2.16", "2.17", "2.18", "2.19", "2.20", "edge")
GATEWAY_API_VERSIONS = ("1.1", "1.2", "1.3", "1.4", "1.5", "1.6")

#: Gateway API versions that each Linkerd version supports (linkerd-surface: Linkerd's own support table).
SUPPORTED_PAIRS: dict[str, tuple[str, ...]] = {
    "2.16": ("1.1",),
    "2.17": ("1.1",),
    "2.18": ("1.1", "1.2"),
    "2.19": ("1.1", "1.2"),
    "2.20": ("1.2", "1.3", "1.4", "1.5"),
    "edge": ("1.2", "1.3", "1.4", "1.5"),
}


class Option(NamedTuple):
    """One option. `key` is dotted where nested (`mesh.mtls` = `--mesh-mtls` = `MESHSHIFT_MESH_MTLS`)."""

    key: str
    kind: str  # text | choice | list | accept
    default: Any
    help: str
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """The command-line spelling."""
        return "--" + self.key.replace(".", "-")

    @property
    def variable(self) -> str:
        """The environment spelling."""
        return "MESHSHIFT_" + self.key.replace(".", "_").replace("-", "_").upper()


OPTIONS: tuple[Option, ...] = (
    Option("linkerd", "choice", "2.20", "Linkerd version that the output is for", LINKERD_VERSIONS),
    Option("gateway-api", "choice", "1.2", "version of the installed Gateway API CRDs", GATEWAY_API_VERSIONS),
    Option("channel", "choice", "standard", "channel of the installed Gateway API CRDs", ("standard", "experimental")),
    Option("gateway-class", "text", "", "gatewayClassName of ingress Gateways, or keep-istio: Istio's ingress "
    "gateway stays and joins Linkerd; a fact, asked for when the stream has any"),
    Option("gateway-map", "list", (), "existing Gateways that stand in for Istio's: ns/name=ns/name, with "
    "#section for one listener"),
    Option("phase", "choice", "enforce", "how far this run goes: prepare adds what Linkerd needs and changes nothing else, "
           "switch moves the pods while policies only audit, enforce finishes", ("prepare", "switch", "enforce")),
    Option("only", "list", (), "what moves in this run: namespaces, or workloads by pod labels (app=cart, "
           "shop:app=cart, app=cart&tier=web for both); everything else passes untouched"),
    Option("ingress-identity", "text", "", "ServiceAccount ns/name of the new ingress, which takes the place of Istio's in "
    "policies"),
    Option("namespace", "text", "", "namespace of objects that carry none (Helm does not tell it)"),
    Option("context", "list", (), "files or folders read only as context (Services, workloads, DestinationRules …)"),
    Option("complete", "list", (), "namespaces of which stream and context hold every object; * for all"),
    Option("mesh.mtls", "choice", "", "mesh-wide mutual TLS today: a fact, asked for when it "
    "matters", ("", "strict", "permissive")),
    Option("mesh.root-namespace", "text", "istio-system", "Istio's root namespace"),
    Option("mesh.cluster-domain", "text", "cluster.local", "DNS domain of the cluster"),
    Option("mesh.path-normalization", "choice", "", "how Istio rewrites paths before its policies see them (MeshConfig "
           "pathNormalization; base where neither this nor a MeshConfig in the stream says it)",
           ("", "none", "base", "merge-slashes", "decode-and-merge-slashes")),
    Option("mesh.outbound-policy", "choice", "allow-any", "what the mesh does today with hosts that it does not "
           "know: allow-any (Istio's default) lets them pass, registry-only refuses them", ("allow-any", "registry-only")),
    Option(
        "linkerd-install.opaque-ports", "text", "25,587,3306,4444,5432,6379,9300,11211",
        "default opaque ports of the Linkerd install",
    ),
    Option(
        "linkerd-install.cluster-networks", "text", "10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8",
        "clusterNetworks of the Linkerd install: no EgressNetwork refuses addresses in them",
    ),
    Option("linkerd-install.trust-domain", "text", "cluster.local", "trust domain of the Linkerd install, where a policy lets "
           "in every identity of the mesh's own"),
    Option("linkerd-install.control-plane-namespace", "text", "linkerd", "namespace of Linkerd's control plane, which is part "
           "of identities"),
    Option("authorization", "choice", "translate", "AuthorizationPolicies, PeerAuthentications and TrafficTargets: translate "
           "them where that is exact, or hold all of them with what they reach", ("hold", "translate")),
    Option("smi-implementation", "choice", "osm", "whose reading of SMI objects counts where implementations differ "
           "(path expressions, rules without matches, namespaces, TCP ports)", ("osm", "linkerd-smi", "traefik-mesh", "spec")),
    Option("mesh.osm-policy-mode", "choice", "", "Open Service Mesh's traffic policy mode where no MeshConfig of stream or "
           "context tells it; deny-by-default is assumed", ("", "deny-by-default", "permissive")),
    Option("prefix-mode", "choice", "auto", "how an Istio string prefix is written: exact (a regular expression where "
           "segments differ), segment (PathPrefix, with a finding), or auto: exact on the mesh, segment at gateways",
           ("auto", "exact", "segment")),
    Option("fail-on", "choice", "error", "lowest severity that makes the run fail", ("error", "warning", "never")),
    Option("accept", "accept", (), "findings a person accepts: CODE@Kind/namespace/name=reason"),
    Option("report", "choice", "text", "format of the findings: github for workflow commands of GitHub Actions, gitlab for "
           "Code Quality reports", ("text", "json", "sarif", "github", "gitlab", "markdown")),
    Option("report-file", "list", (), "files that receive the findings as well; an ending tells the format: .json, .jsonl (one "
           "line per finding, appended), .sarif, .md, code-quality-report.json (GitLab's)"),
)  # fmt: skip


class Acceptance(NamedTuple):
    """A person's acceptance of one finding: its code, the object it is about, why, and until when (ISO date or empty)."""

    code: str
    object: str
    reason: str
    expires: str = ""


class Options:
    """Values of all options; attribute names use underscores (`mesh.mtls` is `mesh_mtls`)."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        self._values: dict[str, Any] = {option.key: option.default for option in OPTIONS}
        for key, value in (values or {}).items():
            if key not in self._values:
                raise KeyError(key)
            self._values[key] = value

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def items(self) -> list[tuple[str, Any]]:
        """All options with their values, in the table's order."""
        return list(self._values.items())


def pair_problem(linkerd: str, gateway_api: str) -> str:
    """Why a pair of versions is outside Linkerd's support table, or an empty string."""
    supported = SUPPORTED_PAIRS[linkerd]
    if gateway_api in supported:
        return ""
    return (
        f"Linkerd {linkerd} supports Gateway API {' to '.join(dict.fromkeys((supported[0], supported[-1])))}, "
        f"not {gateway_api}: set gateway-api to a supported version or linkerd to one that supports {gateway_api}"
    )
