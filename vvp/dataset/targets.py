"""What can be forecast of a video: ten targets, each made of its counts here and nowhere else.

A target fixes its thresholds and scales on the training part (`Target.fit`); they are saved with the run and
the predictor, so that a number means the same later on. A video without one of the counts that a target is
made of has no value: a missing count is never 0.

Every target also has a strength: a continuous number from which a channel's history is made. For classes it
is what their thresholds divide, for the others the value itself.
Not known here: which rows are training rows (splits.py), models.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit, logit

from vvp.dataset.labels import Labels
from vvp.dataset.outcomes import Outcomes
from vvp.dataset.scales import count_of_log, log_count
from vvp.errors import UserError
from vvp.schema import COUNTS

COUNT, RATE, SCORE, RATIO, BINARY, CLASSES = "count", "rate", "score", "ratio", "binary", "classes"
Numbers = Mapping[str, float]
"""thresholds and scales, by name"""
FEWEST = 10  # videos of a class, below which no model of it is tried
EARLIER, EARLIER_TOP = 3, 5  # earlier videos of a channel that its median and its top fifth need
WEIGHTS = {"comments": 0.1, "likes": 0.4, "views": 0.3, "shares": 0.2}  # The Viral Vision, eq. 1
REACTIONS = ("likes", "comments", "shares")
ALL_FOUR = ("views", *REACTIONS)  # of the published rules, whatever else is counted
RULE = re.compile(r"(?P<what>top|views):(?P<number>\d+(?:\.\d+)?)(?P<percent>%?)")


Made = tuple[np.ndarray, np.ndarray]
"""(y, strength), float64 (n,) each, NaN where unknown"""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One thing to forecast. Its scale is the one on which models see it."""

    name: str
    kind: str
    """count | rate | score | ratio | binary | classes"""
    unit: str
    """what a value counts: "likes"; for classes what being in one means"""
    columns: tuple[str, ...]
    """counts it is made of"""
    scale: str
    """the scale in words, for the heading of an error"""
    log: bool = False
    """the scale is a logarithm, so an error on it is a factor"""
    numbers: Callable[[Outcomes, np.ndarray], dict[str, float]] = lambda facts, train: {}
    """(facts, bool (n,) training rows) → thresholds and scales"""
    make: Callable[[Outcomes, Numbers], Made]
    from_scale: Callable[[np.ndarray | float, Numbers], np.ndarray]
    """inverse of the scale; what lies beyond anything possible comes back as the edge of it"""
    classes: int = 0
    """0: a number is forecast; else how many classes there are, from 0"""
    labels: tuple[str, ...] = ()
    """the classes in words"""

    def fit(self, facts: Outcomes, train: np.ndarray) -> "Fitted":
        """Fixes the thresholds on the training rows, bool (n,).

        UserError: the table lacks a count that it is made of, too few videos of a class, all labels equal.
        """
        for name in self.columns:
            if not np.isfinite(facts.counts[name]).any():
                raise UserError(f"the table has no {name}, so there is no target {self.name}.")
        for name in self.columns:
            if not np.isfinite(facts.counts[name][train]).any():
                raise UserError(f"no training video has {name}, so there is no target {self.name}.")
        fitted = Fitted(self, self.numbers(facts, train))
        y = fitted.make(facts)[0][train]
        y = y[np.isfinite(y)]
        if not len(y):
            raise UserError(f"no training video has a value of the target {self.name}.")
        if self.classes:
            sizes = np.bincount(y.astype(np.int64), minlength=self.classes)
            if sizes.min() < FEWEST:
                rare = self.labels[int(sizes.argmin())]
                raise UserError(
                    f"the target {self.name} needs {FEWEST} training videos of each class;"
                    f" {sizes.min()} {'is' if sizes.min() == 1 else 'are'} {rare}."
                )
        elif len(y) > 1 and np.ptp(y) == 0 and self.name != VIEWS.name:
            raise UserError(f"the target {self.name} is the same for every training video.")
        return fitted


