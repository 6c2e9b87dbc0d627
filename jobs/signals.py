"""What ends a verb from outside: SIGTERM (systemd, `docker stop`, a node that is taken back) and Ctrl-C.

A signal raises Stopped in the main thread, so that every `finally` on the way out runs.
Not known here: the verbs, Ray.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """The process was told to end. No Exception: nobody who catches errors shall swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def name(self) -> str:
        return signal.Signals(self.number).name

    @property
    def code(self) -> int:
        """The exit code that shells give a process which a signal ended."""
        return 128 + self.number


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
        raise Stopped(signal.SIGTERM) from None
    finally:
        listen(signal.SIGTERM)


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped(number)
