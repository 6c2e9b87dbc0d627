"""The models that a run compares under one split: what each sees, who fits it, and where it is kept.

Rules need no model: the training mean, a line through log followers, the channel's earlier videos (their
middle, or their mean with recent ones weighing more).
Models are judged on folds of the training and validation parts (folds.py) and then fitted on both: the best
recipe of each swept family, an average of the best few, and one of each kind of input alone. Beside them
stands the best without the channel counters, which were read after posting.
The test part is not looked at here.
Not known here: Ray (the sweep is handed in), who is chosen (evidence.py), metrics.
"""

import hashlib
import io
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.matrix import Matrix, Population
from vvp.learn import recipes
from vvp.learn.folds import NEEDS_MEDIA, Fold, TrialData, before_test, folds, trial_data
from vvp.learn.recipes import AVERAGE, Recipe, Tried, held_forecasts
from vvp.learn.run_records import Fitted
from vvp.models.base import Data, Model, criterion, first_point, rank
from vvp.models.baselines import HistoryModel, Unavailable, channel_history, one_column, train_mean
from vvp.models.class_rules import base_rates
from vvp.models.class_rules import one_column as class_column
from vvp.models.registry import family as family_of
from vvp.models.registry import load
from vvp.workspace import Workspace

# A model of one kind of input is the better of these two at their start.
SINGLE_FAMILIES, SINGLE_OF_CLASSES = ("ridge", "gbdt"), ("logistic", "gbdt")
ALONE = {"picture alone": "picture", "sound alone": "sound", "words alone": "words"}
METADATA_ONLY = "metadata only"
SWEPT_INPUTS = ("full", "metadata")
COUNTERLESS = {"full": "full_without_counters", "metadata": "metadata_without_counters"}
# Roles. A rule needs no model; a single sees one kind of input; a model sees everything.
Role = Literal["rule", "single", "model"]
RULE: Final = "rule"
SINGLE: Final = "single"
MODEL: Final = "model"
MODELS = (SINGLE, MODEL)
NO_COUNTERS = "best, no counters"
MEAN, FOLLOWERS, HISTORY = "train mean", "log followers", "channel's earlier videos"
RECENT = "channel's recent videos"
COLUMN_OF = {
    FOLLOWERS: "log_channel_followers", HISTORY: "channel_history_mean", RECENT: "channel_recent_mean"
}  # fmt: skip
# No forecast lies further outside the training range than this factor, nor than this share of the range: what
# is no logarithm (a score from 0 to 1) knows no factors.
RANGE_FACTOR, RANGE_SHARE = 3.0, 0.25
OOF = "oof.npy"


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """One row of the results table."""

    name: str
    role: Role
    input: str  # columns.INPUTS, or the one column's name, or "nothing"
    family: str
    columns: tuple[str, ...]  # of the matrix, in the model's order
    recipe: Recipe | None  # None: a rule, or unavailable
    rows: int  # rows it was fitted on
    validation_loss: float | None  # the criterion on the folds' held rows, log views; None: not judged so
    model: Model | None  # None when unavailable
    unavailable: str | None = None  # why there is no model
    bounds: tuple[float, float] | None = None  # log views of the rows it was fitted on, least and greatest
    oof: np.ndarray | None = None  # float64 (m,), log views of the folds' held rows, made without them

    def predict(self, matrix: Matrix, rows: np.ndarray) -> np.ndarray:
        """float64 (len(rows),), log views, kept near the training range (`within`)."""
        assert self.model is not None, f"{self.name} is unavailable"
        place = {column.name: i for i, column in enumerate(matrix.columns)}
        raw = self.model.predict(matrix.X[np.ix_(rows, np.array([place[c] for c in self.columns]))])
        return within(raw, self.bounds)


def within(forecasts: np.ndarray, bounds: tuple[float, float] | None) -> np.ndarray:
    """Forecasts (any shape) on the target's scale, kept near the bounds: what no training video came near is
    extrapolation."""
    if bounds is None:
        return forecasts
    slack = min(math.log(RANGE_FACTOR), RANGE_SHARE * (bounds[1] - bounds[0]))
    return np.clip(forecasts, bounds[0] - slack, bounds[1] + slack)


