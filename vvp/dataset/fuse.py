"""Vectors and presence masks become the fused vector: video | audio | text | mask_picture, mask_sound.

A missing vector is zeros with its mask at 0. The text part has no mask: a row without words is zeros, as
its transcript half is without a transcript. The same function serves a table and a single video.
Not known here: encoders, features, or what the vectors mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

Vectors: TypeAlias = pa.ChunkedArray | Sequence[np.ndarray | None]


@dataclass(frozen=True)
class Dims:
    """Lengths of the three parts. `paper` 768, 768, 768 (fused 2306); `offline` 1280, 512, 768 (2562)."""

    video: int
    audio: int
    text: int

    @property
    def fused(self) -> int:
        return self.video + self.audio + self.text + 2


def fuse(video: Vectors, audio: Vectors, text: Vectors, dims: Dims) -> np.ndarray:
    """float32 (n, dims.fused). Each input holds n vectors or nulls: Arrow list column, or sequence.

    ValueError when a vector has another length than `dims` says, or a value that is not finite.
    """
    pictures, has_picture = stack(video, dims.video)
    sounds, has_sound = stack(audio, dims.audio)
    words, _ = stack(text, dims.text)
    return np.concatenate(
        [pictures, sounds, words, has_picture[:, None], has_sound[:, None]], axis=1, dtype=np.float32
    )


def stack(vectors: Vectors, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """(float32 (n, dim), bool (n,) present); a null is a row of zeros. ValueError as in `fuse`."""
    out, present = np.zeros((len(vectors), dim), np.float32), np.zeros(len(vectors), bool)
    if isinstance(vectors, pa.ChunkedArray):
        start = 0
        for chunk in vectors.chunks:  # by chunk: a combined list column may pass 2³¹ values
            there = chunk.is_valid().to_numpy(zero_copy_only=False)
            lengths = chunk.value_lengths().drop_null().unique().to_pylist()
            if lengths not in ([], [dim]):
                raise ValueError(f"vectors of lengths {lengths} where {dim} was expected")
            # flatten() leaves nulls out, so what remains are whole vectors of the rows that have one.
            values = chunk.flatten().to_numpy(zero_copy_only=False).reshape(int(there.sum()), dim)
            out[start : start + len(chunk)][there] = values
            present[start : start + len(chunk)] = there
            start += len(chunk)
    else:
        for row, vector in enumerate(vectors):
            if vector is None:
                continue
            if np.shape(vector) != (dim,):
                raise ValueError(f"a vector of shape {np.shape(vector)} where ({dim},) was expected")
            out[row], present[row] = vector, True
    if not np.isfinite(out).all():
        raise ValueError("a vector holds a value that is not finite")
    return out, present


def length(vectors: pa.ChunkedArray) -> int:
    """The length of a column's vectors; 0 when all are null. ValueError when they differ."""
    found = set()
    for chunk in vectors.chunks:
        found |= set(chunk.value_lengths().drop_null().unique().to_pylist())
    if len(found) > 1:
        raise ValueError(f"vectors of lengths {sorted(found)} in one column")
    return found.pop() if found else 0
