"""How far a run goes (`phase`), and what that means while both meshes run.

Istio reads Service-parented Gateway API routes and prefers them over VirtualServices, and rules for clients are read by
the clients' proxies: they are needed until the last client has moved.
"""

from __future__ import annotations

from typing import NamedTuple

PREPARE, SWITCH, ENFORCE = "prepare", "switch", "enforce"


class Stage(NamedTuple):
    """How far a run goes: its phase, and whether it moves a part only."""

    phase: str
    partial: bool

    @property
    def flips(self) -> bool:
        """Whether pods change meshes; before that targets are added and nothing is edited or dropped."""
        return self.phase != PREPARE

    @property
    def audits(self) -> bool:
        """Whether policies only report what they would refuse: callers in the other mesh have no identity yet."""
        return self.phase != ENFORCE

    @property
    def hides_routes(self) -> bool:
        """Whether mesh routes must be of a group that Istio does not read."""
        return self.audits or self.partial

    @property
    def keeps_clients(self) -> bool:
        """Whether clients stay in the old mesh whatever the run holds."""
        return self.partial or not self.flips
