"""IngressBackends open the same ports as TrafficTargets, so one rule combines both: `transformer.rules.smi.traffic_target`."""

from __future__ import annotations

from transformer.rules.smi import traffic_target

#: The rule that takes the kind; a stream without SMI objects does not load the family that it stands in.
RULE = traffic_target.translate
