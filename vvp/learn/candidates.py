"""The models that a run compares under one split: what each sees, who fits it, and where it is kept.

Swept (tune.py): Ridge, LightGBM and an MLP on everything. Baselines, always: the training mean, one column
(log followers), the channel's own earlier videos, metadata alone, each modality alone. Beside them the best
swept family once more without the channel counters, which were read after posting.
Fitted on the training part, chosen by the validation part (mean absolute error of log views); the test part
is not looked at here. Not known here: Ray (the sweep is handed in), metrics, intervals.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from vvp.dataset.matrix import Matrix, Population
from vvp.models import load
from vvp.models.base import Data, Family, Model, Params, first_point, mae
from vvp.models.baselines import Unavailable, channel_history, one_column, train_mean
from vvp.models.gbdt import Gbdt
from vvp.models.mlp import Mlp
from vvp.models.ridge import Ridge
from vvp.workspace import Workspace

FAMILIES: dict[str, Family] = {family.name: family for family in (Ridge(), Gbdt(), Mlp())}
# A baseline made of many columns is the better of these two at their start, by validation.
BASELINE_FAMILIES = ("ridge", "gbdt")
ALONE = {
    "metadata only": "metadata",
    "picture alone": "picture",
    "sound alone": "sound",
    "words alone": "words",
}
WITH_MEDIA_ONLY = {"full", "full_without_counters", "picture", "sound"}
MODEL, BASELINE = "model", "baseline"


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """One row of the results table."""

    name: str
    role: str  # model: ours; baseline: what ours must beat
    input: str  # columns.INPUTS, or the one column's name, or "nothing"
    family: str
    columns: tuple[str, ...]  # of the matrix, in the model's order
    params: Params
    rows: int  # training rows it was fitted on
    validation_mae: float | None  # log views; None when unavailable
    model: Model | None  # None when unavailable
    unavailable: str | None = None  # why there is no model

    def predict(self, matrix: Matrix, rows: np.ndarray) -> np.ndarray:
        """float64 (len(rows),), log views."""
        assert self.model is not None, f"{self.name} is unavailable"
        place = {column.name: i for i, column in enumerate(matrix.columns)}
        return self.model.predict(matrix.X[np.ix_(rows, np.array([place[c] for c in self.columns]))])


Sweeper = Callable[[Data, Data], dict[str, tuple[Model, Params, float]]]
"""(train, validation) → family → (best model, its parameters, its validation mae)."""


def fit(matrix: Matrix, population: Population, sweeper: Sweeper, seed: int = 0) -> list[Candidate]:
    """Every candidate of the matrix's split, baselines first."""
    fitter = _Fitter(matrix, population, seed)
    found = [fitter.simple(), fitter.followers(), fitter.history()]
    found += [fitter.alone(name, input_) for name, input_ in ALONE.items()]
    columns = matrix.select("full")
    train, validation = fitter.parts("full", columns)
    swept = [
        fitter.candidate(family, MODEL, "full", family, columns, params, model, len(train.y))
        for family, (model, params, _) in sweeper(train, validation).items()
    ]
    best = min(swept, key=lambda c: _error(c))
    return [*found, *swept, fitter.without_counters(best)]


