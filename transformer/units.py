"""Migration units: what must stay when something is held.

Rules state relations ("if A stays, B stays") and ask to hold objects; the closure is computed here and nowhere else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Units:
    """Directed relations between objects (by their numbers) and the closure of holds over them."""

    def __init__(self) -> None:
        self._follows: dict[int, set[int]] = {}
        self._asked: dict[int, None] = {}

    def link(self, held: int, follower: int) -> None:
        """If `held` stays, `follower` stays."""
        if held != follower:
            self._follows.setdefault(held, set()).add(follower)

    def bind(self, members: Iterable[int]) -> None:
        """Either all of the members move or none does."""
        ring = list(dict.fromkeys(members))
        for one, other in zip(ring, ring[1:] + ring[:1], strict=True):
            self.link(one, other)

    def hold(self, uid: int) -> None:
        """Ask that an object stays."""
        self._asked[uid] = None

    def asked(self, uid: int) -> bool:
        """Whether the object itself was asked to stay (and not only its unit)."""
        return uid in self._asked

    def closure(self) -> dict[int, int]:
        """Every object that stays, with the object that holds it (itself where it was asked for)."""
        held = {uid: uid for uid in self._asked}
        queue = deque(self._asked)
        while queue:
            uid = queue.popleft()
            for follower in sorted(self._follows.get(uid, ())):
                if follower not in held:
                    held[follower] = held[uid]
                    queue.append(follower)
        return held