Sweeper = Callable[[TrialData], list[Tried]]
"""the data of a split → every trial"""


def fit(matrix: Matrix, population: Population, sweeper: Sweeper, seed: int = 0) -> list[Candidate]:
    """Every candidate of the matrix's split, rules first; the rules alone where the rows make no folds."""
    found = rules(matrix)
    parts = folds(matrix, population.rows, seed)
    if not parts:
        return found
    found = [_on_folds(matrix, rule, parts) for rule in found]
    wanted = (*SWEPT_INPUTS, *COUNTERLESS.values(), *ALONE.values())
    data = trial_data(matrix, population, parts, [name for name in wanted if _own(matrix, name)], seed)
    maker = _Maker(matrix, population, data, seed)
    tried = sweeper(data.only(SWEPT_INPUTS))
    swept: dict[str, Tried] = {}
    for one in tried:
        best = swept.get(one.recipe.family)
        if best is None or one.validation < best.validation:
            swept[one.recipe.family] = one
    found.append(maker.metadata(tried))
    found += [maker.alone(name, input_) for name, input_ in ALONE.items()]
    found += [maker.candidate(family, MODEL, one) for family, one in swept.items()]
    together = recipes.average(tried, data.y[data.held], data.criterion)
    if together is not None:
        found.append(maker.candidate(AVERAGE, MODEL, together))
    best = min([*swept.values(), *([together] if together else [])], key=lambda t: rank(t.validation))
    return [*found, maker.without_counters(best.recipe)]


def _own(matrix: Matrix, input_: str) -> bool:
    """Whether the input has a column besides the age of the count."""
    return any(matrix.columns[i].block != "horizon" for i in matrix.select(input_))


def rules(matrix: Matrix) -> list[Candidate]:
    """The rules alone: all that a few rows allow."""
    return [_rule(matrix, name) for name in (MEAN, FOLLOWERS, HISTORY, RECENT)]


def _rule(matrix: Matrix, name: str) -> Candidate:
    empty = _unfitted(matrix, name)
    [column] = empty.columns
    if column in matrix.dropped:
        return replace(empty, columns=(), unavailable=matrix.dropped[column])
    fitted = _fit_rule(matrix, empty, before_test(matrix))
    if isinstance(fitted, Unavailable):
        return replace(empty, columns=(), unavailable=fitted.reason)
    return fitted


def _unfitted(matrix: Matrix, name: str) -> Candidate:
    column = COLUMN_OF.get(name, matrix.columns[0].name)  # MeanModel ignores it, but needs one
    return Candidate(
        name=name, role=RULE, input="nothing" if name == MEAN else column, family="train_mean",
        columns=(column,), recipe=None, rows=0, validation_loss=None, model=None,
    )  # fmt: skip


def fit_rule(matrix: Matrix, rule: Candidate, rows: np.ndarray) -> Candidate:
    """A rule fitted on other labelled rows; the mean where these cannot give it."""
    fitted = _fit_rule(matrix, rule, rows)
    if not isinstance(fitted, Unavailable):
        return fitted
    mean = _fit_rule(matrix, replace(rule, name=MEAN), rows)
    assert isinstance(mean, Candidate)
    return replace(mean, name=rule.name)


def _fit_rule(matrix: Matrix, rule: Candidate, rows: np.ndarray) -> Candidate | Unavailable:
    at = np.array([[c.name for c in matrix.columns].index(rule.columns[0])])
    data = Data(X=matrix.X[np.ix_(rows, at)], y=matrix.y[rows], groups=matrix.groups()[at])
    classes = matrix.target.classes
    if classes:
        found = base_rates(data, classes) if rule.name == MEAN else class_column(data, 0, classes)
        if isinstance(found, Unavailable):
            return found
        return replace(rule, model=found, family=found.family, rows=len(rows))
    makers: dict[str, Callable[[], Model | Unavailable]] = {
        MEAN: lambda: train_mean(data),
        FOLLOWERS: lambda: one_column(data, 0),
        HISTORY: lambda: channel_history(data, 0),
        RECENT: lambda: channel_history(data, 0),
    }
    model = makers[rule.name]()
    if isinstance(model, Unavailable):
        return model
    bounds = (float(data.y.min()), float(data.y.max()))
    return replace(rule, model=model, family=model.family, rows=len(rows), bounds=bounds)