class _Fitter:
    def __init__(self, matrix: Matrix, population: Population, seed: int) -> None:
        self.matrix, self.population, self.seed = matrix, population, seed
        self.groups = matrix.groups()
        self.names = [c.name for c in matrix.columns]
        self.labelled = np.isfinite(matrix.y)

    def parts(self, input_: str, columns: np.ndarray) -> tuple[Data, Data]:
        """Training and validation data. Validation rows are the population's, the same for everyone."""
        media = self.population.name == "with_media" and input_ in WITH_MEDIA_ONLY
        among = self.labelled & self.matrix.has_media if media else self.labelled
        rows = (self.matrix.rows("train", among), self.matrix.rows("validation", self.population.rows))
        train, validation = (
            Data(X=self.matrix.X[np.ix_(r, columns)], y=self.matrix.y[r], groups=self.groups[columns])
            for r in rows
        )
        return train, validation

    def candidate(
        self,
        name: str,
        role: str,
        input_: str,
        family: str,
        columns: np.ndarray,
        params: Params,
        model: Model,
        n: int,
    ) -> Candidate:
        made = Candidate(
            name=name, role=role, input=input_, family=family, columns=tuple(self.names[i] for i in columns),
            params=params, rows=n, validation_mae=None, model=model,
        )  # fmt: skip
        rows = self.matrix.rows("validation", self.population.rows)
        return replace(made, validation_mae=mae(self.matrix.y[rows], made.predict(self.matrix, rows)))

    def missing(self, name: str, role: str, input_: str, family: str, reason: str) -> Candidate:
        return Candidate(
            name=name, role=role, input=input_, family=family, columns=(), params={}, rows=0,
            validation_mae=None, model=None, unavailable=reason,
        )  # fmt: skip

    def simple(self) -> Candidate:
        column = np.array([0])  # the mean looks at none; a saved model has at least one
        train, _ = self.parts("metadata", column)
        model = train_mean(train)
        return self.candidate(
            "train mean", BASELINE, "nothing", model.family, column, {}, model, len(train.y)
        )

    def followers(self) -> Candidate:
        return self._column("log followers", "log_channel_followers", one_column)

    def history(self) -> Candidate:
        return self._column("channel's earlier videos", "channel_history_mean", channel_history)

    def _column(self, name: str, column: str, fit_one: Callable[[Data, int | None], Any]) -> Candidate:
        if column not in self.names:
            return self.missing(name, BASELINE, column, "one_column", self.matrix.dropped[column])
        at = np.array([self.names.index(column)])
        train, _ = self.parts("metadata", at)
        model = fit_one(train, 0)
        if isinstance(model, Unavailable):
            return self.missing(name, BASELINE, column, model.family, model.reason)
        return self.candidate(name, BASELINE, column, model.family, at, {}, model, len(train.y))

    def alone(self, name: str, input_: str) -> Candidate:
        columns = self.matrix.select(input_)
        own = [i for i in columns if self.matrix.columns[i].block != "horizon"]
        if not own:
            return self.missing(name, BASELINE, input_, "ridge", "no video of the training part has it")
        tried = [self.at_start(name, BASELINE, input_, FAMILIES[f], columns) for f in BASELINE_FAMILIES]
        return min(tried, key=lambda c: _error(c))

    def at_start(self, name: str, role: str, input_: str, family: Family, columns: np.ndarray) -> Candidate:
        train, validation = self.parts(input_, columns)
        params = first_point(family, len(train.y), len(columns))
        model = family.fit(train, validation, params, seed=self.seed)
        return self.candidate(name, role, input_, family.name, columns, params, model, len(train.y))

    def without_counters(self, best: Candidate) -> Candidate:
        name, input_ = "best, no counters", "full_without_counters"
        columns = self.matrix.select(input_)
        if len(columns) == len(best.columns):
            return self.missing(name, MODEL, input_, best.family, "the table has no channel counters")
        train, validation = self.parts(input_, columns)
        model = FAMILIES[best.family].fit(train, validation, best.params, seed=self.seed)
        return self.candidate(name, MODEL, input_, best.family, columns, best.params, model, len(train.y))


def _error(one: Candidate) -> float:
    return np.inf if one.validation_mae is None else one.validation_mae


def fingerprint(matrix: Matrix) -> str:
    """sha256 hex of what was fitted on: evaluation refuses models of other tables."""
    digest = hashlib.sha256("".join(matrix.video_id).encode() + "".join(matrix.part).encode())
    digest.update(np.ascontiguousarray(matrix.X).tobytes() + np.ascontiguousarray(matrix.y).tobytes())
    return digest.hexdigest()


def save(space: Workspace, folder: str, candidates: list[Candidate], facts: dict[str, Any]) -> str:
    """Writes models and candidates.json under `folder` (it comes last and makes it whole); hash of it all."""
    heads = []
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for number, one in enumerate(candidates):
        files = one.model.files() if one.model else {}
        for file, data in files.items():
            space.write_bytes(f"{folder}/models/{number:02d}/{file}", data)
            digest.update(data)
        head = {k: v for k, v in asdict(replace(one, model=None)).items() if k != "model"}
        heads.append({**head, "files": sorted(files)})
    digest.update(json.dumps(heads, sort_keys=True).encode())
    space.write_json(f"{folder}/candidates.json", {**facts, "candidates": heads})
    return digest.hexdigest()


def read(space: Workspace, folder: str) -> tuple[list[Candidate], dict[str, Any]]:
    """What `save` wrote. UserError when it is absent or damaged."""
    facts = space.read_json(f"{folder}/candidates.json")
    found = []
    for number, head in enumerate(facts.pop("candidates")):
        files = {f: space.read_bytes(f"{folder}/models/{number:02d}/{f}") for f in head.pop("files")}
        head["columns"] = tuple(head["columns"])
        found.append(Candidate(**head, model=load(files) if files else None))
    return found, facts
