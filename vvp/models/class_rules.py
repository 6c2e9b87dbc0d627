"""What a model of classes must beat: the base rates, and one column alone.

Not known here: which column is which (the caller names it).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from vvp.errors import UserError
from vvp.models.base import Data, check_columns, pack, tensor, unpack
from vvp.models.baselines import Unavailable


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassColumnModel:
    """softmax(intercept + slope · X[:, column]); the base rates where that column is missing."""

    family: ClassVar[str] = "class_column"
    n_cols: int
    column: int
    line: np.ndarray
    """float64 (classes, 2): intercept and slope of each class"""
    rates: np.ndarray
    """float64 (classes,): shares of the training part, with half a video added to each"""

    def predict(self, X: np.ndarray) -> np.ndarray:
        check_columns(X, self.n_cols)
        x = X[:, self.column].astype(np.float64)
        known = np.isfinite(x)
        found = softmax(self.line[:, 0] + np.where(known, x, 0.0)[:, None] * self.line[:, 1], axis=1)
        found = np.where(known[:, None], found, self.rates)
        return found[:, 1] if found.shape[1] == 2 else found

    def files(self) -> dict[str, bytes]:
        meta = {"n_cols": self.n_cols, "column": self.column}
        return pack(self.family, meta, {"line": self.line, "rates": self.rates})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ClassColumnModel":
        meta, tensors, _ = unpack(cls.family, files)
        line = tensor(tensors, "line", (-1, 2))
        rates = tensor(tensors, "rates", (len(line),))
        n_cols, column = meta.get("n_cols"), meta.get("column")
        if type(n_cols) is not int or type(column) is not int or not 0 <= column < n_cols or len(line) < 2:
            raise UserError(f"the saved {cls.family} model names column {column} of {n_cols}.")
        return cls(n_cols=n_cols, column=column, line=line, rates=rates)


def base_rates(train: Data, classes: int) -> ClassColumnModel:
    """Always available."""
    rates = _rates(train.y, classes)
    line = np.column_stack([np.log(rates), np.zeros(classes)])
    return ClassColumnModel(n_cols=train.X.shape[1], column=0, line=line, rates=rates)


def one_column(train: Data, column: int, classes: int) -> ClassColumnModel | Unavailable:
    """Logistic regression on one column, such as log followers; rows without it are left out of the fit."""
    x = train.X[:, column].astype(np.float64)
    known = np.isfinite(x)
    name = ClassColumnModel.family
    if not known.any():
        return Unavailable(family=name, reason="the column is missing in every training row")
    x, y = x[known], train.y[known].astype(np.int64)
    if x.min() == x.max():
        return Unavailable(family=name, reason="the column is constant in training")
    if len(np.unique(y)) < classes:
        return Unavailable(family=name, reason="the rows that have the column lack a class")
    centre, spread = float(x.mean()), float(x.std())
    solver = LogisticRegression(C=100.0).fit((x[:, None] - centre) / spread, y)
    slope, level = solver.coef_[:, 0] / spread, solver.intercept_ - solver.coef_[:, 0] * centre / spread
    line = np.column_stack([level, slope])
    if classes == 2:
        line = np.concatenate([np.zeros((1, 2)), line])
    return ClassColumnModel(n_cols=train.X.shape[1], column=column, line=line, rates=_rates(train.y, classes))


def _rates(y: np.ndarray, classes: int) -> np.ndarray:
    sizes = np.bincount(y.astype(np.int64), minlength=classes) + 0.5
    return np.asarray(sizes / sizes.sum())
