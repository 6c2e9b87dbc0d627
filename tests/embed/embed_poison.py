"""Decoders and encoders that misbehave on files whose name says so; workers and children import them."""

import ctypes
import errno
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FAKE, FakePicture

from vvp.media.decode import Clip, DecodeSettings, decode


def poisoned(path: str, settings: DecodeSettings) -> Clip:
    name = Path(path).stem
    if name.startswith("crash"):
        ctypes.string_at(0)
    if name.startswith("hang"):
        time.sleep(600)
    return decode(path, settings)


def slow(path: str, settings: DecodeSettings) -> Clip:
    time.sleep(0.15)
    return decode(path, settings)


class Picky(FakePicture):
    """Refuses pictures that are red: an encoder that one clip makes raise."""

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        if any(frames[..., 0].mean() > 200 for frames in batch):
            raise ValueError("no red please")
        return super().encode(batch)


class Broken(FakePicture):
    """Never works: the encoder's fault, not a clip's."""

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        raise RuntimeError("out of order")


class Mortal(FakePicture):
    """Writes down its process, so that a test can kill it, and takes its time."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        Path(os.environ["VVP_TEST_PIDS"], f"{os.getpid()}").touch()

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        time.sleep(0.1 * len(batch))
        return super().encode(batch)


class Deadly(FakePicture):
    """Kills its process over a picture that is red."""

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        if any(frames[..., 0].mean() > 200 for frames in batch):
            os._exit(1)
        return super().encode(batch)


class NoRoom(FakePicture):
    """On a machine whose disk is full."""

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        raise OSError(errno.ENOSPC, "No space left on device")


NO_ROOM = replace(FAKE, encoders={**FAKE.encoders, "video": NoRoom})
DEADLY = replace(FAKE, encoders={**FAKE.encoders, "video": Deadly})
PICKY = replace(FAKE, encoders={**FAKE.encoders, "video": Picky})
BROKEN = replace(FAKE, encoders={**FAKE.encoders, "video": Broken})
MORTAL = replace(FAKE, encoders={**FAKE.encoders, "video": Mortal})
