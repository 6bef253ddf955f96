"""Which pods a policy reaches, and whether this run sees and moves all of them.

A selector picks pods by label, in every namespace for an AuthorizationPolicy of the root namespace; without one the
namespace, or from the root namespace the whole mesh, is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.objects import Obj
from transformer.rules import reach, root_policies
from transformer.rules.istio import authorization_pods
from transformer.rules.istio.authorization_pods import MOVES, OUTSIDE, UNKNOWN, Pods
from transformer.rules.istio.authorization_rules import Policy, Unsayable, selector
from transformer.rules.workload import injection_settings, revisions
from transformer.rules.workload.injection_settings import NamespaceSetting
from transformer.run import Run

#: Workloads that run once: what is made of theirs goes when they go.
_HOOKS = ("helm.sh/hook", "argocd.argoproj.io/hook")


class Group(NamedTuple):
    """Workloads of one namespace that the same objects reach; `objects` are all of these.

    `own` are those of the workloads' namespace, `moving` those that the run migrates: not those that stand in the root
    namespace for others too.
    """

    policies: tuple[Policy, ...]
    settings: tuple[Obj, ...]
    pods: tuple[Pods, ...]
    own: tuple[Obj, ...]
    moving: tuple[Obj, ...]

    @property
    def objects(self) -> tuple[Obj, ...]:
        """Policies and PeerAuthentications, policies first, and of each the namespace's own first."""
        return (*(policy.obj for policy in self.policies), *self.settings)

    @property
    def place(self) -> Obj:
        """Beside which object derived ones are written: the namespace's own, else a workload, the same in every run."""
        if self.own:
            return self.own[0]
        lasting = (pods.obj for pods in self.pods if not any(hook in pods.obj.annotations for hook in _HOOKS))
        return next(lasting, self.pods[0].obj)

    @property
    def at(self) -> Obj:
        """What is told is told of this object: one that is migrated here, else the place."""
        return self.moving[0] if self.moving else self.place


