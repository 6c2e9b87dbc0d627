"""What a network sees of a clip: a window of frames, cropped, scaled and normalised, and its sound if asked.

Training draws windows at random, each from (seed, epoch, row) alone, so that it does not matter which worker
draws it. Validation and test have fixed ones. A shorter clip is padded with zeros at its end.
Not known here: networks, labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from vvp.finetune.clips import CachedClip, ClipCache
from vvp.finetune.decoding import MEL_BINS, MEL_RATE
from vvp.finetune.networks.base import Batch, Network
from vvp.finetune.settings import TrainSettings

MEL_SHIFT, MEL_SCALE = -6.0, 4.0  # log power lies between -13.8, its floor, and about 6
CROP = 112 / 128  # side of the crop, of the short side


@dataclass(frozen=True)
class _Cut:
    """Where a window lies in a clip. Frames and pixels of the cache."""

    row: int
    start: int
    top: int
    left: int
    mirror: bool


class Windows:
    """Batches of windows of a cache's clips, as a network takes them. Sound that it does not ask for is not
    read."""

    def __init__(
        self, cache: ClipCache, videos: Sequence[str], settings: TrainSettings,
        network: Network | type[Network],
    ) -> None:  # fmt: skip
        """videos: ids by row. Of the settings: frames, pixels, seed."""
        self.cache, self.videos, self.seed = cache, videos, settings.seed
        self.frames, self.pixels = settings.frames, settings.pixels
        self.takes = network.takes
        self._shift, self._scale = (torch.tensor(v).view(1, 3, 1, 1) for v in (network.mean, network.std))

    def drawn(self, rows: Sequence[int] | np.ndarray, epoch: int) -> Batch:
        """Random windows of these rows: where it begins, which part of the picture, mirrored or not."""
        return self._batch([self._draw(int(row), epoch) for row in rows])

    def fixed(self, rows: Sequence[int] | np.ndarray, number: int = 0, of: int = 1) -> Batch:
        """Window `number` of `of` evenly spaced ones, the middle of the picture."""
        return self._batch([self._middle(int(row), number, of) for row in rows])

    def _draw(self, row: int, epoch: int) -> _Cut:
        rng = np.random.default_rng([self.seed, epoch, row])
        clip = self.cache.clips[self.videos[row]]
        start = int(rng.integers(max(1, clip.frames - self.frames + 1)))
        side = _side(clip)
        top, left = (int(rng.integers(n - side + 1)) for n in (clip.height, clip.width))
        return _Cut(row, start, top, left, bool(rng.random() < 0.5))

    def _middle(self, row: int, number: int, of: int) -> _Cut:
        clip = self.cache.clips[self.videos[row]]
        room = max(0, clip.frames - self.frames)
        start = round(room * (number + 0.5) / of)
        top, left = ((n - _side(clip)) // 2 for n in (clip.height, clip.width))
        return _Cut(row, min(start, room), top, left, False)

    def _batch(self, cuts: Sequence[_Cut]) -> Batch:
        windows, shown = zip(*(self._picture(cut) for cut in cuts), strict=True)
        if "mel" not in self.takes:
            return Batch(pixels=torch.stack(windows), shown=torch.stack(shown))
        mel, heard = zip(*(self._sound(cut) for cut in cuts), strict=True)
        return Batch(
            pixels=torch.stack(windows), shown=torch.stack(shown), mel=torch.stack(mel),
            heard=torch.stack(heard),
        )  # fmt: skip

    def _picture(self, cut: _Cut) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (3, frames, pixels, pixels) and bool (frames,): which of them the clip has."""
        video = self.videos[cut.row]
        side, clip = _side(self.cache.clips[video]), self.cache.frames(video)
        rows, columns = slice(cut.top, cut.top + side), slice(cut.left, cut.left + side)
        kept = np.array(clip[cut.start : cut.start + self.frames, rows, columns])
        x = torch.from_numpy(kept).permute(0, 3, 1, 2).float()
        if side != self.pixels:  # smaller: each pixel a mean; larger: between its neighbours
            mode = "area" if side > self.pixels else "bilinear"
            x = functional.interpolate(x, size=(self.pixels, self.pixels), mode=mode)
        x = (x / 255 - self._shift) / self._scale
        x = x.flip(3) if cut.mirror else x
        shown = torch.arange(self.frames) < len(x)
        if len(x) < self.frames:
            x = torch.cat([x, x.new_zeros((self.frames - len(x), *x.shape[1:]))])
        return x.permute(1, 0, 2, 3), shown

    def _sound(self, cut: _Cut) -> tuple[torch.Tensor, torch.Tensor]:
        """float32 (S, 64), scaled, of the same stretch of time as the frames, and bool (S,): where the clip
        has sound. S is the same for all windows."""
        columns = MEL_RATE / self.cache.settings.fps  # of a frame
        x = torch.zeros(max(1, round(self.frames * columns)), MEL_BINS)
        heard = torch.zeros(len(x), dtype=torch.bool)
        mel = self.cache.mel(self.videos[cut.row])
        if mel is not None:
            first = round(cut.start * columns)
            kept = torch.from_numpy(np.array(mel[first : first + len(x)], np.float32))
            x[: len(kept)] = (kept - MEL_SHIFT) / MEL_SCALE
            heard[: len(kept)] = True
        return x, heard


def _side(clip: CachedClip) -> int:
    return max(1, round(min(clip.height, clip.width) * CROP))
