"""Codes of injection, workload annotations and Services (MS1xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = (
    Code(
        "MS101", "error", "Linkerd setting that contradicts the old mesh's",
        "A Namespace or pod template carries a Linkerd annotation that says something else than the "
        "translation would write.",
        "Either the annotation or the old mesh's setting is not meant; overwriting it could move pods in "
        "or out of the mesh, or open ports.",
        "Remove the annotation, or make both say the same.",
        "metadata:\n  labels: {istio-injection: enabled}\n  annotations: {linkerd.io/inject: disabled}",
    ),
    Code(
        "MS102", "warning", "Namespace setting without effect today",
        "The setting injects nothing: a value that no injector knows, a Namespace that is always left "
        "out, or OSM's annotation without the label that joins the Namespace to the mesh.",
        "The setting goes, and the Namespace is not meshed by Linkerd either.",
        "If its pods are in the mesh through something that is not in the manifests, add "
        "`linkerd.io/inject: enabled`.",
        'metadata:\n  labels: {istio-injection: "true"}',
    ),
    Code(
        "MS103", "warning", "waypoint has no counterpart",
        "A label sends the traffic of pods through an ambient waypoint proxy.",
        "Linkerd's proxies sit beside every pod and there is no waypoint; the label goes. Routes and "
        "policies that the waypoint applied are reported by themselves.",
        "Delete the waypoint's Gateway once nothing in Istio uses it.",
        "metadata:\n  labels: {istio.io/use-waypoint: waypoint}",
    ),
    Code(
        "MS104", "warning", "pod asks for a sidecar that it does not get",
        "The pod template asks for injection in a Namespace that switches it off (`istio-injection: "
        "disabled`) or that OSM does not monitor.",
        "The pods are outside the mesh today and stay outside: the setting is removed and nothing is "
        "written for it.",
        "Add `linkerd.io/inject: enabled` to the pod template if these pods shall be meshed from now on.",
        'metadata:\n  labels: {sidecar.istio.io/inject: "true"}',
    ),
    Code(
        "MS105", "info", "kept while both meshes are installed",
        "`istio-injection: disabled` (or a pod's opt-out) stands beside a Linkerd annotation that decides "
        "already.",
        "It stays: it is what keeps Istio's injector from these pods.",
        "Remove it when Istio's injector is gone.",
        "metadata:\n  labels: {istio-injection: disabled}\n  annotations: {linkerd.io/inject: enabled}",
    ),
    Code(
        "MS106", "warning", "setting where no injector reads it",
        "A sidecar setting stands on the metadata of the workload, where only the pod template's is read "
        "(or `istio-injection`, a label for Namespaces, on a pod template).",
        "It has no effect today and is left alone.",
        "Delete it, or move its meaning to the pod template as a Linkerd annotation.",
        'kind: Deployment\nmetadata:\n  annotations: {sidecar.istio.io/inject: "true"}',
    ),
    Code(
        "MS107", "warning", "injection label that selectors use",
        "The injection label is part of the workload's selector, which is immutable, or of a Service's "
        "selector.",
        "It stays in pods and selector; Linkerd's annotation is added, and the Namespace is set to "
        "`istio-injection: disabled`, because Istio's injector would still obey the label.",
        "To finish, create the workload anew under a selector without the label, then delete the old one.",
        'selector:\n  matchLabels: {app: cart, sidecar.istio.io/inject: "true"}',
    ),
    Code(
        "MS108", "error", "ambient label in an immutable selector",
        "`istio.io/dataplane-mode: ambient` is part of the workload's selector and cannot be removed from "
        "its pods.",
        "Istio's node proxy would keep capturing the pods beside Linkerd's, whatever the Namespace says.",
        "Create the workload anew under a selector without the label, then migrate.",
    ),
    Code(
        "MS109", "warning", "injection by annotation in an unlabelled Namespace",
        "Only the deprecated annotation asks for injection, and the Namespace's manifest has no injection "
        "label: Istio's webhook would never see the pod.",
        "The pods are taken to be meshed (the label is often set by hand) and get `linkerd.io/inject: "
        "enabled`.",
        "Remove the annotation before migrating if the pods have no sidecar today.",
        'metadata:\n  annotations: {sidecar.istio.io/inject: "true"}',
    ),
    Code(
        "MS110", "error", "traffic capture by address or interface",
        "The pods keep destinations out of the mesh (or in it) by IP range or network interface.",
        "Linkerd excludes outbound traffic by port only. `skip-subnets` is no substitute: it matches the "
        "source of inbound traffic and would bypass inbound policy.",
        "Use excludeOutboundPorts for the ports of these destinations, or accept the finding: the traffic "
        "then passes through the proxy, which forwards what it does not know.",
        "metadata:\n  annotations: {traffic.sidecar.istio.io/excludeOutboundIPRanges: 10.0.0.0/8}",
        acceptable=True,
    ),
    Code(
        "MS111", "warning", "sidecar setting without a counterpart",
        "An annotation tunes the sidecar in a way that Linkerd's proxy does not offer.",
        "The annotation is removed and its effect is lost.",
        "Check that the workload does not depend on it; Linkerd's proxy settings are annotations under "
        "config.linkerd.io/.",
        "metadata:\n  annotations: {sidecar.istio.io/bootstrapOverride: custom-bootstrap}",
    ),
    Code(
        "MS112", "info", "sidecar setting that is not needed",
        "Annotations concern only the old mesh's own machinery (image, status port, probe rewriting, "
        "statistics).",
        "They are removed; Linkerd needs nothing in their place.",
        "Nothing to do.",
        'metadata:\n  annotations: {sidecar.istio.io/rewriteAppHTTPProbers: "true"}',
    ),
    Code(
        "MS113", "warning", "proxy configuration that Linkerd lacks",
        "`proxy.istio.io/config` sets fields that have no counterpart (tracing, concurrency, "
        "proxyMetadata …).",
        "The fields that Linkerd has were translated; the named ones are lost.",
        "Set tracing in the Linkerd install, and processor time with config.linkerd.io/proxy-cpu-limit.",
        "proxy.istio.io/config: |\n  concurrency: 2",
    ),
    Code(
        "MS114", "error", "setting that cannot be read",
        "The value of an injection or sidecar setting is malformed; the old mesh's injector would refuse "
        "the pod or fall back to a default.",
        "What it means cannot be told, so the object stays.",
        "Correct the value, or delete the setting if it has no effect.",
        "metadata:\n  annotations: {traffic.sidecar.istio.io/excludeInboundPorts: http}",
    ),
    Code(
        "MS115", "warning", "unknown setting of the old mesh",
        "A label or annotation in the old mesh's domain is not in its published list.",
        "It is left where it is; Linkerd does not read it.",
        "Delete it if nothing else reads it.",
    ),
    Code(
        "MS116", "error", "sidecar settings in a kind that is not edited",
        "An object from which a controller makes pods (a custom resource, a chart's values) carries injection or sidecar "
        "settings for them, and this version does not know its kind.",
        "The settings would have no effect in Linkerd, opt-outs included, so the object and its Namespace stay.",
        "Add the linkerd.io and config.linkerd.io annotations beside the old ones by hand, then accept the finding.",
        'kind: Prometheus\nspec:\n  podMetadata:\n    annotations: {sidecar.istio.io/inject: "false"}',
        acceptable=True,
    ),
    Code(
        "MS117", "error", "Namespace label that other objects select by",
        "A NetworkPolicy or Gateway selects Namespaces by a label of the old mesh that the move would remove.",
        "Without the label the selector no longer matches: traffic would be refused, or routes no longer admitted.",
        "Select by kubernetes.io/metadata.name or a label of your own first; accepting the finding removes the label.",
        "kind: NetworkPolicy\nspec:\n  ingress:\n  - from:\n    - namespaceSelector: {matchLabels: {istio-injection: enabled}}",
        acceptable=True,
    ),
    Code(
        "MS118", "error", "injection label that Istio still obeys",
        "The injection label is part of a selector and has to stay, and the Namespace, which could close the pods to "
        "Istio's injector, is not in the stream.",
        "Both injectors would take the pods: a workload in two meshes does not work, so it stays.",
        "Migrate the Namespace in the same stream; or label it istio-injection: disabled first, then accept the finding.",
        'selector:\n  matchLabels: {app: cart, sidecar.istio.io/inject: "true"}  # and the Namespace is elsewhere',
        acceptable=True,
    ),
    Code(
        "MS120", "error", "manually injected pod",
        "The manifest contains what the injector writes (containers istio-proxy, istio-init, envoy, "
        "osm-init, the status annotation, or probes rewritten to the sidecar's ports).",
        "Linkerd does not inject a pod that has a sidecar, and the original probes are not in the "
        "manifest: it stays.",
        "Go back to the manifest before `istioctl kube-inject` or `osm` injection, and migrate that.",
        "containers:\n- name: istio-proxy\n  image: docker.io/istio/proxyv2:1.24.0",
    ),
    Code(
        "MS121", "error", "gateway filled in by Istio's injector",
        "The pod's only container is `istio-proxy` with `image: auto`, or the gateway template is asked "
        "for: Istio's injector makes it a gateway.",
        "Without that injector the pod has no image, and renaming the container breaks the merge: it "
        "stays.",
        "Write the gateway's image out and name the container differently, or replace the gateway by a "
        "Gateway API Gateway.",
        "containers:\n- name: istio-proxy\n  image: auto",
    ),
    Code(
        "MS122", "error", "container that customises the sidecar",
        "An `istio-proxy` container stands beside the application's to change the injected sidecar.",
        "Linkerd never injects a pod that has a container of this name: it stays.",
        "Move its resources to sidecar.istio.io/proxyCPU and proxyMemory annotations (or "
        "config.linkerd.io/ ones) and delete the container.",
        "containers:\n- name: istio-proxy\n  image: auto\n  resources: {}\n- name: app\n  image: "
        "shop/app:1",
    ),
    Code(
        "MS123", "error", "pod that depends on Istio's agent",
        "The pod uses what only Istio's agent gives: xDS for proxyless gRPC, workload certificates in a "
        "file, or a proxy that captures nothing by itself.",
        "Linkerd has none of these; the application would lose certificates, configuration or its path "
        "into the mesh.",
        "Let the application do without (plain gRPC through the proxy, certificates of its own), or "
        "accept the loss.",
        "metadata:\n  annotations: {inject.istio.io/templates: grpc-agent}",
        acceptable=True,
    ),
    Code(
        "MS124", "info", "pods on the host network",
        "Neither mesh injects pods with `hostNetwork: true`.",
        "Their injection settings have no effect and are removed.",
        "Nothing to do.",
        "spec:\n  hostNetwork: true",
    ),
    Code(
        "MS125", "info", "takes effect when created anew",
        "Pods are immutable in most fields, Jobs in their whole pod template.",
        "Applying the change to one that exists is refused or has no effect.",
        "Delete the old object first, or let it run out.",
        "kind: Job",
    ),
    Code(
        "MS126", "error", "workload that is to move alone, from an unknown Namespace",
        "`only` names the workload by its labels, and the settings of its Namespace are not in stream or context.",
        "Whether it is in the mesh today, and what would inject it again, is not known; it stays.",
        "Add the Namespace with `context`, or render it in the same stream.",
    ),
    Code(
        "MS130", "warning", "command that talks to Istio's agent",
        "A command, a hook or an environment variable uses the sidecar's ports 15000, 15020 or 15021, or "
        "pilot-agent.",
        "Nothing answers there after the migration: a shutdown call fails, a wait never ends.",
        "Use Linkerd's native sidecar (default from 2.20), linkerd-await, or POST localhost:4191/shutdown "
        "with config.linkerd.io/proxy-admin-shutdown: enabled.",
        'args: ["run; curl -X POST localhost:15020/quitquitquit"]',
    ),
    Code(
        "MS131", "warning", "Job that its proxy keeps running",
        "A meshed Job runs to completion, and the target version does not use native sidecars by default.",
        "The pod stays after its work is done, because the proxy does not end by itself.",
        "Switch native sidecars on for the Job's pods, or end the proxy with linkerd-await --shutdown.",
        "kind: Job",
    ),
    Code(
        "MS132", "warning", "metrics scraped from Istio's agent",
        "The pod template tells Prometheus to scrape port 15020, where Istio's agent merges the "
        "application's and Envoy's metrics.",
        "Nothing answers there after the migration.",
        "Name the application's own metrics port; scrape Linkerd's proxy on 4191.",
        'metadata:\n  annotations: {prometheus.io/port: "15020"}',
    ),
    Code(
        "MS133", "info", "metrics ports under mandatory mTLS",
        "Istio's merged metrics port stood outside all policy; `default-inbound-policy: "
        "all-authenticated` closes the application's metrics ports and the proxy's 4191 to clients "
        "without a mesh identity.",
        "A Prometheus outside the mesh can no longer scrape these pods.",
        "Mesh Prometheus, or open the metrics ports with a Server and an AuthorizationPolicy for its "
        "network.",
        'metadata:\n  annotations: {prometheus.io/scrape: "true"}',
    ),
    Code(
        "MS134", "info", "hooks in a Namespace that moves",
        "Helm 3 does not send hooks through a post-renderer, but their Jobs run in the Namespace.",
        "Their pods are injected by Linkerd although meshshift never saw them.",
        "Look at the chart's hooks: opt them out with linkerd.io/inject: disabled, or rely on native "
        "sidecars.",
    ),
    Code(
        "MS140", "info", "Service protocol rewritten",
        "Linkerd knows the appProtocol values http, kubernetes.io/h2c, linkerd.io/tcp and "
        "linkerd.io/opaque; every other value is opaque TCP to it. It does not read port names.",
        "The port's protocol is written as Linkerd reads it. Ingress controllers and load balancers may "
        "read appProtocol too.",
        "Check other readers of the Service's appProtocol.",
        "ports:\n- port: 9000\n  appProtocol: grpc",
    ),
    Code(
        "MS141", "warning", "change needed outside the stream",
        "A Service or workload that is only known as context needs a port setting.",
        "It was not changed; until it is, Linkerd reads the port's protocol differently.",
        "Run meshshift over the stream that holds it, or make the change by hand.",
    ),
    Code(
        "MS142", "error", "gRPC-Web port",
        "Istio's proxies turn gRPC-Web into gRPC on ports with this protocol.",
        "Linkerd does not: browsers' requests would reach a server that may not understand them.",
        "Let the server or the ingress translate gRPC-Web, then accept the finding; the port is then "
        "detected.",
        "ports:\n- name: grpc-web\n  port: 8080",
        acceptable=True,
    ),
    Code(
        "MS143", "warning", "container port of an opaque port not known",
        "The Service's port is TCP of an unknown or server-first protocol, and the pod port behind it "
        "cannot be resolved (named target port, or no workload in the stream).",
        "Connections where the server speaks first wait ten seconds for protocol detection.",
        "Write config.linkerd.io/opaque-ports with the container port on the pod template.",
        "ports:\n- name: mysql\n  port: 3307\n  targetPort: db",
    ),
    Code(
        "MS144", "warning", "unknown appProtocol removed",
        "Istio detects the protocol of a port whose appProtocol it does not know; Linkerd takes it for "
        "opaque TCP.",
        "The field was removed, so that Linkerd detects the protocol too. Other readers lose it.",
        "Set appProtocol to http or kubernetes.io/h2c if the protocol is known.",
        "ports:\n- port: 80\n  appProtocol: example.com/custom",
    ),
    Code(
        "MS145", "warning", "Istio setting on a Service",
        "A label or annotation of the Service steers Istio's clients (visibility, locality, sticky "
        "sessions, waypoints).",
        "Linkerd does not read it; it is left where it is.",
        "Replace traffic-distribution by spec.trafficDistribution; the others have no counterpart.",
        'metadata:\n  annotations: {networking.istio.io/exportTo: "."}',
    ),
    Code(
        "MS150", "warning", "query of Istio's metrics",
        "The object reads metrics that Istio's proxies produce (istio_requests_total and others, or their "
        "scrape endpoint).",
        "After the migration the series end: autoscaling, alerts, analyses and dashboards see nothing.",
        "Rewrite the query for Linkerd's metrics (response_total, response_latency_ms_bucket, "
        "tcp_open_total) before the move.",
        "expr: sum(rate(istio_requests_total[1m]))",
    ),
    Code(
        "MS151", "info", "headers that Istio set",
        "Istio's proxies set or sanitise x-forwarded-client-cert, x-request-id, x-envoy-* headers and "
        "start traces.",
        "Linkerd sets l5d-client-id instead and neither creates request ids nor strips such headers from "
        "clients.",
        "Check applications that trust or log these headers.",
    ),
)  # fmt: skip
