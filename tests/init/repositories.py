"""Small repositories that were never configured, and what a run of `init` did to one."""

from __future__ import annotations

import difflib
from pathlib import Path

from tests.cli.running import NAMESPACE, ROUTE, SERVICE
from tests.delivery.running import write

#: Moves once `mesh.mtls` is known.
SHOP = f"{NAMESPACE}---\n{SERVICE}---\n{ROUTE}"
STRICT = "--mesh-mtls=strict"
FUNCTION = "meshshift-function.yaml"
LISTED = ["transformers:", f"- {FUNCTION}"]

APPLICATION = """\
# Rendered by Argo CD.
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: shop
spec:
  source:
    repoURL: https://git.example.com/shop.git
    path: shop   # plain manifests
  destination: {namespace: shop}
"""


def snapshot(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder, but for what runs keep about themselves."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in ("state", ".git")
    }


def added(before: bytes, after: bytes) -> list[str]:
    """Lines that are new, with their line breaks off; fails where any other line went or changed."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    lines: list[str] = []
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "replace":
            # The last line may get the break that it lacked.
            assert (i1, i2) == (len(old) - 1, len(old)), old[i1:i2]
            assert new[j1].rstrip(b"\r\n") == old[i1], (old[i1], new[j1])
            j1 += 1
        else:
            assert tag != "delete", old[i1:i2]
        if tag != "equal":
            lines += [line.decode().rstrip("\r\n") for line in new[j1:j2]]
    return lines


def layered(folder: Path) -> Path:
    """A base, an overlay over it and an overlay over that, a component, and a kustomization without a mesh."""
    return write(
        folder,
        {
            "base/kustomization.yaml": "resources: [shop.yaml]\n",
            "base/shop.yaml": SHOP,
            "overlays/staging/kustomization.yaml": "resources:\n- ../../base\ncomponents:\n- ../../parts\n",
            "overlays/live/kustomization.yaml": "resources:\n- ../staging\nlabels:\n- pairs: {stage: live}\n",
            "parts/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: shop\n",
            "tools/kustomization.yaml": "resources: [tool.yaml]\n",
            "tools/tool.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: tool}\n",
        },
    )
