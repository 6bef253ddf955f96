"""Byte strings of which at least one occurs in every document that a rule may change.

The pass-through path reads nothing but this tuple. It is derived from the rule registry:
`tests/test_needles.py` fails when a rule reads a key or an API group that none of these stems covers.
"""

NEEDLES: tuple[bytes, ...] = (
    b"istio",
    b"smi-spec.io",
    b"openservicemesh.io",
    b"meshshift.dev",
    b"flagger.app",
)
