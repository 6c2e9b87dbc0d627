"""Decoders that do what the path says, for the sandbox's tests; the child can import it."""

import ctypes
import errno
import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vvp.media.decode import Clip, DecodeSettings
from vvp.media.sandbox import Pending, Sandbox


class Words(Sandbox):
    """A sandbox with the decoder of this module, which takes words: each becomes a file of that name."""

    def __init__(self, settings: DecodeSettings) -> None:
        super().__init__(settings, decode)
        self._words = tempfile.mkdtemp(prefix="vvp-words-")

    def submit(self, path: str) -> Pending:
        file = Path(self._words, path)
        file.touch()
        return super().submit(str(file))

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._words, ignore_errors=True)


def _attempt(do: Callable[[], object]) -> str:
    try:
        do()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "done"


def _foreign() -> None:
    os.kill(os.getppid(), 0)


ATTEMPTS: dict[str, Callable[[], object]] = {
    "read": lambda: Path("/etc/passwd").read_bytes(),
    "list": lambda: os.listdir("/"),
    "write": lambda: Path("/tmp/vvp-escaped").write_text("out"),
    "tcp": lambda: socket.create_connection(("127.0.0.1", 9), 1),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "fork": os.fork,
    "program": lambda: os.execv("/bin/true", ["true"]),
    "signal": _foreign,
    "own-folder": lambda: Path("mine").write_text("in"),
    "temporary": tempfile.mkstemp,
}


def decode(path: str, settings: DecodeSettings) -> Clip:
    word, _, rest = Path(path).name.partition(":")
    if word == "segv":
        ctypes.string_at(0)
    elif word == "hang":
        time.sleep(600)
    elif word == "hog":
        return Clip(waveform=np.ones(int(float(rest) * 2**30), np.uint8))
    elif word == "spin":
        while True:
            pass
    elif word == "busy":
        time.sleep(1.0)
    elif word == "modules":
        return Clip(error_detail=" ".join(sorted(sys.modules)))
    elif word == "mistake":
        raise ZeroDivisionError("in a library")
    elif word == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    elif word == "forbidden":
        ATTEMPTS["read"]()
    elif word == "import":
        raise ImportError("no such library")
    elif word == "big":
        return Clip(waveform=np.ones(4_000_000, np.float32))
    elif word == "nonsense":
        return Clip(status="splendid")
    elif word == "environment":
        return Clip(error_detail=" ".join(os.environ))
    elif word == "attempts":
        return Clip(error_detail=" ".join(f"{name}:{_attempt(do)}" for name, do in ATTEMPTS.items()))
    return Clip(error_detail=str(os.getpid()))
