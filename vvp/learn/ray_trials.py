"""How trials are proposed and run: Optuna and actors of Ray Tune, behind one call for all families.

A trial is a family, an input and parameters; it forecasts every fold's held rows and keeps those forecasts
(oof.npy) at the best point of the family's path, the one with the best criterion over all folds together.
One Tuner runs them all, because its start costs more than many a trial; each family has its own Optuna.
The driver writes down each trial as it ends (trials.json), and a sweep that was killed goes on from that
list: what is written there is told to Optuna and not fitted again.
Ray Tune's own way, `Tuner.restore`, is not used: it unpickles what lies in the folder, and with Optuna a
restored sweep broke off (KeyError in its searcher, Ray 2.60). No scheduler stops trials early: a path gives
every number of trees or epochs for the price of the last.
Not known here: what a sweep's record looks like (sweep.py), what a model is made of.
"""

import io
import json
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import ray
from optuna import distributions
from ray import tune
from ray.tune.search import Searcher
from ray.tune.search.optuna import OptunaSearch

from vvp.errors import TrialError
from vvp.learn.folds import TrialData
from vvp.learn.recipes import held_forecasts
from vvp.models.base import Choice, Family, Float, Int, Params, Space, first_point
from vvp.workspace import Workspace, open_uri

METRIC = "validation"  # the criterion, which is a loss
OOF = "oof.npy"
FAMILY, INPUT = "family", "input"
Tell = Callable[[int, list[float]], None]
"""(trials done, criterion of each trial that reported)"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one trial; a row of trials.json."""

    number: int
    family: str
    input: str
    params: Params
    point: int
    """of the family's path"""
    validation: float
    """the criterion over all folds' held rows"""
    seconds: float
    checkpoint: str
    """the folder with its forecasts, below the storage's: a workspace may be copied"""

    def forecasts(self, storage: str) -> np.ndarray:
        """float64 (m,): of the folds' held rows, in their order."""
        fs, base = open_uri(storage)
        with tune.Checkpoint(f"{base}/{self.checkpoint}", fs).as_directory() as folder:
            found: np.ndarray = np.load(Path(folder) / OOF, allow_pickle=False)
        return found


