"""What a network sees of a clip: a window of frames, cropped, scaled and normalised.

Training draws windows at random, each from (seed, epoch, row) alone, so that it does not matter which worker
draws it. Validation and test have fixed ones. A shorter clip is padded with zeros at its end.
Not known here: networks, labels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from vvp.finetune.clips import ClipCache
from vvp.finetune.networks.base import Batch

# Of Kinetics-400, pixels in [0, 1]: what torchvision's video weights were trained with.
MEAN, STD = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
CROP = 112 / 128  # side of the crop, of the short side


class Windows:
    """Batches of windows of a cache's clips."""

    def __init__(self, cache: ClipCache, videos: Sequence[str], frames: int, pixels: int, seed: int) -> None:
        self.cache, self.videos, self.frames, self.pixels, self.seed = cache, videos, frames, pixels, seed

    def drawn(self, rows: Sequence[int] | np.ndarray, epoch: int) -> Batch:
        """Random windows of these rows: where it begins, which part of the picture, mirrored or not."""
        return self._batch([self._draw(int(row), epoch) for row in rows])

    def fixed(self, rows: Sequence[int], number: int = 0, of: int = 1) -> Batch:
        """Window `number` of `of` evenly spaced ones, the middle of the picture."""
        return self._batch([self._middle(int(row), number, of) for row in rows])

    def _draw(self, row: int, epoch: int) -> torch.Tensor:
        rng = np.random.default_rng([self.seed, epoch, row])
        clip = self.cache.frames(self.videos[row])
        start = int(rng.integers(max(1, len(clip) - self.frames + 1)))
        side = _side(clip)
        top, left = (int(rng.integers(n - side + 1)) for n in clip.shape[1:3])
        return self._window(clip, start, top, left, bool(rng.random() < 0.5))

    def _middle(self, row: int, number: int, of: int) -> torch.Tensor:
        clip = self.cache.frames(self.videos[row])
        room = max(0, len(clip) - self.frames)
        start = round(room * (number + 0.5) / of)
        top, left = ((n - _side(clip)) // 2 for n in clip.shape[1:3])
        return self._window(clip, min(start, room), top, left, False)

    def _window(self, clip: np.ndarray, start: int, top: int, left: int, mirror: bool) -> torch.Tensor:
        """uint8 (T, side, side, 3) of a clip → float32 (3, frames, pixels, pixels)."""
        side = _side(clip)
        cut = np.array(clip[start : start + self.frames, top : top + side, left : left + side])
        x = torch.from_numpy(cut).permute(0, 3, 1, 2).float()
        if side != self.pixels:
            x = functional.interpolate(x, size=(self.pixels, self.pixels), mode="area")
        shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
        x = (x / 255 - shift) / scale
        x = x.flip(3) if mirror else x
        if len(x) < self.frames:
            x = torch.cat([x, x.new_zeros((self.frames - len(x), *x.shape[1:]))])
        return x.permute(1, 0, 2, 3)

    @staticmethod
    def _batch(windows: Sequence[torch.Tensor]) -> Batch:
        return Batch(pixels=torch.stack(list(windows)))


def _side(clip: np.ndarray) -> int:
    return max(1, round(min(clip.shape[1:3]) * CROP))
