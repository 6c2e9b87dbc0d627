"""The decoder's own process, with a time and a memory limit: it can die, stall or swell; the run cannot.

A child is started when the first clip comes, serves 200 clips and is replaced (decoders leak). Its death
costs the clip one retry, because somebody may have killed a child that was decoding a good clip; dying
twice is a row with error_kind `crash`. A stalled clip costs its time limit, of wall or of CPU time.
The child is told a name and given an open file: it needs no path, no key and no network (confine.py), and
what it answers is checked (wire.py). What a URI holds is fetched here, while the clip before is decoded.
One child on one socket of its own, rather than a library's pool: a death is the end of that socket at
whatever moment it comes. Pebble's pool, tried first, took a crash in the first millisecond for a timeout,
broke when an idle child was killed, and hung when one died inside a message.
Not known here: how media are decoded, and what becomes of a Clip. Linux and macOS.
"""

import multiprocessing.connection as mpc
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.reduction import send_handle

from vvp.media.confine import environment
from vvp.media.decode import Clip, DecodeSettings, blamed, decode, failed, fetched
from vvp.media.source import Media
from vvp.media.wire import Fault, NonsenseError, receive

CLIPS_PER_CHILD = 200
START_S = 120.0  # a child that takes longer to start, on however busy a machine, counts as dead
AHEAD = 2  # clips that the child knows of: the one it decodes and the next
# First it removes the folder that it is in, so that nothing is left of it, and waits at the root until its
# libraries are loaded (a compiler among them asks where it is). Then it goes back to the folder that is no
# more: nothing can be made there.
START = (
    "import os, sys; gone = os.open('.', os.O_RDONLY); os.rmdir(os.getcwd()); os.chdir('/'); "
    "sys.path[:] = sys.argv[2:]; from vvp.media.child import main; main(int(sys.argv[1]), gone)"
)
Decoder = Callable[[str, DecodeSettings], Clip]


class DeathError(Exception):
    """The child is no more. The message says how it died."""


class StartError(DeathError):
    """The child died before it began its first clip."""


class CpuError(DeathError):
    """The child was ended because a clip took more CPU time than it may."""


class Sandbox:
    """Decodes clips, one at a time and in order, in a child process. Not for use by several threads."""

    def __init__(
        self, settings: DecodeSettings | None = None, decode: Decoder = decode, scratch: str | None = None
    ) -> None:
        """`decode` must be importable by the child; tests put poison in its place.
        scratch: folder for copies of what URIs hold, which have no name there; None: the system's."""
        self.settings = settings or DecodeSettings()
        self._decode = decode
        self._scratch = scratch
        self._waiting: deque[Pending] = deque()
        self._child: _Child | None = None

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def decode(self, path: str) -> Clip:
        """The Clip of a local path or URI. Media never make it raise; see Pending.result."""
        return self.submit(path).result()

    def submit(self, path: str) -> "Pending":
        """Starts decoding `path` (or queues it) and returns at once: keep one ahead of the encoders."""
        pending = Pending(self, path)
        self._waiting.append(pending)
        self._feed()
        return pending

    def close(self) -> None:
        """Ends the child, at once; clips that wait are lost."""
        self._waiting.clear()
        self._drop_child()

    def _feed(self) -> None:
        for pending in list(self._waiting)[:AHEAD]:
            if pending._answer is not None or (pending._told is not None and pending._told is self._child):
                continue
            try:
                if pending._media is None:
                    pending._media = fetched(pending._path, self._scratch, self.settings.timeout_s)
            except TimeoutError as error:
                pending._answer = failed("timeout", str(error))
            except Exception as error:  # noqa: BLE001 - whatever a storage says of the file that a row names
                pending._answer = _outcome(error)
            else:
                if self._child is None:
                    self._child = _Child(self._decode, self.settings, self._scratch)
                self._child.tell(pending._media)
                pending._told = self._child

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _finish_first(self) -> None:
        """Waits for the clip at the head of the queue; a retry leaves it there."""
        self._feed()
        pending, child = self._waiting[0], self._child
        if pending._answer is None:
            assert child is not None
            try:
                pending._answer = child.answer(self.settings.timeout_s)
            except (TimeoutError, CpuError) as error:
                self._drop_child()
                of = " of CPU time" if isinstance(error, CpuError) else ""
                pending._answer = failed("timeout", f"more than {self.settings.timeout_s:g} s{of}")
            except DeathError as error:
                self._drop_child()
                pending._deaths += 1
                if pending._deaths == 1:
                    return
                pending._answer = failed("crash", f"the decoder's process died twice: {error}")
                if isinstance(error, StartError):  # no clip's fault
                    pending._answer = Fault(f"the decoder's process does not start: {error}", None)
        self._waiting.popleft()
        if pending._media is not None:
            pending._media.file.close()
        if child is not None and child.served >= CLIPS_PER_CHILD:
            self._drop_child()  # what it had begun of the next clip is done again
        if self._waiting:
            self._feed()


