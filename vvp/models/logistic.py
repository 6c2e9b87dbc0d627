"""Logistic regression, of two classes or more, squares penalised; the grid of penalties is its path.

No class weighs more than its videos do, so that what it says are probabilities.
Not known here: Ray, files, what the columns mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from vvp.models import linear
from vvp.models.base import Data, Params, Space, pack, tensor, unpack
from vvp.models.scaling import Inputs

ALPHAS = np.logspace(4, -2, 13)  # from the base rates to almost no penalty, as in ridge.py
UNSEEN = 8.0  # how much less likely than the rarest class one is that training has not


@dataclass(frozen=True, kw_only=True, eq=False)
class LogisticModel:
    """softmax(inputs(X) @ coef.T + intercept)"""

    family: ClassVar[str] = "logistic"
    inputs: Inputs
    coef: np.ndarray
    """float64 (classes, width)"""
    intercept: np.ndarray
    """float64 (classes,)"""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return probabilities(self.inputs.apply(X), self.coef, self.intercept)

    def files(self) -> dict[str, bytes]:
        fitted = {"coef": self.coef, "intercept": self.intercept}
        return pack(self.family, self.inputs.meta(), {**self.inputs.tensors(), **fitted})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "LogisticModel":
        meta, tensors, _ = unpack(cls.family, files)
        inputs = Inputs.from_saved(meta, tensors)
        coef = tensor(tensors, "coef", (-1, inputs.width))
        return cls(inputs=inputs, coef=coef, intercept=tensor(tensors, "intercept", (len(coef),)))


@dataclass(frozen=True, kw_only=True)
class Logistic:
    """The family."""

    name: ClassVar[str] = "logistic"
    classes: int = 2

    @property
    def start(self) -> Params:
        return dict(linear.START)

    def space(self, n_train: int, n_cols: int) -> Space:
        return linear.space(n_train, n_cols)

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        inputs = _inputs(train, params)
        later = inputs.apply(held)
        with threadpool_limits(threads):
            found = _along(inputs.apply(train.X), train.y, self.classes, ALPHAS)
            return np.array([probabilities(later, coef, intercept) for coef, intercept in found])

    def fit(
        self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1
    ) -> LogisticModel:
        inputs = _inputs(train, params)
        with threadpool_limits(threads):
            # Along the path, because a solver's answer depends a little on where it starts.
            *_, (coef, intercept) = _along(inputs.apply(train.X), train.y, self.classes, ALPHAS[: point + 1])
        return LogisticModel(inputs=inputs, coef=coef, intercept=intercept)


def probabilities(Z: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    """float64 (n,) of class 1 of two, else (n, classes)."""
    found: np.ndarray = softmax(Z @ coef.T + intercept, axis=1)
    return found[:, 1] if found.shape[1] == 2 else found


def _inputs(train: Data, params: Params) -> Inputs:
    return Inputs.fit(train, components=params["components"], embedding_weight=params["embedding_weight"])


def _along(
    Z: np.ndarray, y: np.ndarray, classes: int, alphas: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(coef (classes, width), intercept (classes,)) at each penalty, each from where the last one ended."""
    seen = np.unique(y.astype(np.int64))
    if len(seen) < 2:
        for _ in alphas:
            yield _whole(np.zeros((1, Z.shape[1])), np.zeros(1), seen, classes)
        return
    solver = LogisticRegression(warm_start=True, max_iter=300, tol=1e-5)
    for alpha in alphas:
        solver.C = 1 / alpha
        solver.fit(Z, y.astype(np.int64))
        coef, intercept = solver.coef_.astype(np.float64), solver.intercept_.astype(np.float64)
        if len(seen) == 2:  # scikit-learn gives the second class alone
            coef, intercept = np.stack([0 * coef[0], coef[0]]), np.array([0.0, intercept[0]])
        yield _whole(coef, intercept, seen, classes)


def _whole(
    coef: np.ndarray, intercept: np.ndarray, seen: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """With the classes that training has not, which are unlikely and not impossible."""
    every = np.zeros((classes, coef.shape[1]))
    level = np.full(classes, intercept.min() - UNSEEN)
    every[seen], level[seen] = coef, intercept
    return every, level
