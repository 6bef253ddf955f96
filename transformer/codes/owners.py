"""Codes of objects that another controller writes: Argo Rollouts, Flagger (MS9xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = (
    Code("MS900", "error", "Rollout without what it steers",
         "A Rollout sets weights of a VirtualService, or labels of a DestinationRule, that is not in the stream.",
         "What takes its place is not written here, so the Rollout would have nothing to steer; it stays.",
         "Render the Rollout, its VirtualServices and its DestinationRule in one stream. Accepting the finding lets the "
         "Rollout's pods move and leaves its traffic routing as it is.", acceptable=True),
    Code("MS901", "warning", "Argo Rollouts needs the Gateway API plugin",
         "The Rollout now sets weights of HTTPRoutes, through the plugin argoproj-labs/gatewayAPI.",
         "Without the plugin the controller reports an error and no rollout goes on; traffic stays where it is.",
         "Name the plugin in the ConfigMap argo-rollouts-config (trafficRouterPlugins), let the controller's ServiceAccount "
         "read and update httproutes of gateway.networking.k8s.io, finish rollouts before the change, and where a delivery tool "
         "ignores differences in the VirtualService's weights, let it ignore those of the HTTPRoute."),
    Code("MS902", "error", "Rollout that the plugin does not carry out",
         "A step or a setting of the Rollout has no counterpart in the Gateway API plugin, or means something else there.",
         "A release would go another way than today; the Rollout stays with its VirtualServices.",
         "Remove the step or setting that is named.", "steps:\n- setMirrorRoute: {name: mirror, percentage: 50}"),
    Code("MS903", "error", "routes that a Rollout cannot steer alike",
         "Argo sets weights of the http routes that are named; the plugin of every rule that sends to the stable or canary Service.",
         "Other requests than today would be shifted, or none; the Rollout stays with its VirtualServices.",
         "Let the named http routes send to the two versions, once each, and no other route to either."),
    Code("MS904", "error", "subsets that cannot become Services of a Rollout",
         "The Rollout edits labels of subsets. The plugin shifts between two Services, whose selectors the controller edits.",
         "The Services could not be told, or would select other pods; the Rollout stays with its VirtualServices.",
         "Give the Rollout a stableService and a canaryService, and let the VirtualService send to these."),
    Code("MS905", "info", "Services that a Rollout selects for",
         "The subsets of a Rollout have become two Services.",
         "Argo Rollouts adds its hash to their selectors. Until it has, both select all pods, and the weights decide nothing.",
         "Apply the change while no rollout is in progress, and let no delivery tool revert the selectors."),
    Code("MS910", "error", "provider of a Canary is not known",
         "A Flagger Canary names no provider; the controller's own setting, which no manifest here tells, decides.",
         "If that is istio, which is also the fallback, Flagger shifts traffic by VirtualServices that pods in Linkerd ignore.",
         "Write provider: istio into the Canary to have it migrated, or the provider that it has; accepting the finding "
         "leaves the Canary as it is.", "spec:\n  provider: istio", acceptable=True),
    Code("MS911", "error", "Canary that an HTTPRoute cannot serve",
         "With provider istio Flagger writes a VirtualService; with gatewayapi:v1 an HTTPRoute, which says less, says it "
         "otherwise, or which Linkerd would drop.",
         "Requests would go elsewhere or get other answers; the Canary stays.",
         "Remove the setting that is named, or keep the Canary in Istio.", "service:\n  corsPolicy: {allowOrigin: ['*']}"),
    Code("MS912", "error", "Canary loses a setting",
         "Flagger writes the setting into Istio's objects and into no HTTPRoute.",
         "Accepting the finding removes it.",
         "Set what Linkerd offers on the Service (service.apex.annotations) instead, or accept the finding.", acceptable=True),
    Code("MS913", "warning", "built-in metrics of Flagger mean something else",
         "request-success-rate and request-duration query Istio's metrics with provider istio, and the application's own "
         "http_request_duration_seconds with gatewayapi.",
         "An application without these metrics gets no canary promoted: every analysis fails.",
         "Write MetricTemplates that query Linkerd's response_total and response_latency_ms_bucket, as Flagger's guide for "
         "Linkerd does, and name them with templateRef."),
    Code("MS914", "info", "object that Flagger writes",
         "A VirtualService or DestinationRule in the stream has the name of one that Flagger writes for a Canary.",
         "It leaves the stream: Flagger overwrites it, and writes an HTTPRoute after the move. Objects that Flagger made in the "
         "cluster stay there until somebody deletes them.",
         "Delete the old ones when the last client has left Istio."),
    Code("MS915", "warning", "tuning of a Canary is lost",
         "trafficPolicy of a Canary becomes DestinationRules and has no equivalent in an HTTPRoute.",
         "Linkerd's own balancing and mutual TLS apply.", "Nothing, or test under load."),
    Code("MS916", "warning", "Flagger goes over to HTTPRoutes",
         "The Canary's provider becomes gatewayapi:v1: Flagger writes an HTTPRoute on the Service that clients dial.",
         "Flagger needs the Gateway API CRDs, a release that knows gatewayapi:v1, and the right to write httproutes. A "
         "release in progress starts anew.",
         "Finish releases before the change, and grant httproutes of gateway.networking.k8s.io to Flagger."),
    Code("MS917", "warning", "Flagger goes over to routes of a Gateway",
         "The Canary's provider becomes gatewayapi:v1: Flagger writes an HTTPRoute at the Gateway, with the Canary's hosts.",
         "Flagger's VirtualService took the name of the Service as a Host there too; the HTTPRoute does not.",
         "Finish releases before the change, and grant httproutes of gateway.networking.k8s.io to Flagger."),
    Code("MS920", "error", "rate limit in the proxy",
         "An EnvoyFilter puts Envoy's local rate limit before the workloads that it selects.",
         "Linkerd limits a Server to one number of requests per second, counts probes of the kubelet, which Istio's agent "
         "answers, and refuses with another answer. The filter stays, with every workload that it reaches.",
         "Limit requests at the ingress or in the application, then accept the finding, which drops the limit.",
         "name: envoy.filters.http.local_ratelimit", acceptable=True),
)  # fmt: skip
