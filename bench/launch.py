"""Starts one command, waits for it, and prints what the kernel counted: `launch.py LIMIT STDIN OUT ERR WORD…`.

A process of its own, because a command inherits the peak memory of the process that starts it, which therefore has to
be small. Prints seconds, peak memory in the kernel's unit, exit code, and whether the limit ended it.
"""

import os
import signal
import sys
import time


def main() -> None:
    """Run the command line."""
    limit, stdin, out, err, *words = sys.argv[1:]
    created = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [
        (os.POSIX_SPAWN_OPEN, 0, stdin, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, out, created, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, err, created, 0o600),
    ]
    start = time.perf_counter()
    process = os.posix_spawnp(words[0], words, os.environ, file_actions=files)
    ended = False

    def stop(*_: object) -> None:
        nonlocal ended
        ended = True
        os.kill(process, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, float(limit))
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    print(seconds, usage.ru_maxrss, os.waitstatus_to_exitcode(status), int(ended))


if __name__ == "__main__":
    main()
