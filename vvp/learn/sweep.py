"""One sweep for every family: which trials were run, which was best, and how a killed sweep goes on.

Under `storage/name/`: FAMILY.json (the finished sweep: its trials, which was best), FAMILY/ (the best model's
files) and, while it runs, FAMILY.state/. A sweep goes on, or is not repeated, when data, family and settings
are the same to the last bit; otherwise it starts anew. Only JSON and model files are ever read back; what Ray
Tune pickles for itself in FAMILY.state/ is not, and is deleted when the family is done.
With max_concurrent=1 an uninterrupted sweep follows from the seed; with more, also from who ends first.
Not known here: how trials are proposed and run (ray_trials.py), what the columns mean, the test part.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import ray

from vvp.errors import PlanError, UserError
from vvp.learn.ray_trials import Outcome, Search
from vvp.models.base import Data, Family, Model, Params
from vvp.models.registry import family as family_of
from vvp.models.registry import load
from vvp.paths import RunPaths
from vvp.workspace import Workspace

Progress = Callable[[int, int, float | None], None]
"""(trials done, trials in all, least validation mae so far, None before the first report)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepData:
    """Fitted on `train`, chosen by `validation`; the test part never comes here."""

    train: Data
    validation: Data


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One row of the table of trials."""

    family: str
    trial: str
    """family and number in the order of proposal, such as ridge-03"""
    params: Params
    mae: float
    """validation, log views; the best step's"""
    steps: int
    """steps made at its last report; 1 for a family without steps"""
    seconds: float
    status: str
    """done | stopped (by ASHA: others were better after as many steps)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Best:
    """The model that a family goes on with."""

    model: Model
    params: Params
    mae: float
    trial: str


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult:
    best: dict[str, Best]
    """family name → its best model"""
    trials: list[Trial]


def sweep(
    families: Sequence[Family],
    data: SweepData,
    *,
    storage: str,
    name: str,
    trials: int = 8,
    seed: int = 0,
    max_concurrent: int | None = None,
    cpus_per_trial: float = 1.0,
    progress: Progress | None = None,
) -> SweepResult:
    """Sweeps each family in turn; needs an initialised Ray. `storage`: a path or URI every node can reach.

    Killed and called again it goes on; called again when finished it reads what is there.
    TrialError names the first trial that failed; PlanError when the cluster has too few CPUs for a trial.
    """
    total_cpus = float(ray.cluster_resources().get("CPU", 0.0))
    if not 0 < cpus_per_trial <= total_cpus:
        raise PlanError(f"a trial asks for {cpus_per_trial:g} CPUs and the cluster has {total_cpus:g}.")
    if trials < 1 or not families:
        raise UserError("a sweep needs at least one family and one trial.")
    slots = max(1, int(total_cpus / cpus_per_trial))
    folder = Workspace(Workspace(storage).uri(name))
    search = Search(
        data=ray.put((data.train, data.validation)),
        shape=data.train.X.shape,
        folder=folder,
        trials=trials,
        seed=seed,
        concurrent=min(slots, max_concurrent or slots, trials),
        cpus=cpus_per_trial,
    )
    best: dict[str, Best] = {}
    rows: list[Trial] = []
    for family in families:
        mark = fingerprint(family, data, trials=trials, seed=seed)
        record = _finished(folder, family.name, mark)
        if record is None:
            tell = _teller(progress, len(rows), trials * len(families), [row.mae for row in rows])
            outcomes = search(family, _begin(folder, family.name, mark), tell)
            record = _conclude(folder, family.name, outcomes, mark)
        table = [Trial(**row) for row in record["trials"]]
        winner = next(row for row in table if row.trial == record["best"])
        model = load({file: folder.read_bytes(f"{family.name}/{file}") for file in record["files"]})
        best[family.name] = Best(model=model, params=winner.params, mae=winner.mae, trial=winner.trial)
        rows += table
    if progress is not None:
        progress(len(rows), len(rows), min(row.mae for row in rows))
    return SweepResult(best=best, trials=rows)


@dataclass(frozen=True, kw_only=True)
class Sweeps:
    """What `tuning.tune` asks for: split → what sweeps the families on its data.

    Ray is started by the first sweep (`start`): a run that holds rules alone needs none.
    """

    space: Workspace
    at: RunPaths
    families: Sequence[str]
    trials: int = 8
    seed: int = 0
    cpus_per_trial: float = 1.0
    start: Callable[[], None]
    progress: Callable[[int, int, str], None] | None = None

    def __call__(self, split: str) -> Callable[[Data, Data], dict[str, tuple[Model, Params, float]]]:
        def tell(done: int, total: int, best: float | None) -> None:
            if self.progress is not None:
                least = "" if best is None else f"least error {best:.3f}"
                self.progress(done, total, f"trials, {split} split {least}".rstrip())

        def sweeper(train: Data, validation: Data) -> dict[str, tuple[Model, Params, float]]:
            self.start()
            result = sweep(
                [family_of(name) for name in self.families],
                SweepData(train=train, validation=validation),
                storage=self.space.uri(self.at.split(split)),
                name="sweep",
                trials=self.trials,
                seed=self.seed,
                cpus_per_trial=self.cpus_per_trial,
                progress=tell,
            )
            self.space.write_json(self.at.trials(split), [vars(t) for t in result.trials])
            return {family: (best.model, best.params, best.mae) for family, best in result.best.items()}

        return sweeper


def fingerprint(family: Family, data: SweepData, *, trials: int, seed: int) -> str:
    """sha256 hex of all that the outcome depends on."""
    facts = [repr(family), str(trials), str(seed)]
    digest = hashlib.sha256(json.dumps(facts).encode())
    for part in (data.train, data.validation):
        digest.update(json.dumps([part.X.shape, part.groups.tolist()]).encode())
        digest.update(np.ascontiguousarray(part.X).tobytes() + np.ascontiguousarray(part.y).tobytes())
    return digest.hexdigest()


def _state(family: str) -> str:
    """Name of the folder of a family while its sweep runs."""
    return f"{family}.state"


def _begin(folder: Workspace, family: str, mark: str) -> str:
    """Name of the state folder: as it was left when it is this very sweep's, else emptied."""
    state = _state(family)
    note = f"{state}/fingerprint.json"
    if not folder.exists(note) or folder.read_json(note) != mark:
        folder.remove(state)
        folder.write_json(note, mark)
    return state


