"""How one family's trials are proposed and run: Optuna, ASHA and actors of Ray Tune, behind one call.

Every trial goes through `_trial`, whatever its family. A trial's checkpoint holds the best model so far and
a note of what it reached, so one that ASHA stops has its model too, and one that was finished when the
driver died is not fitted again.
Not known here: what a sweep's record looks like (tune.py), what a model is made of.
"""

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch

from vvp.errors import TrialError
from vvp.models.base import Data, Family, Float, Int, Model, Params, Space, first_point, mae

NOTE = "trial.json"
Tell = Callable[[int, list[float]], None]
"""(trials done, validation mae of each trial that reported)"""

# Where a running sweep's callback finds whom to tell. Ray Tune pickles callbacks with its state, and a
# progress bar is not to be pickled, nor to come back from the dead when a sweep is restored.
_listeners: dict[str, Tell] = {}


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcome:
    """What became of one trial."""

    trial: str
    params: Params
    mae: float
    steps: int
    seconds: float
    finished: bool
    """False: ended early by ASHA"""
    checkpoint: tune.Checkpoint

    def files(self) -> dict[str, bytes]:
        """The files of its best model."""
        with self.checkpoint.as_directory() as folder:
            return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.name != NOTE}


@dataclass(frozen=True, kw_only=True)
class Search:
    """What all families of a sweep share. `data` refers to a (train, validation) pair of `Data`."""

    data: ray.ObjectRef
    shape: tuple[int, int]
    """of the training part's X"""
    storage: str
    trials: int
    seed: int
    concurrent: int
    cpus: float

    def __call__(self, family: Family, state: str, tell: Tell | None) -> list[Outcome]:
        """Runs, or goes on with, the experiment in `storage`/`state`. TrialError names a failed trial."""
        trainable = tune.with_parameters(
            _trial, data=self.data, family=family, seed=self.seed, threads=max(1, int(self.cpus))
        )
        with _quiet(), _listening(state, tell):
            tuner = self._tuner(tune.with_resources(trainable, {"cpu": self.cpus}), family, state)
            results = tuner.fit()
        return [_outcome(results, number, family.name) for number in range(len(results))]

    def _tuner(self, trainable: Any, family: Family, state: str) -> tune.Tuner:
        path = f"{self.storage}/{state}"
        if tune.Tuner.can_restore(path):
            return tune.Tuner.restore(path, trainable, restart_errored=True)
        space = family.space(*self.shape)
        # Optuna's own 10 random trials before it looks at results would be a whole sweep here.
        sampler = optuna.samplers.TPESampler(seed=self.seed, n_startup_trials=min(10, self.trials // 2))
        start = first_point(family, *self.shape)
        return tune.Tuner(
            trainable,
            param_space=_domains(space),
            tune_config=tune.TuneConfig(
                metric="mae",
                mode="min",
                num_samples=self.trials,
                max_concurrent_trials=self.concurrent,
                reuse_actors=True,  # an actor's start costs more than a cheap trial
                search_alg=OptunaSearch(sampler=sampler, points_to_evaluate=[start]),
                scheduler=_asha(family),
            ),
            run_config=tune.RunConfig(
                name=state,
                storage_path=self.storage,
                # With 1, Tune writes its own state at every checkpoint, so that a kill forgets no trial.
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
                callbacks=[_Watcher(state)],
                verbose=0,
            ),
        )


def _trial(config: Params, *, data: tuple[Data, Data], family: Family, seed: int, threads: int) -> None:
    """The one trainable: fits, and reports the best validation mae so far with the model that reached it."""
    logging.getLogger("ray.train").setLevel(logging.WARNING)  # else a line for every checkpoint
    earlier = tune.get_checkpoint()
    if earlier is not None:
        with earlier.as_directory() as folder:
            note = json.loads((Path(folder) / NOTE).read_text())
        if note["finished"]:
            tune.report(note)
            return
    train, validation = data
    began, made = time.monotonic(), 0

    def tell(step: int, error: float, model: Model, finished: bool = False) -> None:
        nonlocal made
        made = step
        note = {"mae": error, "step": step, "seconds": time.monotonic() - began, "finished": finished}
        with tempfile.TemporaryDirectory() as folder:
            for name, content in {**model.files(), NOTE: json.dumps(note).encode()}.items():
                (Path(folder) / name).write_bytes(content)
            tune.report(note, checkpoint=tune.Checkpoint.from_directory(folder))

    model = family.fit(train, validation, config, report=tell, seed=seed, threads=threads)
    tell(max(made, 1), mae(validation.y, model.predict(validation.X)), model, finished=True)


def _domains(space: Space) -> dict[str, Any]:
    """vvp's ranges in Ray Tune's words, whose whole numbers leave the upper end out."""
    domains: dict[str, Any] = {}
    for name, value in space.items():
        if isinstance(value, Float):
            domains[name] = (tune.loguniform if value.log else tune.uniform)(value.low, value.high)
        elif isinstance(value, Int):
            domains[name] = (tune.lograndint if value.log else tune.randint)(value.low, value.high + 1)
        else:
            domains[name] = tune.choice(list(value.options))
    return domains


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


def _outcome(results: tune.ResultGrid, number: int, family: str) -> Outcome:
    result, trial = results[number], f"{family}-{number:02d}"
    if result.error is not None or result.checkpoint is None or not result.metrics:
        raise TrialError(
            f"trial {trial} failed with {_cause(result.error)} (parameters {json.dumps(result.config)}); "
            f"{results.num_errors} of {len(results)} trials of {family} failed."
        )
    return Outcome(
        trial=trial,
        params=dict(result.config or {}),
        mae=result.metrics["mae"],
        steps=result.metrics["step"],
        seconds=result.metrics["seconds"],
        finished=result.metrics["finished"],
        checkpoint=result.checkpoint,
    )


def _cause(error: Exception | None) -> str:
    """Type and message of what the trial itself raised, without Ray's wrapping and traceback."""
    return repr(error)


class _Watcher(tune.Callback):
    """Tells the sweep's listener, when there is one in this process, whenever something changed."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.told: tuple[int, list[float]] | None = None

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        done = sum(trial.status == "TERMINATED" for trial in trials)
        errors = [trial.last_result["mae"] for trial in trials if "mae" in (trial.last_result or {})]
        if (done, errors) != self.told and self.state in _listeners:
            self.told = (done, errors)
            _listeners[self.state](done, errors)


@contextmanager
def _listening(state: str, tell: Tell | None) -> Iterator[None]:
    if tell is not None:
        _listeners[state] = tell
    try:
        yield
    finally:
        _listeners.pop(state, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Ray Tune's log files and console output, and Optuna's; as they were after the block."""
    wanted = {
        "RAY_AIR_NEW_OUTPUT": "0",  # the newer console output prints boxes even at verbosity 0
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard file per trial
        "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",  # frequent on purpose, see above
    }
    before = {name: os.environ.get(name) for name in wanted}
    logger, verbosity = logging.getLogger("ray.tune"), optuna.logging.get_verbosity()
    level = logger.level
    os.environ.update(wanted)
    logger.setLevel(logging.ERROR)
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
