"""Opens the test part: every candidate's metrics with intervals, each against the simple rule, per split.

The metrics, the bootstrap over channels and the paired differences are metrics.py's; this module decides what
is compared with what, and says what it means. Who forecasts was settled before (evidence.py); choosing again
by what is seen here would spoil it.
Not known here: how anything was fitted, files (forecast/judging.py), how a table is printed.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from vvp import parquet
from vvp.dataset.channels import channel_codes
from vvp.dataset.matrix import Matrix, Population
from vvp.dataset.targets import COUNT
from vvp.learn.candidates import FOLLOWERS, HISTORY, MEAN, RECENT, RULE, Candidate
from vvp.learn.evidence import Choice
from vvp.learn.folds import before_test
from vvp.learn.intervals import scores, traits
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.intervals.distribution import COVERAGE, clearly_under, distribution
from vvp.learn.metrics import bootstrap, flags, paired, percentage_errors, record
from vvp.learn.records import (
    Coverage,
    CoverageSlice,
    Measured,
    Metrics,
    ModelResult,
    SplitResult,
    Standing,
    Warning,
)
from vvp.learn.rule_errors import Errors

FEW_ERRORS = 100  # below it the tails of a distribution are guesses
# How a chosen model stands against the rule on the test: what the headline of a forecast goes by.
RULE_ITSELF: Final = "rule"
BETTER: Final = "better"
NOT_SHOWN: Final = "not shown to be better"
NO_BETTER: Final = "no better"

PREDICTIONS = pa.schema(
    [(name, pa.string() if name in ("video_id", "channel_id", "model") else pa.float64())
     for name in ("video_id", "channel_id", "log_views", "model", "predicted", "low", "high")]
)  # fmt: skip


def evaluate_split(
    matrix: Matrix,
    population: Population,
    candidates: Sequence[Candidate],
    choice: Choice,
    calibrations: Mapping[str, Calibration | None],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> SplitResult:
    """One split's results. versus_rule: the candidate's metrics minus those of the rule to beat
    (`choice.rule`), paired on the same resamples."""
    rows = matrix.rows("test", population.rows)
    y, channels = matrix.y[rows], matrix.channel_id[rows]
    able = [c for c in candidates if c.model is not None]
    predicted = {c.name: traits.shown(matrix, rows, c, calibrations.get(c.name)) for c in able}
    intervals = bootstrap(y, predicted, channels, resamples, seed)
    rule, chosen = choice.rule.name, choice.chosen

    mapes: dict[str, Measured] = {}
    counted = None
    if matrix.target.target.kind == COUNT:
        counts = {name: matrix.target.values(said) for name, said in predicted.items()}
        mapes, counted = percentage_errors(matrix.target.values(y), counts, channels, resamples, seed)
    results = {}
    for c in candidates:
        result = ModelResult(
            role=c.role, family=c.family, input=c.input, columns=len(c.columns), rows=c.rows,
            unavailable=c.unavailable,
        )  # fmt: skip
        if c.model is not None:
            gap = None
            if c.name != rule:
                gap = record(paired(y, predicted[c.name], predicted[rule], channels, resamples, seed))
            measured = {
                "validation_loss": c.validation_loss, "metrics": record(intervals[c.name]),
                "versus_rule": gap, "mape": mapes.get(c.name),
            }  # fmt: skip
            result = result.model_copy(update=measured)
        results[c.name] = result
    frozen: dict[str, Metrics] = {}
    if matrix.in_time:
        still = matrix.with_history_of(before_test(matrix))
        rivals = [c for c in able if c.role == RULE or c.name == chosen.name]
        said = {c.name: traits.shown(still, rows, c, calibrations.get(c.name)) for c in rivals}
        found = bootstrap(y, said, channels, resamples, seed)
        frozen = {name: record(own) for name, own in found.items()}
    return SplitResult(
        frozen=frozen,
        parts={part: int((matrix.part == part).sum()) for part in ("train", "validation", "test", "embargo")},
        population=population.sentence,
        test_rows=len(rows),
        test_channels=len(set(channel_codes(channels).tolist())),  # unknown: its own
        rule=rule,
        chosen=chosen.name,
        standing=standing(results[chosen.name]),
        evidence=choice.evidence,
        results=results,
        interval=coverage(
            matrix, rows, chosen, choice.errors[chosen.name], calibrations[chosen.name], resamples, seed
        ),
        flags=flags(predicted),
        mape_rows=counted,
    )


def standing(own: ModelResult) -> Standing:
    """Of the chosen model against the rule on the test, by the mean absolute error."""
    if own.role == RULE:
        return RULE_ITSELF
    gap = None if own.versus_rule is None else own.versus_rule.mae
    if gap is None or gap.point is None or gap.point >= 0:
        return NO_BETTER
    return BETTER if gap.high is not None and gap.high < 0 else NOT_SHOWN


def coverage(
    matrix: Matrix, rows: np.ndarray, one: Candidate, errors: Errors, calibration: Calibration | None,
    resamples: int, seed: int,
) -> Coverage:  # fmt: skip
    """How often the 80 % interval of a forecaster held the truth on the test rows, and what it is worth."""
    if calibration is None:
        return Coverage(
            half_width=None, reason="no video could be forecast from others", measured=None, held=0, of=0,
            clearly_under=False,
        )  # fmt: skip
    y, channels = matrix.y[rows], matrix.channel_id[rows]
    low, high = traits.interval(matrix, rows, one, calibration)
    inside = (low <= y) & (y <= high)
    slices = scores.coverage(inside, channels, _slices(matrix, rows), seed, resamples)
    measured = slices[0].coverage.record()
    held = int(inside.sum())
    by_channel = measured.high is not None and measured.high < COVERAGE
    few = measured.few_channels and clearly_under(held, len(rows), COVERAGE)
    plain = distribution(0.0, errors.scaled)
    score = gain = crps = None
    pit: list[int] = []
    if len(errors.rows) >= FEW_ERRORS:
        levels = traits.quantiles(matrix, rows, one, calibration, scores.LEVELS)
        if np.isfinite(levels).all():
            crps = float(scores.crps(y, levels).mean())
        pit = scores.pit_histogram(traits.cdf(matrix, rows, one, calibration)).tolist()
    if plain is not None and np.isfinite(high - low).all():
        half = plain.half_width(COVERAGE) * traits.scales(matrix, one, rows)
        centres = one.predict(matrix, rows)
        own = scores.interval_score(y, low, high)
        constant = scores.interval_score(y, centres - half, centres + half)
        score, gain = float(own.mean()), scores.gain(own, constant, channels, seed, resamples).record()
    return Coverage(
        half_width=float(np.median(high - low)) / 2, wanted=COVERAGE, measured=measured, held=held,
        of=len(rows), clearly_under=bool(by_channel or few), score=score, gain=gain, crps=crps, pit=pit,
        parts=list(calibration.parts), shift=calibration.shift, margin=calibration.margin,
        slices=[
            CoverageSlice(
                by=s.by, value=s.value, rows=s.rows, channels=s.channels, measured=s.coverage.record()
            )
            for s in slices[1:]
        ],
    )  # fmt: skip


def _slices(matrix: Matrix, rows: np.ndarray) -> dict[str, np.ndarray]:
    """By what the coverage is looked at: name → object (len(rows),)."""
    X, names = matrix.X[rows], matrix.column_names
    found = {"channel": traits.groups(X, names), "month": scores.months(matrix.published_at[rows])}
    if "log_channel_followers" in names:
        found["followers"] = scores.quarters(X[:, names.index("log_channel_followers")].astype(np.float64))
    if matrix.has_media.any():
        found["media"] = np.where(matrix.has_media[rows], "with media", "without media").astype(object)
    return found


def predictions(
    matrix: Matrix,
    population: Population,
    candidates: Sequence[Candidate],
    calibrations: Mapping[str, Calibration | None],
) -> bytes:
    """Parquet: one row per test video and candidate, log views: what it said, its 80 % interval (null where
    its out-of-fold errors were not made), and what came of it."""
    rows = matrix.rows("test", population.rows)
    able = [c for c in candidates if c.model is not None]
    centre = np.concatenate([traits.shown(matrix, rows, c, calibrations.get(c.name)) for c in able])
    ends = [traits.interval(matrix, rows, c, calibrations.get(c.name)) for c in able]
    low, high = (np.concatenate([end[side] for end in ends]) for side in (0, 1))
    columns = (
        np.tile(matrix.video_id[rows], len(able)), np.tile(matrix.channel_id[rows], len(able)),
        np.tile(matrix.y[rows], len(able)), [c.name for c in able for _ in rows], centre, low, high,
    )  # fmt: skip
    arrays = [pa.array(v, f.type, from_pandas=True) for v, f in zip(columns, PREDICTIONS, strict=True)]
    return parquet.written(pa.table(arrays, schema=PREDICTIONS))


def verdict(split: SplitResult) -> str:
    """One sentence: is the chosen model better than the simple rule, as far as can be told?"""
    chosen, rule, own = split.chosen, rule_in_words(split.rule), split.own
    few = split.test_channels < 5
    caution = f" (channels in the test: {split.test_channels}; read every interval with care)" if few else ""
    if own.role == RULE:
        rules = {name for name, result in split.results.items() if result.role == RULE}
        tried = [e.sentence for e in split.evidence if e.candidate not in rules]
        why = f": {tried[0]}" if tried else ""
        return (
            f"No model is shown to beat the simple rule, so the forecast is that rule, {rule}{why}{caution}."
        )
    gap, theirs = own.versus_rule, split.results[split.rule].metrics
    worse = None if theirs is None else theirs.mae.point
    if gap is None or gap.mae.point is None or not worse:
        return f"{chosen} cannot be compared with the simple rule, {rule}{caution}."
    share = -gap.mae.point / worse
    if gap.mae.low is None or gap.mae.high is None:
        way = "smaller" if share >= 0 else "larger"
        where = f"its error is {abs(share):.0%} {way}, with too few channels to say how sure that is"
        return f"{chosen} against the simple rule, {rule}: {where}{caution}."
    low, high = sorted((-gap.mae.low / worse, -gap.mae.high / worse))
    way = "smaller" if share >= 0 else "larger"
    where = f"error {way} by {abs(share):.0%} (95 % interval of what it gains: {low:+.0%} to {high:+.0%})"
    how = {
        BETTER: "beats the simple rule",
        NOT_SHOWN: "is not shown to beat the simple rule",
        NO_BETTER: "is no better on the test than the simple rule",
    }[split.standing]
    return f"{chosen} {how}, {rule}: {where}{caution}."


RULES_IN_WORDS = {
    MEAN: "the middle of all training videos",
    FOLLOWERS: "a line through the channel's followers",
    HISTORY: "this channel's earlier videos",
    RECENT: "this channel's recent videos",
}


def rule_in_words(name: str) -> str:
    """What a person calls a rule."""
    return RULES_IN_WORDS.get(name, name)


def alone(split: SplitResult, name: str, interval: Coverage) -> str:
    """One sentence about the forecaster of drafts without a video, on the same test."""
    metrics = split.results[name].metrics
    if metrics is None or metrics.mae.point is None:
        return f"{name} was not measured."
    error, held = np.exp(metrics.mae.point), interval.measured
    shown = "" if held is None or held.point is None else f"; its 80 % interval held {held.point:.0%} of them"
    return f"{name}, on the same {split.test_rows} videos: typically off by a factor of {error:.1f}{shown}."


def warnings(matrix: Matrix, split: SplitResult) -> list[Warning]:
    """What a reader of the numbers should know, from the run's own facts."""
    found = list(split.flags)
    labelled = np.isin(matrix.part, ("train", "validation", "test"))
    named = [c for c in matrix.channel_id[labelled] if c is not None]
    if named:
        top = max(set(named), key=named.count)
        share = named.count(top) / int(labelled.sum())
        if share >= 0.25:
            text = f"one channel has {share:.0%} of the labelled videos: the results are largely about it"
            found.append(Warning(kind="one channel", text=text))
    held = split.interval.measured
    if split.interval.clearly_under and held is not None and held.point is not None:
        span = "" if held.low is None else f" ({held.low:.0%} to {held.high:.0%})"
        text = (
            f"the 80 % interval is too narrow: it held {held.point:.0%} of the test videos{span},"
            " so the newest videos differ from those before"
        )
        found.append(Warning(kind="narrow interval", text=text))
    if split.test_rows < 50:
        n = split.test_rows
        text = f"the test holds {n} videos: small differences between models are mostly chance"
        found.append(Warning(kind="few test", text=text))
    if split.test_channels < 5:
        text = f"channels in the test: {split.test_channels}; intervals by channel say little"
        found.append(Warning(kind="few channels", text=text))
    if np.isnan(matrix.horizon_days[labelled]).mean() > 0.5:
        text = "most counts have no known age: an old count and a fresh one are taken as the same thing"
        found.append(Warning(kind="unknown age", text=text))
    return found