def _outcome(error: Exception) -> Clip | Fault:
    """The failed clip's row where the clip caused the error; else a Fault, which the caller raises."""
    try:
        return blamed(error)
    except Exception:  # noqa: BLE001 - no clip's fault
        return Fault(traceback.format_exc(), getattr(error, "errno", None))


class Pending:
    """A clip under way."""

    def __init__(self, sandbox: Sandbox, path: str) -> None:
        self._sandbox, self._path, self._deaths = sandbox, path, 0
        self._media: Media | None = None
        self._told: _Child | None = None
        self._answer: Clip | Fault | None = None

    def result(self) -> Clip:
        """Waits for the clip. OSError: a full disk and the like; RuntimeError: a module that is missing,
        with its traceback."""
        while self._answer is None:
            if self not in self._sandbox._waiting:
                raise RuntimeError("the sandbox was closed before this clip was decoded")
            self._sandbox._finish_first()
        if isinstance(self._answer, Fault):
            if self._answer.number is not None:
                raise OSError(self._answer.number, os.strerror(self._answer.number))
            raise RuntimeError(self._answer.trace)
        return self._answer


class _Child:
    """One process and this end of its socket. Of each clip it tells when it began, then the outcome."""

    def __init__(self, decode: Decoder, settings: DecodeSettings, scratch: str | None) -> None:
        self.served, self.begun = 0, False  # answers given; whether it ever told that it begins
        # Where it works: an empty place of its own (see START).
        self.folder = folder = tempfile.mkdtemp(prefix="vvp-decoder-", dir=scratch)
        self.socket, theirs = socket.socketpair()
        with theirs:  # closed here once it is started, else its end would not be seen
            search = map(os.path.abspath, sys.path)
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-c", START, str(theirs.fileno()), *search],
                stdin=subprocess.DEVNULL,
                env=environment(folder),
                cwd=folder,
                pass_fds=[theirs.fileno()],
            )
        self.outward: mpc.Connection = mpc.Connection(os.dup(self.socket.fileno()))
        with suppress(OSError):  # it is dead, which answer() will find
            self.outward.send((decode, settings, folder))

    def tell(self, media: Media) -> None:
        with suppress(OSError):  # it is dead, which answer() will find
            self.outward.send(str(media))
            send_handle(self.outward, media.file.fileno(), self.process.pid)

    def answer(self, timeout_s: float) -> Clip | Fault:
        """TimeoutError: the clip takes too long; DeathError: the child died or does not start."""
        first = not self.served and not self.begun
        try:
            begun = self._receive(time.monotonic() + START_S)  # told, an idle child begins at once
        except TimeoutError:
            raise StartError(f"it did not begin within {START_S:g} s") from None
        except DeathError as error:
            if first and not isinstance(error, CpuError):
                raise StartError(str(error)) from error
            raise
        self.begun = True
        if not isinstance(begun, float):
            raise DeathError("its answer makes no sense")
        outcome = self._receive(min(begun, time.monotonic()) + timeout_s)
        if isinstance(outcome, float):
            raise DeathError("its answer makes no sense")
        self.served += 1
        return outcome

    def _receive(self, end: float) -> Clip | Fault | float:
        try:
            return receive(self.socket, end)
        except NonsenseError as error:
            raise DeathError(str(error)) from error
        except EOFError:
            code = self.process.wait()
            names = {-s.value: s.name for s in signal.Signals}
            kind = CpuError if code == -signal.SIGXCPU else DeathError
            raise kind(names.get(code, f"exit code {code}")) from None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)  # it died before it could
        self.outward.close()
        self.socket.close()
