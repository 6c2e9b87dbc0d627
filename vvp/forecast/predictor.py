"""The saved artefact at work: what it needs to see a new video as training did, and what is known of it.

The same `predict` serves offline and online. files.py says which files it is made of.
What a forecast cannot know: what happens after posting (a share by someone famous, a change of the platform's
ranking), whatever no training video showed, and anything about rewatching, for views are all it learned.
Not known here: how a video becomes vectors (embed/stages.py), files, Ray, HTTP.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.columns import FEATURE, design, layout
from vvp.dataset.embedded import FACTS, MADE
from vvp.dataset.features import FEATURES
from vvp.dataset.fuse import Dims, present
from vvp.dataset.labels import moments
from vvp.dataset.matrix import HORIZON
from vvp.dataset.words import Words
from vvp.errors import UserError
from vvp.forecast import notes
from vvp.forecast import outside as beyond
from vvp.forecast.contributions import attribute
from vvp.forecast.forecasts import Forecast
from vvp.forecast.head import Head, Spec
from vvp.forecast.headline import headline, promise
from vvp.forecast.neighbours import Neighbours
from vvp.learn import rule_errors
from vvp.learn.candidates import COLUMN_OF, FOLLOWERS, HISTORY, MEAN, RECENT, RULE, within
from vvp.learn.evaluate import RULE_ITSELF
from vvp.learn.intervals import traits
from vvp.learn.intervals.distribution import COVERAGE, unusual
from vvp.models.base import Model
from vvp.schema import COUNTER, PARTIAL, TABLES, VIDEOS, names

ROW = pa.schema(
    [*(TABLES["videos"].field(n) for n in FACTS), *(TABLES["embeddings"].field(n) for n in (*MADE, "status"))]
)
QUANTILES = np.linspace(0, 1, 201)
TOP = 0.9  # of the training views: above it a video is in the top tenth
SLACK = 0.01  # of a feature's training range: what lies further out is called outside


class Predictor:
    """`files.load`ed, it turns rows (schema ROW) into forecasts. Holds no video and no encoder."""

    def __init__(
        self,
        head: Head,
        history: ChannelHistory,
        words: Words,
        models: dict[str, Model],
        backgrounds: dict[str, np.ndarray],
        neighbours: Neighbours | None,
    ) -> None:
        """backgrounds: by model, float32 (m, its columns), the training rows its blocks are compared with."""
        self.head, self.history, self.words, self.models = head, history, words, models
        self.backgrounds, self.neighbours = backgrounds, neighbours
        self.target = head.target.fitted()
        self.beside: dict[str, Predictor] = {}
        """the run's predictors of other targets (others.py), by target"""
        self.dims = Dims(head.dims)
        self.columns = layout(self.dims)
        self.place = {column.name: i for i, column in enumerate(self.columns)}

    def predict(self, rows: pa.Table, horizon_days: float | None = None) -> list[Forecast]:
        """One forecast per row (schema ROW, see `draft_rows`).

        horizon_days: age of the count asked for, moved to the nearest that training shows; None: the default
        that training supports best. UserError for a row without media when there is no model for those.
        """
        n = len(rows)
        rows, filled = self._with_counters(rows)
        channel = np.array(rows["channel_id"].to_pylist(), dtype=object)
        mean, count = self.history.at(channel, moments(rows["published_at"]))
        horizon, moved = self.horizon(horizon_days)
        age = np.nan if horizon is None else horizon
        X = design(rows, self.dims, np.full(n, age), self.history, self.words)
        seen, heard = present(rows, "picture"), present(rows, "sound")
        spoken = rows["transcript"].to_pylist()
        partial = [status == PARTIAL for status in rows["status"].to_pylist()]
        return [
            self._one(
                X[i], bool(seen[i]), bool(heard[i]), spoken[i], channel[i], mean[i], int(count[i]), horizon,
                moved, partial[i], filled[i],
            )
            for i in range(n)
        ]  # fmt: skip

    def chances(self, rows: pa.Table, horizon_days: float | None = None) -> list[tuple[str, np.ndarray]]:
        """By row, for a target of classes: ("main" or "metadata", the probability of class 1 of two, else of
        each class). UserError as `predict`."""
        rows, _ = self._with_counters(rows)
        horizon, _ = self.horizon(horizon_days)
        age = np.full(len(rows), np.nan if horizon is None else horizon)
        X = design(rows, self.dims, age, self.history, self.words)
        media = present(rows, "picture") | present(rows, "sound")
        found = []
        for x, seen in zip(X, media, strict=True):
            which = self._which(bool(seen))
            spec = self.head.models.by_name()[which]
            said = self.models[which].predict(x[None, [self.place[c] for c in spec.columns]])
            mapped = said if spec.probabilities is None else spec.probabilities.apply(said)
            found.append((which, np.atleast_1d(mapped[0])))
        return found

    def _which(self, media: bool) -> str:
        """The forecaster of a draft with media or without."""
        which = "main" if media or not self.head.needs_media else "metadata"
        if which not in self.models:
            raise UserError("this predictor was trained on videos and has no model for a draft without one.")
        return which

    def horizon(self, asked: float | None) -> tuple[float | None, str | None]:
        """(days, a note where they are not those asked for); null: no training count has a known age."""
        shown = self.head.training.horizon_days
        if shown is None:
            return None, None
        if asked is None:
            return shown.default, None
        nearest = float(np.clip(asked, shown.min, shown.max))
        if nearest == asked:
            return nearest, None
        return nearest, (
            f"asked for {asked:g} days; its training counts are {shown.min:.3g} to {shown.max:.3g} days"
            f" old, so the forecast is for {nearest:.3g}"
        )

    def _with_counters(self, rows: pa.Table) -> tuple[pa.Table, list[list[str]]]:
        """(the rows with what they do not say of a known channel, by row: which counters that is)."""
        filled: list[list[str]] = [[] for _ in range(len(rows))]
        channels = rows["channel_id"].to_pylist()
        for name in names(VIDEOS, COUNTER):
            values = rows[name].to_pylist()
            for i, channel in enumerate(channels):
                known = self.history.counters.get(channel or "", {})
                if values[i] is None and name in known:
                    values[i] = bool(known[name]) if name == "channel_verified" else int(known[name])
                    filled[i].append(name)
            field = rows.schema.field(name)
            rows = rows.set_column(rows.schema.get_field_index(name), field, pa.array(values, field.type))
        return rows, filled

    def _unknown(self, x: np.ndarray, columns: list[str]) -> list[str]:
        """What a model reads, training knew and this draft does not say (channel history aside)."""
        ranges_ = self.head.training.ranges
        said = {f.name: f.source[0].replace("_", " ") for f in FEATURES if f.block == "counter"}
        return [said[n] for n in columns if n in said and n in ranges_ and np.isnan(x[self.place[n]])]

    def channel_facts(self, given: str | None) -> dict[str, Any]:
        """{given, known, learned_from}: known when training has this channel (None is taken for the only one
        there is); learned_from: how many channels it has."""
        many = self.head.training.channels
        known = self.history.knows(given) or (given is None and many == 1)
        return {"given": given, "known": known, "learned_from": many}

    def _scale(self, spec: Spec, channel: dict[str, Any], count: int) -> float | None:
        """Factor of a rule's errors for this draft; null: nothing says how far such a channel may lie off."""
        if spec.name == HISTORY:
            if channel["given"] is None and channel["known"]:
                count = max(len(values) for values in self.history.log_views.values())
            size = float(rule_errors.scale(self.history.error_k, count))
            return size if np.isfinite(size) else None
        return float(rule_errors.scale(0.0, spec.rows)) if spec.name == MEAN else 1.0

    def _one(
        self,
        x: np.ndarray,
        seen: bool,
        heard: bool,
        transcript: str | None,
        channel_id: str | None,
        history: float,
        count: int,
        horizon: float | None,
        moved: str | None,
        partial: bool,
        filled: list[str],
    ) -> Forecast:
        which = self._which(seen or heard)
        spec, model = self.head.models.by_name()[which], self.models[which]
        at = np.array([self.place[c] for c in spec.columns])
        bounds = None if spec.bounds is None else (spec.bounds[0], spec.bounds[1])
        raw = float(model.predict(x[None, at])[0])
        log_views = float(within(np.array([raw]), bounds)[0])
        clipped = raw != log_views
        blocks = [self.columns[i].block for i in at]
        vectors = {self.columns[i].block for i in at if self.columns[i].kind != FEATURE}
        cheaper = getattr(model, "mixed", None)
        start, added = attribute(
            lambda rows: within(model.predict(rows), bounds), x[at], self.backgrounds[which], blocks,
            None if cheaper is None else lambda *given: within(cheaper(*given), bounds),
        )  # fmt: skip
        channel = self.channel_facts(channel_id) | {"counted": count > 0 or channel_id is None}
        scale = self._scale(spec, channel, count)
        around = None
        if scale is not None and spec.calibration is not None:
            values = {name: float(x[self.place[name]]) for name in traits.READ}
            around = traits.of_draft(spec.calibration, log_views, scale, values)
            middle = around.quantile(0.5)
            start, log_views = start + middle - log_views, middle
        low, high = (None, None) if around is None else map(self.target.value, around.interval(COVERAGE))
        shown = self.head.training.horizon_days
        age = None if shown is None else shown.median
        asked = horizon if HORIZON in spec.columns else None
        recent = x[self.place[COLUMN_OF[RECENT]]]
        rules = {
            MEAN: self.target.value(self.history.mean),
            HISTORY: self.target.value(history) if count else None,
            RECENT: self.target.value(recent) if np.isfinite(recent) else None,
        }  # fmt: skip
        if spec.name == FOLLOWERS:
            rules[FOLLOWERS] = self.target.value(log_views)
        quality = self.head.quality.of(which)
        standing = RULE_ITSELF if spec.role == RULE else quality.standing
        rule = self.head.rule
        quantiles = self.head.training.quantiles
        top = float(np.interp(TOP, QUANTILES, quantiles))
        missing = [
            name for name, there in (("picture", seen), ("sound", heard), ("speech", transcript)) if not there
        ]
        outside = self._outside(x, spec.columns)
        says_little = None
        if around is not None and spec.role != RULE:
            spread = (float(np.interp(1 - TOP, QUANTILES, quantiles)), top)
            says_little = unusual(
                beyond.names([one["feature"] for one in outside]), around.interval(COVERAGE), spread
            )
        return Forecast(
            headline=headline(
                self.target.value(log_views), low, high, rule=rule, standing=standing, channel=channel,
                rule_views=rules[MEAN] if rule in (HISTORY, RECENT) and not count else rules.get(rule),
                media=seen or heard, unit=self.target.target.unit, doubt=says_little,
            ),
            promise=promise(
                self.target.value(log_views), low is not None, horizon_days=asked, counts_age_days=age,
                interval=quality.interval,
            ),
            target=self.target.name,
            kind=spec.role,
            views=self.target.value(log_views),
            low=low,
            high=high,
            coverage=COVERAGE,
            log_views=log_views,
            percentile=_percentile(log_views, quantiles),
            top_tenth=None if around is None else around.probability_above(top),
            top_tenth_views=self.target.value(top),
            starting_log_views=start,
            blocks=added,
            horizon_days=asked,
            counts_age_days=age,
            channel=channel,
            model=spec.name,
            baselines=rules,
            nearest=[] if self.neighbours is None else self.neighbours.nearest(x[: self.dims.fused]),
            missing=missing,
            outside=outside,
            notes=[
                *notes.of_counters(
                    [name for name in filled if notes.reads(spec.columns, name)],
                    [] if spec.role == RULE else self._unknown(x, spec.columns),
                ),
                *notes.of_forecast(
                    which, spec, vectors, partial, moved if asked is not None else None, clipped
                ),
            ],
            quality=quality.as_dict(),
            distribution=around,
            correlation=0.0 if spec.calibration is None else spec.calibration.correlation,
        )  # fmt: skip

    def beats(self, a: Forecast, b: Forecast) -> float | None:
        """Probability that the draft of `a` gets more views than that of `b`; null where one has no
        distribution (`ForecastDistribution.beats`)."""
        if a.distribution is None or b.distribution is None:
            return None
        one, other = a.channel["given"], b.channel["given"]
        same = one == other and (one is not None or a.channel["learned_from"] == 1)
        return a.distribution.beats(b.distribution, min(a.correlation, b.correlation) if same else 0.0)

    def _outside(self, x: np.ndarray, columns: list[str]) -> list[dict[str, Any]]:
        """Features the model uses whose value no training video came near."""
        found = []
        for name, (low, high) in self.head.training.ranges.items():
            value, slack = float(x[self.place[name]]), SLACK * (high - low)
            if name in columns and not np.isnan(value) and not low - slack <= value <= high + slack:
                found.append({"feature": name, "value": value, "low": low, "high": high})
        return found


def _percentile(log_views: float, quantiles: list[float]) -> float:
    """0 and 100 are kept for what lies below or above every training video."""
    share = round(100 * float(np.interp(log_views, quantiles, QUANTILES)), 1)
    return share if not quantiles[0] < log_views < quantiles[-1] else float(np.clip(share, 0.1, 99.9))


def draft_rows(values: Mapping[str, Any], embedded: Mapping[str, Any] | None = None) -> pa.Table:
    """A one-row table of schema ROW: facts of the draft by videos column, vectors and signals of `embedded`
    (by embeddings column), None for a draft without media. Unknown names raise ValueError."""
    unknown = set(values) - set(FACTS)
    if unknown:
        raise ValueError(f"not columns known before publication: {sorted(unknown)}")
    row = dict.fromkeys(ROW.names) | dict(values)
    if embedded is not None:
        row |= {n: embedded[n] for n in (*MADE, "status")}
        row["transcript"] = embedded["transcript"] or row["transcript"]
    return pa.Table.from_pylist([row], schema=ROW)
