"""Is a model better than the simple rule? What out-of-fold forecasts of labelled rows say, and who is chosen.

A model is chosen over a rule only when it is shown to be better: on rows that its fit had not seen, its
absolute error is smaller than the rule's by more than MARGIN of the rule's, with the lower end of a one-sided
95 % interval (t, clustered) still above that, on at least MIN_ROWS such rows. Clusters are channels where
there are MIN_CHANNELS of them, else runs of rows in time, because neighbours are not independent evidence.
The rows are those of the training and validation parts; the test part stays closed.
Folds follow the split: expanding windows in time (the first START of the rows only train), else groups of
whole channels, or of copies.
Not known here: which models there are (candidates.py), metrics of the test part (evaluate.py).
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t

from vvp.dataset.channels import channel_codes
from vvp.dataset.matrix import Matrix, Population
from vvp.learn import rule_errors
from vvp.learn.candidates import FOLLOWERS, HISTORY, MEAN, MODELS, RULE, Candidate, fit_rule
from vvp.learn.records import Evidence
from vvp.learn.rule_errors import Errors, join
from vvp.models.base import CRITERION, Data
from vvp.models.registry import family as family_of

MIN_ROWS = 30
MARGIN = 0.03
MIN_CHANNELS = 8
START = 0.4
FOLDS = 4
INNER = 0.2  # share of a fold's training rows that stop its model early

Fold = tuple[np.ndarray, np.ndarray]
"""(rows to fit on, rows to forecast), of the matrix"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """Who forecasts, and what was known when it was chosen."""

    chosen: Candidate
    rule: Candidate
    """the rule to beat, which is `chosen` when no model was shown to be better"""
    errors: dict[str, Errors]
    """candidate → its out-of-fold errors, where they were made"""
    evidence: list[Evidence]


def choose(matrix: Matrix, population: Population, candidates: list[Candidate], seed: int = 0) -> Choice:
    """The rule that is best by evidence, unless the model that validation prefers is shown to beat it."""
    able = [c for c in candidates if c.model is not None]
    rules = {c.name: c for c in able if c.role == RULE}
    rule = rules.get(HISTORY, rules[MEAN])
    parts = folds(matrix, population.rows, seed)
    found = {rule.name: rule_errors_of(matrix, rule, population.rows, parts)}
    tried: list[Evidence] = []
    if FOLLOWERS in rules:
        found[FOLLOWERS] = out_of_fold(matrix, rules[FOLLOWERS], parts, seed)
        tried.append(compare(matrix, FOLLOWERS, rule.name, found[FOLLOWERS], found[rule.name]))
        if tried[-1].better:
            rule = rules[FOLLOWERS]
    chosen = rule
    models = sorted((c for c in able if c.role in MODELS), key=lambda c: CRITERION.rank(c.validation_mae))
    # The best model, and the one for drafts without a video: each must earn its place.
    before = int(np.isin(matrix.part, ("train", "validation"))[population.rows].sum())
    for model in dict.fromkeys([*models[:1], *(c for c in models if c.input == "metadata")]):
        if sum(len(rows) for _, rows in parts) < MIN_ROWS:
            tried.append(_untried(model.name, rule.name, before))
            continue
        found[model.name] = out_of_fold(matrix, model, parts, seed)
        tried.append(compare(matrix, model.name, rule.name, found[model.name], found[rule.name]))
        if tried[-1].better and chosen is rule and model is models[0]:
            chosen = model
    return Choice(chosen=chosen, rule=rule, errors=found, evidence=tried)


def folds(matrix: Matrix, among: np.ndarray, seed: int = 0) -> list[Fold]:
    """Of the labelled training and validation rows in `among`; empty below MIN_ROWS of them."""
    rows = np.flatnonzero(np.isin(matrix.part, ("train", "validation")) & among & np.isfinite(matrix.y))
    if len(rows) < MIN_ROWS:
        return []
    if matrix.split == "time":
        return _expanding(rows[np.argsort(matrix.published_at[rows], kind="stable")], matrix)
    groups = channel_codes(matrix.channel_id[rows]) if matrix.split == "channel" else matrix.copies[rows]
    names, at = np.unique(groups, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(len(names))[at] % (FOLDS + 1)
    return [(rows[fold != k], rows[fold == k]) for k in range(FOLDS + 1) if (fold == k).any()]


def _expanding(rows: np.ndarray, matrix: Matrix) -> list[Fold]:
    """Rows in time order → each block from the rows before it, later copies of those left out."""
    bounds = np.round(np.linspace(START, 1, FOLDS + 1) * len(rows)).astype(int)
    found = []
    for start, end in zip(bounds, bounds[1:], strict=False):
        before, block = rows[:start], rows[start:end]
        fresh = block[~np.isin(matrix.copies[block], matrix.copies[before])]
        if len(before) and len(fresh):
            found.append((before, fresh))
    return found


def out_of_fold(matrix: Matrix, one: Candidate, parts: list[Fold], seed: int = 0) -> Errors:
    """Errors of what the candidate's recipe, fitted on a fold's other rows, says of the fold's rows."""
    found = []
    for fitted_on, held in parts:
        known = np.zeros(len(matrix.y), bool)
        known[fitted_on] = True
        local = matrix.with_history_of(known)
        fitted = refit(local, one, fitted_on, seed)
        found.append(Errors(held, matrix.y[held] - fitted.predict(local, held), np.ones(len(held))))
    return join(found)


