"""A family whose trials can be held, made to fail, and counted; and a small sweep's data."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from planted import world
from ray.cloudpickle import register_pickle_by_value  # Ray's workers cannot import this file by name

from vvp.learn.folds import FoldData, History, TrialData
from vvp.models.base import Data, Float, Params, Space
from vvp.models.baselines import MeanModel, train_mean


@dataclass(frozen=True, kw_only=True)
class Fake:
    """Forecasts the training mean, and at a second point one more than that. Beyond the first `free` folds
    it waits or crashes until `gate` exists."""

    name: ClassVar[str] = "fake"
    log: str
    gate: str
    otherwise: str = "wait"
    free: int = 3

    @property
    def start(self) -> Params:
        return {"x": 2.0}  # beyond the space: to be clipped to 1

    def space(self, n_train: int, n_cols: int) -> Space:
        return {"x": Float(low=0.0, high=1.0)}

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        self._write(f"begin {params['x']}")
        while len(self.lines("begin")) > self.free and not Path(self.gate).exists():
            if self.otherwise == "crash":
                raise ValueError("planted failure")
            time.sleep(0.05)
        self._write(f"end {params['x']}")
        return np.outer([0.0, 1.0], np.ones(len(held))) + train.y.mean()

    def fit(self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1) -> MeanModel:
        return train_mean(train)

    def _write(self, line: str) -> None:
        with Path(self.log).open("a") as file:
            file.write(line + "\n")

    def lines(self, kind: str) -> list[str]:
        """What was logged as `begin` or `end`: the x of each."""
        path = Path(self.log)
        words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [x for said, x in words if said == kind]


def small_sweep(folds: int = 1, n: int = 180, noise: float = 0.3) -> TrialData:
    """Folds of the planted table, each forecasting 60 rows from those before: one log line for each."""
    rows = world(n, seed=1, noise=noise)
    every, none = np.arange(rows.X.shape[1]), np.zeros(0, np.int64)
    topics = np.zeros((n, 0), np.float32)
    starts = [n - 60 * k for k in range(folds, 0, -1)]
    return TrialData(
        X=rows.X, y=rows.y, groups=rows.groups, media=np.ones(n, bool),
        inputs={"full": every, "metadata": every[:12]}, topic_columns=none,
        history=History(columns=none, unknown=np.zeros(0, np.float32)),
        folds=[FoldData(fit=np.arange(s), held=np.arange(s, s + 60), topics=topics) for s in starts],
    )  # fmt: skip


# Ray's workers do not see pytest's sys.path: send what is defined here by value.
register_pickle_by_value(sys.modules[__name__])
