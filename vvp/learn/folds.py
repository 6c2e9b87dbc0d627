"""Folds of the labelled rows before the test, and what each fold's models see: plain arrays, one copy of X.

Folds follow the split: expanding windows in time (the first START of the rows only train), else groups of
whole units (Split.whole), or of copies. A row held out in time is forecast by models that saw only
counts that were known by then: rows posted less than `lag_days` before the fold's first are left out of its
training part.
The words' topics are fitted anew on each fold's training rows.
A tenth of the training rows hide their channel's history, so that a new channel is a case models know.
Not known here: families, who sweeps them, the test part.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from vvp.dataset.channels import channel_codes
from vvp.dataset.columns import FEATURE, TOPIC
from vvp.dataset.duplicates import merge, same_pairs
from vvp.dataset.matrix import Matrix, Population
from vvp.dataset.scales import DAY_US
from vvp.dataset.words import Words
from vvp.models.base import Criterion, Data, criterion

MIN_ROWS = 30
START = 0.4
FOLDS = 3
COUNT = "channel_history_log_n"
HIDDEN = 0.1  # share of the training rows that hide their channel's history
NEEDS_MEDIA = {"full", "full_without_counters", "picture", "sound"}

Fold = tuple[np.ndarray, np.ndarray]
"""(rows to fit on, rows to forecast), of the matrix"""


def folds(matrix: Matrix, among: np.ndarray, seed: int = 0) -> list[Fold]:
    """Folds of the labelled rows before the test.

    A fold forecasts only rows in `among`; it may train on any. Fewer than MIN_ROWS rows in `among` give no
    folds.
    """
    rows = before_test(matrix)
    if among[rows].sum() < MIN_ROWS:
        return []
    if matrix.in_time:
        return _expanding(rows[np.argsort(matrix.published_at[rows], kind="stable")], among, matrix)
    groups = matrix.copies[rows]
    if matrix.units is not None:  # units that share copies go together, as in the split itself
        groups = merge(channel_codes(matrix.units[rows]), *same_pairs(groups.tolist()))
    names, at = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(names))[at] % FOLDS
    parts = [(rows[fold != k], rows[(fold == k) & among[rows]]) for k in range(FOLDS)]
    return [(fitted, held) for fitted, held in parts if len(held) and among[fitted].sum() > 1]


def before_test(matrix: Matrix) -> np.ndarray:
    """int64: the labelled rows of the training and validation parts."""
    return np.flatnonzero(np.isin(matrix.part, ("train", "validation")) & np.isfinite(matrix.y))


def _expanding(rows: np.ndarray, among: np.ndarray, matrix: Matrix) -> list[Fold]:
    """Rows in time order → each block from the rows known by then, later copies of those left out."""
    bounds = np.round(np.linspace(START, 1, FOLDS + 1) * len(rows)).astype(int)
    when = matrix.published_at[rows].astype(np.int64)
    found = []
    for start, end in zip(bounds, bounds[1:], strict=False):
        # Never more than a tenth of the rows are lost to the lag: a table may span a few days only.
        ripe = np.searchsorted(when, when[start] - round(matrix.lag_days * DAY_US), side="right")
        before, block = rows[: max(ripe, start - len(rows) // 10)], rows[start:end]
        fresh = block[~np.isin(matrix.copies[block], matrix.copies[before]) & among[block]]
        if among[before].sum() > 1 and len(fresh):
            found.append((before, fresh))
    return found


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldData:
    """One fold; rows count those of `TrialData.X`."""

    fit: np.ndarray
    """int64"""
    held: np.ndarray
    """int64"""
    topics: np.ndarray
    """float32 (n, topic columns), fitted on `fit`"""


@dataclass(frozen=True, kw_only=True, eq=False)
class TrialData:
    """What every trial of a sweep shares: the labelled rows before the test, and their folds."""

    X: np.ndarray
    """float32 (n, d)"""
    y: np.ndarray
    groups: np.ndarray
    """str (d,)"""
    media: np.ndarray
    """bool (n,): the row may train a model of everything"""
    inputs: dict[str, np.ndarray]
    """name of an input → its columns of X"""
    topic_columns: np.ndarray
    history: "History"
    folds: list[FoldData]
    seed: int = 0
    classes: int = 0
    """0: y is a number"""

    @property
    def criterion(self) -> Criterion:
        """What its models are selected by."""
        return criterion(self.classes)

    @property
    def held(self) -> np.ndarray:
        """int64 (m,): the rows that the folds forecast, in their order."""
        return np.concatenate([fold.held for fold in self.folds])

    def only(self, inputs: Sequence[str]) -> "TrialData":
        """The same with these inputs alone, as far as they are there."""
        return replace(self, inputs={name: self.inputs[name] for name in inputs if name in self.inputs})

    def part(self, fold: FoldData, input_: str) -> tuple[Data, np.ndarray]:
        """(training data, float32 (m, k) held rows) of one fold, as the input `input_` sees them."""
        fit = fold.fit[self.media[fold.fit]] if input_ in NEEDS_MEDIA else fold.fit
        columns = self.inputs[input_]
        train, held = self.X[fit], self.X[fold.held]  # copies
        train[:, self.topic_columns] = fold.topics[fit]
        held[:, self.topic_columns] = fold.topics[fold.held]
        self.history.hide(train, self.seed)
        return Data(X=train[:, columns], y=self.y[fit], groups=self.groups[columns]), held[:, columns]


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The columns that hold a channel's history, and what stands there for a channel that was never seen."""

    columns: np.ndarray
    """int64 (h,)"""
    unknown: np.ndarray
    """float32 (h,)"""

    @classmethod
    def of(cls, matrix: Matrix) -> "History":
        found = [
            (i, c.name) for i, c in enumerate(matrix.columns) if (c.block, c.kind) == ("channel", FEATURE)
        ]
        return cls(
            columns=np.array([i for i, _ in found], dtype=np.int64),
            unknown=np.array([0.0 if name == COUNT else np.nan for _, name in found], np.float32),
        )

    def hide(self, X: np.ndarray, seed: int) -> None:
        """Makes a tenth of the rows of X (changed in place) rows of channels that were never seen."""
        if len(self.columns):
            hidden = np.random.default_rng(seed).random(len(X)) < HIDDEN
            X[np.ix_(hidden, self.columns)] = self.unknown