def _on_folds(matrix: Matrix, rule: Candidate, parts: list[Fold]) -> Candidate:
    """The rule with its criterion on the folds' held rows, beside the models'."""
    if rule.model is None:
        return rule
    said = [fit_rule(matrix, rule, fitted).predict(matrix, held) for fitted, held in parts]
    truth = matrix.y[np.concatenate([held for _, held in parts])]
    by = criterion(matrix.target.classes)
    return replace(rule, validation_loss=by(truth, np.concatenate(said)))


def with_history(rule: Candidate, history: ChannelHistory) -> Candidate:
    """A channel rule for later drafts, also where no training video had an earlier one of its channel."""
    made = HistoryModel(n_cols=1, column=0, slope=1.0, intercept=0.0, mean=history.centre)
    return replace(rule, model=made, family=HistoryModel.family)


def rule_alone(matrix: Matrix, name: str) -> Candidate:
    """One rule fitted on a matrix without parts; of a number."""
    fitted = fit_rule(matrix, _unfitted(matrix, name), matrix.rows("train"))
    return with_history(fitted, matrix.history) if name == HISTORY else fitted


def refit(
    matrix: Matrix, population: Population, one: Candidate, rows: np.ndarray, seed: int = 0
) -> Candidate:
    """The candidate's recipe fitted on other labelled rows of a matrix that has its columns."""
    if one.recipe is None:
        return fit_rule(matrix, one, rows)
    at = recipes.columns(matrix, one.recipe)
    media = one.input in NEEDS_MEDIA and population.name == "with_media"
    used = rows[matrix.has_media[rows]] if media else rows
    y = matrix.y[used]
    bounds = None if matrix.target.classes else (float(y.min()), float(y.max()))
    return replace(
        one, model=recipes.fit(matrix, population, one.recipe, rows, seed), rows=len(used),
        columns=tuple(matrix.columns[i].name for i in at), bounds=bounds,
    )  # fmt: skip


class _Maker:
    """Makes candidates of recipes: judged on the folds, fitted on all rows before the test."""

    def __init__(self, matrix: Matrix, population: Population, data: TrialData, seed: int) -> None:
        self.matrix, self.population, self.data, self.seed = matrix, population, data, seed
        self.rows = before_test(matrix)

    def candidate(self, name: str, role: Role, one: Tried) -> Candidate:
        made = Candidate(
            name=name, role=role, input=one.recipe.input, family=one.recipe.family, columns=(),
            recipe=one.recipe, rows=0, validation_loss=one.validation, model=None, oof=one.oof,
        )  # fmt: skip
        return refit(self.matrix, self.population, made, self.rows, self.seed)

    def missing(self, name: str, role: Role, input_: str, family: str, reason: str) -> Candidate:
        return Candidate(
            name=name, role=role, input=input_, family=family, columns=(), recipe=None, rows=0,
            validation_loss=None, model=None, unavailable=reason,
        )  # fmt: skip

    def metadata(self, tried: list[Tried]) -> Candidate:
        """The best trial on metadata; at the families' start where none was drawn."""
        if "metadata" not in self.data.inputs:
            return self.missing(METADATA_ONLY, SINGLE, "metadata", "ridge", "the table has no metadata")
        own = [one for one in tried if one.recipe.input == "metadata"] or self.at_start("metadata")
        return self.candidate(METADATA_ONLY, SINGLE, min(own, key=lambda t: rank(t.validation)))

    def alone(self, name: str, input_: str) -> Candidate:
        if input_ not in self.data.inputs:
            return self.missing(name, SINGLE, input_, "ridge", "no video of the training part has it")
        best = min(self.at_start(input_), key=lambda t: rank(t.validation))
        return self.candidate(name, SINGLE, best)

    def at_start(self, input_: str) -> list[Tried]:
        n_cols = len(self.data.inputs[input_])
        found = []
        for name in SINGLE_FAMILIES if not self.data.classes else SINGLE_OF_CLASSES:
            params = first_point(family_of(name, self.data.classes), len(self.data.y), n_cols)
            found.append(self.tried(Recipe(family=name, input=input_, params=params)))
        return found

    def tried(self, recipe: Recipe) -> Tried:
        """The recipe judged on the folds at its best point, or at an average's own."""
        if recipe.members:
            members = [(weight, self.tried(one)) for weight, one in recipe.members]
            oof = np.sum([weight * one.oof for weight, one in members], axis=0)
            settled = tuple((weight, one.recipe) for weight, one in members)
            value = self.data.criterion(self.data.y[self.data.held], oof)
            return Tried(replace(recipe, members=settled), value, oof)
        family = family_of(recipe.family, self.data.classes)
        point, value, oof = held_forecasts(self.data, family, recipe.params, recipe.input)
        return Tried(replace(recipe, point=point), value, oof)

    def without_counters(self, best: Recipe) -> Candidate:
        input_ = COUNTERLESS[best.input]
        used = {best.input, *(one.input for _, one in best.members)}
        absent = any(COUNTERLESS[name] not in self.data.inputs for name in used)
        if absent or len(self.data.inputs[input_]) == len(self.data.inputs[best.input]):
            why = "the table has no channel counters"
            return self.missing(NO_COUNTERS, MODEL, input_, best.family, why)
        members = tuple((w, replace(one, input=COUNTERLESS[one.input])) for w, one in best.members)
        return self.candidate(NO_COUNTERS, MODEL, self.tried(replace(best, input=input_, members=members)))


