"""What a model must beat: the training mean, one column alone, the channel's own history.

A rule that cannot be fitted returns `Unavailable` with the reason, so that a table shows it instead of a gap.
Not known here: which column is which (the caller names it), and how the history column was made; it must
hold only videos published before the row's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vvp.dataset.channels import location
from vvp.errors import UserError
from vvp.models.base import Data, check_columns, pack, tensor, unpack


@dataclass(frozen=True, kw_only=True)
class Unavailable:
    """A baseline that this data cannot give."""

    family: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ColumnModel:
    """intercept + slope * X[:, column]; the training mean where that column is missing."""

    family: ClassVar[str] = "one_column"
    n_cols: int
    column: int
    slope: float
    intercept: float
    mean: float
    """of the training part's log views"""

    def predict(self, X: np.ndarray) -> np.ndarray:
        check_columns(X, self.n_cols)
        values = X[:, self.column].astype(np.float64)
        return np.where(np.isnan(values), self.mean, self.intercept + self.slope * values)

    def files(self) -> dict[str, bytes]:
        numbers = np.array([self.slope, self.intercept, self.mean])
        return pack(self.family, {"n_cols": self.n_cols, "column": self.column}, {"numbers": numbers})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ColumnModel":
        meta, tensors, _ = unpack(cls.family, files)
        slope, intercept, mean = (float(value) for value in tensor(tensors, "numbers", (3,)))
        n_cols, column = meta.get("n_cols"), meta.get("column")
        if type(n_cols) is not int or type(column) is not int or not 0 <= column < n_cols:
            raise UserError(f"the saved {cls.family} model names column {column} of {n_cols}.")
        return cls(n_cols=n_cols, column=column, slope=slope, intercept=intercept, mean=mean)


class MeanModel(ColumnModel):
    """The training mean for every row (a slope of 0)."""

    family: ClassVar[str] = "train_mean"


class HistoryModel(ColumnModel):
    """The channel's earlier videos: their mean log views as they stand (a slope of 1)."""

    family: ClassVar[str] = "channel_history"


def train_mean(train: Data) -> MeanModel:
    """Always available."""
    mean = float(train.y.mean())
    return MeanModel(n_cols=train.X.shape[1], column=0, slope=0.0, intercept=mean, mean=mean)


def one_column(train: Data, column: int | None) -> ColumnModel | Unavailable:
    """Least squares on one column, such as log followers; rows without it are left out of the fit."""
    if column is None:
        return Unavailable(family=ColumnModel.family, reason="the table has no such column")
    x = train.X[:, column].astype(np.float64)
    known = ~np.isnan(x)
    if not known.any():
        return Unavailable(family=ColumnModel.family, reason="the column is missing in every training row")
    x, y = x[known], train.y[known]
    if x.min() == x.max():
        return Unavailable(family=ColumnModel.family, reason="the column is constant in training")
    slope = float(((x - x.mean()) @ (y - y.mean())) / ((x - x.mean()) @ (x - x.mean())))
    return ColumnModel(
        n_cols=train.X.shape[1],
        column=column,
        slope=slope,
        intercept=float(y.mean() - slope * x.mean()),
        mean=float(train.y.mean()),
    )


def channel_history(train: Data, column: int | None) -> HistoryModel | Unavailable:
    """`column`: mean log views of the channel's earlier videos, NaN for a channel's first."""
    if column is None:
        return Unavailable(family=HistoryModel.family, reason="the table has no history column")
    if np.isnan(train.X[:, column]).all():
        return Unavailable(family=HistoryModel.family, reason="no channel has an earlier video in training")
    mean = location(train.y)  # as ChannelHistory.centre, which its channels are shrunk to
    return HistoryModel(n_cols=train.X.shape[1], column=column, slope=1.0, intercept=0.0, mean=mean)
