"""Ends what is left of a driver's Ray when the driver was killed. A program of its own, that imports nothing.

Its standard input brings a mark, then the folder of Ray's session once there is one, and closes when the
driver is no more. Ray's processes notice that by themselves, but some of them try to tell a dead server of it
first, for a minute and more. Ray's servers are known by the mark in their environment, its workers, who write
their titles over theirs, by their log files, which lie in the session's folder.
Linux only. Not known here: Ray, and what the driver did.
"""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator

MARK = "VVP_RAY_OF"  # the variable that holds the mark
GRACE_S, MOST_S = 3.0, 30.0
_SESSION = re.compile(r"(/.*/session_[\d_-]+)/")


def main() -> None:
    mark = sys.stdin.readline().strip()
    sessions = {line.strip() for line in sys.stdin if line.strip()}
    if not mark:
        return
    time.sleep(GRACE_S)
    end = time.monotonic() + MOST_S
    while time.monotonic() < end and (left := of(mark, sessions)):
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:  # it has just ended
                continue
        time.sleep(0.3)


def of(mark: str, sessions: set[str]) -> list[int]:
    """Ray's processes, those that it titles itself and its servers, that carry the mark or have a file of one
    of the sessions open. Sessions of what carries the mark are added."""
    marked, others = [], []
    for process, marks, files in _rays():
        if f"{MARK}={mark}".encode() in marks:
            marked.append(process)
            sessions |= {found[1] for file in files if (found := _SESSION.match(file))}
        else:
            others.append((process, files))
    folders = tuple(f"{session}/" for session in sessions)
    return marked + [process for process, files in others if any(file.startswith(folders) for file in files)]


def _rays() -> Iterator[tuple[int, bytes, list[str]]]:
    """(process, its environment, the files that it has open) of everything that may be Ray's."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as command:
                title = command.read()
            if not (title.startswith(b"ray::") or b"/ray/" in title):
                continue
            with open(f"/proc/{name}/environ", "rb") as environment:
                marks = environment.read()
            folder = f"/proc/{name}/fd"
            yield int(name), marks, [os.readlink(f"{folder}/{number}") for number in os.listdir(folder)]
        except OSError:  # it has ended, or is somebody else's
            continue


if __name__ == "__main__":
    main()
