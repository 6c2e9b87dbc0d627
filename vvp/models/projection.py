"""Wide blocks of embeddings, each on its first principal components, fitted on the training part only.

The components are not whitened: they keep their variances, so the first still weighs most.
Not known here: what is done with the columns afterwards.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.extmath import randomized_svd

from vvp.errors import UserError
from vvp.models.base import check_columns, tensor

EMBEDDING = ":embedding"
"""how the name of a group of embedding columns ends"""
MOST_COLUMNS = 100_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Block:
    """One group of columns and its axes."""

    columns: np.ndarray
    """int (w,), places in X"""
    mean: np.ndarray
    """float32 (w,)"""
    axes: np.ndarray
    """float32 (k, w)"""

    def scores(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, k): NaN for a row whose whole block is missing; a single missing value is the mean."""
        centred = X[:, self.columns] - self.mean
        missing = np.isnan(centred)
        scores = np.where(missing, np.float32(0), centred) @ self.axes.T
        scores[missing.all(axis=1)] = np.nan
        return scores


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Columns outside the blocks as they stand, then each block's scores."""

    n_cols: int
    blocks: tuple[Block, ...]

    @classmethod
    def fit(cls, X: np.ndarray, groups: np.ndarray, components: int | None) -> "Projection":
        """Projects the embedding groups wider than `components`; None: none of them."""
        blocks = []
        for group in np.unique(groups):
            columns = np.flatnonzero(groups == group)
            if components is not None and str(group).endswith(EMBEDDING) and len(columns) > components:
                blocks.append(_block(X, columns, components))
        return cls(n_cols=X.shape[1], blocks=tuple(blocks))

    @property
    def kept(self) -> np.ndarray:
        """int, the columns outside the blocks"""
        inside = [block.columns for block in self.blocks]
        return np.setdiff1d(np.arange(self.n_cols), np.concatenate([[], *inside]))

    @property
    def width(self) -> int:
        """How many columns come out."""
        return len(self.kept) + sum(len(block.axes) for block in self.blocks)

    def groups(self, groups: np.ndarray) -> np.ndarray:
        """The group of each column that comes out, from the groups (d,) of those that go in."""
        scores = [groups[block.columns[: len(block.axes)]] for block in self.blocks]
        return np.concatenate([groups[self.kept], *scores])

    def apply(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, d) → float32 (n, width), NaN where missing. ValueError for another d."""
        check_columns(X, self.n_cols)
        if not self.blocks:
            return X
        return np.hstack([X[:, self.kept], *(block.scores(X) for block in self.blocks)])

    def meta(self) -> dict[str, Any]:
        """What `model.json` says of it; the arrays are in `tensors`."""
        return {"n_cols": self.n_cols, "blocks": [block.columns.tolist() for block in self.blocks]}

    def tensors(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        for number, block in enumerate(self.blocks):
            arrays |= {f"block.{number}.mean": block.mean, f"block.{number}.axes": block.axes}
        return arrays

    @classmethod
    def from_saved(cls, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> "Projection":
        """UserError when the columns or arrays do not fit each other."""
        n_cols, columns = meta.get("n_cols"), meta.get("blocks")
        if type(n_cols) is not int or not 0 < n_cols <= MOST_COLUMNS or not isinstance(columns, list):
            raise UserError("the saved model does not state its columns.")
        if not all(isinstance(block, list) and block for block in columns):
            raise UserError("the saved model does not state the columns of its blocks.")
        every = [column for block in columns for column in block]
        if not all(type(c) is int and 0 <= c < n_cols for c in every) or len(set(every)) != len(every):
            raise UserError("a block of the saved model names a column twice, or one that is not there.")
        blocks = []
        for number, block in enumerate(columns):
            mean = tensor(tensors, f"block.{number}.mean", (len(block),))
            axes = tensor(tensors, f"block.{number}.axes", (-1, len(block)))
            if len(axes) > len(block):
                raise UserError(f"block {number} of the saved model has more axes than columns.")
            blocks.append(Block(columns=np.array(block), mean=_float32(mean), axes=_float32(axes)))
        return cls(n_cols=n_cols, blocks=tuple(blocks))


def _block(X: np.ndarray, columns: np.ndarray, components: int) -> Block:
    values = X[:, columns]
    known = ~np.isnan(values)
    count = np.maximum(known.sum(axis=0), 1)
    mean = _float32(np.where(known, values, 0).sum(axis=0, dtype=np.float64) / count)
    centred = np.where(known, values - mean, np.float32(0))[known.any(axis=1)]
    if not len(centred):  # wholly missing: its one score is missing too
        return Block(columns=columns, mean=mean, axes=np.zeros((1, len(columns)), dtype=np.float32))
    # Randomised: an exact decomposition of 1,280 columns takes a second, this a tenth; the seed is fixed.
    most = min(components, *centred.shape)
    _, _, axes = randomized_svd(centred, most, n_oversamples=10, n_iter=3, random_state=0)
    return Block(columns=columns, mean=mean, axes=_float32(axes))


def _float32(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)
