"""Encoders, speech and a decoder for the app's tests: they cost nothing, and do what a file tells them to.

A file with the word FAKE in front holds JSON instead of media:
    brightness  of every frame, 0 to 255; null: no picture    words   "spoken" in its sound; null: silence
    sleep_s     how long decoding takes                       gate    a path: decoding waits until it is there
    crash       true: the decoder's process dies               kind    fail with this error_kind
Ray's workers and the decoder's child import this by name.
"""

import io
import json
import os
import time
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from fakes import FakePicture, FakeSound, FakeWords

from vvp.encoders.base import Weights
from vvp.encoders.profiles import Profile
from vvp.media.decode import Clip, DecodeSettings, failed
from vvp.media.decode import decode as decode_media
from vvp.media.source import Media

MARK = b"FAKE "


def film(**told: Any) -> bytes:
    """The content of such a file: a sound file by its looks, for the app takes nothing but media."""
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(MARK + json.dumps(told).encode())
    return content.getvalue()


class FakeTranscriber:
    """Reads the words that `decode` wrote into the sound as character codes."""

    name = "fake-speech"

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        return Weights(Path("/nowhere"), "0" * 64)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        self.weights = weights

    def transcribe(self, waveform: np.ndarray) -> str | None:
        codes: Sequence[int] = (waveform[waveform > 0] * 1000).round().astype(int).tolist()
        return "".join(map(chr, codes)) or None


PROFILE = Profile(
    name="fake-serve", encoders={"video": FakePicture, "audio": FakeSound, "text": FakeWords},
    transcriber=FakeTranscriber,  # type: ignore[arg-type]
)  # fmt: skip


def decode(path: str, settings: DecodeSettings) -> Clip:
    file = Media.of(path).file  # the child may open nothing itself
    content = os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)
    if MARK not in content[:64]:
        return decode_media(path, settings)
    told = json.loads(content.partition(MARK)[2].rstrip(b"\0"))
    time.sleep(told.get("sleep_s", 0))
    while told.get("gate") and not Path(told["gate"]).exists():
        time.sleep(0.02)
    if told.get("crash"):
        os.abort()
    if told.get("kind"):
        return failed(told["kind"], "as it was told")
    brightness, words = told.get("brightness"), told.get("words")
    shape = (settings.frames, settings.size, settings.size, 3)
    sound = np.zeros(16_000, np.float32)
    if words:
        sound[: len(words)] = np.array([ord(c) for c in words], np.float32) / 1000
    return Clip(
        frames=None if brightness is None else np.full(shape, brightness, np.uint8),
        waveform=sound,
        duration_s=told.get("seconds", 10.0),
        aspect=0.5625,
        decoder="pyav",
    )
