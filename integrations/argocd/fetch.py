"""Takes one program out of a downloaded archive whose checksum is known: fetch.py URL SHA256 MEMBER TARGET."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import urllib.request


def fetch(url: str, sha256: str, member: str, target: str) -> None:
    """Write a member of a tar archive to `target` as a program. Exits with a message where the checksum differs."""
    with urllib.request.urlopen(url) as answer:
        archive = answer.read()
    found = hashlib.sha256(archive).hexdigest()
    if found != sha256:
        raise SystemExit(f"{url} has the checksum {found}, not {sha256}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as content:
        program = content.extractfile(member)
        if program is None:
            raise SystemExit(f"{url}: {member} is no file")
        with open(target, "wb") as file:
            file.write(program.read())
    os.chmod(target, 0o755)


if __name__ == "__main__":
    fetch(*sys.argv[1:])
