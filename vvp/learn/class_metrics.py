"""How good forecasts of classes are, with intervals from the same bootstrap over channels as metrics.py.

Two classes: ROC-AUC (0.5: no order), average precision (to be read beside the base rate), F1 and precision at
a threshold that was chosen on validation, precision among the tenth with the highest probability, Brier
score, log loss, calibration error (mean distance of said from come, in ten bins of equal size).
More classes: accuracy, macro F1, error in steps, Brier score, log loss.
Not known here: models, splits, files.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vvp.learn.metrics import Draws
from vvp.learn.records import Measured
from vvp.models.base import log_losses

OF_TWO = ("auc", "average_precision", "f1", "top_tenth", "brier", "log_loss", "calibration_error")
OF_MORE = ("accuracy", "macro_f1", "steps", "brier", "log_loss")
IN_WORDS = {
    "auc": "ROC-AUC", "average_precision": "average precision", "f1": "F1", "top_tenth": "right in top 10 %",
    "brier": "Brier", "log_loss": "log loss", "calibration_error": "calibration error",
    "accuracy": "accuracy", "macro_f1": "macro F1", "steps": "error in steps",
}  # fmt: skip
LOWER = {"brier", "log_loss", "calibration_error", "steps"}
BINS = 10
TOP = 0.1


class Judge:
    """Judges forecasts of the same rows on the same resamples."""

    def __init__(
        self, y: np.ndarray, classes: int, channels: Sequence[Any] | np.ndarray, n: int = 1000, seed: int = 0
    ) -> None:
        """y: classes (m,) from 0; channels: (m,), None is its own."""
        self.y, self.classes = y.astype(np.int64), classes
        self.draws = Draws.make(channels, n, seed)
        rows = self.draws.times[:, self.draws.codes]
        self.weights = np.concatenate([np.ones((1, len(y))), rows])  # the data itself comes first

    def values(self, said: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
        """Metric → float64 (1 + n,): on the data and on each resample, NaN where undefined."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._two(said, threshold) if self.classes == 2 else self._more(said)

    def measured(self, values: Mapping[str, np.ndarray]) -> dict[str, Measured]:
        found = {}
        for name, copies in values.items():
            point = float(copies[0]) if np.isfinite(copies[0]) else None
            found[name] = self.draws.interval(point, copies[1:]).record()
        return found

    def _two(self, said: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
        y, W = self.y, self.weights
        total = W.sum(axis=1)
        order = np.argsort(-said, kind="stable")
        last = np.flatnonzero(np.append(np.diff(said[order]) != 0, True))  # ends of runs of equal numbers
        hits = np.cumsum(W[:, order] * y[order], axis=1)[:, last]
        seen = np.cumsum(W[:, order], axis=1)[:, last]
        misses = seen - hits
        good, bad = hits[:, -1], misses[:, -1]
        before_hits = np.concatenate([np.zeros((len(W), 1)), hits[:, :-1]], axis=1)
        before_misses = np.concatenate([np.zeros((len(W), 1)), misses[:, :-1]], axis=1)
        area = ((misses - before_misses) * (hits + before_hits) / 2).sum(axis=1)
        precision = np.where(seen > 0, hits / seen, 0.0)
        cut = (seen >= TOP * total[:, None]).argmax(axis=1)
        rows = np.arange(len(W))
        yes = said >= threshold
        right = W[:, yes] @ y[yes]
        f1 = 2 * right / (W[:, yes].sum(axis=1) + good)
        return {
            "auc": area / (good * bad),
            "average_precision": ((hits - before_hits) * precision).sum(axis=1) / good,
            "f1": f1,
            "top_tenth": hits[rows, cut] / seen[rows, cut],
            "brier": W @ (said - y) ** 2 / total,
            "log_loss": W @ log_losses(y, said) / total,
            "calibration_error": self._calibration(said) / total,
        }

    def _calibration(self, said: np.ndarray) -> np.ndarray:
        off = np.zeros(len(self.weights))
        for rows in _bins(said):
            off += np.abs(self.weights[:, rows] @ (self.y[rows] - said[rows]))
        return off

    def _more(self, said: np.ndarray) -> dict[str, np.ndarray]:
        y, W = self.y, self.weights
        total, guess = W.sum(axis=1), said.argmax(axis=1)
        shares = []
        for name in range(self.classes):
            right = W @ ((guess == name) & (y == name))
            shares.append(2 * right / (W @ (guess == name) + W @ (y == name)))
        # A class that is neither there nor said has no F1; the others are averaged.
        f1 = np.nanmean(np.array(shares), axis=0)
        hot = np.eye(self.classes)[y]
        return {
            "accuracy": W @ (guess == y) / total,
            "macro_f1": f1,
            "steps": W @ np.abs(guess - y) / total,
            "brier": W @ ((said - hot) ** 2).sum(axis=1) / total,
            "log_loss": W @ log_losses(y, said) / total,
        }


def best_threshold(said: np.ndarray, y: np.ndarray) -> float:
    """The probability from which "yes" has the greatest F1, on out-of-fold forecasts (m,)."""
    options = np.unique(said)
    if len(options) > 200:
        options = np.quantile(said, np.linspace(0, 1, 200))
    scores = [2 * (y[said >= t] == 1).sum() / ((said >= t).sum() + (y == 1).sum()) for t in options]
    return float(options[int(np.argmax(scores))])


def curve(said: np.ndarray, y: np.ndarray) -> list[tuple[float, float, int]]:
    """(mean said, share that came, rows) of each bin of equal size, (m,) of two classes."""
    return [(float(said[r].mean()), float((y[r] == 1).mean()), len(r)) for r in _bins(said)]


def confusion(said: np.ndarray, y: np.ndarray, classes: int, threshold: float) -> list[list[int]]:
    """Rows: what came; columns: what was said."""
    guess = (said >= threshold).astype(np.int64) if classes == 2 else said.argmax(axis=1)
    found = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(found, (y.astype(np.int64), guess), 1)
    return [[int(n) for n in row] for row in found]


def _bins(said: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(said, kind="stable")
    return [rows for rows in np.array_split(order, min(BINS, len(order))) if len(rows)]
