"""The sweep of a split: which trials were run, what each said of the folds' held rows, and how it goes on.

Under `storage/name/`: sweep.json (the finished sweep: its trials), oof.npy (what each trial forecast for the
folds' held rows) and, while it runs, state/. A sweep goes on, or is not repeated, when data, families and
settings are the same to the last bit; otherwise it starts anew. Only JSON and plain arrays are ever read
back; what Ray Tune pickles for itself in state/ is not, and is deleted when the sweep is done.
With max_concurrent=1 an uninterrupted sweep follows from the seed; with more, also from who ends first.
Not known here: how trials are proposed and run (ray_trials.py), what the columns mean, the test part.
"""

import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import ray

from vvp.errors import PlanError, UserError
from vvp.learn.folds import TrialData
from vvp.learn.ray_trials import OOF, Outcome, Search
from vvp.learn.recipes import Recipe, Tried
from vvp.models.base import Family, Params, best
from vvp.models.registry import family as family_of
from vvp.paths import RunPaths
from vvp.workspace import Workspace

Progress = Callable[[int, int, float | None], None]
"""(trials done, trials in all, best criterion so far, None before the first report)"""
RECORD, STATE = "sweep.json", "state"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One row of the table of trials."""

    family: str
    trial: str
    """family and number in the order of proposal, such as ridge-03"""
    input: str
    params: Params
    point: int
    """of the family's path"""
    validation: float
    """the criterion over all folds' held rows, log views"""
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class SweepResult:
    tried: list[Tried]
    trials: list[Trial]


def sweep(
    families: Sequence[Family],
    data: TrialData,
    *,
    storage: str,
    name: str,
    trials: int = 8,
    seed: int = 0,
    max_concurrent: int | None = None,
    cpus_per_trial: float = 1.0,
    progress: Progress | None = None,
) -> SweepResult:
    """`trials` of each family; needs an initialised Ray. `storage`: a path or URI every node can reach.

    A sweep that was killed is resumed by the next call. Once it is finished, a call reads the stored trials.
    TrialError names the first trial that failed; PlanError when the cluster has too few CPUs for a trial.
    """
    total_cpus = float(ray.cluster_resources().get("CPU", 0.0))
    if not 0 < cpus_per_trial <= total_cpus:
        raise PlanError(f"a trial asks for {cpus_per_trial:g} CPUs and the cluster has {total_cpus:g}.")
    if trials < 1 or not families:
        raise UserError("a sweep needs at least one family and one trial.")
    slots = max(1, int(total_cpus / cpus_per_trial))
    folder = Workspace(Workspace(storage).uri(name))
    total = trials * len(families)
    mark = fingerprint(families, data, trials=trials, seed=seed)
    record = _finished(folder, mark)
    if record is None:
        search = Search(
            data=ray.put(data),
            shape=data.X.shape,
            inputs=tuple(data.inputs),
            folder=folder,
            trials=trials,
            seed=seed,
            concurrent=min(slots, max_concurrent or slots, total),
            cpus=cpus_per_trial,
        )
        outcomes = search(families, _begin(folder, mark), _teller(progress, total))
        record = _conclude(folder, outcomes, mark)
    rows = [Trial(**row) for row in record["trials"]]
    said = np.load(io.BytesIO(folder.read_bytes(OOF)), allow_pickle=False)
    tried = [
        Tried(
            Recipe(family=row.family, input=row.input, params=row.params, point=row.point),
            row.validation,
            oof,
        )
        for row, oof in zip(rows, said, strict=True)
    ]
    if progress is not None:
        progress(len(rows), len(rows), best(row.validation for row in rows))
    return SweepResult(tried=tried, trials=rows)


@dataclass(frozen=True, kw_only=True)
class Sweeps:
    """What `tuning.tune` asks for: split → what sweeps the families on its data.

    Ray is started by the first sweep (`start`): a run that holds rules alone needs none.
    """

    space: Workspace
    at: RunPaths
    families: Sequence[str]
    deciding: str = "time"
    trials: int = 8
    """per family under the deciding split; half as many under the others, which are for comparison"""
    seed: int = 0
    cpus_per_trial: float = 1.0
    start: Callable[[], None]
    progress: Callable[[int, int, str], None] | None = None

    def __call__(self, split: str) -> Callable[[TrialData], list[Tried]]:
        def tell(done: int, total: int, lowest: float | None) -> None:
            if self.progress is not None:
                least = "" if lowest is None else f"least error {lowest:.3f}"
                self.progress(done, total, f"trials, {split} split {least}".rstrip())

        def sweeper(data: TrialData) -> list[Tried]:
            self.start()
            result = sweep(
                [family_of(name, data.classes) for name in self.families],
                data,
                storage=self.space.uri(self.at.split(split)),
                name="sweep",
                trials=self.trials if split == self.deciding else max(1, self.trials // 2),
                seed=self.seed,
                cpus_per_trial=self.cpus_per_trial,
                progress=tell,
            )
            self.space.write_json(self.at.trials(split), [vars(t) for t in result.trials])
            return result.tried

        return sweeper


def fingerprint(families: Sequence[Family], data: TrialData, *, trials: int, seed: int) -> str:
    """sha256 hex of all that the outcome depends on."""
    facts = [
        repr(families),
        str(trials),
        str(seed),
        str(data.seed),
        str(data.classes),
        str(data.X.shape),
        data.groups.tolist(),
        list(data.inputs),
    ]
    digest = hashlib.sha256(json.dumps(facts).encode())
    arrays = [data.X, data.y, data.media, *data.inputs.values(), data.topic_columns, data.history.columns]
    arrays += [array for fold in data.folds for array in (fold.fit, fold.held, fold.topics)]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _begin(folder: Workspace, mark: str) -> str:
    """Name of the state folder: as it was left when it is this very sweep's, else emptied."""
    note = f"{STATE}/fingerprint.json"
    if not folder.exists(note) or folder.read_json(note) != mark:
        folder.remove(STATE)
        folder.write_json(note, mark)
    return STATE


def _finished(folder: Workspace, mark: str) -> dict[str, Any] | None:
    """The record of a sweep that was completed with this fingerprint."""
    if not folder.exists(RECORD):
        return None
    record = folder.read_json(RECORD)
    with folder.taken_apart(RECORD, "delete it, and run `vvp tune` again"):
        if record["fingerprint"] != mark:
            return None
        [Trial(**row) for row in record["trials"]]
    return dict(record)


def _conclude(folder: Workspace, outcomes: list[Outcome], mark: str) -> dict[str, Any]:
    """Writes every trial's forecasts and the record, then clears Ray Tune's state away."""
    rows = [
        Trial(
            family=outcome.family, trial=f"{outcome.family}-{outcome.number:02d}", input=outcome.input,
            params=outcome.params, point=outcome.point, validation=outcome.validation,
            seconds=outcome.seconds,
        )
        for outcome in outcomes
    ]  # fmt: skip
    folder.remove(RECORD)
    sink = io.BytesIO()
    np.save(sink, np.stack([outcome.forecasts(folder.root) for outcome in outcomes]), allow_pickle=False)
    folder.write_bytes(OOF, sink.getvalue())
    record = {"fingerprint": mark, "trials": [asdict(row) for row in rows]}
    folder.write_json(RECORD, record)  # last, so that what it names is there
    folder.remove(STATE)
    return record


def _teller(progress: Progress | None, total: int) -> Callable[[int, list[float]], None] | None:
    if progress is None:
        return None

    def tell(done: int, seen: list[float]) -> None:
        progress(done, total, best(seen))

    return tell
