"""How one family's trials are proposed and run: Optuna, ASHA and actors of Ray Tune, behind one call.

Every trial goes through `_trial`, whatever its family; its checkpoint holds the best model so far, so one
that ASHA stops has its model too. The driver writes down each trial as it ends (trials.json), and a sweep
that was killed goes on from that list: what is written there is told to Optuna and not fitted again.
Ray Tune's own way, `Tuner.restore`, is not used: it unpickles what lies in the folder, and with Optuna a
restored sweep broke off (KeyError in its searcher, Ray 2.60).
Not known here: what a sweep's record looks like (sweep.py), what a model is made of.
"""

import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
import ray
from optuna import distributions
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from vvp.errors import TrialError
from vvp.models.base import Data, Family, Float, Int, Model, Params, Space, first_point, mae
from vvp.workspace import Workspace, open_uri

Tell = Callable[[int, list[float]], None]
"""(trials done, validation mae of each trial that reported)"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one trial; a row of trials.json."""

    number: int
    params: Params
    mae: float
    steps: int
    seconds: float
    finished: bool
    """False: ended early by ASHA"""
    checkpoint: str
    """the folder with the files of its best model, below the storage's: a workspace may be copied"""

    def files(self, storage: str) -> dict[str, bytes]:
        """The files of its best model."""
        fs, base = open_uri(storage)
        with tune.Checkpoint(f"{base}/{self.checkpoint}", fs).as_directory() as folder:
            return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