def fingerprint(matrix: Matrix) -> str:
    """sha256 hex of what was fitted on: evaluation refuses models of other tables."""
    digest = hashlib.sha256("".join(matrix.video_id).encode() + "".join(matrix.part).encode())
    digest.update(np.ascontiguousarray(matrix.X).tobytes() + np.ascontiguousarray(matrix.y).tobytes())
    return digest.hexdigest()


def save(space: Workspace, folder: str, candidates: list[Candidate], facts: dict[str, Any]) -> str:
    """Writes models, out-of-fold forecasts and candidates.json under `folder` (it comes last and makes it
    whole); hash of it all."""
    heads = []
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    judged = [one for one in candidates if one.oof is not None]
    for number, one in enumerate(candidates):
        files = one.model.files() if one.model else {}
        for file, data in files.items():
            space.write_bytes(f"{folder}/models/{number:02d}/{file}", data)
            digest.update(data)
        head = asdict(replace(one, model=None, oof=None))
        del head["model"]
        heads.append({**head, "files": sorted(files), "oof": judged.index(one) if one in judged else None})
    sink = io.BytesIO()
    np.save(sink, np.array([one.oof for one in judged], np.float64), allow_pickle=False)
    space.write_bytes(f"{folder}/{OOF}", sink.getvalue())
    digest.update(json.dumps(heads, sort_keys=True).encode() + sink.getvalue())
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
        oof = np.load(io.BytesIO(space.read_bytes(f"{folder}/{OOF}")), allow_pickle=False)
        if oof.ndim not in (1, 2, 3) or oof.dtype != np.float64 or not np.isfinite(oof).all():
            raise ValueError(f"{OOF} is not a table of numbers")
        for number, saved in enumerate(facts.pop("candidates")):
            head = Fitted.model_validate(saved)
            files = {f: space.read_bytes(f"{folder}/models/{number:02d}/{f}") for f in head.files}
            model = load(files) if files else None
            if model is None and head.unavailable is None:
                raise ValueError(f"no model of {head.name}")
            if known is not None and model is not None:
                if not known.issuperset(head.columns):
                    raise ValueError(f"{head.name} is of columns that there are not")
                model.predict(np.zeros((1, len(head.columns)), np.float32))  # ValueError: not of so many
            kept = head.model_dump(exclude={"files", "columns", "bounds", "recipe", "oof"})
            found.append(
                Candidate(
                    **kept, columns=tuple(head.columns), model=model,
                    bounds=None if head.bounds is None else (head.bounds[0], head.bounds[1]),
                    recipe=None if head.recipe is None else Recipe.from_dict(head.recipe.model_dump()),
                    oof=None if head.oof is None else oof[head.oof],
                )
            )  # fmt: skip
    return found, facts
