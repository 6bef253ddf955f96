"""Lazy index over stream and context: answers are *known* (an object), *absent* (declared complete, not there) or *unknown*.

Only documents whose bytes can hold an object of the wanted kind are parsed; an index entry is built once per kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformer.documents import Part
    from transformer.objects import Obj


class Answer(NamedTuple):
    """Known when `obj` is set, absent when `complete`, otherwise unknown."""

    obj: Obj | None
    complete: bool

    @property
    def state(self) -> str:
        """`known`, `absent` or `unknown`."""
        return "known" if self.obj is not None else "absent" if self.complete else "unknown"


WORKLOAD_KINDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("extensions", "Deployment"): ("spec", "template"),
    ("extensions", "DaemonSet"): ("spec", "template"),
    ("batch", "Job"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("argoproj.io", "Rollout"): ("spec", "template"),
    ("serving.knative.dev", "Service"): ("spec", "template"),
    ("serving.knative.dev", "Configuration"): ("spec", "template"),
}


class Context:
    """Questions about objects outside the one a rule looks at."""

    def __init__(
        self,
        stream: Iterable[Part],
        files: Iterable[Part],
        counter: Iterator[int],
        namespace: str,
        complete: Iterable[str],
    ) -> None:
        self._parts = list(stream)
        self._of_stream = len(self._parts)
        self._parts += files
        self._counter = counter
        self._namespace = namespace
        self._complete = frozenset(complete)
        self._by_kind: dict[tuple[str, str], list[Obj]] = {}
        self._positions: dict[str, list[int]] | None = None
        self._by_name: dict[tuple[str, str], dict[tuple[str, str], Obj]] = {}
        #: Which objects of the stream the run is about; the others serve as context.
        self.includes: Callable[[Obj], bool] = lambda obj: True

    def is_complete(self, namespace: str) -> bool:
        """Whether stream and context are declared to hold every object of the namespace."""
        return "*" in self._complete or namespace in self._complete

    def objects(self, group: str, kind: str) -> list[Obj]:
        """Every object of a kind, stream first, in order; versions do not matter.

        An object of a context file is left out where the stream has one of the same name: the stream's is in effect.
        """
        found = self._by_kind.get((group, kind))
        if found is None:
            found = []
            known: set[tuple[str, str]] = set()
            for part, of_file in self._candidates(kind):
                obj = part.obj(self._counter, self._namespace)
                if obj is None or obj.ref.kind != kind or obj.ref.group != group:
                    continue
                if of_file and (obj.namespace, obj.name) in known:
                    continue  # the folder with the context often holds the stream's own sources too
                obj.context = of_file or not self.includes(obj)
                found.append(obj)
                if not of_file:
                    known.add((obj.namespace, obj.name))
            self._by_kind[group, kind] = found
        return found

    def touching(self, group: str, kind: str) -> Iterator[Obj]:
        """Objects of a kind whose bytes may hold something of a mesh; the others are not even parsed."""
        for part, of_file in self._candidates(kind) if (group, kind) not in self._by_kind else ():
            obj = part.obj(self._counter, self._namespace) if part.candidate else None
            if obj is not None and obj.ref.kind == kind and obj.ref.group == group:
                obj.context = of_file or not self.includes(obj)
                yield obj
        yield from self._by_kind.get((group, kind), ())

    def find(self, group: str, kind: str, namespace: str, name: str) -> Answer:
        """One object by name; a stream object wins over a context file's."""
        names = self._by_name.get((group, kind))
        if names is None:
            names = {}
            for obj in self.objects(group, kind):
                names.setdefault((obj.namespace, obj.name), obj)
            self._by_name[group, kind] = names
        return Answer(names.get((namespace, name)), self.is_complete(namespace))

    def service(self, namespace: str, name: str) -> Answer:
        """A core Service."""
        return self.find("", "Service", namespace, name)

    def namespace(self, name: str) -> Answer:
        """A Namespace object (cluster-scoped: indexed by name alone)."""
        for obj in self.objects("", "Namespace"):
            if obj.name == name:
                return Answer(obj, True)
        return Answer(None, self.is_complete(name))

    def workloads(self) -> list[Obj]:
        """Every object with a pod template, and bare Pods."""
        found: list[Obj] = []
        for group, kind in WORKLOAD_KINDS:
            found += self.objects(group, kind)
        return found

    def _candidates(self, kind: str) -> Iterator[tuple[Part, bool]]:
        """Parts that may hold the kind, each with whether it is a context file's (and so never written)."""
        if self._positions is None:
            self._positions = {}
            for position, part in enumerate(self._parts):
                for seen in part.kinds() or ("",):
                    self._positions.setdefault(seen, []).append(position)
        wanted = kind.encode()
        unseen = [at for at in self._positions.get("", ()) if wanted in self._parts[at].raw]
        for position in sorted(self._positions.get(kind, []) + unseen):
            yield self._parts[position], position >= self._of_stream
