"""From what a model of classes says to probabilities that hold: as they are, Platt's line, or isotonic.

Which of the three is chosen by log loss on out-of-fold forecasts, each part of the channels mapped by what
the others teach (Platt 1999; Zadrozny & Elkan 2002). Of more than two classes each is mapped alone and the
sum brought to 1.
Not known here: models, files, the test part.
"""

from typing import Literal

import numpy as np
from pydantic import Field, model_validator
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from vvp.learn.records import Record
from vvp.models.base import log_losses

Method = Literal["as they are", "platt", "isotonic"]
METHODS: tuple[Method, ...] = ("as they are", "platt", "isotonic")
PARTS = 5
EDGE = 1e-3  # no mapped probability comes nearer to 0 or 1
MOST_STEPS = 500
GAIN = 0.001  # of log loss that a mapping must bring over none


class Curve(Record):
    """Of one class: p → expit(level + slope · logit(p)), or straight lines through (x, y)."""

    level: float = 0.0
    slope: float = 1.0
    x: list[float] = Field(default_factory=list, max_length=MOST_STEPS)
    y: list[float] = Field(default_factory=list, max_length=MOST_STEPS)

    @model_validator(mode="after")
    def _fits(self) -> "Curve":
        if len(self.x) != len(self.y) or any(not 0 <= p <= 1 for p in (*self.x, *self.y)):
            raise ValueError("a curve that does not fit")
        if self.x != sorted(self.x):
            raise ValueError("a curve that is not in order")
        return self

    def apply(self, p: np.ndarray) -> np.ndarray:
        if self.x:
            return np.clip(np.interp(p, self.x, self.y), EDGE, 1 - EDGE)
        return np.asarray(expit(self.level + self.slope * logit(np.clip(p, EDGE, 1 - EDGE))))


class Probabilities(Record):
    """How a model's numbers are read as probabilities."""

    method: Method
    curves: list[Curve] = Field(max_length=16)
    """of class 1 alone where there are two; empty: as they are"""
    rows: int = Field(ge=0)
    """out-of-fold forecasts that it was chosen on"""
    losses: dict[str, float]
    """log loss of each method there"""

    def apply(self, said: np.ndarray) -> np.ndarray:
        """(n,) or (n, classes) → the same shape."""
        if not self.curves:
            return said
        if said.ndim == 1:
            return self.curves[0].apply(said)
        found = np.column_stack([curve.apply(said[:, i]) for i, curve in enumerate(self.curves)])
        return found / found.sum(axis=1, keepdims=True)


def choose(said: np.ndarray, y: np.ndarray, clusters: np.ndarray) -> Probabilities:
    """The mapping with the lowest log loss on rows that it had not seen.

    said: out-of-fold forecasts, (m,) or (m, classes); y: classes (m,); clusters: int (m,), channels.
    """
    part = np.unique(clusters, return_inverse=True)[1] * 7 % PARTS
    losses: dict[str, float] = {}
    for method in METHODS:
        mapped = said.copy()
        for own in range(PARTS):
            out = part == own
            if out.any() and not out.all():
                mapped[out] = _fit(method, said[~out], y[~out]).apply(said[out])
        losses[method] = float(log_losses(y, mapped).mean())
    best = min(METHODS, key=lambda method: losses[method])
    if losses[METHODS[0]] - losses[best] < GAIN:
        best = METHODS[0]
    found = _fit(best, said, y)
    return found.model_copy(update={"losses": losses})


def _fit(method: Method, said: np.ndarray, y: np.ndarray) -> Probabilities:
    columns = said[:, None] if said.ndim == 1 else said
    names = [1] if said.ndim == 1 else list(range(said.shape[1]))
    curves: list[Curve] = []
    for i, name in enumerate(names):
        is_it = (y == name).astype(np.int64)
        if method == METHODS[0]:
            break
        curves.append(_curve(method, columns[:, i], is_it))
    return Probabilities(method=method, curves=curves, rows=len(y), losses={})


def _curve(method: Method, p: np.ndarray, is_it: np.ndarray) -> Curve:
    if not 0 < is_it.sum() < len(is_it):
        return Curve()
    if method == "platt":
        solver = LogisticRegression(C=1e4).fit(logit(np.clip(p, EDGE, 1 - EDGE))[:, None], is_it)
        return Curve(level=float(solver.intercept_[0]), slope=float(solver.coef_[0, 0]))
    found = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(p, is_it)
    x, y = found.X_thresholds_, found.y_thresholds_
    at = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_STEPS)).astype(np.int64))
    return Curve(x=np.clip(x[at], 0, 1).tolist(), y=np.clip(y[at], 0, 1).tolist())
