"""Equivalence proof: what a set of plain Kubernetes objects does, asked independently of how they were made.

Nothing here knows the rules, the intermediate representation or the targets: a mistake made there cannot
repeat itself here.
"""

from __future__ import annotations