def refit(matrix: Matrix, one: Candidate, rows: np.ndarray, seed: int = 0) -> Candidate:
    """The candidate's recipe (family, columns, parameters) fitted on `rows`; its newest INNER stop it."""
    place = {column.name: i for i, column in enumerate(matrix.columns)}
    at = np.array([place[name] for name in one.columns])
    if one.role == RULE:
        return fit_rule(matrix, one, rows)
    inner = max(1, round(INNER * len(rows)))
    ordered = rows[np.argsort(matrix.published_at[rows], kind="stable")]
    train, stop = (
        Data(X=matrix.X[np.ix_(part, at)], y=matrix.y[part], groups=matrix.groups()[at])
        for part in (ordered[:-inner], ordered[-inner:])
    )
    model = family_of(one.family).fit(train, stop, one.params, seed=seed)
    y = matrix.y[rows]
    return replace(one, model=model, bounds=(float(y.min()), float(y.max())))


def rule_errors_of(matrix: Matrix, rule: Candidate, among: np.ndarray, parts: list[Fold]) -> Errors:
    """Errors of the mean or the channel rule on the labelled training and validation rows in `among`.

    By folds where the split is not by time; as of their dates where they have them; else leaving each out.
    """
    use = np.isin(matrix.part, ("train", "validation")) & among & np.isfinite(matrix.y)
    rows = np.flatnonzero(use)
    channel = matrix.channel_id[rows].copy()
    if rule.name == MEAN:
        channel[:] = "everybody"
    published, y = matrix.published_at[rows], matrix.y[rows]
    if parts and matrix.split in ("channel", "random"):
        place = np.full(len(matrix.y), -1)
        place[rows] = np.arange(len(rows))
        local = [(place[a], place[b]) for a, b in parts]
        return rule_errors.by_folds(channel, published, y, local).at(rows)
    dated = np.flatnonzero(~np.isnat(published))
    if len(dated) >= 2 and 2 * len(np.unique(published[dated])) >= len(dated):
        found = rule_errors.as_of(channel[dated], published[dated], y[dated])
        return found.at(dated).at(rows)
    return rule_errors.left_out(channel, y).at(rows)


def compare(matrix: Matrix, name: str, rival: str, a: Errors, b: Errors) -> Evidence:
    """|errors| of `a` against those of `b` on the rows that both forecast."""
    rows, at_a, at_b = np.intersect1d(a.rows, b.rows, return_indices=True)
    if len(rows) < MIN_ROWS:
        return _untried(name, rival, len(rows))
    worse = np.abs(b.raw[at_b])
    gap = worse - np.abs(a.raw[at_a])
    cluster, unit = _clusters(matrix, rows)
    sums = np.bincount(cluster, weights=gap - gap.mean())
    k = len(sums)
    error = float(np.sqrt((sums**2).sum() * k / (k - 1)) / len(rows)) if k > 1 else np.inf
    base = float(worse.mean())
    if base == 0:
        return _untried(name, rival, len(rows))
    gain = float(gap.mean()) / base
    low = gain - float(t.ppf(0.95, k - 1)) * error / base if k > 1 else -1.0
    better = low > MARGIN
    shown = "" if better else ", which does not show it to be better"
    sentence = (
        f"on {len(rows)} videos it had not learned from, the error of {name} was {abs(gain):.0%}"
        f" {'smaller' if gain >= 0 else 'larger'} than the rule's (at least {low:+.0%} with 95 % confidence,"
        f" {k} {unit}; needed {MARGIN:.0%}){shown}"
    )
    return Evidence(
        candidate=name, rival=rival, rows=len(rows), clusters=k, unit=unit, gain=gain, low=low, better=better,
        sentence=sentence,
    )  # fmt: skip


def _clusters(matrix: Matrix, rows: np.ndarray) -> tuple[np.ndarray, str]:
    codes = np.unique(channel_codes(matrix.channel_id[rows]), return_inverse=True)[1]
    if codes.max() + 1 >= MIN_CHANNELS:
        return codes, "channels"
    order = np.argsort(np.argsort(matrix.published_at[rows], kind="stable"), kind="stable")
    return order * 10 // len(rows), "runs in time"


def _untried(name: str, rival: str, rows: int) -> Evidence:
    sentence = (
        f"{rows} labelled videos before the test are too few to show that {name} beats the rule"
        f" ({MIN_ROWS} forecasts of videos not learned from are needed)"
    )
    return Evidence(
        candidate=name, rival=rival, rows=rows, clusters=0, unit="", gain=None, low=None, better=False,
        sentence=sentence,
    )  # fmt: skip
