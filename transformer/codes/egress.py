"""Codes of what leaves the mesh, and of machines outside the cluster (MS8xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = (
    Code("MS801", "error", "permissions may be missing",
         "A namespace refuses unknown hosts, and the run may not see every ServiceEntry that permits some of them.",
         "An EgressNetwork would refuse hosts that are permitted by entries elsewhere, so the namespace stays.",
         "Name the other manifests with context and say complete: ['*'] (or the namespaces that the Sidecar's list names); "
         "accept the finding if no other entry permits a host.",
         "complete: ['*']", acceptable=True),
    Code("MS802", "error", "private addresses stay open",
         "Linkerd's clusterNetworks cover a whole private range, as its chart's default does, and an EgressNetwork refuses "
         "nothing in them.",
         "Hosts outside the cluster with a private address, refused today, could be called; the namespace stays.",
         "Set clusterNetworks of Linkerd's install to the ranges of pods and Services and say so with "
         "linkerd-install.cluster-networks; accept the finding if there are no other private hosts.",
         "linkerd-install:\n  cluster-networks: 10.42.0.0/16,10.43.0.0/16", acceptable=True),
    Code("MS803", "error", "permission that no route says",
         "Something is permitted today in a form that a route of an EgressNetwork cannot say: TCP by address or by the name "
         "of a host, two protocols on one port, a port that Linkerd takes for opaque, or a kind of route that is not installed.",
         "Calls that work today would be refused, or more would pass; the object stays, and with it the namespaces that see it.",
         "Do what the finding says; accept it if calls to these hosts may be refused.", acceptable=True),
    Code("MS804", "error", "hosts of the cluster that are refused today",
         "A namespace refuses unknown hosts, and some Services of the cluster are not made known to it.",
         "Linkerd's clients reach every Service, and an EgressNetwork refuses nothing inside the cluster; the namespace stays.",
         "Write policies at the servers, then accept the finding.",
         "metadata:\n  annotations: {networking.istio.io/exportTo: .}", acceptable=True),
    Code("MS805", "warning", "egress is refused by name",
         "An EgressNetwork stands for REGISTRY_ONLY. It sees the name that a client states and the address that it dials.",
         "Not refused: a permitted name that a client sends to another address (Istio's proxies resolve names themselves where "
         "the resolution is DNS), addresses in clusterNetworks, and ports that the proxies skip (4567 and 4568 by default).",
         "Use a NetworkPolicy where pods are not trusted; Istio advises the same."),
    Code("MS806", "error", "mesh settings that this run does not honour",
         "Istio's own configuration cannot be read, or changes what its other objects mean in a way that this run does not follow.",
         "Rules might reach other pods or clients than today, so what depends on the setting stays.",
         "Set the option to what the mesh does, or write the field into the objects themselves; accept the finding if the "
         "setting has no effect on what is migrated.",
         "rootNamespace: istio-config", acceptable=True),
    Code("MS807", "info", "mesh settings that end with Istio",
         "Istio's own configuration sets defaults of its proxies and of its control plane.",
         "They do not change who may call whom or where requests go; they end when Istio is uninstalled.",
         "Set what is needed (access logs, traces, resources) in Linkerd."),
    Code("MS808", "info", "entry that became routes",
         "A ServiceEntry permits hosts in namespaces that refuse unknown ones.",
         "Routes of each namespace's EgressNetwork permit the same names and ports.", "Nothing."),
)  # fmt: skip
