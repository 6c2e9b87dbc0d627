"""Decoders that do what the path says, for the sandbox's tests; the child can import it."""

import ctypes
import errno
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from vvp.media.decode import Clip, DecodeSettings


def decode(path: str, settings: DecodeSettings) -> Clip:
    word, _, rest = path.partition(":")
    if word == "segv":
        ctypes.string_at(0)
    elif word == "hang":
        time.sleep(600)
    elif word == "hog":
        return Clip(waveform=np.ones(int(float(rest) * 2**30), np.uint8))
    elif word == "kill-once":
        if not Path(rest).exists():
            Path(rest).touch()
            os.kill(os.getpid(), signal.SIGKILL)
    elif word == "modules":
        return Clip(error_detail=" ".join(sorted(sys.modules)))
    elif word == "mistake":
        raise ZeroDivisionError("in a library")
    elif word == "full":
        raise OSError(errno.ENOSPC, "No space left on device")
    elif word == "import":
        raise ImportError("no such library")
    elif word == "big":
        return Clip(waveform=np.ones(4_000_000, np.float32))
    return Clip(error_detail=str(os.getpid()))