@dataclass(frozen=True)
class Fitted:
    """A target with its thresholds."""

    target: Target
    numbers: Numbers = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def classes(self) -> int:
        return self.target.classes

    @property
    def views_bound(self) -> float | None:
        """Log views above which a video is a yes; None: its classes are no bound on views alone."""
        alone = self.classes == 2 and self.target.columns == (VIEWS_TARGET.name,)
        return self.numbers.get(VIEWS_TARGET.name) if alone else None

    def make(self, facts: Outcomes) -> Made:
        return self.target.make(facts, self.numbers)

    def value(self, scaled: float) -> float:
        """One number in the target's unit."""
        return float(self.target.from_scale(scaled, self.numbers))

    def values(self, scaled: np.ndarray) -> np.ndarray:
        """float64 (n,): the same of an array."""
        return self.target.from_scale(scaled, self.numbers)


def _count(name: str) -> Target:
    def make(facts: Outcomes, _: Numbers) -> Made:
        logs = facts.logs[name]
        return logs, logs

    return Target(
        name=name, kind=COUNT, unit=name, columns=(name,), scale=f"log {name}", log=True, make=make,
        from_scale=lambda y, _: count_of_log(y),
    )  # fmt: skip


def _engagement(facts: Outcomes, _: Numbers) -> Made:
    """Logit of (reactions + ½) / (views + 1), so that no reaction at all has a value too."""
    counts = facts.counts
    reactions = sum((counts[name] for name in REACTIONS), np.zeros(len(counts["views"])))
    share = (reactions + 0.5) / (np.maximum(counts["views"], reactions) + 1)
    return logit(share), logit(share)


def _virality_numbers(facts: Outcomes, train: np.ndarray) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in WEIGHTS:
        logs = facts.logs[name][train]
        low, middle, high = np.nanquantile(logs, [0.25, 0.5, 0.75])
        if high <= low:
            raise UserError(f"the middle half of the {name} is one number, so there is no target virality.")
        found |= {f"{name}_median": float(middle), f"{name}_range": float(high - low)}
    raw = _weighted(facts, found)[train]
    if not np.isfinite(raw).any() or np.nanmax(raw) <= np.nanmin(raw):
        raise UserError("the target virality is the same for every training video.")
    return found | {"least": float(np.nanmin(raw)), "greatest": float(np.nanmax(raw))}


def _weighted(facts: Outcomes, numbers: Numbers) -> np.ndarray:
    parts = [
        weight * (facts.logs[name] - numbers[f"{name}_median"]) / numbers[f"{name}_range"]
        for name, weight in WEIGHTS.items()
    ]
    return np.sum(parts, axis=0)


def _virality(facts: Outcomes, numbers: Numbers) -> Made:
    raw = _weighted(facts, numbers)
    score = np.clip((raw - numbers["least"]) / (numbers["greatest"] - numbers["least"]), 0.0, 1.0)
    return score, score


def _multiple(facts: Outcomes, _: Numbers) -> Made:
    ratio = facts.logs["views"] - facts.earlier(0.5, EARLIER)
    return ratio, ratio


def _above(strength: np.ndarray) -> Made:
    """Class 1 where the strength is above 0."""
    return np.where(np.isfinite(strength), (strength > 0).astype(np.float64), np.nan), strength


def _viral_numbers(facts: Outcomes, train: np.ndarray) -> dict[str, float]:
    return {name: float(np.nanmedian(facts.logs[name][train])) for name in ALL_FOUR}


def _viral(facts: Outcomes, numbers: Numbers) -> Made:
    return _above(np.min([facts.logs[name] - numbers[name] for name in ALL_FOUR], axis=0))


def _views_above(facts: Outcomes, numbers: Numbers) -> Made:
    return _above(facts.logs["views"] - numbers["views"])


def _channel_top(facts: Outcomes, _: Numbers) -> Made:
    return _above(facts.logs["views"] - facts.earlier(0.8, EARLIER_TOP))


def _quartile_numbers(facts: Outcomes, train: np.ndarray) -> dict[str, float]:
    edges = np.nanquantile(facts.logs["views"][train], [0.25, 0.5, 0.75])
    return {f"edge_{i + 1}": float(edge) for i, edge in enumerate(edges)}


def _quartile(facts: Outcomes, numbers: Numbers) -> Made:
    logs = facts.logs["views"]
    place = np.searchsorted([numbers[f"edge_{i}"] for i in (1, 2, 3)], logs, side="left").astype(np.float64)
    return np.where(np.isfinite(logs), place, np.nan), logs


