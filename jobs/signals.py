"""What ends a verb from outside: SIGTERM (systemd, `docker stop`, a node that is taken back) and Ctrl-C.

A signal raises Stopped in the main thread, so that every `finally` on the way out runs.
Not known here: the verbs, Ray.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(KeyboardInterrupt):
    """The process was told to end. Ray lets a KeyboardInterrupt through its C++ calls, and nothing else; what
    comes out of them is a plain one. So catch KeyboardInterrupt, and ask `heard` which signal it was."""


_numbers: list[int] = []


def heard() -> int:
    """The signal that came; SIGINT where none came to our handler: Python's own raised KeyboardInterrupt."""
    return _numbers[-1] if _numbers else signal.SIGINT


def told() -> bool:
    """Whether a signal that `listen` was asked for has come."""
    return bool(_numbers)


def listen(*numbers: int) -> None:
    """From here on these signals raise Stopped, also SIGINT where a script's background had it ignored."""
    for number in numbers:
        signal.signal(number, _stop)


def ignore(*numbers: int) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def kept() -> Iterator[None]:
    """Around ray.init, which replaces SIGTERM's handler by one that calls sys.exit: that becomes Stopped, and
    afterwards ours is in its place again."""
    before = signal.getsignal(signal.SIGTERM)
    if before is not _stop or threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        yield
    except SystemExit as end:
        if end.code != signal.SIGTERM:
            raise
        _stop(signal.SIGTERM, None)
    finally:
        listen(signal.SIGTERM)


def _stop(number: int, frame: FrameType | None) -> None:
    _numbers.append(number)
    raise Stopped
