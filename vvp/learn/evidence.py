"""Is a model better than the simple rule? What out-of-fold forecasts of labelled rows say, and who is chosen.

A model is chosen over a rule only when it is shown to be better: on rows that its fit had not seen, its
absolute error is smaller than the rule's by more than MARGIN of the rule's, with the lower end of a one-sided
95 % interval (t, clustered) still above that, on at least MIN_ROWS such rows. Clusters are channels where
there are MIN_CHANNELS of them, else runs of rows in time, because neighbours are not independent evidence.
The rows are those that folds.py holds out of the training and validation parts; the test part stays closed.
Not known here: which models there are (candidates.py), metrics of the test part (evaluate.py).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from vvp.dataset.channels import channel_codes
from vvp.dataset.matrix import Matrix, Population
from vvp.learn import rule_errors
from vvp.learn.candidates import (
    FOLLOWERS,
    HISTORY,
    MEAN,
    METADATA_ONLY,
    MODELS,
    RECENT,
    RULE,
    Candidate,
    fit_rule,
    within,
)  # fmt: skip
from vvp.learn.folds import MIN_ROWS, START, Fold, before_test, folds
from vvp.learn.records import Evidence
from vvp.learn.rule_errors import Errors, join
from vvp.models.base import log_losses, rank

MARGIN = 0.03
MIN_CHANNELS = 8
MANY_ROWS = 200
ENOUGH = 100  # later errors of a rule from which its first are left out
SEVERAL_DAYS = 10  # dates from which rows are forecast as of them, though many share a date


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
    """The rule that is best by evidence, unless the model that the folds prefer is shown to beat it."""
    able = [c for c in candidates if c.model is not None]
    rules = {c.name: c for c in able if c.role == RULE}
    parts = folds(matrix, population.rows, seed)
    # For classes the channel's history has to show its worth as well: it is a curve that was fitted.
    others: tuple[str, ...] = (HISTORY, FOLLOWERS, RECENT) if matrix.target.classes else (FOLLOWERS, RECENT)
    rule = rules[MEAN] if matrix.target.classes else rules.get(HISTORY, rules[MEAN])
    found = {rule.name: rule_errors_of(matrix, rule, population.rows, parts)}
    tried: list[Evidence] = []
    for other in others:
        if other in rules and parts:
            found[other] = rule_out_of_fold(matrix, rules[other], parts)
            tried.append(compare(matrix, other, rule.name, found[other], found[rule.name]))
            if tried[-1].better or _clearly_first(tried[-1]):
                rule = rules[other]
    chosen = rule
    models = sorted((c for c in able if c.role in MODELS), key=lambda c: (rank(c.validation_loss), c.role))
    held = np.concatenate([rows for _, rows in parts]) if parts else np.zeros(0, np.int64)
    # The best model, and the one for drafts without a video: each must earn its place.
    before = len(before_test(matrix))
    for model in dict.fromkeys([*models[:1], *(c for c in models if c.name == METADATA_ONLY)]):
        if len(held) < MIN_ROWS or model.oof is None:
            tried.append(_untried(model.name, rule.name, before))
            continue
        found[model.name] = errors_of(matrix, held, within(model.oof, model.bounds))
        tried.append(compare(matrix, model.name, rule.name, found[model.name], found[rule.name]))
        if tried[-1].better and chosen is rule and model is models[0]:
            chosen = model
    if not models:
        tried.append(_untried("a model", rule.name, before))
    return Choice(chosen=chosen, rule=rule, errors=found, evidence=tried)


def errors_of(matrix: Matrix, rows: np.ndarray, forecasts: np.ndarray) -> Errors:
    """Of forecasts of `rows`; for classes each row's log loss in place of an error."""
    if matrix.target.classes:
        return Errors(rows, log_losses(matrix.y[rows], forecasts), np.ones(len(rows)))
    return Errors(rows, matrix.y[rows] - forecasts, np.ones(len(rows)))


def _clearly_first(evidence: Evidence) -> bool:
    """On many rows a rule needs no margin over another rule: one or two parameters cannot overfit."""
    return evidence.rows >= MANY_ROWS and evidence.gain is not None and evidence.gain > 0


def rule_out_of_fold(matrix: Matrix, rule: Candidate, parts: list[Fold]) -> Errors:
    """Errors of a rule of one column, fitted on a fold's other rows, on the fold's rows."""
    found = []
    for fitted_on, held in parts:
        fitted = fit_rule(matrix, rule, fitted_on)
        found.append(errors_of(matrix, held, fitted.predict(matrix, held)))
    return join(found)


def rule_errors_of(matrix: Matrix, rule: Candidate, among: np.ndarray, parts: list[Fold]) -> Errors:
    """Errors of the mean or the channel rule on the labelled rows before the test (a whole matrix: on all).

    By folds where the split is not by time; as of their dates where they have them; else leaving each out.
    """
    if parts and (rule.name == MEAN or matrix.target.classes):
        return rule_out_of_fold(matrix, rule, parts)
    rows = before_test(matrix)
    if not parts:
        rows = rows[among[rows]]
    channel = matrix.channel_id[rows].copy()
    if rule.name == MEAN:
        channel[:] = "everybody"
    published, y = matrix.published_at[rows], matrix.y[rows]
    if parts and not matrix.in_time:
        place = np.full(len(matrix.y), -1)
        place[rows] = np.arange(len(rows))
        local = [(place[a], place[b]) for a, b in parts]
        return rule_errors.by_folds(channel, published, y, local, matrix.lag_days).at(rows)
    dated = np.flatnonzero(~np.isnat(published))
    moments = len(np.unique(published[dated]))
    if len(dated) >= 2 and (parts or 2 * moments >= len(dated) or moments >= SEVERAL_DAYS):
        # Without folds the rule is alone: what counts is how far off the usual of so many videos is, and the
        # lag would leave a few daily videos without a single error.
        lag = matrix.lag_days if parts else 0.0
        found = rule_errors.as_of(channel[dated], published[dated], y[dated], lag)
        # The first rows were forecast from hardly any: their errors say nothing of one who knows them all.
        late = found.after(np.sort(published[dated])[int(START * len(dated))], published[dated])
        return (late if len(late.rows) >= ENOUGH else found).at(dated).at(rows)
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
    if base < 1e-9:
        return _untried(name, rival, len(rows))
    gain = float(gap.mean()) / base
    low = gain - float(t.ppf(0.95, k - 1)) * error / base if k > 1 else -1.0
    better = low > MARGIN
    shown = "" if better else ", which does not show it to be better"
    loss = "log loss" if matrix.target.classes else "error"
    sentence = (
        f"on {len(rows)} videos it had not learned from, the {loss} of {name} was {abs(gain):.0%}"
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