@dataclass(frozen=True, kw_only=True)
class Search:
    """What all trials of a sweep share. `data` refers to a `TrialData`."""

    data: ray.ObjectRef
    shape: tuple[int, int]
    """of its X"""
    inputs: tuple[str, ...]
    folder: Workspace
    trials: int
    """per family"""
    seed: int
    concurrent: int
    cpus: float

    def __call__(self, families: Sequence[Family], state: str, tell: Tell | None) -> list[Outcome]:
        """Runs what is missing in the folder `state`; all outcomes by number. TrialError names a failure."""
        watcher = _Watcher(self.folder, f"{state}/trials.json", tell)
        total = self.trials * len(families)
        missing = total - len(watcher.ended)
        if missing > 0:
            with _quiet():
                results = self._tuner(families, state, watcher, missing).fit()
            _check(results, watcher, total)
        return sorted(watcher.ended, key=lambda outcome: outcome.number)

    def _tuner(self, families: Sequence[Family], state: str, watcher: "_Watcher", missing: int) -> tune.Tuner:
        trainable = tune.with_parameters(
            _trial, data=self.data, families={f.name: f for f in families}, seed=self.seed,
            threads=max(1, int(self.cpus)),
        )  # fmt: skip
        searches = {
            f.name: self._optuna(f, [o for o in watcher.ended if o.family == f.name]) for f in families
        }
        left = {f.name: self.trials - sum(o.family == f.name for o in watcher.ended) for f in families}
        return tune.Tuner(
            tune.with_resources(trainable, {"cpu": self.cpus}),
            tune_config=tune.TuneConfig(
                metric=METRIC,
                mode="min",
                num_samples=missing,
                max_concurrent_trials=self.concurrent,
                reuse_actors=True,  # an actor's start costs more than a cheap trial
                search_alg=_InTurn(searches, left),
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
        """Optuna that knows the trials that ended; the family's first point with each input comes first."""
        start = first_point(family, *self.shape)
        firsts = [{**start, INPUT: name} for name in self.inputs][: self.trials]
        # Optuna's own 10 random trials before it looks at results would be a whole sweep here. The seed
        # moves on with the trials, or a continued sweep would draw once more what it drew before.
        sampler = optuna.samplers.TPESampler(
            seed=self.seed + len(ended), n_startup_trials=min(10, self.trials // 2)
        )
        known = [{**outcome.params, INPUT: outcome.input} for outcome in ended]
        search = OptunaSearch(
            space=_distributions({**family.space(*self.shape), INPUT: Choice(options=self.inputs)}),
            metric=METRIC,
            mode="min",
            sampler=sampler,
            points_to_evaluate=[point for point in firsts if point not in known],
        )
        for point, outcome in zip(known, ended, strict=True):
            search.add_evaluated_point(point, outcome.validation)
        return search


class _InTurn(Searcher):
    """The families' own searches, one trial of each in turn."""

    def __init__(self, searches: dict[str, OptunaSearch], left: dict[str, int]) -> None:
        super().__init__(metric=METRIC, mode="min")
        self.searches, self.left = searches, dict(left)
        self.owner: dict[str, str] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        name = max(self.left, key=lambda family: self.left[family])
        if self.left[name] <= 0:
            return None
        self.left[name] -= 1
        self.owner[trial_id] = name
        found = self.searches[name].suggest(trial_id)
        return None if found is None else {**found, FAMILY: name}

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self.searches[self.owner[trial_id]].on_trial_complete(trial_id, result, error)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: a killed sweep goes on from trials.json, and a pickle is never read."""

    def restore(self, checkpoint_path: str) -> None:
        raise NotImplementedError("a killed sweep goes on from trials.json")


def _trial(config: Params, *, data: TrialData, families: dict[str, Family], seed: int, threads: int) -> None:
    """The one trainable."""
    logging.getLogger("ray.train").setLevel(logging.WARNING)  # else a line for every checkpoint
    began = time.monotonic()
    params = {name: value for name, value in config.items() if name not in (FAMILY, INPUT)}
    family = families[config[FAMILY]]
    point, value, forecasts = held_forecasts(data, family, params, config[INPUT], threads=threads)
    if not math.isfinite(value):
        raise ValueError("the model's criterion is not a finite number")
    sink = io.BytesIO()
    np.save(sink, forecasts, allow_pickle=False)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / OOF).write_bytes(sink.getvalue())
        tune.report(
            {METRIC: value, "point": point, "seconds": time.monotonic() - began},
            checkpoint=tune.Checkpoint.from_directory(folder),
        )


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


def _check(results: tune.ResultGrid, watcher: "_Watcher", total: int) -> None:
    """TrialError unless every trial came to an end, naming the first that did not and its cause."""
    for index in range(len(results)):
        error = results[index].error
        if error is not None:
            number, config = watcher.first_number + index, dict(results[index].config or {})
            cause = getattr(error, "cause", None) or error  # Ray wraps what the trial raised
            raise TrialError(
                f"trial {config.pop(FAMILY, '?')}-{number:02d} failed with {type(cause).__name__}: {cause} "
                f"(parameters {json.dumps(config)})."
            ) from error
    if len(watcher.ended) < total:
        raise TrialError("the sweep was interrupted; the same command goes on with it.")


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
        self.told = -1

    def __getstate__(self) -> dict[str, Any]:
        # Ray Tune pickles callbacks with its own state, which is never read back; a listener (a progress
        # bar, say) cannot be pickled.
        return {}

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        last, config = trial.last_result, dict(trial.config)
        outcome = Outcome(
            number=self.first_number + trials.index(trial),
            family=config.pop(FAMILY),
            input=config.pop(INPUT),
            params=config,
            point=last["point"],
            validation=last[METRIC],
            seconds=last["seconds"],
            checkpoint=trial.checkpoint.path.removeprefix(open_uri(self.folder.root)[1]).lstrip("/"),
        )
        self.ended.append(outcome)
        self.folder.write_json(self.file, [asdict(row) for row in self.ended])

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        if self.tell is not None and len(self.ended) != self.told:
            self.told = len(self.ended)
            self.tell(len(self.ended), [outcome.validation for outcome in self.ended])


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
