"""The decoder's own process, with a time and a memory limit: it can die, stall or swell; the run cannot.

A child is started when the first clip comes, serves 200 clips and is replaced (decoders leak). Its death
costs the clip one retry, because somebody may have killed a child that was decoding a good clip; dying
twice is a row with error_kind `crash`. A stalled clip costs its time limit.
One child on one pipe of its own, rather than a library's pool: a death is the end of that pipe at whatever
moment it comes. Pebble's pool, tried first, took a crash in the first millisecond for a timeout, broke when
an idle child was killed, and hung when one died inside a message.
Not known here: how media are decoded, and what becomes of a Clip. Linux and macOS; the memory limit is
Linux only.
"""

import multiprocessing.connection as mpc
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe, context, parent_process, popen_spawn_posix, process
from types import ModuleType
from typing import Any

import av
import decord

from vvp.media.decode import Clip, DecodeSettings, blamed, decode, failed, load

CLIPS_PER_CHILD = 200
START_S = 120.0  # a child that takes longer to start, on however busy a machine, counts as dead
AHEAD = 2  # clips that the child knows of: the one it decodes and the next
Decoder = Callable[[str, DecodeSettings], Clip]


@dataclass(frozen=True)
class Fault:
    """What ended a clip's decoding although no clip can be at fault. number: of an OSError, as in errno."""

    trace: str
    number: int | None


class DeathError(Exception):
    """The child is no more. The message says how it died."""


class Sandbox:
    """Decodes clips, one at a time and in order, in a child process. Not for use by several threads."""

    def __init__(
        self, settings: DecodeSettings | None = None, decode: Decoder = decode, scratch: str | None = None
    ) -> None:
        """`decode` must be importable by the child; tests put poison in its place.
        scratch: folder for the child's temporary files; null: the system's."""
        self.settings = settings or DecodeSettings()
        self._decode = decode
        self._folder = tempfile.mkdtemp(prefix="vvp-decoder-", dir=scratch)
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
        shutil.rmtree(self._folder, ignore_errors=True)

    def _feed(self) -> None:
        if self._child is None:
            self._child = _Child(self._decode, self.settings, self._folder)
        for pending in list(self._waiting)[self._child.told : AHEAD]:
            self._child.tell(pending._path)

    def _drop_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _finish_first(self) -> None:
        """Waits for the clip at the head of the queue; a retry leaves it there."""
        self._feed()
        pending, child = self._waiting[0], self._child
        assert child is not None
        answer: Clip | Fault
        try:
            answer = child.answer(self.settings.timeout_s)
        except TimeoutError:
            self._drop_child()
            answer = failed("timeout", f"more than {self.settings.timeout_s:g} s")
        except DeathError as error:
            self._drop_child()
            pending._deaths += 1
            if pending._deaths == 1:
                return
            answer = failed("crash", f"the decoder's process died twice: {error}")
        self._waiting.popleft()
        pending._answer = answer
        if child.served >= CLIPS_PER_CHILD:
            self._drop_child()  # what it had begun of the next clip is done again
        if self._waiting:
            self._feed()


class Pending:
    """A clip under way."""

    def __init__(self, sandbox: Sandbox, path: str) -> None:
        self._sandbox, self._path, self._deaths = sandbox, path, 0
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
                raise OSError(self._answer.number, os.strerror(self._answer.number), self._sandbox._folder)
            raise RuntimeError(self._answer.trace)
        return self._answer


class _Child:
    """One process and this end of its pipe. It answers each path with the time it began, then the outcome."""

    def __init__(self, decode: Decoder, settings: DecodeSettings, folder: str) -> None:
        self.told = self.served = 0  # paths sent that wait for an answer; answers given
        self.pipe, theirs = Pipe()
        self.process = _BareProcess(target=_serve, args=(theirs, decode, settings, folder), daemon=True)
        self.process.start()
        theirs.close()  # else the pipe would not end with the child

    def tell(self, path: str) -> None:
        self.told += 1
        with suppress(OSError):  # it is dead, which answer() will find
            self.pipe.send(path)

    def answer(self, timeout_s: float) -> "Clip | Fault":
        """TimeoutError: the clip takes too long; DeathError: the child died or does not start."""
        try:
            begun = self._receive(START_S)  # told, an idle child begins at once; a new one first has to start
        except TimeoutError:
            raise DeathError(f"it did not begin within {START_S:g} s") from None
        outcome: Clip | Fault = self._receive(begun + timeout_s - time.monotonic())
        self.told, self.served = self.told - 1, self.served + 1
        return outcome

    def _receive(self, seconds: float) -> Any:
        try:
            if self.pipe.poll(max(seconds, 0.0)):
                return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            names = {-s.value: s.name for s in signal.Signals}
            raise DeathError(names.get(code, f"exit code {code}")) from None
        raise TimeoutError

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


# --- in the child -----------------------------------------------------------------------------------
def _serve(pipe: "mpc.Connection[Any, Any]", decode: Decoder, settings: DecodeSettings, folder: str) -> None:
    _prepare(settings.memory_gb, folder)
    too_large = failed("memory", f"more than {settings.memory_gb:g} GB")
    answer: Clip | Fault
    while True:
        try:
            path = pipe.recv()
        except EOFError:
            return
        pipe.send(time.monotonic())  # one clock for all processes of a machine
        try:
            answer = decode(path, settings)
        except MemoryError:
            answer = too_large
        except Exception as error:  # noqa: BLE001 - on untrusted bytes a library may raise anything
            answer = _outcome(error)
        try:
            pipe.send(answer)
        except MemoryError:  # before the first byte went out: packing needs as much again
            pipe.send(too_large)


def _outcome(error: Exception) -> Clip | Fault:
    try:
        return blamed(error)
    except Exception:  # noqa: BLE001 - no clip's fault: raised where it can be seen
        return Fault(traceback.format_exc(), getattr(error, "errno", None))


def _prepare(memory_gb: float, folder: str) -> None:
    """Limits, silence, and an end when the parent ends."""
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its child
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg and decord report each damaged block there
    load()  # before the limit: what belongs to no clip counts towards none
    av.logging.set_level(None)
    decord.logging.set_level(decord.logging.QUIET)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # address space: on top of what the libraries have mapped by now
        with open("/proc/self/statm") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        limit = mapped + int(memory_gb * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    shutil.rmtree(folder, ignore_errors=True)  # copies that a child before this one left when it died
    os.makedirs(folder, exist_ok=True)
    tempfile.tempdir = folder


def _end_with_parent(folder: str) -> None:
    """A thread, because PR_SET_PDEATHSIG fires when the parent's *thread* that started the child ends."""
    parent = parent_process()
    if parent is not None:
        mpc.wait([parent.sentinel])
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(1)


# --- a spawned process that does not import the parent's main module ---------------------------------
class _BarePopen(popen_spawn_posix.Popen):
    """`spawn` runs the parent's main module again; in a Ray worker that would import ray into the child."""

    _one_at_a_time = threading.Lock()

    def _launch(self, process_obj: process.BaseProcess) -> None:
        with self._one_at_a_time:
            main = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                super()._launch(process_obj)  # type: ignore[misc]
            finally:
                sys.modules["__main__"] = main


class _BareProcess(context.SpawnProcess):
    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802
        return _BarePopen(process_obj)
