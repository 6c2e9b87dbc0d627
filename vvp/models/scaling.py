"""Columns to one scale, fitted on the training part only and saved with the model that uses it.

A block of 2,000 embedding columns would drown 20 features if every column had variance 1; so each group
of columns gets a fixed share of the row's total variance, weight² / Σ weight², spread over its columns.
Not known here: what the groups mean beyond the part of their name after the colon.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vvp.models.base import Data, check_columns, tensor
from vvp.models.projection import EMBEDDING, Projection

FURTHEST = 5.0
"""standard deviations; a value beyond reads as one at that distance, so that an odd row cannot explode"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Standardizer:
    """(X - mean) * scale within ± limit, then 0 where X is missing: a missing value reads as the mean."""

    mean: np.ndarray
    """float64 (d,)"""
    scale: np.ndarray
    """float64 (d,); 0 for a column that is constant or wholly missing in training"""
    limit: np.ndarray
    """float64 (d,), FURTHEST standard deviations in scaled units"""

    @classmethod
    def fit(
        cls,
        X: np.ndarray,
        groups: np.ndarray,
        weights: Mapping[str, float],
        *,
        total: float = 1.0,
        together: frozenset[str] = frozenset(),
    ) -> "Standardizer":
        """`weights`: group name → weight, 1 where it is not named; `total`: a row's whole variance.

        `together`: groups whose columns keep their variances relative to each other (principal components).
        """
        values = X.astype(np.float64)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        centred = np.where(known, values - mean, 0.0)
        std = np.sqrt((centred**2).sum(axis=0) / count)
        # by extremes and not by std: rounding gives a constant column a std of about 1e-17
        low = np.where(known, values, np.inf).min(axis=0, initial=np.inf)
        high = np.where(known, values, -np.inf).max(axis=0, initial=-np.inf)
        varies = (high > low) & (std > 0)
        scale = np.zeros_like(std)
        for group in np.unique(groups[varies]):
            columns = varies & (groups == group)
            spread = np.sqrt((std[columns] ** 2).mean()) if group in together else std[columns]
            scale[columns] = weights.get(str(group), 1.0) / (spread * np.sqrt(columns.sum()))
        shares = sum(weights.get(str(group), 1.0) ** 2 for group in np.unique(groups[varies]))
        scale = scale * np.sqrt(total / shares) if shares else scale
        return cls(mean=mean, scale=scale, limit=FURTHEST * std * scale)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, d) with NaN → float64 (n, d) without. ValueError for another d."""
        check_columns(X, len(self.mean))
        scaled = (X.astype(np.float64) - self.mean) * self.scale
        return np.nan_to_num(np.clip(scaled, -self.limit, self.limit), nan=0.0)

    def tensors(self) -> dict[str, np.ndarray]:
        return {"scaling.mean": self.mean, "scaling.scale": self.scale, "scaling.limit": self.limit}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], n_cols: int) -> "Standardizer":
        """UserError when the arrays are absent or of another length."""
        mean, scale, limit = (tensor(tensors, f"scaling.{name}", (n_cols,)) for name in FIELDS)
        return cls(mean=mean, scale=scale, limit=np.abs(limit))


FIELDS = ("mean", "scale", "limit")


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """From a table to what a linear model or a network reads: wide blocks projected, all to one scale."""

    projection: Projection
    scaling: Standardizer

    @classmethod
    def fit(
        cls, train: Data, *, components: int | None, embedding_weight: float, total: float | None = 1.0
    ) -> "Inputs":
        """Groups of the kind `embedding` weigh `embedding_weight`, all others 1.

        `total`: a row's whole variance; None: as much as there are columns.
        """
        projection = Projection.fit(train.X, train.groups, components)
        groups = projection.groups(train.groups)
        names = frozenset(str(group) for group in np.unique(groups) if str(group).endswith(EMBEDDING))
        projected = frozenset(str(train.groups[block.columns[0]]) for block in projection.blocks)
        scaling = Standardizer.fit(
            projection.apply(train.X),
            groups,
            dict.fromkeys(names, embedding_weight),
            total=float(len(groups)) if total is None else total,
            together=projected,
        )
        return cls(projection=projection, scaling=scaling)

    @property
    def width(self) -> int:
        """How many columns come out."""
        return len(self.scaling.mean)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, d) with NaN → float64 (n, width) without. ValueError for another d."""
        return self.scaling.apply(self.projection.apply(X))

    def mixed(self, x: np.ndarray, others: np.ndarray, of_x: np.ndarray) -> np.ndarray | None:
        """float64 (s, m, width): as `apply` to each row of others, float32 (m, d), with the columns of x,
        float32 (d,), where of_x, bool (s, d), says so; x and the rows are projected once. None: a projected
        block is of x in part, so that its scores are neither's."""
        projection = self.projection
        parts = [of_x[:, block.columns] for block in projection.blocks]
        if any((part != part[:, :1]).any() for part in parts):
            return None
        scores = [
            np.repeat(part[:, :1], len(block.axes), axis=1)
            for part, block in zip(parts, projection.blocks, strict=True)
        ]
        whose = np.hstack([of_x[:, projection.kept], *scores]) if scores else of_x
        return np.where(whose[:, None], self.apply(x[None]), self.apply(others))

    def meta(self) -> dict[str, Any]:
        return self.projection.meta()

    def tensors(self) -> dict[str, np.ndarray]:
        return {**self.projection.tensors(), **self.scaling.tensors()}

    @classmethod
    def from_saved(cls, meta: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> "Inputs":
        """UserError when anything is absent or does not fit."""
        projection = Projection.from_saved(meta, tensors)
        return cls(projection=projection, scaling=Standardizer.from_tensors(tensors, projection.width))
