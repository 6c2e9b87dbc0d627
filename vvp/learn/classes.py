"""Opens the test part for a target of classes: every candidate's metrics, each against the simple rule.

As evaluate.py does for numbers. Who forecasts was settled before (evidence.py), by log loss out of fold; so
were the mapping to probabilities (probabilities.py) and the threshold.
Not known here: how anything was fitted, files, how a table is printed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vvp import parquet
from vvp.dataset.channels import channel_codes
from vvp.dataset.matrix import Matrix, Population
from vvp.learn import class_metrics, probabilities, two_ways
from vvp.learn.candidates import MEAN, RULE, Candidate, fit_rule
from vvp.learn.evaluate import BETTER, NO_BETTER, NOT_SHOWN, RULE_ITSELF, rule_in_words
from vvp.learn.evidence import Choice
from vvp.learn.folds import folds
from vvp.learn.probabilities import Probabilities
from vvp.learn.records import ClassResult, ClassSplit, Standing, Warning

PREDICTIONS = pa.schema(
    [
        ("video_id", pa.string()), ("channel_id", pa.string()), ("model", pa.string()),
        ("outcome", pa.float64()), ("chances", pa.list_(pa.float64())),
    ]
)  # fmt: skip
"""chances: of class 1 alone where there are two, else of each"""


@dataclass(frozen=True, eq=False)
class Mapped:
    """A candidate, and what was settled for it out of fold."""

    candidate: Candidate
    probabilities: Probabilities | None
    """None: it was not judged out of fold, so its numbers stay as they are"""
    threshold: float

    def said(self, matrix: Matrix, rows: np.ndarray) -> np.ndarray:
        raw = self.candidate.predict(matrix, rows)
        return raw if self.probabilities is None else self.probabilities.apply(raw)


def mapped(
    matrix: Matrix, population: Population, candidates: Sequence[Candidate], seed: int
) -> list[Mapped]:
    """Every candidate that there is, with its mapping; before the test is opened."""
    parts = folds(matrix, population.rows, seed)
    held = np.concatenate([rows for _, rows in parts])
    y, clusters = matrix.y[held], channel_codes(matrix.channel_id[held])
    found = []
    for one in candidates:
        if one.model is None:
            continue
        oof = one.oof
        if one.role == RULE:
            oof = np.concatenate([fit_rule(matrix, one, fit).predict(matrix, out) for fit, out in parts])
        mapping = None
        if oof is not None:
            # A rule is what it is: its numbers are not bent, so that a reader knows what was beaten.
            mapping = None if one.role == RULE else probabilities.choose(oof, y, clusters)
            oof = oof if mapping is None else mapping.apply(oof)
        threshold = 0.5
        if oof is not None and matrix.target.classes == 2:
            threshold = class_metrics.best_threshold(oof, y)
        found.append(Mapped(one, mapping, threshold))
    return found


def evaluate(
    matrix: Matrix,
    population: Population,
    candidates: Sequence[Candidate],
    choice: Choice,
    able: Sequence[Mapped],
    *,
    by_views: tuple[str, np.ndarray] | None = None,
    no_by_views: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> ClassSplit:
    """One split's results; `able`: from `mapped`.

    by_views: (who forecasts views, the chance of a yes by its distribution on the test rows); None: the
    classes are no bound on views, or `no_by_views` says why there is none.
    """
    rows, classes = matrix.rows("test", population.rows), matrix.target.classes
    y, channels = matrix.y[rows], matrix.channel_id[rows]
    judge = class_metrics.Judge(y, classes, channels, resamples, seed)
    said = {one.candidate.name: one.said(matrix, rows) for one in able}
    values = {one.candidate.name: judge.values(said[one.candidate.name], one.threshold) for one in able}
    rule, chosen = choice.rule.name, choice.chosen.name
    results = {}
    for c in candidates:
        measured = gap = None
        if c.name in values:
            measured = judge.measured(values[c.name])
            if c.name != rule:
                paired = {m: values[c.name][m] - values[rule][m] for m in values[rule]}
                gap = judge.measured(paired)
        results[c.name] = ClassResult(
            role=c.role, family=c.family, input=c.input, columns=len(c.columns), rows=c.rows,
            unavailable=c.unavailable, validation_loss=c.validation_loss, metrics=measured, versus_rule=gap,
        )  # fmt: skip
    own = next(one for one in able if one.candidate.name == chosen)
    shares = np.bincount(y.astype(np.int64), minlength=classes) / len(y)
    train = matrix.y[matrix.rows("train")]
    return ClassSplit(
        parts={part: int((matrix.part == part).sum()) for part in ("train", "validation", "test", "embargo")},
        population=population.sentence,
        test_rows=len(rows),
        test_channels=len(set(channel_codes(channels).tolist())),
        labels=list(matrix.target.target.labels),
        base=shares.tolist(),
        trained=(np.bincount(train.astype(np.int64), minlength=classes) / len(train)).tolist(),
        rule=rule,
        chosen=chosen,
        standing=standing(results[chosen]),
        evidence=choice.evidence,
        results=results,
        threshold=own.threshold,
        mapping=None if own.probabilities is None else own.probabilities.method,
        confusion=class_metrics.confusion(said[chosen], y, classes, own.threshold),
        curve=class_metrics.curve(said[chosen], y) if classes == 2 else [],
        flags=_flags(said, shares),
        by_views=None
        if by_views is None
        else two_ways.compare(judge, said[chosen], own.threshold, by_views[1], by_views[0]),
        no_by_views=no_by_views,
    )


def predictions(matrix: Matrix, population: Population, able: Sequence[Mapped]) -> bytes:
    """Parquet (PREDICTIONS): one row per test video and candidate: the class that came, and what was said."""
    rows = matrix.rows("test", population.rows)
    said = [chances for one in able for chances in np.atleast_2d(one.said(matrix, rows).T).T.tolist()]
    columns = (
        np.tile(matrix.video_id[rows], len(able)), np.tile(matrix.channel_id[rows], len(able)),
        [one.candidate.name for one in able for _ in rows], np.tile(matrix.y[rows], len(able)), said,
    )  # fmt: skip
    arrays = [pa.array(v, f.type, from_pandas=True) for v, f in zip(columns, PREDICTIONS, strict=True)]
    return parquet.written(pa.table(arrays, schema=PREDICTIONS))


def standing(own: ClassResult) -> Standing:
    """Of the chosen model against the rule on the test, by log loss."""
    if own.role == RULE:
        return RULE_ITSELF
    gap = None if own.versus_rule is None else own.versus_rule["log_loss"]
    if gap is None or gap.point is None or gap.point >= 0:
        return NO_BETTER
    return BETTER if gap.high is not None and gap.high < 0 else NOT_SHOWN


def _flags(said: dict[str, np.ndarray], shares: np.ndarray) -> list[Warning]:
    found = []
    for name, forecasts in said.items():
        if np.ptp(forecasts, axis=0).max() < 1e-9 and name != MEAN:
            found.append(Warning(kind="constant", text=f"{name} says the same of every video"))
        elif forecasts.ndim == 2 and len(np.unique(forecasts.argmax(axis=1))) == 1 and name != MEAN:
            found.append(Warning(kind="one class", text=f"{name} gives every video the same class"))
    names = list(said)
    found += [
        Warning(kind="same", text=f"{a} and {b} say the same")
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if np.allclose(said[a], said[b], rtol=0, atol=1e-9)
    ]
    if shares.max() == 1:
        found.append(
            Warning(kind="one class", text="all test videos are of one class: nothing can be judged")
        )
    elif shares.max() > 0.95:
        text = f"{shares.max():.0%} of the test videos are of one class: saying it always is right as often"
        found.append(Warning(kind="one class", text=text))
    return found


def verdict(split: ClassSplit, target: str) -> str:
    """One sentence: is the chosen model better than the simple rule, as far as can be told?"""
    rule = in_words(split.rule)
    if split.standing == RULE_ITSELF:
        tried = [e.sentence for e in split.evidence if split.results[e.candidate].role != RULE]
        why = f": {tried[0]}" if tried else ""
        first = f"{target}: no model is shown to beat the simple rule"
        return f"{first}, so the forecast is that rule, {rule}{why}."
    own, theirs = split.results[split.chosen], split.results[split.rule]
    assert own.metrics is not None and theirs.metrics is not None and own.versus_rule is not None
    gap, base = own.versus_rule["log_loss"], theirs.metrics["log_loss"].point
    how = {
        BETTER: "beats the simple rule",
        NOT_SHOWN: "is not shown to beat the simple rule",
        NO_BETTER: "is no better on the test than the simple rule",
    }[split.standing]
    if gap.point is None or not base:
        return f"{target}: {split.chosen} cannot be compared with the simple rule, {rule}."
    share = -gap.point / base
    span = ""
    if gap.low is not None and gap.high is not None:
        low, high = sorted((-gap.low / base, -gap.high / base))
        span = f" (95 % interval of what it gains: {low:+.0%} to {high:+.0%})"
    way = "smaller" if share >= 0 else "larger"
    return f"{target}: {split.chosen} {how}, {rule}: log loss {way} by {abs(share):.0%}{span}."


def about_rule(split: ClassSplit, target: str) -> str:
    """One sentence about the rule, for drafts that it forecasts."""
    measured = (split.results[split.rule].metrics or {}).get("log_loss")
    loss = (
        "" if measured is None or measured.point is None else f", log loss {measured.point:.2f} on the test"
    )
    return f"{target}: the simple rule, {in_words(split.rule)}{loss}."


def in_words(rule: str) -> str:
    """What a person calls a rule of classes."""
    return "the base rate" if rule == MEAN else rule_in_words(rule)
