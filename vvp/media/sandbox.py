"""The decoder's own process, with a time and a memory limit: it can die, stall or swell; the run cannot.

A child is started when the first clip comes, serves 200 clips and is replaced (decoders leak). Its death
costs the clip one retry, because somebody may have killed a child that was decoding a good clip; dying
twice is a row with error_kind `crash`. A stalled clip costs its time limit. Not known here: how media are
decoded, and what becomes of a Clip. Linux and macOS; the memory limit is Linux only.
"""

import multiprocessing.connection as mpc
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import context, parent_process, popen_spawn_posix, process
from types import ModuleType
from typing import Any

import av
import decord
from pebble import ProcessExpired, ProcessFuture, ProcessPool

from vvp.media.decode import Clip, DecodeSettings, decode, failed

CLIPS_PER_CHILD = 200
START_S = 120.0  # a new child may take as long, on a busy machine, before the pool itself counts as stuck
Decoder = Callable[[str, DecodeSettings], Clip]


class Sandbox:
    """Decodes clips, one at a time and in order, in a child process. Not for use by several threads."""

    def __init__(self, settings: DecodeSettings | None = None, decode: Decoder = decode) -> None:
        """`decode` must be importable by the child; tests put poison in its place."""
        self.settings = settings or DecodeSettings()
        self._decode = decode
        self._folder = tempfile.mkdtemp(prefix="vvp-decoder-")
        self._pool = self._new_pool()
        self._unfinished = 0

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def decode(self, path: str) -> Clip:
        return self.submit(path).result()

    def submit(self, path: str) -> "Pending":
        """Starts decoding `path` (or queues it) and returns at once: keep one ahead of the encoders."""
        return Pending(self, path)

    def close(self) -> None:
        """Ends the child, at once; clips that wait are lost."""
        self._pool.stop()
        self._pool.join()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _new_pool(self) -> ProcessPool:
        return ProcessPool(
            max_workers=1,
            max_tasks=CLIPS_PER_CHILD,
            initializer=_start_child,
            initargs=(self.settings.memory_gb, self._folder),
            context=_BareSpawn(),
        )

    def _schedule(self, path: str) -> ProcessFuture:
        args = (self._decode, path, self.settings)
        try:
            return self._pool.schedule(_in_child, args=args, timeout=self.settings.timeout_s)
        except RuntimeError:  # the pool gave up, for instance because its child was killed while idle
            self._renew()
            return self._pool.schedule(_in_child, args=args, timeout=self.settings.timeout_s)

    def _renew(self) -> None:
        self._pool.stop()
        # A stuck pool ends its child at once but waits for ever for its own reading thread.
        threading.Thread(target=self._pool.join, daemon=True).start()
        self._pool = self._new_pool()


class Pending:
    """A clip under way."""

    def __init__(self, sandbox: Sandbox, path: str) -> None:
        self._sandbox, self._path = sandbox, path
        self._clip: Clip | None = None
        self._start()
        sandbox._unfinished += 1

    def result(self) -> Clip:
        """Waits for the clip. Media never make it raise; a mistake in the decoder's code does."""
        if self._clip is None:
            try:
                self._clip = self._wait()
            finally:
                self._sandbox._unfinished -= 1
        return self._clip

    def _start(self) -> None:
        self._future = self._sandbox._schedule(self._path)
        self._pool = self._sandbox._pool

    def _wait(self) -> Clip:
        limit, death = self._sandbox.settings.timeout_s, ""
        for attempt in range(2):
            lost = self._pool is not self._sandbox._pool and not self._future.done()
            if attempt or lost:  # lost: its pool was renewed while it waited there
                self._start()
            try:
                return self._future.result(self._sandbox._unfinished * limit + START_S)
            except FutureTimeout:
                if self._future.done():
                    return failed("timeout", f"more than {limit:g} s")
                death = "the pool is stuck"  # killed inside a message, a child leaves the pipe unusable
                self._sandbox._renew()
            except ProcessExpired as error:
                death = _cause(error.exitcode)
            except BrokenProcessPool as error:
                death = str(error) or "it could not be started"
        return failed("crash", f"the decoder's process died twice: {death}")


def _cause(exitcode: int | None) -> str:
    code = exitcode or 0
    return signal.Signals(-code).name if -code in set(signal.Signals) else f"exit code {code}"


# --- in the child -----------------------------------------------------------------------------------
def _in_child(decode: Decoder, path: str, settings: DecodeSettings) -> Clip:
    try:
        return decode(path, settings)
    except MemoryError as error:
        return failed("memory", str(error) or f"more than {settings.memory_gb:g} GB")


def _start_child(memory_gb: float, folder: str) -> None:
    """Limits, silence, and an end when the parent ends."""
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg and decord report each damaged block there
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


class _BareSpawn(context.SpawnContext):
    Process = _BareProcess
