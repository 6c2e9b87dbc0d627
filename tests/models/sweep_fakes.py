"""A family whose trials can be held, made to fail, and counted."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from planted import world
from ray.cloudpickle import register_pickle_by_value  # Ray's workers cannot import this file by name

from vvp.learn.sweep import SweepData
from vvp.models.base import Data, Float, Params, Report, Space, Steps
from vvp.models.baselines import MeanModel, train_mean


@dataclass(frozen=True, kw_only=True)
class Fake:
    """Predicts the training mean. Beyond the first `free` trials it waits or crashes until `gate` exists."""

    name: ClassVar[str] = "fake"
    log: str
    gate: str
    otherwise: str = "wait"
    free: int = 3
    epochs: int = 0

    @property
    def steps(self) -> Steps | None:
        return Steps(most=self.epochs, every=1) if self.epochs else None

    @property
    def start(self) -> Params:
        return {"x": 2.0}  # beyond the space: to be clipped to 1

    def space(self, n_train: int, n_cols: int) -> Space:
        return {"x": Float(low=0.0, high=1.0)}

    def fit(
        self,
        train: Data,
        validation: Data,
        params: Params,
        *,
        report: Report | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> MeanModel:
        self._write(f"begin {params['x']}")
        model = train_mean(train)
        for epoch in range(1, self.epochs + 1):
            if report is not None:
                report(epoch, 1.0 - params["x"], model)
        while len(self.lines("begin")) > self.free and not Path(self.gate).exists():
            if self.otherwise == "crash":
                raise ValueError("planted failure")
            time.sleep(0.05)
        self._write(f"end {params['x']}")
        return model

    def _write(self, line: str) -> None:
        with Path(self.log).open("a") as file:
            file.write(line + "\n")

    def lines(self, kind: str) -> list[str]:
        """What was logged as `begin` or `end`: the x of each."""
        path = Path(self.log)
        words = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return [x for said, x in words if said == kind]


def small_sweep() -> SweepData:
    return SweepData(train=world(120, seed=1), validation=world(60, seed=2))


# Ray's workers do not see pytest's sys.path: send what is defined here by value.
register_pickle_by_value(sys.modules[__name__])
