"""The models that a run compares under one split: what each sees, who fits it, and where it is kept.

Rules need no model: the training mean, a line through log followers, the channel's own earlier videos.
Models are fitted: on one kind of input (metadata, picture, sound or words alone), or swept on everything
(sweep.py: Ridge, LightGBM, an MLP). Beside them stands the best swept family without the channel counters,
which were read after posting.
Fitted on the training part and compared on the validation part (mean absolute error of log views). The
test part is not looked at here.
Not known here: Ray (the sweep is handed in), who is chosen (evidence.py), metrics.
"""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.matrix import Matrix, Population
from vvp.learn.records import Fitted
from vvp.models.base import Data, Family, Model, Params, first_point, mae
from vvp.models.baselines import (
    HistoryModel,
    Unavailable,
    channel_history,
    one_column,
    train_mean,
)
from vvp.models.registry import family as family_of
from vvp.models.registry import load
from vvp.workspace import Workspace

# A model of one kind of input is the better of these two at their start, by validation.
SINGLE_FAMILIES = ("ridge", "gbdt")
ALONE = {
    "metadata only": "metadata",
    "picture alone": "picture",
    "sound alone": "sound",
    "words alone": "words",
}
WITH_MEDIA_ONLY = {"full", "full_without_counters", "picture", "sound"}
# Roles. A rule needs no model; a single sees one kind of input; a model sees everything.
Role = Literal["rule", "single", "model"]
RULE: Final = "rule"
SINGLE: Final = "single"
MODEL: Final = "model"
MODELS = (SINGLE, MODEL)
NO_COUNTERS = "best, no counters"
MEAN, FOLLOWERS, HISTORY = "train mean", "log followers", "channel's earlier videos"
# No forecast lies further outside the training range of views than this factor.
RANGE_FACTOR = 3.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """One row of the results table."""

    name: str
    role: Role
    input: str  # columns.INPUTS, or the one column's name, or "nothing"
    family: str
    columns: tuple[str, ...]  # of the matrix, in the model's order
    params: Params
    rows: int  # training rows it was fitted on
    validation_mae: float | None  # log views; None when unavailable
    model: Model | None  # None when unavailable
    unavailable: str | None = None  # why there is no model
    bounds: tuple[float, float] | None = None  # log views of its training rows, least and greatest

    def predict(self, matrix: Matrix, rows: np.ndarray) -> np.ndarray:
        """float64 (len(rows),), log views, kept near the training range (`within`)."""
        assert self.model is not None, f"{self.name} is unavailable"
        place = {column.name: i for i, column in enumerate(matrix.columns)}
        raw = self.model.predict(matrix.X[np.ix_(rows, np.array([place[c] for c in self.columns]))])
        return within(raw, self.bounds)


def within(log_views: np.ndarray, bounds: tuple[float, float] | None) -> np.ndarray:
    """No further than RANGE_FACTOR outside the bounds: what no training video came near is extrapolation."""
    if bounds is None:
        return log_views
    slack = math.log(RANGE_FACTOR)
    return np.clip(log_views, bounds[0] - slack, bounds[1] + slack)


Sweeper = Callable[[Data, Data], dict[str, tuple[Model, Params, float]]]
"""(train, validation) → family → (best model, its parameters, its validation mae)."""


def fit(matrix: Matrix, population: Population, sweeper: Sweeper, seed: int = 0) -> list[Candidate]:
    """Every candidate of the matrix's split, rules first."""
    fitter = _Fitter(matrix, population, seed)
    found = rules(matrix, population, seed)
    found += [fitter.alone(name, input_) for name, input_ in ALONE.items()]
    columns = matrix.select("full")
    train, validation = fitter.parts("full", columns)
    swept = [
        fitter.candidate(family, MODEL, "full", family, columns, params, model, len(train.y))
        for family, (model, params, _) in sweeper(train, validation).items()
    ]
    best = min(swept, key=lambda c: _error(c))
    return [*found, *swept, fitter.without_counters(best)]


def rules(matrix: Matrix, population: Population, seed: int = 0) -> list[Candidate]:
    """The rules alone: all that a few rows allow."""
    fitter = _Fitter(matrix, population, seed)
    return [fitter.simple(), fitter.followers(), fitter.history()]


def fit_rule(matrix: Matrix, rule: Candidate, rows: np.ndarray) -> Candidate:
    """A rule fitted on other labelled rows; as it was where these cannot give it."""
    at = np.array([[c.name for c in matrix.columns].index(rule.columns[0])])
    data = Data(X=matrix.X[np.ix_(rows, at)], y=matrix.y[rows], groups=matrix.groups()[at])
    model: Model | Unavailable = train_mean(data)
    if rule.name == FOLLOWERS:
        model = one_column(data, 0)
    elif rule.name == HISTORY:
        model = channel_history(data, 0)
    if isinstance(model, Unavailable):
        model = train_mean(data)
    return replace(rule, model=model, rows=len(rows), bounds=(float(data.y.min()), float(data.y.max())))


def with_history(rule: Candidate, history: ChannelHistory) -> Candidate:
    """The channel rule for later drafts, also where no training video had an earlier one of its channel."""
    made = HistoryModel(n_cols=1, column=0, slope=1.0, intercept=0.0, mean=history.centre)
    return replace(rule, model=made, family=HistoryModel.family)


def rule_alone(matrix: Matrix, name: str) -> Candidate:
    """One rule fitted on a matrix without parts."""
    rows = matrix.rows("train")
    column = matrix.columns[0].name if name == MEAN else "channel_history_mean"
    empty = Candidate(
        name=name, role=RULE, input="nothing" if name == MEAN else column, family="train_mean",
        columns=(column,), params={}, rows=len(rows), validation_mae=None, model=None,
    )  # fmt: skip
    fitted = fit_rule(matrix, empty, rows)
    return with_history(fitted, matrix.history) if name == HISTORY else fitted


