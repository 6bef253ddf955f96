"""Views of what Istio puts together of two objects before it reads it: a rule that delegates, and its delegate's rules.

They are read like fields of one object; marks go to the fields as they are written, findings to the delegate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transformer.objects import View


class MergedFields(View):
    """A mapping whose fields come from several objects; it stands in for `base`, which findings point at."""

    __slots__ = ("fields",)

    def __init__(self, base: View, fields: dict[str, View]) -> None:
        super().__init__(base.obj, base.node, base.path)
        self.fields = fields

    def get(self, *keys: str | int) -> View:
        """The field below; an absent view where any of the keys is missing."""
        found = self.fields.get(keys[0]) if keys and isinstance(keys[0], str) else None
        if found is None:
            return View(self.obj, None, (*self.path, *keys))
        return found.get(*keys[1:]) if keys[1:] else found

    def items(self) -> Iterator[tuple[str, View]]:
        """Keys and fields, those of the delegating rule first."""
        yield from self.fields.items()

    def value(self) -> Any:
        """The plain value of the mapping."""
        return {name: field.value() for name, field in self.fields.items()}

    def sources(self) -> Iterator[View]:
        """The fields as they are written in either object."""
        for field in self.fields.values():
            yield from field.sources()


class MergedList(View):
    """A list whose items are views of their own."""

    __slots__ = ("entries",)

    def __init__(self, base: View, entries: tuple[View, ...]) -> None:
        super().__init__(base.obj, base.node, base.path)
        self.entries = entries

    def each(self) -> Iterator[View]:
        """The items."""
        yield from self.entries

    def sources(self) -> Iterator[View]:
        """The items as they are written in either object."""
        for entry in self.entries:
            yield from entry.sources()