class Scope:
    """Namespaces and pods of the run, as policies see them; `failed` are policies that are held already."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.root: str = run.options["mesh.root-namespace"]
        self.namespaces = injection_settings.of_namespaces(run)
        self._problem: dict[int, Unsayable] = {}
        self._pods: dict[str, list[Pods]] = {}
        self.failed: list[Obj] = []
        for obj in run.context.workloads():
            try:
                pods = authorization_pods.of(run, obj, self.namespaces)
            except Unsayable as problem:
                self._problem[obj.uid] = problem
                pods = authorization_pods.unreadable(obj, self.namespaces)
            self._pods.setdefault(obj.namespace, []).append(pods)
        for found in self._pods.values():
            found.sort(key=lambda pods: (pods.obj.name, pods.obj.ref.kind))

    def pods(self, namespace: str) -> list[Pods]:
        """Every workload's pods of a namespace, by name."""
        return self._pods.get(namespace, [])

    def setting(self, namespace: str) -> NamespaceSetting:
        """What is known of a Namespace."""
        return self.namespaces.get(namespace, NamespaceSetting(None))

    def flips(self, namespace: str) -> bool:
        """Whether the Namespace itself joins Linkerd in this run."""
        setting = self.setting(namespace)
        return setting.obj is not None and not setting.obj.context and setting.meshes

    def reached(self, obj: Obj) -> Iterator[Pods]:
        """Pods of stream and context that an object's namespace and selector pick."""
        wanted = dict(selector(obj))
        spaces = sorted(self._pods) if obj.namespace == self.root else [obj.namespace]
        for space in spaces:
            for pods in self.pods(space):
                if wanted.items() <= pods.labels.items():
                    yield pods

    def check(self, obj: Obj) -> None:
        """Refuse a policy that reaches pods which this run does not see or move, or that their Istio does not read."""
        self._refuse_other_revision(obj)
        complete = self._run.context.is_complete("*" if obj.namespace == self.root else obj.namespace)
        if obj.namespace == self.root and not complete:
            raise Unsayable(
                "MS406", obj, f"is in the root namespace {self.root} and reaches pods of every namespace",
                'Migrate the whole mesh in one run and say complete: ["*"].',
            )  # fmt: skip
        self._refuse_unwritten_namespaces(obj)
        reached = list(self.reached(obj))
        for pods in reached:
            if pods.obj.uid in self._problem:
                raise self._problem[pods.obj.uid]
            if pods.way == UNKNOWN:
                raise Unsayable(
                    "MS406", obj, f"reaches {pods.obj.ref}, whose sidecar this run does not replace",
                    f"Put the Namespace {pods.obj.namespace} into the stream, or as --context once it is in Linkerd.",
                )  # fmt: skip
        if not selector(obj):
            if not complete and not self.flips(obj.namespace):
                raise Unsayable(
                    "MS406", obj, f"reaches every pod of {obj.namespace}, also those that are not in this stream",
                    f"Put the Namespace {obj.namespace} into the stream, or name it under complete.",
                )  # fmt: skip
            spaces = self.namespaces if obj.namespace == self.root else [obj.namespace]
            if not any(map(self.flips, spaces)) and not any(pods.way == MOVES for pods in reached):
                raise Unsayable(
                    "MS424", obj, "reaches no pod of a mesh that is here, and no Namespace that moves"
                )
            return
        self._refuse_mesh_labels(obj)
        if any(pods.way == MOVES for pods in reached):
            return
        if not complete:
            wanted = ", ".join(f"{key}={text}" for key, text in selector(obj))
            raise Unsayable(
                "MS406", obj, f"no workload of the stream has the labels {wanted}",
                "Render it together with the workload, or name the namespace under complete.",
            )  # fmt: skip
        raise Unsayable("MS424", obj, "reaches no pod of a mesh that is here")

    def leaving(self, obj: Obj) -> list[Pods]:
        """Pods that a standing policy of the root namespace reaches, and that leave Istio in this run, as far as is known."""
        return [
            pods
            for pods in self.reached(obj)
            if not (pods.obj.context or pods.arrived) and (pods.way == MOVES or pods.obj.uid in self._problem)
        ]

    def untouched(self, obj: Obj) -> list[Obj]:
        """Workloads that the policy reaches and that leave no sidecar: in no mesh, or in Linkerd already."""
        return [pods.obj for pods in self.reached(obj) if pods.arrived or pods.way == OUTSIDE]

    def check_standing(self, obj: Obj) -> None:
        """Refuse a policy that stays and of which nobody can tell whom of those that move it reaches."""
        self._refuse_other_revision(obj)
        self._refuse_unwritten_namespaces(obj)
        self._refuse_mesh_labels(obj)
        for pods in self.leaving(obj):
            if pods.obj.uid in self._problem:
                raise self._problem[pods.obj.uid]

    def _refuse_other_revision(self, obj: Obj) -> None:
        """A policy of another revision is not in force; in force it would admit, or refuse, whom nobody does today."""
        revision = revisions.unread(self._run, obj)
        if revision:
            raise Unsayable(
                "MS409", obj.view.get("metadata", "labels", injection_settings.REVISION),
                f"only a control plane of revision {revision} reads this, and nothing says that the pods have that one",
                "Remove the label, or the object if its control plane is gone; or label the Namespace with the same revision.",
            )  # fmt: skip

    def _refuse_unwritten_namespaces(self, obj: Obj) -> None:
        """Where objects write no namespace, nobody can tell which pods a policy reaches."""
        wanted = dict(selector(obj)).items()
        unwritten = [pods for pods in self.pods("") if wanted <= pods.labels.items()]
        if not obj.namespace or unwritten:
            other = "the policy" if not obj.namespace else str(unwritten[0].obj.ref)
            raise Unsayable(
                "MS406",
                obj,
                f"the namespace of {other} is not written",
                "Say it with --namespace, as Helm does not.",
            )

    def _refuse_mesh_labels(self, obj: Obj) -> None:
        for key, _ in selector(obj):
            if authorization_pods.is_mesh_label(key) or key.startswith(reach.ADDED_TO_PODS):
                raise Unsayable(
                    "MS406",
                    obj,
                    f"selects pods by {key}, which comes or goes with the sidecar or is not in manifests",
                )

    def groups(self, policies: Sequence[Policy], settings: Sequence[Obj]) -> Iterator[tuple[str, Group]]:
        """Moving workloads by namespace and by the objects that reach them, without those that are held anyway.

        Workloads that no policy and no setting of their own reaches follow their Namespace and are in no group. Nor are
        those in Linkerd that only the root namespace's reach: what these say was said when they moved.
        """
        own = {
            obj.uid for obj in (*(policy.obj for policy in policies), *settings) if obj.namespace != self.root
        }
        held = {pods.obj.uid for obj in self.failed for pods in self.reached(obj)}
        by_object = {
            obj.uid: {pods.obj.uid for pods in self.reached(obj)}
            for obj in (*(policy.obj for policy in policies), *settings)
        }
        for space in sorted(self._pods):
            found: dict[tuple[int, ...], list[Pods]] = {}
            for pods in self.pods(space):
                uid = pods.obj.uid
                mine = tuple(number for number, reached in by_object.items() if uid in reached)
                said = pods.arrived and own.isdisjoint(mine)
                if mine and uid not in held and pods.way == MOVES and not said:
                    found.setdefault(mine, []).append(pods)
            for mine, members in found.items():
                group = self._group(
                    [policy for policy in policies if policy.obj.uid in mine],
                    [obj for obj in settings if obj.uid in mine],
                    members,
                )
                if group.policies or any(selector(obj) for obj in group.settings):
                    yield space, group

    def _group(self, policies: Sequence[Policy], settings: Sequence[Obj], pods: Sequence[Pods]) -> Group:
        policies = sorted(policies, key=lambda policy: policy.obj.namespace == self.root)
        settings = sorted(settings, key=lambda obj: obj.namespace == self.root)
        objs = [*(policy.obj for policy in policies), *settings]
        return Group(
            tuple(policies), tuple(settings), tuple(pods),
            own=tuple(obj for obj in objs if obj.namespace != self.root),
            moving=tuple(obj for obj in objs if not root_policies.stands(self._run, obj)),
        )  # fmt: skip