@dataclass(frozen=True, kw_only=True)
class Search:
    """What all families of a sweep share. `data` refers to a (train, validation) pair of `Data`."""

    data: ray.ObjectRef
    shape: tuple[int, int]
    """of the training part's X"""
    folder: Workspace
    trials: int
    seed: int
    concurrent: int
    cpus: float

    def __call__(self, family: Family, state: str, tell: Tell | None) -> list[Outcome]:
        """Runs what is missing in the folder `state`; all outcomes by number. TrialError names a failure."""
        watcher = _Watcher(self.folder, f"{state}/trials.json", tell)
        missing = self.trials - len(watcher.ended)
        if missing > 0:
            with _quiet():
                results = self._tuner(family, state, watcher, missing).fit()
            _check(results, watcher, self.trials, family.name)
        return sorted(watcher.ended, key=lambda outcome: outcome.number)

    def _tuner(self, family: Family, state: str, watcher: "_Watcher", missing: int) -> tune.Tuner:
        trainable = tune.with_parameters(
            _trial, data=self.data, family=family, seed=self.seed, threads=max(1, int(self.cpus))
        )
        return tune.Tuner(
            tune.with_resources(trainable, {"cpu": self.cpus}),
            tune_config=tune.TuneConfig(
                metric="mae",
                mode="min",
                num_samples=missing,
                max_concurrent_trials=self.concurrent,
                reuse_actors=True,  # an actor's start costs more than a cheap trial
                search_alg=self._optuna(family, watcher.ended),
                scheduler=_asha(family),
            ),
            run_config=tune.RunConfig(
                name=f"attempt-{watcher.first_number:03d}-{time.time_ns()}",
                storage_path=self.folder.uri(state),
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
                failure_config=tune.FailureConfig(fail_fast=True),
                callbacks=[watcher],
                verbose=0,
            ),
        )

    def _optuna(self, family: Family, ended: list[Outcome]) -> OptunaSearch:
        """Optuna that knows the trials that ended; the family's first point comes first."""
        start = first_point(family, *self.shape)
        # Optuna's own 10 random trials before it looks at results would be a whole sweep here. The seed
        # moves on with the trials, or a continued sweep would draw once more what it drew before.
        sampler = optuna.samplers.TPESampler(
            seed=self.seed + len(ended), n_startup_trials=min(10, self.trials // 2)
        )
        search = OptunaSearch(
            space=_distributions(family.space(*self.shape)),
            metric="mae",
            mode="min",
            sampler=sampler,
            points_to_evaluate=[] if any(outcome.params == start for outcome in ended) else [start],
        )
        for outcome in ended:
            search.add_evaluated_point(outcome.params, outcome.mae)
        return search


def _trial(config: Params, *, data: tuple[Data, Data], family: Family, seed: int, threads: int) -> None:
    """The one trainable: fits, and reports the best validation mae so far with the model that reached it."""
    logging.getLogger("ray.train").setLevel(logging.WARNING)  # else a line for every checkpoint
    train, validation = data
    began, made = time.monotonic(), 0

    def tell(step: int, error: float, model: Model, finished: bool = False) -> None:
        nonlocal made
        made = step
        if not math.isfinite(error):
            raise ValueError("the model's validation error is not a finite number")
        seconds = time.monotonic() - began
        with tempfile.TemporaryDirectory() as folder:
            for name, content in model.files().items():
                (Path(folder) / name).write_bytes(content)
            tune.report(
                {"mae": error, "step": step, "seconds": seconds, "finished": finished},
                checkpoint=tune.Checkpoint.from_directory(folder),
            )

    model = family.fit(train, validation, config, report=tell, seed=seed, threads=threads)
    tell(max(made, 1), mae(validation.y, model.predict(validation.X)), model, finished=True)


def _distributions(space: Space) -> dict[str, distributions.BaseDistribution]:
    """vvp's ranges in Optuna's words."""
    found: dict[str, distributions.BaseDistribution] = {}
    for name, value in space.items():
        if isinstance(value, Float):
            found[name] = distributions.FloatDistribution(value.low, value.high, log=value.log)
        elif isinstance(value, Int):
            found[name] = distributions.IntDistribution(value.low, value.high, log=value.log)
        else:
            found[name] = distributions.CategoricalDistribution(value.options)
    return found


def _asha(family: Family) -> ASHAScheduler | None:
    """Only for a family with steps. Past the last step, so that a trial ends by itself and says so."""
    if family.steps is None:
        return None
    return ASHAScheduler(
        time_attr="step",
        max_t=family.steps.most + 1,
        grace_period=family.steps.every,
        reduction_factor=3,
    )


def _check(results: tune.ResultGrid, watcher: "_Watcher", trials: int, family: str) -> None:
    """TrialError unless every trial came to an end, naming the first that did not and its cause."""
    for index in range(len(results)):
        error = results[index].error
        if error is not None:
            number = watcher.first_number + index
            cause = getattr(error, "cause", None) or error  # Ray wraps what the trial raised
            raise TrialError(
                f"trial {family}-{number:02d} failed with {type(cause).__name__}: {cause} "
                f"(parameters {json.dumps(results[index].config)})."
            ) from error
    if len(watcher.ended) < trials:
        raise TrialError(f"the {family} sweep was interrupted; the same command goes on with it.")


class _Watcher(tune.Callback):
    """Writes down each trial that ends, and tells the listener whenever something changed."""

    def __init__(self, folder: Workspace, file: str, tell: Tell | None) -> None:
        rows = folder.read_json(file) if folder.exists(file) else []
        self.folder, self.file, self.tell = folder, file, tell
        with folder.taken_apart(file, "delete it, and run `vvp tune` again"):
            self.ended = [Outcome(**row) for row in rows]
            if any(row.checkpoint.startswith("/") or ".." in row.checkpoint.split("/") for row in self.ended):
                raise ValueError("a trial whose model lies elsewhere")
        self.first_number = max((outcome.number for outcome in self.ended), default=-1) + 1
        self.told: tuple[int, list[float]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Ray Tune pickles callbacks with its own state, which is never read back; a listener (a progress
        # bar, say) cannot be pickled.
        return {}

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        last = trial.last_result
        outcome = Outcome(
            number=self.first_number + trials.index(trial),
            params=dict(trial.config),
            mae=last["mae"],
            steps=last["step"],
            seconds=last["seconds"],
            finished=last["finished"],
            checkpoint=trial.checkpoint.path.removeprefix(open_uri(self.folder.root)[1]).lstrip("/"),
        )
        self.ended.append(outcome)
        self.folder.write_json(self.file, [asdict(row) for row in self.ended])

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        running = [t.last_result["mae"] for t in trials if "mae" in (t.last_result or {})]
        news = (len(self.ended), running)
        if self.tell is not None and news != self.told:
            self.told = news
            self.tell(len(self.ended), [*(outcome.mae for outcome in self.ended), *running])


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Ray Tune's log files and console output, and Optuna's; as they were after the block."""
    wanted = {
        "RAY_AIR_NEW_OUTPUT": "0",  # the newer console output prints boxes even at verbosity 0
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard file per trial
        "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
    }
    before = {name: os.environ.get(name) for name in wanted}
    logger, verbosity = logging.getLogger("ray.tune"), optuna.logging.get_verbosity()
    level = logger.level
    os.environ.update(wanted)
    logger.setLevel(logging.CRITICAL)  # a failed trial becomes a TrialError
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
        optuna.logging.set_verbosity(verbosity)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
