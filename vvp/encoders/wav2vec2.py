"""Wav2Vec2-base: one vector for a sound, the mean over time of its last hidden states (49 per second).

Not known here: where the sound comes from, or how long it may be.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.precision import settle
from vvp.encoders.tensors import chunks, to_device, to_numpy, use_threads
from vvp.encoders.weights import Source, check, locate

if TYPE_CHECKING:
    from transformers import Wav2Vec2Model

SHORTEST = 400  # samples (25 ms): what one frame of the model's convolutions sees


class Wav2Vec2:
    """Sounds float32 (samples,), mono, 16 kHz → float32 (768,).

    A sound is scaled to mean 0 and variance 1 by itself, as the model was trained. One shorter than
    SHORTEST samples is then padded with zeros at its end to that length, and gives one frame.
    The model has group norm and no attention mask, so padding would change a vector: only sounds of
    exactly the same length share a forward pass (`batch_size` at most), and on a CPU each runs alone.
    `precision`: what the model computes in, and its cosine with float32 on a probe.
    """

    name = "wav2vec2-base"
    dim = 768
    source = Source(
        folder="wav2vec2-base",
        file="model.safetensors",
        companions=("config.json",),
        optional=("preprocessor_config.json",),
        repo="facebook/wav2vec2-base",
        # `main` holds a pickle only; this revision is the hub's own conversion of it to safetensors.
        revision="9f0eb264dec63c8511a7905d0a854ca6d2a39e45",
        sha256="6180a447f726e4a2ab8b50effaf0a96f5b161489c620087c3b05418f0179f875",
    )

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """FOLDER/wav2vec2-base, or the hub. WeightsError says what to do when there is neither."""
        return locate(cls.source, models)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        use_threads(threads)
        check(weights, self.source.file)
        self.device = device
        self.batch_size = 1 if device == "cpu" else 8
        probe = _prepared(_probe())[None]
        self._model, self.precision = settle(
            lambda: self._load(weights.path), lambda model: self._embed(model, probe), device
        )

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Sounds float32 (samples,) → float32 (len(batch), 768). ValueError for a sound of no samples."""
        out = np.empty((len(batch), self.dim), np.float32)
        same: dict[int, list[int]] = defaultdict(list)
        for i, sound in enumerate(batch):
            same[max(len(sound), SHORTEST)].append(i)
        for rows in same.values():
            for part in chunks(len(rows), self.batch_size):
                sounds = np.stack([_prepared(batch[i]) for i in rows[part]])
                out[rows[part]] = self._embed(self._model, sounds)
        return out

    def _load(self, folder: Path) -> "Wav2Vec2Model":
        from transformers import Wav2Vec2Model

        from vvp.encoders.transformer import pretrained

        return pretrained(Wav2Vec2Model, folder, self.dim)

    def _embed(self, model: "Wav2Vec2Model", sounds: np.ndarray) -> np.ndarray:
        import torch

        with torch.inference_mode():
            states = model(to_device(sounds, self.device).to(model.dtype)).last_hidden_state
            return to_numpy(states.float().mean(1))


def _prepared(sound: np.ndarray) -> np.ndarray:
    if not len(sound):
        raise ValueError("a sound of no samples: a video without sound has no audio vector")
    sound = np.asarray(sound, np.float32)
    scaled = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    return np.pad(scaled, (0, max(SHORTEST - len(scaled), 0)))


def _probe() -> np.ndarray:
    """Two seconds of a rising tone in noise: something of every kind of sound, the same every time."""
    t = np.arange(32_000) / 16_000
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.3 * np.sin(2 * np.pi * (200 + 400 * t) * t) + 0.05 * noise).astype(np.float32)
