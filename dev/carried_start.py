"""Starts the meshshift that a released plugin carries, with the Python that runs this file and none of its packages.

    python3 -I -S start.py fits          ends with 0 if the plugin carries compiled packages for this Python
    python3 -I -S start.py run [ARG…]    runs meshshift; exit codes are meshshift's

`dev/helm-plugin` copies this file into the archive as `libexec/start.py`.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def native_folder() -> str:
    """Folder of the packages compiled for this Python, whether or not it is there."""
    # Built in, unlike importlib.machinery, which would cost more than the rest of this file.
    from _imp import extension_suffixes

    tag = extension_suffixes()[0].split(".")[1]  # as in .cpython-311-x86_64-linux-gnu.so
    if sys.platform == "darwin":
        tag += "-" + os.uname().machine  # of which macOS says nothing in the tag
    return os.path.join(HERE, "native", tag)


def main() -> int:
    """Do what the first argument says; returns the exit code."""
    native = native_folder()
    if not os.path.isdir(native):
        sys.stderr.write("this plugin carries nothing for Python at " + native + "\n")
        return 127
    if sys.argv[1:] == ["fits"]:
        return 0
    del sys.argv[1]
    sys.path[:0] = [os.path.join(HERE, "packages"), native]
    from transformer.__main__ import command

    command()
    return 0


if __name__ == "__main__":
    sys.exit(main())