def _finished(folder: Workspace, family: str, mark: str) -> dict[str, Any] | None:
    """The record of a family whose sweep was completed with this fingerprint."""
    if not folder.exists(f"{family}.json"):
        return None
    record = folder.read_json(f"{family}.json")
    with folder.taken_apart(f"{family}.json", "delete it, and run `vvp tune` again"):
        if record["fingerprint"] != mark:
            return None
        [Trial(**row) for row in record["trials"]]
        if record["best"] not in [row["trial"] for row in record["trials"]]:
            raise ValueError("a best trial that there is not")
        if not {*record["files"]} <= {"model.json", "model.safetensors", "model.txt"}:
            raise ValueError("a file that is none of a model's")
    return dict(record)


def _conclude(folder: Workspace, family: str, outcomes: list[Outcome], mark: str) -> dict[str, Any]:
    """Writes the best model's files and the record, then clears Ray Tune's state away."""
    rows = [
        Trial(
            family=family,
            trial=f"{family}-{outcome.number:02d}",
            params=outcome.params,
            mae=outcome.mae,
            steps=outcome.steps,
            seconds=outcome.seconds,
            status="done" if outcome.finished else "stopped",
        )
        for outcome in outcomes
    ]
    best = min(range(len(rows)), key=lambda row: rows[row].mae)
    files = outcomes[best].files(folder.root)
    folder.remove(f"{family}.json")
    folder.remove(family)
    for file, content in files.items():
        folder.write_bytes(f"{family}/{file}", content)
    record = {
        "fingerprint": mark,
        "best": rows[best].trial,
        "files": sorted(files),
        "trials": [asdict(row) for row in rows],
    }
    folder.write_json(f"{family}.json", record)  # last, so that what it names is there
    folder.remove(_state(family))
    return record


def _teller(
    progress: Progress | None, before: int, total: int, errors: list[float]
) -> Callable[[int, list[float]], None] | None:
    """Turns one family's count and errors into the whole sweep's."""
    if progress is None:
        return None

    def tell(done: int, seen: list[float]) -> None:
        progress(before + done, total, min([*errors, *seen], default=None))

    return tell
