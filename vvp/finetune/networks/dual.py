"""Two transformers, one over the picture's codes and one over the sound, fused late by an MLP.

Vaswani et al., "Attention Is All You Need", NIPS 2017, for the layers (the norm before each part) and the
positions; the arrangement (codes of a ConvLSTM autoencoder, sound beside them, fused late) follows Multimodal
Deep Regression. The codes' encoder may be filled from a run of convlstm.py. Tokens of words are a third
sequence where `words` says how long their vectors are; windows.py gives none yet.

A token that is not there is masked, and a modality without any token is a vector that is learned: silence is
not the absence of sound. 6,935,049 parameters.
"""

import math

import torch
from torch import Tensor, nn

from vvp.finetune.networks.base import Batch, Network, group_of, head
from vvp.finetune.networks.convlstm import Encoder, showing

DIM, HEAD_DIM, MEL_BINS = 256, 64, 64
PATCH = 10  # columns of log-mel that are one token: 0.1 s


class _Stream(nn.Module):
    """A sequence → one vector: what a summary token, which is always there, has gathered from the others."""

    def __init__(self, inside: int, dim: int, layers: int, drop: float) -> None:
        super().__init__()
        self.project = nn.Linear(inside, dim)
        self.summary, self.absent = (nn.Parameter(0.02 * torch.randn(dim)) for _ in range(2))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, max(1, dim // HEAD_DIM), 4 * dim, drop, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        """float (B, N, inside) and bool (B, N) → float (B, dim)."""
        tokens = self.project(torch.where(there[:, :, None], x, 0.0))
        tokens = tokens + positions(x.shape[1], tokens.shape[2], x.device)
        summary = self.summary.to(tokens.dtype).expand(len(x), 1, -1)
        tokens = torch.cat([summary, tokens], 1)
        masked = torch.cat([there.new_zeros(len(x), 1), ~there], 1)
        for layer in self.layers:
            tokens = layer(tokens, src_key_padding_mask=masked)
        return torch.where(there.any(1)[:, None], self.norm(tokens[:, 0]), self.absent)


class Dual(Network):
    """Picture, sound and perhaps words → one number."""

    takes = ("pixels", "mel")
    fresh = ("picture.", "sound.", "words.", "head.")

    def __init__(
        self, *, width: float = 1.0, hidden: int = 128, dropout: float = 0.5, layers: int = 4,
        drop: float = 0.1, words: int = 0, outputs: int = 1,
    ) -> None:  # fmt: skip
        """width: of the codes' encoder too. words: length of a word token's vector; 0: no words."""
        super().__init__()
        dim = max(16, round(DIM * width / 16) * 16)
        if dim > HEAD_DIM:
            dim = math.ceil(dim / HEAD_DIM) * HEAD_DIM
        self.encoder = Encoder(width)
        self.picture = _Stream(Encoder.dim, dim, layers, drop)
        self.sound = _Stream(PATCH * MEL_BINS, dim, layers, drop)
        self.words = _Stream(words, dim, layers, drop) if words else None
        self.dim = dim * (3 if words else 2)
        self.head = head(self.dim, hidden, dropout, outputs)

    def features(self, batch: Batch) -> Tensor:
        values = [v for v in (batch.pixels, batch.mel, batch.words) if v is not None]
        if not values:
            raise ValueError("the batch holds neither picture nor sound nor words")
        streams: list[tuple[_Stream, tuple[Tensor, Tensor] | None]] = [
            (self.picture, self._codes(batch)), (self.sound, patches(batch.mel, batch.heard))
        ]  # fmt: skip
        if self.words is not None:
            there = batch.words is not None and batch.said is not None
            streams.append((self.words, (batch.words, batch.said) if there else None))  # type: ignore[arg-type]
        parts = []
        for stream, tokens in streams:
            if tokens is None:
                shape = (len(values[0]), 0)
                nothing = values[0].new_zeros(*shape, stream.project.in_features)
                tokens = nothing, values[0].new_zeros(shape, dtype=torch.bool)
            parts.append(stream(*tokens))
        return torch.cat(parts, 1)

    def _codes(self, batch: Batch) -> tuple[Tensor, Tensor] | None:
        if batch.pixels is None:
            return None
        shown = showing(batch)
        return self.encoder(batch.pixels, shown), shown

    def depths(self) -> list[list[str]]:
        names = [name for name, _ in self.named_parameters()]
        streams, encoder, last = group_of(names, ["encoder.", "head."])
        return [encoder, streams, last]


def patches(mel: Tensor | None, heard: Tensor | None) -> tuple[Tensor, Tensor] | None:
    """float (B, S, M) and bool (B, S) → float (B, S // PATCH, PATCH * M) and bool (B, S // PATCH): a token is
    there when all its columns are; what is left over at the end is cut off. None: no sound."""
    if mel is None or heard is None:
        return None
    n = mel.shape[1] // PATCH
    tokens = mel[:, : n * PATCH].reshape(len(mel), n, PATCH * mel.shape[2])
    return tokens, heard[:, : n * PATCH].reshape(len(mel), n, PATCH).all(2)


def positions(n: int, dim: int, device: torch.device) -> Tensor:
    """float (n, dim): sines and cosines of wavelengths from 2π to 10,000 · 2π (section 3.5)."""
    rates = torch.exp(torch.arange(0, dim, 2, device=device) * (-math.log(10_000.0) / dim))
    angles = torch.arange(n, device=device)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], 2).flatten(1)