def trial_data(
    matrix: Matrix, population: Population, parts: Sequence[Fold], inputs: Sequence[str], seed: int = 0
) -> TrialData:
    """From a matrix and its folds; only the rows before the test go in."""
    rows = before_test(matrix)
    place = np.full(len(matrix.y), -1)
    place[rows] = np.arange(len(rows))
    topics = np.array([i for i, c in enumerate(matrix.columns) if c.kind == TOPIC], dtype=np.int64)
    numbers = [int(matrix.columns[i].name.rsplit("_", 1)[1]) for i in topics]
    media = population.name == "with_media"
    return TrialData(
        X=matrix.X[rows], y=matrix.y[rows], groups=matrix.groups(),
        media=matrix.has_media[rows] if media else np.ones(len(rows), bool),
        inputs={name: matrix.select(name) for name in inputs},
        topic_columns=topics, history=History.of(matrix), seed=seed, classes=matrix.target.classes,
        folds=[
            FoldData(
                fit=place[fit], held=place[held],
                topics=Words.fit([matrix.texts[i] for i in fit]).transform(
                    [matrix.texts[i] for i in rows]
                )[:, numbers],
            )
            for fit, held in parts
        ],
    )  # fmt: skip


def final_data(
    matrix: Matrix, population: Population, rows: np.ndarray, columns: np.ndarray, input_: str, seed: int
) -> Data:
    """The labelled `rows` as a model of `input_` is fitted on them, once its recipe is settled."""
    if input_ in NEEDS_MEDIA and population.name == "with_media":
        rows = rows[matrix.has_media[rows]]
    X = matrix.X[rows]
    History.of(matrix).hide(X, seed)
    return Data(X=X[:, columns], y=matrix.y[rows], groups=matrix.groups()[columns])
