"""How far a simple rule was off on each labelled row, every row forecast from others alone.

Three ways, the first that the rows allow:
  as of       rows in order of publication, each forecast from the rows posted before it
  left out    each forecast from all the others: for rows without dates, or all of one day
  by folds    each forecast from the other folds: for splits that are not by time
An error is divided by `scale`, the factor by which the rule's error grows where it knows few videos, and a
forecast multiplies by its own: with k = variance within channels / between them, a channel's shrunken mean
over n videos errs by σ · √(1 + 1 / (n + k)) (prediction error of a random-effects model; for one channel
k = 0, and the scaled errors are the recursive residuals of Brown, Durbin & Evans 1975).
Not known here: models, what the errors are used for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vvp.dataset.channels import ChannelHistory, channel_codes, location, shrinkage

REFITS = 40  # how often mean and k are estimated anew along the rows
FIRST = 1  # rows that the first forecast knows


def scale(k: float, count: np.ndarray | float) -> np.ndarray:
    """Factor of the rule's error where it knows `count` videos of the channel; NaN where count and k are 0.

    k: `ChannelHistory.error_k`.
    """
    known = np.asarray(count, np.float64) + k
    return np.sqrt(1 + 1 / np.where(known > 0, known, np.nan))


@dataclass(frozen=True, eq=False)
class Errors:
    """A forecaster's errors on m rows that it had not seen."""

    rows: np.ndarray
    """int64 (m,)"""
    raw: np.ndarray
    """float64 (m,), truth − forecast"""
    scale: np.ndarray
    """float64 (m,), see `scale`; 1 for a model"""

    @property
    def scaled(self) -> np.ndarray:
        """float64 (m,): what a distribution is made from."""
        return self.raw / self.scale

    def after(self, moment: np.datetime64, published: np.ndarray) -> "Errors":
        """Those of rows posted at `moment` or later; published: datetime64[us], of every row there is."""
        late = published[self.rows] >= moment
        return Errors(self.rows[late], self.raw[late], self.scale[late])

    def at(self, rows: np.ndarray) -> "Errors":
        """The same with `rows[self.rows]` in place of the rows."""
        return Errors(rows[self.rows], self.raw, self.scale)


def as_of(channel: np.ndarray, published: np.ndarray, y: np.ndarray, lag_days: float = 0.0) -> Errors:
    """Errors of the channel rule, each row forecast from what was posted before.

    channel object (n,), published datetime64[us] (n,), y float64 (n,): labelled, dated rows. A row's first
    predecessors are needed, so the earliest row has no error. lag_days: how old a count must be to be known.
    """
    order = np.argsort(published, kind="stable")
    known = np.ones(len(y), bool)
    full = ChannelHistory.fit(channel, published, y, known, lag_days=lag_days)
    starts = np.unique(np.round(np.geomspace(FIRST, max(FIRST, len(y) - 1), REFITS)).astype(int))
    found = []
    for start, end in zip(starts, [*starts[1:], len(y)], strict=True):
        block = order[start:end]
        before = np.zeros(len(y), bool)
        before[order[:start]] = True
        fitted = full.with_constants_of(ChannelHistory.fit(channel, published, y, before))
        mean, count = fitted.at(channel[block], published[block])
        forecast = np.where(count > 0, mean, fitted.centre)
        found.append(_errors(block, y[block] - forecast, scale(fitted.error_k, count)))
    return join(found)


def left_out(channel: np.ndarray, y: np.ndarray) -> Errors:
    """As `as_of`, each row from all the others, whenever they were posted."""
    n = len(y)
    codes = channel_codes(channel)
    sizes = np.bincount(codes)[codes] - 1
    if n < 2:
        return join([])
    k = shrinkage(codes, y)
    forecast = np.zeros(n)
    for row, size in enumerate(sizes):
        others = np.arange(n) != row
        forecast[row] = location(y[others])
        if size:
            own = location(y[others & (codes == codes[row])])
            forecast[row] = (size * own + k * forecast[row]) / (size + k)
    return _errors(np.arange(n), y - forecast, scale(0.0 if codes.max() == 0 else k, sizes))


def by_folds(
    channel: np.ndarray,
    published: np.ndarray,
    y: np.ndarray,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    lag_days: float = 0.0,
) -> Errors:
    """As `as_of`, each fold's rows from the fold's own training rows."""
    found = []
    for fitted_on, held in folds:
        known = np.zeros(len(y), bool)
        known[fitted_on] = True
        history = ChannelHistory.fit(channel, published, y, known, lag_days=lag_days)
        mean, count = history.at(channel[held], published[held])
        forecast = np.where(count > 0, mean, history.centre)
        found.append(_errors(held, y[held] - forecast, scale(history.error_k, count)))
    return join(found)


def join(parts: Sequence[Errors]) -> Errors:
    """All of them, one after another."""
    empty = Errors(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    whole = [empty, *parts]
    return Errors(
        np.concatenate([p.rows for p in whole]),
        np.concatenate([p.raw for p in whole]),
        np.concatenate([p.scale for p in whole]),
    )


def _errors(rows: np.ndarray, raw: np.ndarray, size: np.ndarray) -> Errors:
    """Without the rows whose scale is unknown: nothing was known to forecast them from."""
    use = np.isfinite(size)
    return Errors(rows[use], raw[use], size[use])
