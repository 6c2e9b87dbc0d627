"""Ridge regression: one eigendecomposition serves the whole grid of alphas, which is its path.

Not known here: Ray, files, what the columns mean.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vvp.models import linear
from vvp.models.base import Data, Params, Space
from vvp.models.linear import Centred, LinearModel

# A row's variance is 1 after scaling, so the eigenvalues sum to n and this grid reaches from "as good as
# no penalty" to "as good as the mean" whatever the number of columns.
ALPHAS = np.logspace(-3, 6, 25)


class RidgeModel(LinearModel):
    """Linear in the scaled columns, squares penalised."""

    family: ClassVar[str] = "ridge"


@dataclass(frozen=True, kw_only=True)
class Ridge:
    """The family."""

    name: ClassVar[str] = "ridge"

    @property
    def start(self) -> Params:
        return dict(linear.START)

    def space(self, n_train: int, n_cols: int) -> Space:
        return linear.space(n_train, n_cols)

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        part = Centred.of(train, params)
        return part.forecasts(held, solve(part.Z, part.y, ALPHAS))

    def fit(self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1) -> RidgeModel:
        part = Centred.of(train, params)
        coef = solve(part.Z, part.y, ALPHAS[point : point + 1])[0]
        return RidgeModel(
            inputs=part.inputs, coef=coef, intercept=part.intercept(coef), alpha=float(ALPHAS[point])
        )


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
