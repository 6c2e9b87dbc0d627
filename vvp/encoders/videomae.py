"""VideoMAE-base: one vector for 16 frames, the mean of its 1,568 patch tokens (it has no CLS token).

Not known here: how the frames were chosen, resized or cropped (media/).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.normalisation import normalisation
from vvp.encoders.precision import settle
from vvp.encoders.tensors import chunks, to_device, to_numpy, use_threads
from vvp.encoders.weights import Source, check, locate
from vvp.errors import WeightsError

if TYPE_CHECKING:
    from transformers import VideoMAEModel


class VideoMAE:
    """Pictures uint8 (16, 224, 224, 3) → float32 (768,).

    `batch_size`: clips in one forward pass. One on a CPU: more is slower per clip there (the activations
    leave the cache), and one at a time makes a row's bits independent of its neighbours. On CUDA 32;
    rows then agree with those of other batches to the last digits of the type, not to the bit.
    `precision`: what the model computes in, and its cosine with float32 on a probe.
    """

    name = "videomae-base"
    dim = 768
    source = Source(
        folder="videomae-base",
        file="model.safetensors",
        companions=("config.json",),
        optional=("preprocessor_config.json",),
        repo="MCG-NJU/videomae-base",
    )

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """FOLDER/videomae-base, or the hub. WeightsError says what to do when there is neither."""
        return locate(cls.source, models)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        import torch

        use_threads(threads)
        check(weights, self.source.file)
        self.device = device
        self.batch_size = 1 if device == "cpu" else 32
        mean, std = normalisation(weights.path)
        self._shift = torch.tensor(mean, device=device).view(3, 1, 1) * 255
        self._scale = torch.tensor(std, device=device).view(3, 1, 1) * 255
        probe = np.random.default_rng(0).integers(0, 256, (1, 16, 224, 224, 3), dtype=np.uint8)
        self._model, self.precision = settle(
            lambda: self._load(weights.path), lambda model: self._embed(model, probe), device
        )

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures uint8 (16, 224, 224, 3), RGB → float32 (len(batch), 768)."""
        out = np.empty((len(batch), self.dim), np.float32)
        for part in chunks(len(batch), self.batch_size):
            out[part] = self._embed(self._model, np.stack(batch[part]))
        return out

    def _load(self, folder: Path) -> "VideoMAEModel":
        from transformers import VideoMAEModel

        from vvp.encoders.transformer import pretrained

        model = pretrained(VideoMAEModel, folder, self.dim)
        shape = (model.config.num_frames, model.config.image_size)
        if shape != (16, 224):
            raise WeightsError(f"the model in {folder} is for (frames, pixels) {shape}, not (16, 224).")
        return model

    def _embed(self, model: "VideoMAEModel", clips: np.ndarray) -> np.ndarray:
        import torch

        pixels = (
            to_device(clips, self.device).permute(0, 1, 4, 2, 3).float()
        )  # copied as uint8: a quarter of the bytes
        with torch.inference_mode():
            tokens = model(((pixels - self._shift) / self._scale).to(model.dtype)).last_hidden_state
            return to_numpy(tokens.float().mean(1))
