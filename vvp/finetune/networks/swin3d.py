"""Video Swin: a transformer whose attention looks into windows of space and time, every other block shifted.

Liu et al., "Video Swin Transformer", CVPR 2022. The trunk's keys are those of torchvision's `swin3d_t`, so
that its Kinetics weights can be taken key for key; 28,158,070 parameters with its 400-way classifier.
`width` scales the 96 channels (and with them the heads, of 32 channels each); `depths` the blocks of a stage.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vvp.finetune.networks.base import Batch, Network, group_of, head, need

WINDOW, PATCH = (8, 7, 7), (2, 4, 4)
HEAD_DIM = 32
Shape = tuple[int, int, int]


def _fitting(size: Sequence[int], shifted: bool) -> tuple[Shape, Shape]:
    """The window and its shift for a map of that size: no larger than the map, and no shift where one window
    covers it."""
    window = [min(w, s) for w, s in zip(WINDOW, size, strict=True)]
    shift = [w // 2 if shifted and s > w0 else 0 for w, s, w0 in zip(window, size, WINDOW, strict=True)]
    return (window[0], window[1], window[2]), (shift[0], shift[1], shift[2])


class _Attention(nn.Module):
    def __init__(self, dim: int, heads: int, shifted: bool) -> None:
        super().__init__()
        self.heads, self.shifted = heads, shifted
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        t, h, w = WINDOW
        self.relative_position_bias_table = nn.Parameter(
            torch.empty((2 * t - 1) * (2 * h - 1) * (2 * w - 1), heads)
        )
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        self.register_buffer("relative_position_index", _relative(WINDOW))

    def forward(self, x: Tensor) -> Tensor:
        """float (B, T, H, W, dim) → the same shape."""
        b, t, h, w, dim = x.shape
        window, shift = _fitting((t, h, w), self.shifted)
        pad = [(-s) % n for s, n in zip((t, h, w), window, strict=True)]
        x = functional.pad(x, (0, 0, 0, pad[2], 0, pad[1], 0, pad[0]))
        size = x.shape[1:4]
        if any(shift):
            x = torch.roll(x, [-s for s in shift], (1, 2, 3))
        windows = _windows(x, window)
        n = windows.shape[1]
        q, k, v = self.qkv(windows).reshape(-1, n, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        index = self.relative_position_index
        assert isinstance(index, Tensor)
        bias = self.relative_position_bias_table[index.view(_tokens(), _tokens())[:n, :n].reshape(-1)]
        mask = bias.view(n, n, self.heads).permute(2, 0, 1)[None]
        if any(shift):
            apart = _apart(size, window, shift, x.device)
            mask = mask + apart.repeat(b, 1, 1)[:, None]
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask.to(q.dtype).expand(len(q), -1, -1, -1)
        )
        x = self.proj(out.transpose(1, 2).reshape(-1, n, dim))
        x = _whole(x, window, (b, size[0], size[1], size[2], dim))
        if any(shift):
            x = torch.roll(x, list(shift), (1, 2, 3))
        return x[:, :t, :h, :w]


def _tokens() -> int:
    return WINDOW[0] * WINDOW[1] * WINDOW[2]


def _relative(window: Shape) -> Tensor:
    """int64 (n · n,): which row of the table belongs to each pair of places in a window."""
    t, h, w = window
    axes = [torch.arange(n) for n in window]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)
    steps = (places[:, :, None] - places[:, None]).permute(1, 2, 0) + torch.tensor([t - 1, h - 1, w - 1])
    return (steps * torch.tensor([(2 * h - 1) * (2 * w - 1), 2 * w - 1, 1])).sum(-1).flatten()


def _windows(x: Tensor, window: Shape) -> Tensor:
    """(B, T, H, W, C) → (B · windows, places, C)."""
    b, t, h, w, c = x.shape
    wt, wh, ww = window
    x = x.view(b, t // wt, wt, h // wh, wh, w // ww, ww, c)
    return x.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, wt * wh * ww, c)


def _whole(x: Tensor, window: Shape, shape: tuple[int, int, int, int, int]) -> Tensor:
    """The inverse of `_windows`."""
    b, t, h, w, c = shape
    wt, wh, ww = window
    x = x.view(b, t // wt, h // wh, w // ww, wt, wh, ww, c)
    return x.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(shape)


def _apart(size: Sequence[int], window: Shape, shift: Shape, device: torch.device) -> Tensor:
    """float (windows, n, n): −100 between places that the shift brought together from opposite edges."""
    regions = torch.zeros((1, *size, 1), device=device)
    number = 0
    cuts = [
        (slice(0, -w), slice(-w, -s), slice(-s, None)) if s else (slice(None),)
        for w, s in zip(window, shift, strict=True)
    ]
    for a in cuts[0]:
        for b in cuts[1]:
            for c in cuts[2]:
                regions[:, a, b, c] = number
                number += 1
    found = _windows(regions, window).squeeze(-1)
    return (found[:, None] != found[:, :, None]).float() * -100.0


class _Block(nn.Module):
    def __init__(self, dim: int, heads: int, shifted: bool, drop: float) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-5), nn.LayerNorm(dim, eps=1e-5)
        self.attn = _Attention(dim, heads, shifted)
        # Numbers 0 and 3 bear the weights; the layers between keep the places of torchvision's keys.
        self.mlp = nn.Sequential(
            nn.Linear(dim, 4 * dim), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * dim, dim), nn.Dropout(0.0)
        )
        self.drop = drop

    def forward(self, x: Tensor) -> Tensor:
        x = x + self._kept(self.attn(self.norm1(x)))
        out: Tensor = x + self._kept(self.mlp(self.norm2(x)))
        return out

    def _kept(self, x: Tensor) -> Tensor:
        """Stochastic depth: in training the branch of some rows is left out."""
        if not self.training or self.drop == 0:
            return x
        keep = torch.rand(len(x), 1, 1, 1, 1, device=x.device) >= self.drop
        return x * keep / (1 - self.drop)


class _Merging(nn.Module):
    """2 x 2 places become one of twice the channels."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * dim, 2 * dim, bias=False)
        self.norm = nn.LayerNorm(4 * dim, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (0, 0, 0, x.shape[3] % 2, 0, x.shape[2] % 2))
        corners = [x[:, :, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        out: Tensor = self.reduction(self.norm(torch.cat(corners, -1)))
        return out


class _Patches(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = nn.Conv3d(3, dim, PATCH, PATCH)
        self.norm = nn.LayerNorm(dim, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, T, H, W) → (B, T/2, H/4, W/4, dim)."""
        pad = [(-s) % p for s, p in zip(x.shape[2:], PATCH, strict=True)]
        x = self.proj(functional.pad(x, (0, pad[2], 0, pad[1], 0, pad[0])))
        out: Tensor = self.norm(x.permute(0, 2, 3, 4, 1))
        return out


class Swin3D(Network):
    """Picture → one number. From 2 frames and 4 pixels on."""

    def __init__(
        self, *, width: float = 1.0, hidden: int = 128, dropout: float = 0.5,
        depths: Sequence[int] = (2, 2, 6, 2), drop_path: float = 0.1, outputs: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        first_heads = max(1, round(3 * width))
        dim = first_heads * HEAD_DIM
        self.patch_embed = _Patches(dim)
        stages: list[nn.Module] = []
        number, total = 0, sum(depths)
        for stage, depth in enumerate(depths):
            blocks = []
            for b in range(depth):
                drop = drop_path * number / max(1, total - 1)
                blocks.append(_Block(dim, first_heads * 2**stage, b % 2 == 1, drop))
                number += 1
            stages.append(nn.Sequential(*blocks))
            if stage < len(depths) - 1:
                stages.append(_Merging(dim))
                dim *= 2
        self.features_ = nn.Sequential(*stages)
        self.norm = nn.LayerNorm(dim, eps=1e-5)
        self.dim = dim
        self.head = head(dim, hidden, dropout, outputs)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def features(self, batch: Batch) -> Tensor:
        x = self.norm(self.features_(self.patch_embed(need(batch.pixels, "picture"))))
        out: Tensor = x.mean(dim=(1, 2, 3))
        return out

    def depths(self) -> list[list[str]]:
        names = [name for name, _ in self.named_parameters()]
        return group_of(names, [*(f"features_.{i}." for i in range(len(self.features_))), "head."])


def from_torchvision(name: str) -> str:
    """Our name of one of torchvision's tensors: its stages are called `features`, as a method is here."""
    return f"features_.{name.removeprefix('features.')}" if name.startswith("features.") else name
