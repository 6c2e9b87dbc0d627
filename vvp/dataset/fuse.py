"""Vectors and presence masks become the fused vector, in the order of schema.MODALITIES.

First the vectors, then the masks: video | audio | text | mask_picture, mask_sound. A missing vector is zeros
with its mask at 0. The text part has no mask: a row without words is zeros, as its transcript half is without
a transcript. The same function serves a table and a single video.
Not known here: encoders, features, or what the vectors mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from vvp.schema import MODALITIES, Modality, modality, of_block

Vectors: TypeAlias = pa.ChunkedArray | Sequence[np.ndarray | None]


@dataclass(frozen=True)
class Part:
    """One modality's place in the fused vector."""

    modality: Modality
    columns: slice
    """its vector"""
    mask: int | None
    """its mask; None: every video has the vector"""


@dataclass(frozen=True)
class Dims:
    """Lengths of the vectors. `paper` 768, 768, 768 (fused 2306); `offline` 1280, 512, 768 (2562).

    ValueError for a modality that schema has not.
    """

    lengths: Mapping[str, int]
    """by modality; absent: the profile has no encoder of it. 0: it has, and no video has the vector"""

    def __post_init__(self) -> None:
        for name in self.lengths:
            modality(name)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Those of the profile, in the order of the fused vector."""
        return tuple(m for m in MODALITIES if m.name in self.lengths)

    @property
    def vectors(self) -> int:
        """Length of the vectors together: the fused vector without its masks."""
        return sum(self.lengths.values())

    @property
    def fused(self) -> int:
        return self.vectors + sum(m.mask is not None for m in self.modalities)

    @property
    def parts(self) -> tuple[Part, ...]:
        """Where each modality lies in the fused vector, in its order."""
        found, start, mask = [], 0, self.vectors
        for row in self.modalities:
            end = start + self.lengths[row.name]
            found.append(Part(row, slice(start, end), None if row.mask is None else mask))
            start, mask = end, mask + (row.mask is not None)
        return tuple(found)


def fuse(rows: pa.Table | Mapping[str, Vectors], dims: Dims) -> np.ndarray:
    """float32 (n, dims.fused).

    rows: by vector column (Modality.vector), each n vectors or nulls: Arrow list column, or sequence.
    ValueError when a vector has another length than `dims` says, or a value that is not finite.
    """
    stacked = [(m, *stack(rows[m.vector], dims.lengths[m.name])) for m in dims.modalities]
    vectors = [vectors for _, vectors, _ in stacked]
    masks = [present[:, None] for m, _, present in stacked if m.mask is not None]
    return np.concatenate([*vectors, *masks], axis=1, dtype=np.float32)


def present(rows: pa.Table, block: str) -> np.ndarray:
    """bool (n,): whether the row has a vector of this block. rows: with the vector columns of embeddings/."""
    return np.any([rows[m.vector].is_valid().to_numpy() for m in of_block(block)], axis=0)


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
