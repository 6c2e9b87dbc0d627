"""What is said of one draft: of its views, and of whatever else the run forecasts.

Not known here: how it is found (predictor.py, others.py).
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vvp.dataset.targets import VIEWS
from vvp.learn.intervals.distribution import ForecastDistribution

HIDDEN = ("distribution", "correlation")  # for ranking drafts; nothing that is shown


@dataclass(frozen=True, kw_only=True)
class TargetForecast:
    """One target of one draft. Of a number: value, low and high (the 80 % interval; None: none could be made)
    in `unit`. Of classes: `chances`, class in words → probability, which sum to 1. usual: the same of the
    training videos as a whole, a number or the class's share. by_views: the chance of a yes by the
    distribution of the draft's views, where the yes is a bound on views alone; None: it is not, or there is
    no distribution. standing, verdict: what evaluation found."""

    target: str
    kind: str
    unit: str
    text: str
    value: float | None
    low: float | None
    high: float | None
    chances: dict[str, float]
    usual: float | dict[str, float] | None
    by_views: float | None = None
    model: str
    standing: str
    verdict: str
    distribution: ForecastDistribution | None = None
    """on the target's scale; None: of classes, or none can be made"""
    correlation: float = 0.0
    """of its error with that of another draft of the same channel"""

    @property
    def strength(self) -> float:
        """What drafts are ordered by: the number, or the mean class, counted from 0."""
        if self.value is not None:
            return self.value
        return sum(i * p for i, p in enumerate(self.chances.values()))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        found = asdict(replace(self, distribution=None))
        return {name: value for name, value in found.items() if name not in HIDDEN}


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """headline, promise: the two sentences to lead with (headline.py). views: the centre, exp(predicted log
    views) − 1; low, high: the 80 % interval (null: none could be made); percentile: of the training videos,
    0 to 100; baselines: what the simple rules say (null: they cannot); missing: modalities the draft lacks;
    outside: features beyond training; quality: what evaluation measured of the forecaster that was used.
    kind: rule | single | model. horizon_days: null where the forecast does not depend on it;
    counts_age_days: median age of the training counts (null: unknown). channel: `channel_facts`.

    starting_log_views + the five blocks = log_views: what each block added (contributions.py).
    top_tenth: probability of more than top_tenth_views, which a tenth of the training videos passed
    (null with low). nearest: the videos most like it (neighbours.py)."""

    headline: str
    promise: str
    target: str = VIEWS.name
    """what `views` and the rest are of; another one where the table has no views, and beside views"""
    kind: str
    views: float
    """in the target's unit"""
    low: float | None
    high: float | None
    coverage: float
    log_views: float
    percentile: float
    top_tenth: float | None
    top_tenth_views: float
    starting_log_views: float
    blocks: dict[str, float]
    horizon_days: float | None
    counts_age_days: float | None
    channel: dict[str, Any]
    model: str
    baselines: dict[str, float | None]
    nearest: list[dict[str, Any]]
    missing: list[str]
    outside: list[dict[str, Any]]
    """{feature, value, low, high}: on the scale of the feature, the training range as low and high"""
    notes: list[str]
    quality: dict[str, Any]
    distribution: ForecastDistribution | None
    """of the draft's log views; None where none can be made"""
    correlation: float
    """of its error with that of another draft of the same channel"""
    targets: dict[str, TargetForecast] = field(default_factory=dict)
    """what the run forecasts beside views, by target (others.py); empty: nothing, or it was not asked"""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, without the single errors."""
        shown = replace(self, distribution=None, targets={})
        found = {name: value for name, value in asdict(shown).items() if name not in HIDDEN}
        return found | {"targets": {name: one.as_dict() for name, one in self.targets.items()}}