def _same(y: np.ndarray | float, _: Numbers) -> np.ndarray:
    return np.asarray(y)


VIEWS_TARGET = _count("views")
VIEWS = Fitted(VIEWS_TARGET)
"""views need no threshold, so they are fitted as they stand"""
VIRAL = Target(
    name="viral", kind=BINARY, unit="viral: more views, likes, comments and shares than half of the videos",
    columns=ALL_FOUR, scale="log loss", numbers=_viral_numbers, make=_viral, from_scale=_same, classes=2,
    labels=("not viral", "viral"),
)  # fmt: skip
TARGETS = {
    target.name: target
    for target in (
        VIEWS_TARGET,
        *(_count(name) for name in REACTIONS),
        Target(
            name="engagement", kind=RATE, unit="reactions per view", columns=ALL_FOUR,
            scale="logit of reactions per view", make=_engagement,
            from_scale=lambda y, _: expit(y),
        ),
        Target(
            name="virality", kind=SCORE, unit="virality score, 0 to 1", columns=tuple(WEIGHTS), scale="score",
            numbers=_virality_numbers, make=_virality, from_scale=lambda y, _: np.clip(y, 0.0, 1.0),
        ),
        VIRAL,
        Target(
            name="multiple", kind=RATIO, unit="× what the channel usually gets", columns=("views",),
            scale="log of the multiple", log=True, make=_multiple,
            from_scale=lambda y, _: np.exp(np.clip(y, -30, 30)),
        ),
        Target(
            name="channel-top", kind=BINARY, unit="in the top fifth of the channel's earlier videos",
            columns=("views",), scale="log loss", make=_channel_top, from_scale=_same, classes=2,
            labels=("below its top fifth", "in its top fifth"),
        ),
        Target(
            name="quartile", kind=CLASSES, unit="quarter of the views", columns=("views",), scale="log loss",
            numbers=_quartile_numbers, make=_quartile, from_scale=_same, classes=4,
            labels=("lowest quarter", "second quarter", "third quarter", "highest quarter"),
        ),
    )
}  # fmt: skip


def find(name: str, viral: str | None = None) -> Target:
    """The target of this name; viral: the rule that makes a video viral, None for all four medians.

    UserError: there is none such, or the rule cannot be read.
    """
    if name not in TARGETS:
        raise UserError(f"there is no target called {name}; there are {', '.join(TARGETS)}.")
    return TARGETS[name] if name != VIRAL.name or viral is None else _viral_by(viral)


def _viral_by(rule: str) -> Target:
    found = RULE.fullmatch(rule.strip())
    number = float(found["number"]) if found else 0.0
    wanted = "write top:10% or views:1000000"
    if found is None or (found["what"] == "top") != bool(found["percent"]):
        raise UserError(f"--viral {rule} is no rule: {wanted}.")
    if found["what"] == "top" and not 0 < number < 100:
        raise UserError(f"--viral {rule}: a share lies between 0 and 100 %; {wanted}.")
    if found["what"] == "views" and number < 1:
        raise UserError(f"--viral {rule}: a bound is at least one view; {wanted}.")

    def numbers(facts: Outcomes, train: np.ndarray) -> dict[str, float]:
        if found["what"] == "views":
            return {"views": float(log_count(number))}
        return {"views": float(np.nanquantile(facts.logs["views"][train], 1 - number / 100))}

    words = (
        f"among the {number:g} % with most views" if found["what"] == "top" else f"above {number:,.0f} views"
    )
    return Target(
        name=VIRAL.name, kind=BINARY, unit=f"viral: {words}", columns=("views",), scale="log loss",
        numbers=numbers, make=_views_above, from_scale=_same, classes=2, labels=VIRAL.labels,
    )  # fmt: skip


def lacking(labels: Labels) -> dict[str, list[str]]:
    """Target → the counts that it is made of and the table has not, of those that cannot be had so."""
    missing = [name for name in COUNTS if not np.isfinite(labels.counts[name]).any()]
    found = {t.name: [name for name in t.columns if name in missing] for t in TARGETS.values()}
    return {name: counts for name, counts in found.items() if counts}


def possible(labels: Labels) -> list[str]:
    """The targets whose counts the table has."""
    return [name for name in TARGETS if name not in lacking(labels)]
