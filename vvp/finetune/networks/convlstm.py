"""A ConvLSTM autoencoder: it learns from the pictures alone to say each frame again from a short code.

Shi et al., "Convolutional LSTM Network", NIPS 2015, section 3.1, for the cell; here without its peepholes,
whose weights would fix the size of the picture. Three strided convolutions a frame, a cell over time, then
GRID x GRID x CODE numbers a frame: the codes. The decoder sees nothing else; it has a cell of its own and
says each frame at a quarter of its side, because 2,352 numbers are enough to tell what is seen at 112 pixels.
What a cell says is added to what it saw: alone, its sigmoids and tanhs let colours through so faintly that
it learns them many times slower.
No norms: they would take away how bright a clip is. 704,011 parameters, 352,008 of them in the encoder.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from vvp.finetune.networks.base import Batch, Network, group_of, need

CHANNELS, CODE, GRID = (32, 64, 64), 8, 4
SMALLER = 4  # a reconstruction's side is that of the frame divided by this


class _Cell(nn.Module):
    """A convolutional LSTM over time."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.outside = outside
        self.seen = nn.Conv2d(inside, 4 * outside, 3, padding=1)
        self.kept = nn.Conv2d(outside, 4 * outside, 3, padding=1, bias=False)
        assert self.seen.bias is not None
        nn.init.ones_(self.seen.bias[outside : 2 * outside])  # at first it forgets little

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, inside, h, w) → (B, T, outside, h, w)."""
        seen = self.seen(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        state = seen.new_zeros(len(x), self.outside, *seen.shape[3:])
        cell = state.float()  # what is added up over time keeps its precision
        said = []
        for step in range(x.shape[1]):
            put, keep, out, new = (seen[:, step] + self.kept(state)).chunk(4, 1)
            cell = keep.sigmoid() * cell + put.sigmoid() * new.tanh()
            state = out.sigmoid() * cell.tanh().to(seen.dtype)
            said.append(state)
        return torch.stack(said, 1)


class Encoder(nn.Module):
    """Frames → a code each. Any number of frames from 1, any size from 1 pixel."""

    dim = CODE * GRID * GRID

    def __init__(self, width: float = 1.0) -> None:
        super().__init__()
        first, second, third = sizes(width)
        self.frame = nn.Sequential(
            nn.Conv2d(3, first, 3, 2, 1), nn.ReLU(inplace=True),
            nn.Conv2d(first, second, 3, 2, 1), nn.ReLU(inplace=True),
            nn.Conv2d(second, third, 3, 2, 1), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.cell = _Cell(third, third)
        self.code = nn.Conv2d(third, CODE, 1)
        begin(self.frame)

    def forward(self, pixels: Tensor, shown: Tensor) -> Tensor:
        """float (B, 3, T, H, W) and bool (B, T) → float (B, T, dim). What is not shown is not looked at."""
        frames = torch.where(shown[:, :, None, None, None], pixels.transpose(1, 2), 0.0)
        x = self.frame(frames.flatten(0, 1)).unflatten(0, shown.shape)
        x = x + self.cell(x)
        pooled = functional.adaptive_avg_pool2d(x.flatten(0, 1), GRID)
        codes: Tensor = self.code(pooled).flatten(1).unflatten(0, shown.shape)
        return codes


class _Decoder(nn.Module):
    def __init__(self, width: float) -> None:
        super().__init__()
        first, second, third = sizes(width)
        self.spread = nn.Conv2d(CODE, third, 1)
        self.cell = _Cell(third, third)
        self.larger = nn.Conv2d(third, second, 3, padding=1)
        self.largest = nn.Conv2d(second, first, 3, padding=1)
        self.colour = nn.Conv2d(first, 3, 3, padding=1)
        begin(nn.ModuleList([self.spread, self.larger, self.largest]))

    def forward(self, codes: Tensor, height: int, width: int) -> Tensor:
        """(B, T, dim) → (B, 3, T, height, width)."""
        x = self.spread(codes.flatten(0, 1).unflatten(1, (CODE, GRID, GRID))).relu()
        x = x.unflatten(0, codes.shape[:2])
        x = (x + self.cell(x)).flatten(0, 1)
        half = ((height + 1) // 2, (width + 1) // 2)
        for size, layer in ((half, self.larger), ((height, width), self.largest)):
            x = layer(functional.interpolate(x, size=size, mode="bilinear")).relu()
        out: Tensor = self.colour(x).unflatten(0, codes.shape[:2]).transpose(1, 2)
        return out


class ConvLSTM(Network):
    """Picture → the same picture, smaller. It forecasts nothing: `forward` gives what it got wrong."""

    reconstructs = True
    fresh = ()

    def __init__(self, *, width: float = 1.0) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(width), _Decoder(width)
        self.dim = Encoder.dim

    def codes(self, batch: Batch) -> Tensor:
        """float (B, T, dim), one a frame; of frames that are not shown they mean nothing."""
        pixels = need(batch.pixels, "picture")
        out: Tensor = self.encoder(pixels, showing(batch))
        return out

    def reconstruct(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(float (B, 3, T, h, w), the frames again, on the scale of the pixels; float (B,), each clip's mean
        squared error over the frames that are shown, 0 where none is: there is nothing to learn from)."""
        wanted, shown = smaller(need(batch.pixels, "picture")), showing(batch)
        said = self.decoder(self.codes(batch), *wanted.shape[3:])
        each = (said.float() - wanted.float()).square().mean((1, 3, 4))
        error = torch.where(shown, each, 0.0).sum(1) / shown.sum(1).clamp(min=1)
        return said, error

    def forward(self, batch: Batch) -> Tensor:
        """float (B,): see `reconstruct`."""
        return self.reconstruct(batch)[1]

    def depths(self) -> list[list[str]]:
        return group_of([name for name, _ in self.named_parameters()], ["encoder.", "decoder."])


def begin(layers: nn.Module) -> None:
    """Weights with which ReLUs neither swell nor shrink what passes through."""
    for layer in layers.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


def sizes(width: float) -> tuple[int, int, int]:
    """Channels at this share of the full ones."""
    first, second, third = (max(8, round(c * width / 8) * 8) for c in CHANNELS)
    return first, second, third


def showing(batch: Batch) -> Tensor:
    """bool (B, T); all True where the batch does not say."""
    pixels = need(batch.pixels, "picture")
    if batch.shown is not None:
        return batch.shown
    return torch.ones(len(pixels), pixels.shape[2], dtype=torch.bool, device=pixels.device)


def smaller(pixels: Tensor) -> Tensor:
    """float (B, 3, T, H, W) → (B, 3, T, h, w), a quarter of the side; each pixel a mean."""
    height, width = (-(-side // SMALLER) for side in pixels.shape[3:])
    return functional.adaptive_avg_pool3d(pixels, (pixels.shape[2], height, width))
