"""Does a network that learned from one collection help another one that has few clips?

Two generated worlds share their causes and no clip. A network learns from the whole first world. Then, for
each number of clips of the second, the newest of them before its last TEST: one begins from random weights
and one as the first world's network, with the same settings. Of both, on those last TEST clips: Spearman with
the planted part of the picture and with views, and the mean absolute error of log views.

    python benchmarks/transfer.py [--home FOLDER] [--first 400] [--sizes 50,100,200,400,800] [--network c3d]
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, machine
from scipy.stats import spearmanr

PLANTED = ("pace", "warmth", "motion")
TEST = 100
HELD = 0.25  # of the clips before the test, the newest: they choose the epoch
OPTIONS = {"width": 0.125, "dropout": 0.1}
SETTINGS: dict[str, Any] = {"batch": 8, "patience": 25, "pixels": 48, "frames": 16, "epochs": 25, "lr": 5e-4,
                            "lr_every": 15}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path)
    parser.add_argument("--first", type=int, default=400)
    parser.add_argument("--sizes", default="50,100,200,400,800")
    parser.add_argument("--test", type=int, default=TEST)
    parser.add_argument("--epochs", type=int, default=SETTINGS["epochs"])
    parser.add_argument("--network", default="c3d")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        result = compare(options.home or Path(scratch), options, sizes)
    (RESULTS / "transfer.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def compare(home: Path, options: argparse.Namespace, sizes: list[int]) -> dict[str, Any]:
    import torch

    from vvp.finetune.settings import TrainSettings

    torch.set_num_threads(options.threads)
    settings = TrainSettings(
        network=options.network, options=OPTIONS, **(SETTINGS | {"epochs": options.epochs})
    )
    first, second = (
        World.made(home / "first", options.first, 0),
        World.made(home / "second", max(sizes) + options.test, 1),
    )
    whole = np.arange(options.first)
    taught = first.learn(settings, whole)
    result: dict[str, Any] = {
        "date": date.today().isoformat(), "machine": machine(), "threads": options.threads,
        "first": options.first, "test": options.test, "network": options.network, "options": OPTIONS,
        "settings": {k: getattr(settings, k) for k in SETTINGS}, "seconds": {"first": taught.seconds},
        "sizes": {},
    }  # fmt: skip
    test = np.arange(max(sizes), max(sizes) + options.test)
    unchanged = second.measured(second.forecast(taught, settings, test), test)
    result["the first world's network as it is"] = unchanged
    for size in sizes:
        own = np.arange(max(sizes) - size, max(sizes))
        alone = second.learn(settings, own)
        begun = second.learn(replace(settings, begun="first"), own, taught.network.state_dict())
        result["sizes"][size] = {
            "without": second.measured(second.forecast(alone, settings, test), test),
            "with": second.measured(second.forecast(begun, settings, test), test),
            "seconds": round(alone.seconds + begun.seconds),
        }
        print(size, result["sizes"][size], flush=True)
    return result


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    network: Any
    task: Any
    seconds: float


class World:
    """A generated world's clips in the order of posting, cached, and the truth about them."""

    def __init__(self, space: Any, ids: list[str], y: np.ndarray, planted: dict[str, np.ndarray]) -> None:
        from vvp.finetune.clips import ClipCache

        self.cache, _ = ClipCache.open(space)
        self.ids, self.y, self.planted = ids, y, planted

    @classmethod
    def made(cls, home: Path, videos: int, seed: int) -> "World":
        """By the commands themselves; what is there is not made again."""
        from vvp.synthetic.write import write_world
        from vvp.workspace import Workspace

        write_world(home / "clips", videos=videos, seed=seed)
        for words in (("collect", "ytdlp", str(home / "clips")), ("clips",)):
            command = [sys.executable, "-m", "jobs", "--local", *words, "-w", str(home / "ws")]
            subprocess.run(command, check=True)
        space = Workspace(home / "ws")
        posted = space.read("videos", ["video_id", "published_at"]).sort_by("published_at")
        with (home / "clips" / "effects.csv").open() as file:
            truth = {row["video_id"]: row for row in csv.DictReader(file)}
        ids = [video for video in posted["video_id"].to_pylist() if video in truth]
        y = np.array([float(truth[video]["log_views"]) for video in ids])
        planted = {name: np.array([float(truth[video][name]) for video in ids]) for name in PLANTED}
        return cls(space, ids, y, planted)

    def learn(self, settings: Any, rows: np.ndarray, start: Any = None) -> Learned:
        """start: a network's tensors to begin with; None: random numbers."""
        import torch

        from vvp.finetune.loop import Alone, train
        from vvp.finetune.networks.registry import make
        from vvp.finetune.task import Task

        cut = len(rows) - max(3, round(HELD * len(rows)))
        task = Task(y=self.y, train=rows[:cut], validation=rows[cut:])
        torch.manual_seed(settings.seed)
        network, began = make(settings.network, **settings.options), time.monotonic()
        if start is not None:
            network.load_state_dict(start)
        train(network, self._windows(settings, network), task, settings, Alone())
        return Learned(network=network, task=task, seconds=round(time.monotonic() - began, 1))

    def forecast(self, learned: Learned, settings: Any, rows: np.ndarray) -> np.ndarray:
        """On the scale that the network learned, whichever world that was."""
        from vvp.finetune.loop import Alone, forecast

        windows = self._windows(settings, learned.network)
        return forecast(learned.network, windows, learned.task, settings, Alone(), rows)

    def _windows(self, settings: Any, network: Any) -> Any:
        from vvp.finetune.windows import Windows

        return Windows(self.cache, self.ids, settings, network)

    def measured(self, said: np.ndarray, rows: np.ndarray) -> dict[str, float | None]:
        whole = np.sum(list(self.planted.values()), axis=0)
        truth = {"picture": whole, **self.planted, "views": self.y}
        ranks = {k: float(spearmanr(said, v[rows]).statistic) for k, v in truth.items()}
        found = {k: round(v, 3) if np.isfinite(v) else None for k, v in ranks.items()}
        return {**found, "error": round(float(np.abs(said - self.y[rows]).mean()), 3)}


if __name__ == "__main__":
    main()
