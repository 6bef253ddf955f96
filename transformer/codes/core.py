"""Codes of the stream, of migration units and of the run as a whole (MS0xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES = (
    Code(
        "MS001", "warning", "separator that tools read differently",
        "A line starts with `---` followed by text, or text follows a `---` or `...` marker on its line.",
        "Helm, kubectl and kustomize cut the stream at different places; meshshift keeps the bytes and changes nothing there.",
        "Put the separator on a line of its own.",
        "---apiVersion: v1",
    ),
    Code(
        "MS002", "error", "duplicate key in an object to be changed",
        "A mapping of a mesh object, or of an object that must be edited, has the same key twice.",
        "kubectl keeps the last value, kustomize refuses the document: what the cluster gets depends on the tool.",
        "Remove one of the two keys.",
        "spec:\n  hosts: [a]\n  hosts: [b]",
    ),
    Code(
        "MS003", "error", "edit refused",
        "The lines that would have to change use YAML that cannot be edited safely (aliases, merge keys, an anchor used elsewhere).",
        "The object and its migration unit stay as they are.",
        "Write the named mapping out without anchors and aliases.",
        "metadata:\n  labels: *common",
    ),
    Code(
        "MS004", "error", "malformed field",
        "A field has a type or a value that the custom resource definition refuses.",
        "The API server would reject the object, so what it means cannot be told.",
        "Correct the field, or delete the object if no cluster has it.",
        "spec:\n  hosts: reviews",
    ),
    Code(
        "MS005", "warning", "unknown field without effect",
        "The field is not part of the custom resource definition (misspelt, misplaced or from another version).",
        "The API server prunes it: it has no effect today, and none after the migration.",
        "Delete it, or move it to where it was meant to be before migrating.",
        "spec:\n  http:\n  - route:\n    - destination:\n        host: a\n        weight: 50",
    ),
    Code(
        "MS006", "error", "name taken by another object",
        "An object with the kind and name that the translation would create is in the stream and was not made by meshshift.",
        "Creating a second one would overwrite it; the source object and its unit stay.",
        "Rename the existing object, or delete it if the translation replaces it.",
        "kind: HTTPRoute\nmetadata: {name: cart, namespace: shop}  # without meshshift.dev/from",
    ),
    Code(
        "MS007", "error", "held with its migration unit",
        "The object could move, but another object of its migration unit cannot.",
        "Moving it alone would leave a policy unenforced or a route without effect, so it stays byte for byte.",
        "Resolve the finding on the object that is named.",
        "an AuthorizationPolicy that is held keeps the Deployment it selects, and the Namespace label that injects it",
    ),
    Code(
        "MS008", "info", "what the cluster and the deployer need",
        "The output contains kinds that need CRDs, RBAC rules of the deployer, or entries in an Argo CD AppProject.",
        "Without them the apply step fails.",
        "Install the CRDs of the chosen versions and allow the deployer to write the kinds that are listed.",
    ),
    Code(
        "MS009", "error", "field without a fate",
        "A field of a mesh object was neither translated nor reported: a fault of meshshift.",
        "The object and its unit are held and the run ends with exit code 4.",
        "Please report it with the object; nothing was lost.",
    ),
    Code(
        "MS010", "error", "kind that is not migrated yet",
        "The object belongs to a mesh that is left behind, and this version has no translation for its kind.",
        "The object stays as it is, with whatever depends on it.",
        "Keep it until a version that translates it, replace it by hand, or accept the finding to drop it.",
        "apiVersion: config.openservicemesh.io/v1alpha2\nkind: SomethingNewer",
        acceptable=True,
    ),
    Code(
        "MS011", "info", "empty input",
        "Nothing came in on standard input.",
        "Helm 3 sends nothing to a post-renderer when --output-dir is used or a chart renders only hooks: then nothing is migrated.",
        "Render to standard output, not to a folder, when a post-renderer is used.",
        "helm template shop ./chart --post-renderer meshshift --output-dir out  # Helm 3: nothing is migrated",
    ),
    Code(
        "MS012", "warning", "acceptance that matches nothing",
        "The configuration accepts a finding that this run does not have.",
        "Nothing; but a stale acceptance may cover something else later.",
        "Remove the acceptance.",
        "accept:\n- {code: MS010, object: Sidecar/shop/gone, reason: deleted last month}",
    ),
    Code(
        "MS013", "error", "merge key that overrides a written key",
        "A `<<` merge follows a key of the same name: kubectl lets the merged value win, kustomize the written one.",
        "What the cluster gets depends on the tool, so the object is held.",
        "Write the value out, or move the merge key to the top of the mapping.",
        "labels:\n  app: a\n  <<: *defaults",
    ),
    Code(
        "MS014", "error", "Istio, SMI or OSM objects remain",
        "`check` found an object of the old mesh, or a setting for its sidecar.",
        "What was checked is not migrated: the pipeline did not run meshshift, or something is held.",
        "Run the stream through meshshift; with kustomize use --enable-alpha-plugins together with --enable-exec.",
        "kustomize build . --enable-alpha-plugins | meshshift check  # without --enable-exec nothing was run",
    ),
    Code(
        "MS015", "error", "outside the limits of the target",
        "What the object says is longer, larger or spelt otherwise than the target's resource definition allows.",
        "The API server would refuse the translation, so the object and its unit stay.",
        "Shorten or split what the message names.",
    ),
    Code(
        "MS016", "warning", "both meshes run side by side",
        "Some workloads move and others are held, or outside of what `only` names.",
        "Neither mesh knows the other's identities: calls between them are plaintext, and whatever requires mutual TLS refuses them.",
        "Resolve what holds the others or move them too; where that comes later, set Istio to PERMISSIVE for what is called "
        "across the boundary and see to it that nothing else needs an identity there.",
    ),
    Code(
        "MS017", "warning", "rules for clients stay behind",
        "VirtualServices, DestinationRules, ServiceEntries or TrafficSplits are held, and workloads of the stream leave the mesh that obeys them.",
        "Weights, retries, timeouts and subsets of these objects no longer apply to what the moved workloads send.",
        "Resolve what holds them first, or see to it that the workloads that move do not call these hosts.",
    ),
    Code(
        "MS018", "error", "what the phase adds is missing",
        "`check` ran with a phase or with `only`, and an object that this stage of the migration adds is not there.",
        "What was checked has not been through this stage: the pipeline did not run meshshift with the same options.",
        "Run the stream through meshshift with the same `phase` and `only`.",
        "meshshift --phase prepare < rendered.yaml | meshshift check --phase prepare",
    ),
    Code(
        "MS019", "info", "nothing of the stream moves",
        "`only` names namespaces or pod labels, and no object of the stream belongs to them.",
        "The stream passes as it is.",
        "Nothing, if this stream is of another team; otherwise check the spelling of `only`.",
        "only: [shpo]  # the namespace is called shop",
    ),
    Code(
        "MS020", "error", "rule that breaks calls of clients that stay",
        "A DestinationRule orders Istio's mutual TLS towards pods that move, and clients that obey it stay in Istio.",
        "Linkerd's proxies cannot answer Istio's mutual TLS: every call of those clients would fail.",
        "Delete the tls block: without it Istio's clients find out by themselves which pods have a sidecar.",
        "trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}",
        acceptable=True,
    ),
    Code(
        "MS021", "info", "phase prepare",
        "Objects for Linkerd are added beside those of the old mesh.",
        "No pod changes meshes: Istio does not read what is added, and Linkerd has no proxy that would.",
        "Merge it, see that `meshshift check --phase prepare` passes, then go on with `phase: switch`.",
    ),
    Code(
        "MS022", "warning", "policies only audit",
        "In `phase: switch` pods move while callers may still be in the other mesh and have no identity.",
        "Access that policies would refuse is logged and allowed (`inbound_http_authz_allow_total` with authz_name=audit).",
        "Look at what is logged, then go on with `phase: enforce`.",
    ),
    Code(
        "MS023", "info", "audit becomes enforcement",
        "An earlier phase wrote a policy as an audit, and this run enforces it.",
        "Calls that were logged are refused now.",
        "Look at what the audit logged before you merge.",
        "config.linkerd.io/default-inbound-policy: audit",
    ),
    Code(
        "MS024", "warning", "Server that goes on auditing",
        "The run enforces policies of some workloads, and a Server of theirs also selects pods that are not part of it.",
        "The Server lets every call pass and logs those that it would refuse, for all pods that it selects.",
        "Name all of its workloads, or the namespace, in `only`.",
        "only: [app=cart]  # the Server selects app=web too",
    ),
    Code(
        "MS025", "error", "reference torn apart by a later renaming",
        "An object that meshshift made names another one by a name or namespace that was changed afterwards, as "
        "kustomize's `namePrefix`, `nameSuffix` and `namespace` of an outer layer do.",
        "The route or policy has no effect, or sends to nothing: kustomize renames objects and follows only references "
        "that it was told of.",
        "Deliver meshshift as kustomize-plugin/component, which tells kustomize of the references that it can follow; for "
        "others, such as ServiceAccounts in a MeshTLSAuthentication, run meshshift in the outermost layer or keep the name.",
        "kind: HTTPRoute\nmetadata: {name: dev-cart}  # and the Service is called dev-cart\nspec:\n  parentRefs: [{kind: Service, name: cart}]",
        acceptable=True,
    ),
    Code(
        "MS026", "error", "names a mesh and was not read",
        "A file names Istio, SMI or Open Service Mesh, and `check` does not read it: it is a template of Helm, or lies in a "
        "hidden or a linked folder.",
        "Nobody knows whether something of the old mesh is left in it.",
        "Render a template and check the result; name a hidden or linked folder to have it read.",
        "helm template shop ./chart | meshshift check  # charts/shop/templates/route.yaml cannot be read as it is",
    ),
    Code(
        "MS027", "error", "placeholder that is filled in later",
        "A value that decides the translation holds `$(NAME)`, as kustomize's `vars` write it, or `${NAME}`, as Flux's "
        "postBuild.substitute and envsubst do, and it is not filled in yet.",
        "The translation depends on what it will be, and the tool may not find it in the new objects: kustomize fills in "
        "`vars` only in fields of kinds that it was told of, and an expression that was quoted is no placeholder any more.",
        "Run meshshift after the placeholders are filled in: with kustomize use `replacements` in place of `vars`, or pipe "
        "`kustomize build` through meshshift; with Flux write the value, or substitute before meshshift runs. Where the "
        "text is meant as it stands, accept the finding.",
        "match: [{uri: {prefix: \"/${path}\"}}]",
        acceptable=True,
    ),
)  # fmt: skip
