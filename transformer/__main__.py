"""Entry of the command. A stream without mesh objects is passed through before anything else is imported."""

from __future__ import annotations

import os
import sys

from transformer.errors import INTERNAL
from transformer.frontends import output

_BROKEN_PIPE, _INTERRUPTED = 141, 130  # what a shell reports for SIGPIPE and SIGINT
_DEBUG = "MESHSHIFT_DEBUG"
#: What the report says of an empty input, without loading a report; a test compares it with the catalogue.
EMPTY_INPUT = """<stdin>: info MS011
    nothing came in on standard input
    fix: Render to standard output, not to a folder, when a post-renderer is used."""
_NO_OPTIONS = (_DEBUG, "MESHSHIFT_STATE", "MESHSHIFT_TOOLS")


def command() -> None:
    """The console command: run, and leave without tearing the interpreter down, which costs as much as starting it."""
    # Everything is flushed where it is written; files are closed where they are opened.
    os._exit(main())


def main() -> int:
    """Run the command with the arguments of this process; returns its exit code."""
    try:
        return _run(sys.argv[1:])
    except BrokenPipeError:
        return _BROKEN_PIPE
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:
        return _unexpected(error)


def _run(argv: list[str]) -> int:
    import gc

    # One short run: collecting costs more than it frees.
    gc.disable()
    data = None
    if not argv and not output.is_terminal() and not _is_configured():
        from transformer.needles import NEEDLES
        from transformer.stream.scan import contains

        data = output.read()
        if data and not contains(data, NEEDLES):
            output.write(data)
            return 0
        if not data:
            # Told without loading a report: the same words as in the catalogue.
            if "HELM_PLUGIN_NAME" in os.environ:
                output.write(output.NOTHING)
            output.say(EMPTY_INPUT)
            return 0
    from transformer import cli

    return cli.run(argv, data)


def _is_configured() -> bool:
    """Whether there may be options, also wrong ones, outside of the command line."""
    if any(name.startswith("MESHSHIFT_") and name not in _NO_OPTIONS for name in os.environ):
        return True
    return any(os.path.exists(name) for name in ("meshshift.yaml", ".meshshift.yaml"))


def _unexpected(error: Exception) -> int:
    """A fault of the program or of the machine: one line and a hint, and nothing on standard output."""
    if os.environ.get(_DEBUG):
        import traceback

        output.say(traceback.format_exc())
    fault = f"{type(error).__name__}: {error}".splitlines()[0]
    output.say(f"meshshift: internal error: {fault}")
    if isinstance(error, OSError):
        output.say("The machine refused something; nothing more was written.")
    else:
        output.say(f"This is a fault of meshshift; {_DEBUG}=1 shows where. Please report it.")
    return INTERNAL


if __name__ == "__main__":
    command()
