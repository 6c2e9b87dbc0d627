"""Do networks trained on the clips find what the generated world has planted in the picture?

400 clips: pace, warmth and motion move their views by known amounts. Each network learns from views alone, at
a small size, from random weights, under the time split. Of its forecasts of the test part: Spearman with the
sum of the three planted amounts, with each of them, and with views; the same after training on shuffled
labels; and a ridge on the frozen picture vectors beside them, its penalty chosen by cross-validation.

    python benchmarks/finetune.py [--home FOLDER]     FOLDER keeps clips and workspace for the next time
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, machine
from scipy.stats import spearmanr

PLANTED = ("pace", "warmth", "motion")
SMALL = {"width": 0.125, "dropout": 0.1}
NETWORKS: dict[str, dict[str, Any]] = {
    "c3d": {"epochs": 25, "lr": 0.0005, "lr_every": 15},
    "r2plus1d": {"epochs": 20, "lr": 0.001, "lr_every": 12},
}
COMMON: dict[str, Any] = {"batch": 8, "patience": 25, "pixels": 48, "frames": 16}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--networks", default=",".join(NETWORKS))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch)
        prepare(home, options.clips)
        world = World(home)
        result: dict[str, Any] = {
            "date": date.today().isoformat(), "machine": machine(), "clips": options.clips,
            "options": SMALL, "settings": COMMON, "ridge on frozen vectors": world.ridge(),
        }  # fmt: skip
        for name in options.networks.split(","):
            result[name] = world.network(name, shuffled=False)
            result[f"{name}, labels shuffled"] = world.network(name, shuffled=True)
            # Each network is kept as it ends.
            (RESULTS / "finetune.json").write_text(json.dumps(result, indent=1) + "\n")
            print(name, result[name], result[f"{name}, labels shuffled"], flush=True)


def prepare(home: Path, clips: int) -> None:
    """The clips, embedded and cached, by the commands themselves; what is there is not made again."""
    from vvp.synthetic.write import write_world

    write_world(home / "clips", videos=clips)
    for words in (
        ("collect", "ytdlp", str(home / "clips")), ("embed", "--no-transcribe"), ("clips",)
    ):  # fmt: skip
        command = [sys.executable, "-m", "jobs", "--local", *words, "-w", str(home / "ws")]
        subprocess.run(command, check=True)


class World:
    """The workspace under the time split, and the truth about its clips."""

    def __init__(self, home: Path) -> None:
        from vvp.dataset.matrix import assemble
        from vvp.finetune.clips import ClipCache
        from vvp.workspace import Workspace

        space = Workspace(home / "ws")
        self.matrix, (self.cache, _) = assemble(space, "time"), ClipCache.open(space)
        with (home / "clips" / "effects.csv").open() as file:
            truth = {row["video_id"]: row for row in csv.DictReader(file)}
        ids = self.matrix.video_id
        self.planted = {name: np.array([float(truth[v][name]) for v in ids]) for name in PLANTED}
        self.test = self.matrix.rows("test")

    def network(self, name: str, shuffled: bool) -> dict[str, Any]:
        import torch

        from vvp.finetune.loop import Alone, forecast, train
        from vvp.finetune.networks.base import parameters
        from vvp.finetune.networks.registry import make
        from vvp.finetune.settings import TrainSettings
        from vvp.finetune.task import Task
        from vvp.finetune.windows import Windows

        torch.set_num_threads(os.cpu_count() or 1)
        y = self.matrix.y.copy()
        if shuffled:
            known = np.flatnonzero(np.isfinite(y))
            y[known] = y[np.random.default_rng(0).permutation(known)]
        task = Task(y=y, train=self.matrix.rows("train"), validation=self.matrix.rows("validation"))
        settings = TrainSettings(network=name, options=SMALL, **COMMON, **NETWORKS[name])
        ids = list(self.matrix.video_id)
        torch.manual_seed(settings.seed)
        network, team, began = make(name, **SMALL), Alone(), time.monotonic()
        windows = Windows(self.cache, ids, settings, network)
        progress = train(network, windows, task, settings, team)
        seconds = time.monotonic() - began
        said = forecast(network, windows, task, settings, team, self.test)
        return {
            **self.measured(said), "parameters": parameters(network), "seconds": round(seconds),
            "clips_per_second": round(float(np.mean([e.clips_per_second for e in progress.history])), 1),
            "waited": round(float(np.mean([e.waited for e in progress.history])), 4),
            "best_epoch": progress.best + 1, "train": len(task.train), "test": len(self.test),
        }  # fmt: skip

    def ridge(self) -> dict[str, float]:
        from sklearn.linear_model import RidgeCV

        m, train = self.matrix, self.matrix.rows("train")
        X = m.X[:, m.groups() == "picture:embedding"]
        model = RidgeCV(np.logspace(0, 6, 13)).fit(X[train], m.y[train])
        return self.measured(model.predict(X[self.test]))

    def measured(self, said: np.ndarray) -> dict[str, float]:
        """Spearman on the test part."""
        whole = np.sum(list(self.planted.values()), axis=0)
        truth = {"picture": whole, **self.planted, "views": self.matrix.y}
        return {k: round(float(spearmanr(said, v[self.test]).statistic), 3) for k, v in truth.items()}


if __name__ == "__main__":
    main()
