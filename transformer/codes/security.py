"""Codes of authorization and TLS policies (MS4xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = (
    Code(
        "MS400", "error", "security policy is held",
        "The object decides who may call a workload or how (RequestAuthentication, EnvoyFilter, TrafficTarget …), and this "
        "version does not translate it.",
        "The policy stays, and with it every workload that it reaches: only the old mesh's sidecar enforces it.",
        "Keep these workloads in the old mesh for now; accepting the finding drops the policy and leaves them unprotected.",
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication",
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
        "A file that is only context, or a namespace that `only` does not name, has a policy that applies to a workload or "
        "Namespace that would move. AuthorizationPolicies of Istio's root namespace are combined instead, for pods that are seen.",
        "The policy is not migrated here and only the old mesh's sidecar enforces it, so what it reaches stays.",
        "Migrate the policy in the same run, or take it out of the context if no cluster has it; accepting the finding "
        "leaves these workloads without it.",
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy  # in a file that `context` names",
        acceptable=True,
    ),
    Code(
        "MS403", "error", "condition that Linkerd cannot check",
        "The policy looks at tokens, headers, an external authorizer, forwarded addresses, a waypoint or a gateway.",
        "The policy stays, and with it every workload that it reaches: only the old mesh's sidecar enforces it.",
        "Enforce it elsewhere (the ingress, the application), remove it from the policy, or accept to drop the policy.",
        "when:\n- {key: 'request.headers[x-token]', values: [secret]}",
        acceptable=True,
    ),
    Code(
        "MS404", "error", "callers that Linkerd cannot name",
        "A pattern stands for accounts or namespaces that Linkerd cannot enumerate: it knows single ServiceAccounts, whole "
        "namespaces and every identity.",
        "The policy stays, with every workload that it reaches.",
        "List the ServiceAccounts or namespaces that are meant.",
        "principals: ['*/sa/web']",
        acceptable=True,
    ),
    Code(
        "MS405", "error", "requests that a Linkerd route cannot match",
        "A path, method or host is given as a pattern that Linkerd's routes do not have.",
        "The policy stays, with every workload that it reaches.",
        "Write exact paths, prefixes (/x*), single methods, or hosts with and without a port (x and x:*).",
        "paths: ['*.json']",
        acceptable=True,
    ),
    Code(
        "MS406", "error", "pods out of sight",
        "The policy reaches pods that are not in this stream, do not move in this run, or are described elsewhere.",
        "Removing the policy would leave those pods open, so it stays, with every workload that it reaches.",
        "Render policies, workloads, Services and the Namespace together, add them as --context, or name namespaces that are "
        "complete.",
        "meshshift --complete shop",
    ),
    Code(
        "MS407", "error", "probe that would be refused",
        "Policies or mandatory mutual TLS close the port. Istio's agent answers the kubelet's probes and HTTP hooks; Linkerd "
        "lets in only plain HTTP probes, with absolute paths, of ports that it reads as HTTP, and no hook.",
        "The pods would never become ready, so policy and workload stay.",
        "Probe a port that is not closed, use a tcpSocket probe, or plain HTTP. A gRPC probe under mandatory mutual TLS is let in "
        "where a PeerAuthentication selects the workload (STRICT): its ports then get Servers of their own.",
        "readinessProbe: {httpGet: {scheme: HTTPS, port: 8443}}",
    ),
    Code(
        "MS408", "error", "combination that Linkerd cannot enforce exactly",
        "All policies of a port together admit a set of callers or requests that Linkerd's additive policies cannot say.",
        "The policies stay, with every workload that they reach.",
        "Turn a DENY policy into an ALLOW list of those who may, or let paths with different callers not overlap.",
        "action: DENY\nrules:\n- from: [{source: {principals: [cluster.local/ns/shop/sa/web]}}]",
    ),
    Code(
        "MS409", "error", "security object that Istio reads otherwise than it looks",
        "A field is unknown, null, empty or malformed: the API server drops it or Istio refuses the object. Or its label "
        "`istio.io/rev` names a revision of Istio that its pods do not surely have: other control planes do not read it.",
        "What the object does today is not what it says, so it stays, with every workload that it reaches.",
        "Write down what is meant; unknown fields are often a field one level too high or too low.",
        "rules:\n- from: []  # Istio refuses an empty list",
    ),
    Code(
        "MS420", "warning", "policy that refuses nobody",
        "An AUDIT policy, or one in dry run, only logs.",
        "It is dropped, or stays for what stays; nothing is refused that was not refused before.",
        "Use Linkerd's audit access policy on a Server where the log is needed.",
        "metadata: {annotations: {istio.io/dry-run: 'true'}}",
    ),
    Code(
        "MS421", "warning", "undeclared ports are closed",
        "The policies admit some callers to every port. Linkerd can say this for ports that are known; for others its default "
        "is one word for all callers.",
        "Ports that neither a container, a Service nor a probe declares answer nobody; 4567 and 4568, which Linkerd's proxies "
        "skip by default, answer everybody.",
        "Declare the ports that are used as containerPorts.",
    ),
    Code(
        "MS422", "warning", "paths are compared as they are sent",
        "Istio normalises a request's path before it looks at the policies; Linkerd does not.",
        "Requests with dot segments, backslashes or needlessly encoded characters are refused where callers depend on the path; "
        "where suffixes or templates tell them apart, also with segments that begin with `..`, `.;` or `;`.",
        "Let clients send normalised paths; nearly all do.",
        "GET /api/../admin",
    ),
    Code(
        "MS423", "warning", "mutual TLS cannot be switched off",
        "PeerAuthentication DISABLE makes Istio's sidecars accept plaintext only.",
        "Linkerd's proxies encrypt among each other all the same; callers outside of the mesh are served as before.",
        "Use config.linkerd.io/skip-inbound-ports where the application must see the connection untouched.",
        "mtls: {mode: DISABLE}",
    ),
    Code(
        "MS424", "error", "policy that reaches nobody",
        "The namespace is declared complete, and no pod of a mesh has the labels. Pods that an operator makes, or that come "
        "later, would be protected by it today.",
        "The policy stays, and with it its Namespace.",
        "Delete it if it is dead, mend the selector, or accept to drop it.",
        "selector: {matchLabels: {app: gone}}",
        acceptable=True,
    ),
    Code(
        "MS425", "warning", "opaque port is closed to callers of some requests",
        "Istio reads the port's first bytes and may apply HTTP rules; Linkerd takes the port for opaque.",
        "Callers that may send some requests only are refused.",
        "Name the port's protocol in its Service, or take it out of the opaque ports.",
    ),
    Code(
        "MS427", "info", "PeerAuthentication without effect",
        "In the root namespace Istio ignores a PeerAuthentication that has a selector.",
        "It goes; nothing changes.",
        "Nothing to do.",
    ),
    Code(
        "MS426", "warning", "caller that may not exist after the move",
        "The policy admits the ServiceAccount of Istio's ingress gateway. Behind an ingress of another class nobody has it.",
        "Requests through the new ingress are refused until its ServiceAccount is admitted.",
        "Add the ServiceAccount of the new ingress to the policy.",
        "principals: [cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account]",
    ),
    Code(
        "MS428", "info", "metrics of the proxies are closed",
        "The default inbound policy of these pods is deny, which counts for the proxy's own port 4191 as well.",
        "Prometheus does not get the metrics of these proxies; the kubelet still gets their health.",
        "Add a Server for port 4191 and an AuthorizationPolicy for who collects metrics.",
        "config.linkerd.io/default-inbound-policy: deny",
    ),
    Code(
        "MS429", "error", "policies elsewhere are not combined",
        "Istio combines all policies of a workload, those of the root namespace too. Here only those of stream and context can "
        "be, and the namespace and the root namespace are not both declared complete.",
        "A DENY policy for the same pods in another chart or folder would be lost, and pods there that a policy of this run "
        "selects would keep ports open that it closes, so policies and workloads stay.",
        "Render all policies and pods together and name both namespaces under complete, or accept that there are no others.",
        "meshshift --complete shop --complete istio-system",
        acceptable=True,
    ),
    Code(
        "MS430", "warning", "pattern of callers is written out",
        "Linkerd has no patterns of names. The cluster is declared complete, so the pattern stands for the ServiceAccounts and "
        "namespaces that stream and context have.",
        "Namespaces and ServiceAccounts that are made later are refused until a run has seen them.",
        "Run again when namespaces are added, or list in the policy who is meant.",
        "namespaces: ['web-*']",
    ),
    Code(
        "MS431", "warning", "methods without a name are refused",
        "A Linkerd route can name nine methods (GET to TRACE) and knows no patterns of them. Istio tells all methods apart.",
        "Requests with other methods (PROPFIND, PURGE …) are refused where some of them would be, by this policy.",
        "Name in the policy the methods that are used; where it matters, let paths with different callers not overlap.",
        "methods: ['P*']",
    ),
    Code(
        "MS432", "warning", "hosts are refused with every port",
        "Linkerd takes `x`, `x:8080` and `x.` for one host, Istio for three.",
        "A host that a policy refuses is refused with a port and with a dot behind it too.",
        "List `x` and `x:*` in the policy, which means the same in Istio.",
        "notHosts: [admin.example.com]",
    ),
    Code(
        "MS433", "warning", "probe paths are open",
        "Istio's agent answers the kubelet's probes past all policies. Linkerd lets them in by their path, from wherever the "
        "install's probeNetworks says: by default from anywhere.",
        "A GET of the very path that the kubelet asks for is served to everyone; nothing else is.",
        "Probe a path that tells nothing, or set policyController.probeNetworks to the nodes' networks; where routes of a "
        "Server let the probes in, narrow their NetworkAuthentication too.",
        "readinessProbe: {httpGet: {path: /healthz, port: 8080}}",
    ),
    Code(
        "MS434", "warning", "NetworkPolicy closes ports of Linkerd",
        "NetworkPolicies of pods that move let some ports through, and among them none that Linkerd's proxies need.",
        "Calls of other pods of the mesh do not arrive, or the proxies do not get their identity and never become ready.",
        "Let TCP 4143 through wherever ports are listed (4191 from Prometheus), and 8080, 8086 and 8090 to Linkerd's namespace.",
        "ingress:\n- ports: [{port: 8080}, {port: 4143}]",
    ),
    Code(
        "MS435", "info", "NetworkPolicy opens ports of Istio",
        "The ports belong to Istio's sidecar and control plane, which the pods leave.",
        "Nothing answers there any more.",
        "Take them out once everything that the policy selects has moved.",
        "egress:\n- ports: [{port: 15012}]",
    ),
    Code(
        "MS436", "warning", "metrics of the application are closed",
        "Istio's agent serves the application's metrics on a port of its own, past all policies. Linkerd does not, and the "
        "policies do not let callers without an identity to the application's own port.",
        "A Prometheus outside of the mesh gets no metrics of these pods any more.",
        "Admit who collects metrics to the port, or serve metrics on a port that no policy closes.",
        "prometheus.io/scrape: 'true'",
    ),
    Code(
        "MS437", "error", "policy elsewhere that refuses callers by name",
        "A policy that is not part of this run denies identities, or admits everyone but some, and callers that move are among them.",
        "Between the meshes calls are plaintext and carry no identity: the policy would let these callers in.",
        "Let the policy name whom it admits, require mutual TLS for its pods (PeerAuthentication STRICT), or move its pods too.",
        "action: DENY\nrules:\n- from:\n  - source: {namespaces: [shop]}",
        acceptable=True,
    ),
    Code(
        "MS438", "warning", "callers that stay behind are refused",
        "A policy lets callers in by name, and their pods stay in the old mesh: `only` does not name them, something holds them, or "
        "they are in the context or in no manifest that is here.",
        "Between the meshes calls are plaintext and carry no identity, so these callers are refused once the policy is in force; "
        "`phase: switch` only logs it.",
        "Move these callers first, or stay with `phase: switch` until they have moved. Name their namespace under complete where no "
        "such pods exist.",
        "rules:\n- from:\n  - source: {principals: [cluster.local/ns/web/sa/front]}   # with --only shop",
    ),
    Code(
        "MS439", "warning", "policies that may be elsewhere",
        "Pods move, and the run does not know whether their namespace or the root namespace has AuthorizationPolicies, "
        "PeerAuthentications or RequestAuthentications in another chart or folder.",
        "Istio's sidecar enforces these, and Linkerd's proxy does not: what they refuse today would be let in.",
        "Name the namespaces under complete once stream and --context hold all of their policies.",
        "meshshift --complete shop,istio-system",
    ),
    Code(
        "MS440", "info", "policy of the root namespace is said for what moves",
        "The policy stays for what stays in Istio. For the pods that move it is combined with their own policies, as Istio does, "
        "and becomes part of their Servers, routes and defaults.",
        "A change of the policy counts for what is still in Istio, and no more for what has moved.",
        "Change what the run has written for the pods that have moved, too; a run without `only` drops the policy at the end.",
        "metadata: {name: deny-all, namespace: istio-system}\nspec: {}   # with --only shop",
    ),
    Code(
        "MS441", "warning", "policy of the root namespace is not said for pods in Linkerd",
        "The policy goes with the last of Istio's pods. Pods that are in Linkerd already are not under it today, and they have no "
        "default inbound policy and no Server that an earlier run has written.",
        "Who calls these pods is not restricted by the policy: as today, and other than in Istio.",
        "Nothing where these pods never were in Istio; else write a Server for them, or set their default inbound policy.",
        "metadata: {name: deny-all, namespace: istio-system}\nspec: {}   # and a Namespace with linkerd.io/inject: enabled",
    ),
    Code(
        "MS442", "error", "closed port that Linkerd's proxies skip",
        "Policies, or mandatory mutual TLS, refuse some callers of the port. Linkerd's proxies skip the inbound and outbound "
        "ports 4567 and 4568 unless an install or annotations say otherwise, so nobody would be refused any more.",
        "The pods stay, with every policy that reaches them. Where no manifest declares these ports, nobody is told, and they "
        "are open after the move.",
        "Write config.linkerd.io/skip-inbound-ports on the pods, as a list without the port (not empty: the CNI plugin takes "
        "that for none), and config.linkerd.io/skip-outbound-ports on their callers; or use another port.",
        "ports: [{containerPort: 4567}]",
    ),
    Code(
        "MS443", "warning", "policy of an earlier run that goes",
        "An earlier run made a Server, a route or a policy of an object that gives another result now.",
        "It goes, so that it does not let in callers that the object no longer names; a tool that never deletes leaves it in the "
        "cluster.",
        "Delete it in the cluster where nothing prunes.",
        "metadata: {annotations: {meshshift.dev/from: AuthorizationPolicy/shop/cart}}",
    ),
    Code(
        "MS445", "warning", "policy elsewhere that lets in callers which move",
        "A policy that is not part of this run, or is held, admits identities, and callers that move are among them.",
        "Between the meshes calls are plaintext and carry no identity: the policy refuses these callers until its own pods have moved.",
        "Move its pods too, or before; or admit these callers in another way, such as by address, for as long as that takes.",
        "rules:\n- from:\n  - source: {principals: [cluster.local/ns/web/sa/front]}   # in --context, while web moves",
    ),
)  # fmt: skip
