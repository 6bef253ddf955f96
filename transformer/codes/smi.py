"""Codes of SMI and Open Service Mesh objects (MS5xx)."""

from __future__ import annotations

from transformer.codes.model import Code

CODES: tuple[Code, ...] = (
    Code("MS501", "error", "Service of another namespace",
         "A TrafficSplit names a Service outside its own namespace.",
         "Implementations disagree on what that means; the object stays.", "Move the split to the namespace of its Services."),
    Code("MS502", "error", "split of a TCP port",
         "The root Service has a port that is not HTTP, and Open Service Mesh splits it too.",
         "It would need a TCPRoute, which the standard channel of Gateway API does not have.",
         "Split the Service into one for HTTP and one for TCP."),
    Code("MS503", "error", "route group match that a route cannot say",
         "A match of an HTTPRouteGroup uses a header, method or expression that has no equivalent.",
         "The object that uses the group stays.", "Write the match with a path, methods and plain headers."),
    Code("MS504", "error", "split of linkerd-failover",
         "The linkerd-failover extension edits the TrafficSplit.", "The extension still needs it.", "Keep it as it is."),
    Code("MS505", "error", "route group is missing",
         "The TrafficSplit names an HTTPRouteGroup that is not known.",
         "Without it the split would cover other requests.", "Render the group in the same stream."),
    Code("MS506", "error", "route group without a user",
         "No translated object of this stream uses the route group.",
         "A policy elsewhere may; the object stays.", "Delete it if it is dead, or accept the finding.", acceptable=True),
)  # fmt: skip
