"""Files that are written whole or not at all: first beside their place, then moved there."""

from __future__ import annotations

import os


def beside(target: str, body: bytes) -> str:
    """Write `body` to a new file in the folder of `target`, with the permissions of what it will replace; returns its path.

    `target` is no link (`os.path.realpath`). Raises OSError, and leaves nothing then.
    """
    temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{os.getpid()}")
    # Exclusive: a link that somebody laid at this name must not be followed.
    file = open(temporary, "xb")  # noqa: SIM115 - what follows closes and removes it
    try:
        with file:
            file.write(body)
        if os.path.exists(target):
            os.chmod(temporary, os.stat(target).st_mode & 0o777)
    except BaseException:  # an interrupt must not leave it either
        os.unlink(temporary)
        raise
    return temporary
