"""Ridge regression: one eigendecomposition per trial serves the whole grid of alphas.

The alpha with the least validation error wins (the larger one on a tie). What the sweep varies is how much
embeddings weigh against features. Not known here: Ray, files, what the columns mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vvp.models.base import (
    CRITERION,
    Data,
    Float,
    Params,
    Report,
    Space,
    Steps,
    pack,
    tensor,
    unpack,
)
from vvp.models.scaling import Standardizer

# A row's variance is 1 after scaling, so the eigenvalues sum to n and this grid reaches from "as good as
# no penalty" to "as good as the mean" whatever the number of columns.
ALPHAS = np.logspace(-3, 6, 25)


@dataclass(frozen=True, kw_only=True, eq=False)
class RidgeModel:
    """Linear in the standardised columns."""

    family: ClassVar[str] = "ridge"
    scaling: Standardizer
    coef: np.ndarray
    """float64 (d,), log views per unit of the standardised column"""
    intercept: float
    alpha: float

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.scaling.apply(X) @ self.coef + self.intercept

    def files(self) -> dict[str, bytes]:
        fitted = {"coef": self.coef, "intercept_alpha": np.array([self.intercept, self.alpha])}
        return pack(self.family, {}, {**self.scaling.tensors(), **fitted})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "RidgeModel":
        _, tensors, _ = unpack(cls.family, files)
        coef = tensor(tensors, "coef", (-1,))
        intercept, alpha = tensor(tensors, "intercept_alpha", (2,))
        scaling = Standardizer.from_tensors(tensors, len(coef))
        return cls(scaling=scaling, coef=coef, intercept=float(intercept), alpha=float(alpha))


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """The family. `start`: embeddings weigh as much as features, block for block."""

    name: ClassVar[str] = "ridge"
    steps: ClassVar[Steps | None] = None

    @property
    def start(self) -> Params:
        return {"embedding_weight": 1.0}

    def space(self, n_train: int, n_cols: int) -> Space:
        return {"embedding_weight": Float(low=0.05, high=5.0, log=True)}

    def fit(
        self,
        train: Data,
        validation: Data,
        params: Params,
        *,
        report: Report | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> RidgeModel:
        scaling = Standardizer.weighted(train.X, train.groups, params["embedding_weight"])
        intercept = float(train.y.mean())
        coefs = solve(scaling.apply(train.X), train.y - intercept, ALPHAS)
        predicted = scaling.apply(validation.X) @ coefs.T + intercept
        ranks = [CRITERION.rank(CRITERION(validation.y, column)) for column in predicted.T]
        best = len(ALPHAS) - 1 - int(np.argmin(ranks[::-1]))  # reversed: the larger alpha wins a tie
        return RidgeModel(scaling=scaling, coef=coefs[best], intercept=intercept, alpha=float(ALPHAS[best]))


def solve(Z: np.ndarray, y: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """Ridge coefficients, float64 (len(alphas), d), for centred Z (n, d) and y (n,), without intercept.

    Decomposes the smaller of ZᵀZ (d, d) and ZZᵀ (n, n), once for all alphas (each > 0).
    """
    n, d = Z.shape
    eigenvalues, vectors = np.linalg.eigh(Z.T @ Z if d <= n else Z @ Z.T)
    eigenvalues = np.maximum(eigenvalues, 0.0)  # rounding leaves some at -1e-14
    projected = vectors.T @ (Z.T @ y if d <= n else y)
    shrunk = vectors @ (projected / (eigenvalues + alphas[:, None])).T
    return shrunk.T if d <= n else (Z.T @ shrunk).T
