"""A linear model on projected, standardised columns: what Ridge and ElasticNet fit.

Not known here: how the coefficients were found.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vvp.models.base import Choice, Data, Float, Params, Space, pack, tensor, unpack
from vvp.models.scaling import Inputs

if TYPE_CHECKING:
    from typing_extensions import Self

START: Params = {"components": 32, "embedding_weight": 0.5}
"""a block of embeddings weighs half as much as one of features"""
MOST_UNPROJECTED = 600
"""columns or rows: beyond, blocks are always projected, as a solver would take seconds"""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearModel:
    """inputs(X) @ coef + intercept"""

    family: ClassVar[str]
    inputs: Inputs
    coef: np.ndarray
    """float64 (width,), log views per unit of the scaled column"""
    intercept: float
    alpha: float
    """the penalty it was fitted with"""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.inputs.apply(X) @ self.coef + self.intercept

    def files(self) -> dict[str, bytes]:
        fitted = {"coef": self.coef, "intercept_alpha": np.array([self.intercept, self.alpha])}
        return pack(self.family, self.inputs.meta(), {**self.inputs.tensors(), **fitted})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Self":
        meta, tensors, _ = unpack(cls.family, files)
        inputs = Inputs.from_saved(meta, tensors)
        coef = tensor(tensors, "coef", (inputs.width,))
        intercept, alpha = tensor(tensors, "intercept_alpha", (2,))
        return cls(inputs=inputs, coef=coef, intercept=float(intercept), alpha=float(alpha))


@dataclass(frozen=True, kw_only=True, eq=False)
class Centred:
    """A training part as a solver without intercept wants it."""

    inputs: Inputs
    Z: np.ndarray
    """float64 (n, width), columns of mean 0"""
    y: np.ndarray
    """float64 (n,), of mean 0"""
    centre: np.ndarray
    """float64 (width,), what was taken from the columns; not 0 where values were cut at the limit"""
    level: float
    """what was taken from y"""

    @classmethod
    def of(cls, train: Data, params: Params) -> "Centred":
        inputs = Inputs.fit(
            train, components=params["components"], embedding_weight=params["embedding_weight"]
        )
        Z, level = inputs.apply(train.X), float(train.y.mean())
        centre = Z.mean(axis=0)
        return cls(inputs=inputs, Z=Z - centre, y=train.y - level, centre=centre, level=level)

    def forecasts(self, held: np.ndarray, coefs: np.ndarray) -> np.ndarray:
        """float64 (S, m) for coefficients (S, width)."""
        return coefs @ (self.inputs.apply(held) - self.centre).T + self.level

    def intercept(self, coef: np.ndarray) -> float:
        return self.level - float(self.centre @ coef)


def space(n_train: int, n_cols: int) -> Space:
    """What both families vary: how embeddings are projected, and what they weigh against features."""
    free = (None,) if min(n_train, n_cols) <= MOST_UNPROJECTED else ()
    return {
        "components": Choice(options=(32, 16, 64, *free)),
        "embedding_weight": Float(low=0.1, high=4.0, log=True),
    }