class _Fitter:
    def __init__(self, matrix: Matrix, population: Population, seed: int) -> None:
        self.matrix, self.population, self.seed = matrix, population, seed
        self.groups = matrix.groups()
        self.names = [c.name for c in matrix.columns]
        self.labelled = np.isfinite(matrix.y)
        y = matrix.y[matrix.rows("train", self.labelled)]
        self.bounds = (float(y.min()), float(y.max()))

    def parts(self, input_: str, columns: np.ndarray) -> tuple[Data, Data]:
        """Training and validation data. Validation rows are the population's, the same for everyone."""
        media = self.population.name == "with_media" and input_ in WITH_MEDIA_ONLY
        among = self.labelled & self.matrix.has_media if media else self.labelled
        train = self.data(self.matrix.rows("train", among), columns)
        return train, self.data(self.matrix.rows("validation", self.population.rows), columns)

    def data(self, rows: np.ndarray, columns: np.ndarray) -> Data:
        X = self.matrix.X[np.ix_(rows, columns)]
        return Data(X=X, y=self.matrix.y[rows], groups=self.groups[columns])

    def candidate(
        self,
        name: str,
        role: Role,
        input_: str,
        family: str,
        columns: np.ndarray,
        params: Params,
        model: Model,
        n: int,
    ) -> Candidate:
        made = Candidate(
            name=name, role=role, input=input_, family=family, columns=tuple(self.names[i] for i in columns),
            params=params, rows=n, validation_mae=None, model=model, bounds=self.bounds,
        )  # fmt: skip
        rows = self.matrix.rows("validation", self.population.rows)
        if not len(rows):
            return made
        return replace(made, validation_mae=mae(self.matrix.y[rows], made.predict(self.matrix, rows)))

    def missing(self, name: str, role: Role, input_: str, family: str, reason: str) -> Candidate:
        return Candidate(
            name=name, role=role, input=input_, family=family, columns=(), params={}, rows=0,
            validation_mae=None, model=None, unavailable=reason,
        )  # fmt: skip

    def simple(self) -> Candidate:
        column = np.array([0])  # MeanModel ignores its input, but the saved format needs one column
        train = self.data(self.matrix.rows("train", self.labelled), column)
        model = train_mean(train)
        return self.candidate(MEAN, RULE, "nothing", model.family, column, {}, model, len(train.y))

    def followers(self) -> Candidate:
        return self._column(FOLLOWERS, "log_channel_followers", one_column)

    def history(self) -> Candidate:
        return self._column(HISTORY, "channel_history_mean", channel_history)

    def _column(self, name: str, column: str, fit_one: Callable[[Data, int | None], Any]) -> Candidate:
        if column not in self.names:
            return self.missing(name, RULE, column, "one_column", self.matrix.dropped[column])
        at = np.array([self.names.index(column)])
        train = self.data(self.matrix.rows("train", self.labelled), at)
        model = fit_one(train, 0)
        if isinstance(model, Unavailable):
            return self.missing(name, RULE, column, model.family, model.reason)
        return self.candidate(name, RULE, column, model.family, at, {}, model, len(train.y))

    def alone(self, name: str, input_: str) -> Candidate:
        columns = self.matrix.select(input_)
        own = [i for i in columns if self.matrix.columns[i].block != "horizon"]
        if not own:
            return self.missing(name, SINGLE, input_, "ridge", "no video of the training part has it")
        tried = [self.at_start(name, SINGLE, input_, family_of(f), columns) for f in SINGLE_FAMILIES]
        return min(tried, key=lambda c: _error(c))

    def at_start(self, name: str, role: Role, input_: str, family: Family, columns: np.ndarray) -> Candidate:
        train, validation = self.parts(input_, columns)
        params = first_point(family, len(train.y), len(columns))
        model = family.fit(train, validation, params, seed=self.seed)
        return self.candidate(name, role, input_, family.name, columns, params, model, len(train.y))

    def without_counters(self, best: Candidate) -> Candidate:
        name, input_ = NO_COUNTERS, "full_without_counters"
        columns = self.matrix.select(input_)
        if len(columns) == len(best.columns):
            return self.missing(name, MODEL, input_, best.family, "the table has no channel counters")
        train, validation = self.parts(input_, columns)
        model = family_of(best.family).fit(train, validation, best.params, seed=self.seed)
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


def read(
    space: Workspace, folder: str, matrix: Matrix | None = None
) -> tuple[list[Candidate], dict[str, Any]]:
    """What `save` wrote. matrix: whose columns the models must take; None: not asked.

    UserError when it is absent or damaged.
    """
    facts = space.read_json(f"{folder}/candidates.json")
    found = []
    known = None if matrix is None else {column.name for column in matrix.columns}
    with space.taken_apart(f"{folder}/candidates.json", "run `vvp tune` again"):
        for number, saved in enumerate(facts.pop("candidates")):
            head = Fitted.model_validate(saved)
            files = {str(f): space.read_bytes(f"{folder}/models/{number:02d}/{f}") for f in head.files}
            model = load(files) if files else None
            if model is None and head.unavailable is None:
                raise ValueError(f"no model of {head.name}")
            if known is not None and model is not None:
                if not known.issuperset(head.columns):
                    raise ValueError(f"{head.name} is of columns that there are not")
                model.predict(np.zeros((1, len(head.columns)), np.float32))  # ValueError: not of so many
            kept = head.model_dump(exclude={"files", "columns", "bounds"})
            bounds = None if head.bounds is None else (head.bounds[0], head.bounds[1])
            found.append(Candidate(**kept, columns=tuple(head.columns), bounds=bounds, model=model))
    return found, facts
