"""Further looks at the chosen model, all before the test: does its error hold over time, for a channel it has
never seen, and would more videos help?

  folds      its error and the rule's on each fold: what they vary by is not chance alone
  channels   each of the largest channels left out of the fit, its history hidden: the error a stranger has
  curve      the last fold forecast from the newest quarter, half and all of its training rows
Not known here: the test part, how these are shown.
"""

from collections import Counter

import numpy as np

from vvp.dataset.matrix import Matrix, Population
from vvp.learn import recipes
from vvp.learn.candidates import Candidate, within
from vvp.learn.evidence import Choice
from vvp.learn.folds import Fold, History, before_test, folds
from vvp.learn.records import ChannelLook, CurveLook, FoldLook, Looks
from vvp.learn.rule_errors import Errors
from vvp.models.base import criterion

SHARES = (0.25, 0.5, 1.0)
CHANNELS, CHANNEL_ROWS = 5, 20  # the largest channels, and the fewest videos that one must have
FEWEST = 20  # rows to fit on


def look(matrix: Matrix, population: Population, choice: Choice, seed: int = 0) -> Looks | None:
    """None where a rule forecasts: it has no recipe that could be fitted anew."""
    chosen = choice.chosen
    parts = folds(matrix, population.rows, seed)
    if chosen.recipe is None or not parts:
        return None
    own, rule = choice.errors[chosen.name], choice.errors[choice.rule.name]
    return Looks(
        folds=[
            FoldLook(rows=len(held), error=_mean(own, held), rule_error=_mean(rule, held))
            for _, held in parts
        ],
        channels=_channels(matrix, population, chosen, own, seed),
        curve=_curve(matrix, population, chosen, parts[-1], seed),
    )


def _mean(errors: Errors, rows: np.ndarray) -> float | None:
    found = np.abs(errors.raw[np.isin(errors.rows, rows)])
    return float(found.mean()) if len(found) else None


def _forecast(
    matrix: Matrix, population: Population, one: Candidate, fitted_on: np.ndarray, X: np.ndarray, seed: int
) -> np.ndarray:
    """What the recipe, fitted on some rows, says of X (n, all columns)."""
    assert one.recipe is not None
    model = recipes.fit(matrix, population, one.recipe, fitted_on, seed)
    return within(model.predict(X[:, recipes.columns(matrix, one.recipe)]), one.bounds)


def _channels(
    matrix: Matrix, population: Population, one: Candidate, known: Errors, seed: int
) -> list[ChannelLook]:
    rows, history = before_test(matrix), History.of(matrix)
    sizes = Counter(c for c in matrix.channel_id[rows] if c is not None)
    found = []
    for channel, size in sizes.most_common(CHANNELS):
        own = rows[(matrix.channel_id[rows] == channel) & population.rows[rows]]
        rest = rows[matrix.channel_id[rows] != channel]
        if size < CHANNEL_ROWS or len(own) < CHANNEL_ROWS or population.rows[rest].sum() < FEWEST:
            continue
        X = matrix.X[own]
        X[:, history.columns] = history.unknown
        said = _forecast(matrix, population, one, rest, X, seed)
        found.append(
            ChannelLook(
                channel=str(channel),
                rows=len(own),
                error=criterion(matrix.target.classes)(matrix.y[own], said),
                known_error=_mean(known, own),
            )  # fmt: skip
        )
    return found


def _curve(matrix: Matrix, population: Population, one: Candidate, last: Fold, seed: int) -> list[CurveLook]:
    fitted_on, held = last
    local = matrix.with_words_of(fitted_on)
    found = []
    for share in SHARES:
        newest = fitted_on[-max(FEWEST, round(share * len(fitted_on))) :]
        if population.rows[newest].sum() >= FEWEST:
            said = _forecast(local, population, one, newest, local.X[held], seed)
            found.append(
                CurveLook(rows=len(newest), error=criterion(matrix.target.classes)(matrix.y[held], said))
            )
    return found


def worth_more(looks: Looks) -> str | None:
    """One sentence: whether more videos would help; None where the curve is too short to say."""
    if len(looks.curve) < 2:
        return None
    half, whole = looks.curve[-2], looks.curve[-1]
    gain = 1 - whole.error / half.error
    held = f"the error fell by {gain:.0%}" if gain > 0 else "the error did not fall"
    more = "more videos are likely to help" if gain >= 0.02 else "more of the same will hardly help"
    return f"from {half.rows} to {whole.rows} training videos {held}: {more}"
