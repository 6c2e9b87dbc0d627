"""A recipe: how a model is made once it is settled. It is judged on folds and fitted anew for each purpose.

For the test it is fitted on the training and validation parts; for the predictor that is taken home, on
every labelled video. The average of the best few is a recipe too: models with weights, chosen greedily with
replacement (ensemble selection, Caruana et al. 2004).
Not known here: Ray, who proposes recipes (ray_trials.py), rules, who is chosen (evidence.py).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vvp.dataset.matrix import Matrix, Population
from vvp.learn.folds import TrialData, final_data
from vvp.models.average import AverageModel, Member
from vvp.models.base import Criterion, Family, Model, Params, rank
from vvp.models.registry import family as family_of

AVERAGE = "average"
MOST_MEMBERS = 5
POOL = 12  # the best trials that may be members


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """`members` is empty but for an average."""

    family: str
    input: str
    params: Params = field(default_factory=dict)
    point: int = 0
    members: tuple[tuple[float, "Recipe"], ...] = ()
    """(weight, recipe), weights sum to 1"""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; `from_dict` gives the same recipe back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Recipe":
        members = tuple((float(weight), cls.from_dict(one)) for weight, one in saved["members"])
        return cls(**{**saved, "members": members})


@dataclass(frozen=True, eq=False)
class Tried:
    """A recipe and what it said of rows that it had not seen."""

    recipe: Recipe
    validation: float
    """the criterion over all folds' held rows"""
    oof: np.ndarray
    """float64 (m,) or (m, classes): forecasts of `TrialData.held`"""


def held_forecasts(
    data: TrialData, family: Family, params: Params, input_: str, *, threads: int = 1
) -> tuple[int, float, np.ndarray]:
    """(best point, its criterion, float64 (m,) forecasts of the folds' held rows at that point)."""
    said = []
    for fold in data.folds:
        train, held = data.part(fold, input_)
        said.append(family.path(train, held, params, seed=data.seed, threads=threads))
    paths, y = np.concatenate(said, axis=1), data.y[data.held]
    values = [data.criterion(y, forecast) if np.isfinite(forecast).all() else None for forecast in paths]
    point = min(range(len(values)), key=lambda i: rank(values[i]))
    value = values[point]
    if value is None:
        raise ValueError("no point of the path gives finite forecasts")
    return point, value, paths[point]


def average(tried: Sequence[Tried], y: np.ndarray, by: Criterion) -> Tried | None:
    """The best average of at most MOST_MEMBERS of the best trials; None where it is a single model.

    y: float64 (m,), the truth of the held rows. Starts from the best trial and adds, with replacement, what
    makes the average best, until nothing does.
    """
    pool = sorted(tried, key=lambda one: rank(one.validation))[:POOL]
    if len(pool) < 2:
        return None
    picks, total = [0], pool[0].oof.copy()
    best = by(y, total)
    for _ in range(3 * MOST_MEMBERS):
        options = [i for i in range(len(pool)) if i in picks or len(set(picks)) < MOST_MEMBERS]
        values = {i: by(y, (total + pool[i].oof) / (len(picks) + 1)) for i in options}
        pick = min(options, key=lambda i: rank(values[i]))
        if values[pick] >= best:
            break
        picks.append(pick)
        total, best = total + pool[pick].oof, values[pick]
    chosen = sorted(set(picks))
    if len(chosen) < 2:
        return None
    members = tuple((picks.count(i) / len(picks), pool[i].recipe) for i in chosen)
    whole = "full" if any(one.input == "full" for _, one in members) else members[0][1].input
    return Tried(Recipe(family=AVERAGE, input=whole, members=members), best, total / len(picks))


def columns(matrix: Matrix, recipe: Recipe) -> np.ndarray:
    """int64: the matrix's columns that the recipe's model reads, in its order."""
    if recipe.members:
        wanted = np.concatenate([columns(matrix, one) for _, one in recipe.members])
        return np.unique(wanted)
    return matrix.select(recipe.input)


def fit(matrix: Matrix, population: Population, recipe: Recipe, rows: np.ndarray, seed: int = 0) -> Model:
    """The recipe's model, fitted on the labelled `rows` (int) of the matrix; it reads `columns`."""
    at = columns(matrix, recipe)
    if not recipe.members:
        data = final_data(matrix, population, rows, at, recipe.input, seed)
        return family_of(recipe.family, matrix.target.classes).fit(
            data, recipe.params, recipe.point, seed=seed
        )
    place = {int(column): i for i, column in enumerate(at)}
    return AverageModel(
        n_cols=len(at),
        members=tuple(
            Member(
                model=fit(matrix, population, one, rows, seed), weight=weight,
                columns=np.array([place[int(i)] for i in columns(matrix, one)]),
            )
            for weight, one in recipe.members
        ),
    )  # fmt: skip
