"""Ends what is left of a driver's Ray when the driver was killed. A program of its own, that imports nothing.

Its standard input brings the folder of Ray's session, and closes when the driver is no more. Ray's processes
notice that by themselves, but some of them try to tell a dead server about it first, for a minute and more.
They are known by their log files, which lie in that folder: their titles and environments say nothing.
Linux only. Not known here: Ray, and what the driver did.
"""

import os
import signal
import sys
import time

GRACE_S, MOST_S = 3.0, 30.0


def main() -> None:
    session = sys.stdin.readline().strip()
    sys.stdin.read()
    if not session:
        return
    time.sleep(GRACE_S)
    end = time.monotonic() + MOST_S
    while time.monotonic() < end and (left := of(session)):
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:  # it has just ended
                continue
        time.sleep(0.3)


def of(session: str) -> list[int]:
    """Ray's processes, those that it titles itself and its servers, that have a file of the session open."""
    processes = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as command:
                title = command.read()
            if not (title.startswith(b"ray::") or b"/ray/" in title):
                continue
            files = (os.readlink(f"/proc/{name}/fd/{number}") for number in os.listdir(f"/proc/{name}/fd"))
            if any(file.startswith(f"{session}/") for file in files):
                processes.append(int(name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return processes


if __name__ == "__main__":
    main()
