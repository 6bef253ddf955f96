"""Which pods a policy reaches, and whether this run sees and moves all of them.

A selector picks pods by label, in every namespace for an AuthorizationPolicy of the root namespace; without one the
namespace, or from the root namespace the whole mesh, is meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from transformer.objects import Obj
from transformer.rules import reach
from transformer.rules.istio import authorization_pods
from transformer.rules.istio.authorization_pods import MOVES, UNKNOWN, Pods
from transformer.rules.istio.authorization_rules import Policy, Unsayable, selector
from transformer.rules.workload import injection_settings
from transformer.rules.workload.injection_settings import NamespaceSetting
from transformer.run import Run


class Group(NamedTuple):
    """Workloads of one namespace that the same objects reach; `objects` are all of these."""

    policies: tuple[Policy, ...]
    settings: tuple[Obj, ...]
    pods: tuple[Pods, ...]

    @property
    def objects(self) -> tuple[Obj, ...]:
        """Policies and PeerAuthentications, policies first."""
        return (*(policy.obj for policy in self.policies), *self.settings)


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
                pods = authorization_pods.unreadable(obj)
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
        """Refuse a policy that reaches pods which this run does not see or move."""
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
        for key, _ in selector(obj):
            if authorization_pods.is_mesh_label(key) or key.startswith(reach.ADDED_TO_PODS):
                raise Unsayable(
                    "MS406",
                    obj,
                    f"selects pods by {key}, which comes or goes with the sidecar or is not in manifests",
                )
        if any(pods.way == MOVES for pods in reached):
            return
        if not complete:
            wanted = ", ".join(f"{key}={text}" for key, text in selector(obj))
            raise Unsayable(
                "MS406", obj, f"no workload of the stream has the labels {wanted}",
                "Render it together with the workload, or name the namespace under complete.",
            )  # fmt: skip
        raise Unsayable("MS424", obj, "reaches no pod of a mesh that is here")

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

    def groups(self, policies: Sequence[Policy], settings: Sequence[Obj]) -> Iterator[tuple[str, Group]]:
        """Moving workloads by namespace and by the objects that reach them, without those that are held anyway.

        Workloads that no policy and no setting of their own reaches follow their Namespace and are in no group.
        """
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
                if mine and uid not in held and pods.way == MOVES:
                    found.setdefault(mine, []).append(pods)
            for mine, members in found.items():
                group = Group(
                    tuple(policy for policy in policies if policy.obj.uid in mine),
                    tuple(obj for obj in settings if obj.uid in mine),
                    tuple(members),
                )
                if group.policies or any(selector(obj) for obj in group.settings):
                    yield space, group
