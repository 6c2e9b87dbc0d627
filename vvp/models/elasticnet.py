"""Elastic net (scikit-learn's coordinate descent): few columns count, and the path is a grid of penalties.

The penalties are fractions of the smallest one that leaves no column, so that a point means the same
whatever the data. Not known here: Ray, files, what the columns mean.
"""

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import enet_path

from vvp.models import linear
from vvp.models.base import Data, Float, Params, Space
from vvp.models.linear import Centred, LinearModel

FRACTIONS = np.logspace(0, -4, 17)
"""of the penalty at which every coefficient is 0: the path begins with the mean"""


class ElasticNetModel(LinearModel):
    """Linear in the scaled columns, squares and magnitudes penalised."""

    family: ClassVar[str] = "elasticnet"


@dataclass(frozen=True, kw_only=True)
class ElasticNet:
    """The family."""

    name: ClassVar[str] = "elasticnet"
    rounds: int = 200
    """over the columns at most, for each penalty"""

    @property
    def start(self) -> Params:
        return {**linear.START, "l1_ratio": 0.5}

    def space(self, n_train: int, n_cols: int) -> Space:
        return {**linear.space(n_train, n_cols), "l1_ratio": Float(low=0.05, high=1.0)}

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        part = Centred.of(train, params)
        return part.forecasts(held, self._solve(part, params["l1_ratio"], len(FRACTIONS))[1])

    def fit(
        self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1
    ) -> ElasticNetModel:
        part = Centred.of(train, params)
        # from the path's beginning: each penalty starts where the one before it ended
        alphas, coefs = self._solve(part, params["l1_ratio"], point + 1)
        coef = coefs[-1]
        return ElasticNetModel(
            inputs=part.inputs, coef=coef, intercept=part.intercept(coef), alpha=float(alphas[-1])
        )

    def _solve(self, part: Centred, l1_ratio: float, points: int) -> tuple[np.ndarray, np.ndarray]:
        """Penalties (points,) and coefficients (points, width)."""
        n, d = part.Z.shape
        largest = float(np.abs(part.Z.T @ part.y).max(initial=0.0)) / (n * l1_ratio)
        alphas = max(largest, 1e-12) * FRACTIONS[:points]  # a constant y or no column leaves nothing to fit
        with warnings.catch_warnings():
            # At the smallest penalties it may end early: such a point is still a model, and is judged as one.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, coefs, _ = enet_path(
                part.Z,
                part.y,
                l1_ratio=l1_ratio,
                alphas=alphas,
                precompute=d <= n,  # XᵀX once, where that is the smaller table
                max_iter=self.rounds,
                tol=1e-4,
            )
        return alphas, coefs.T
