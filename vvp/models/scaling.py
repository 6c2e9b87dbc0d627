"""Columns to one scale, fitted on the training part only and saved with the model that uses it.

A block of 2,000 embedding columns would drown 20 features if every column had variance 1; so each group
of columns gets a fixed share of the row's total variance, weight² / Σ weight², spread over its columns.
Not known here: what the groups mean beyond the part of their name after the colon.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vvp.models.base import check_columns, tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Standardizer:
    """(X - mean) * scale, then 0 where X is missing: a missing value reads as the training mean."""

    mean: np.ndarray
    """float64 (d,)"""
    scale: np.ndarray
    """float64 (d,); 0 for a column that is constant or wholly missing in training"""

    @classmethod
    def fit(
        cls, X: np.ndarray, groups: np.ndarray, weights: Mapping[str, float], *, total: float = 1.0
    ) -> "Standardizer":
        """`weights`: group name → weight, 1 where it is not named; `total`: a row's whole variance."""
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
            scale[columns] = weights.get(str(group), 1.0) / (std[columns] * np.sqrt(columns.sum()))
        shares = sum(weights.get(str(group), 1.0) ** 2 for group in np.unique(groups[varies]))
        return cls(mean=mean, scale=scale * np.sqrt(total / shares) if shares else scale)

    @classmethod
    def weighted(
        cls, X: np.ndarray, groups: np.ndarray, embedding_weight: float, *, total: float = 1.0
    ) -> "Standardizer":
        """Groups of the kind `embedding` weigh `embedding_weight`, all others 1."""
        names = (str(group) for group in np.unique(groups))
        weights = {group: embedding_weight for group in names if group.endswith(":embedding")}
        return cls.fit(X, groups, weights, total=total)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, d) with NaN → float64 (n, d) without. ValueError for another d."""
        check_columns(X, len(self.mean))
        return np.nan_to_num((X.astype(np.float64) - self.mean) * self.scale, nan=0.0)

    def tensors(self) -> dict[str, np.ndarray]:
        return {"scaling.mean": self.mean, "scaling.scale": self.scale}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray], n_cols: int) -> "Standardizer":
        """UserError when the arrays are absent or of another length."""
        return cls(
            mean=tensor(tensors, "scaling.mean", (n_cols,)),
            scale=tensor(tensors, "scaling.scale", (n_cols,)),
        )
