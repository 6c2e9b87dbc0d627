"""Encoders that cost nothing, to see what the road itself costs. Their vectors depend on the input alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.profiles import Profile


class _Fake:
    dim = 4
    name = "fake"

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        return Weights(Path("/nowhere"), "0" * 64)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        self.weights = weights


class FakePicture(_Fake):
    name = "fake-picture"

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[f[0].mean(), f[-1].mean(), f.std(), 1.0] for f in batch], np.float32)


class FakeSound(_Fake):
    name = "fake-sound"

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[w.mean(), w.std(), len(w) / 16000, 1.0] for w in batch], np.float32)


class FakeWords(_Fake):
    name = "fake-words"

    def encode(self, batch: Sequence[tuple[str, str | None]]) -> np.ndarray:
        return np.array([[len(m), len(t or ""), m.count(" "), 1.0] for m, t in batch], np.float32)


FAKE = Profile(
    name="fake", encoders={"video": FakePicture, "audio": FakeSound, "text": FakeWords}, transcriber=None
)
