"""The saved artefact at work: what it needs to see a new video as training did, and what is known of it.

The same `predict` serves offline and online. predictor_store.py says which files it is made of.
What a forecast cannot know: what happens after posting (a share by someone famous, a change of the platform's
ranking), whatever no training video showed, and anything about rewatching, for views are all it learned.
Not known here: how a video becomes vectors (embed_stages.py), files, Ray, HTTP.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.columns import design, layout
from vvp.dataset.fuse import Dims
from vvp.dataset.matrix import FACTS, MADE
from vvp.dataset.targets import moments
from vvp.embed.recipe import HORIZON_DAYS
from vvp.errors import UserError
from vvp.forecast.contributions import attribute
from vvp.forecast.neighbours import Neighbours
from vvp.learn.evaluate import COVERAGE
from vvp.models.base import Model
from vvp.schema import PARTIAL, TABLES

ROW = pa.schema(
    [*(TABLES["videos"].field(n) for n in FACTS), *(TABLES["embeddings"].field(n) for n in (*MADE, "status"))]
)
QUANTILES = np.linspace(0, 1, 201)
TOP = 0.9  # of the training views: above it a video is in the top tenth
SLACK = 0.01  # of a feature's training range: what lies further out is called outside


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """views: the median-like centre, exp(predicted log views) − 1; low, high: the 80 % interval (null: none
    could be made); percentile: of the training videos, 0 to 100; baselines: what the simple
    rules say (null: they cannot); missing: modalities the draft lacks; outside: features beyond training;
    quality: what evaluation measured of the model that was used.

    starting_log_views + the five blocks = log_views: what each block added (attribution.py).
    top_tenth: probability of more than top_tenth_views, which a tenth of the training videos passed, from the
    errors made on validation videos (null with low). nearest: the videos most like it (neighbours.py)."""

    views: float
    low: float | None
    high: float | None
    coverage: float
    log_views: float
    percentile: float
    top_tenth: float | None
    top_tenth_views: float
    starting_log_views: float
    blocks: dict[str, float]
    horizon_days: float
    model: str
    baselines: dict[str, float | None]
    nearest: list[dict[str, Any]]
    missing: list[str]
    outside: list[str]
    notes: list[str]
    quality: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Predictor:
    """`predictor_store.load`ed, it turns rows (schema ROW) into forecasts. Holds no video and no encoder."""

    def __init__(
        self,
        head: dict[str, Any],
        history: ChannelHistory,
        models: dict[str, Model],
        backgrounds: dict[str, np.ndarray],
        neighbours: Neighbours,
    ) -> None:
        """backgrounds: by model, float32 (m, its columns), the training rows its blocks are compared with."""
        self.head, self.history, self.models = head, history, models
        self.backgrounds, self.neighbours = backgrounds, neighbours
        self.dims = Dims(**head["dims"])
        self.columns = layout(self.dims)
        self.place = {column.name: i for i, column in enumerate(self.columns)}

    def predict(self, rows: pa.Table, horizon_days: float = HORIZON_DAYS) -> list[Forecast]:
        """One forecast per row (schema ROW, see `draft_rows`). horizon_days: age of the count asked for.
        UserError for a row without media when there is no model for those."""
        n = len(rows)
        channel = np.array(rows["channel_id"].to_pylist(), dtype=object)
        mean, count = self.history.at(channel, moments(rows["published_at"]))
        X = design(rows, self.dims, np.full(n, horizon_days), mean, count)
        seen, heard = (rows[f"{m}_embedding"].is_valid().to_numpy() for m in ("video", "audio"))
        spoken = rows["transcript"].to_pylist()
        partial = [status == PARTIAL for status in rows["status"].to_pylist()]
        return [
            self._one(X[i], bool(seen[i]), bool(heard[i]), spoken[i], mean[i], horizon_days, partial[i])
            for i in range(n)
        ]

    def _one(
        self,
        x: np.ndarray,
        seen: bool,
        heard: bool,
        transcript: str | None,
        history: float,
        horizon: float,
        partial: bool,
    ) -> Forecast:
        which = "main" if seen or heard or not self.head["needs_media"] else "metadata"
        if which not in self.models:
            raise UserError("this predictor was trained on videos and has no model for a draft without one.")
        spec, model = self.head["models"][which], self.models[which]
        at = np.array([self.place[c] for c in spec["columns"]])
        log_views = float(model.predict(x[None, at])[0])
        blocks = [self.columns[i].block for i in at]
        start, added = attribute(model.predict, x[at], self.backgrounds[which], blocks)
        half = spec["half_width"]
        quantiles = self.head["training"]["log_views_quantiles"]
        top = float(np.interp(TOP, QUANTILES, quantiles))
        missing = [
            name for name, there in (("picture", seen), ("sound", heard), ("speech", transcript)) if not there
        ]
        return Forecast(
            views=count_of(log_views),
            low=None if half is None else count_of(log_views - half),
            high=None if half is None else count_of(log_views + half),
            coverage=COVERAGE,
            log_views=log_views,
            percentile=_percentile(log_views, quantiles),
            top_tenth=None if half is None else _above(log_views - top, spec["residuals"]),
            top_tenth_views=count_of(top),
            starting_log_views=start,
            blocks=added,
            horizon_days=horizon,
            model=spec["name"],
            baselines={
                "train mean": count_of(self.history.mean),
                "channel's earlier videos": None if np.isnan(history) else count_of(float(history)),
            },
            nearest=self.neighbours.nearest(x[: self.dims.fused]),
            missing=missing,
            outside=self._outside(x, spec["columns"]),
            notes=_notes(which, spec, partial),
            quality=self.head["quality"][which],
        )

    def beats(self, a: Forecast, b: Forecast) -> float | None:
        """Probability that the draft of `a` gets more views than that of `b`; null without residuals.

        The errors of both are drawn from those on validation videos, with either sign (so the one with more
        forecast views never has less than a half), independently; half a video more on both sides, as in
        `_above`. Two drafts of one channel share part of their error, so for them the truth is further from a
        half than this says.
        """
        specs = {spec["name"]: spec for spec in self.head["models"].values()}
        of_a, of_b = (_either_sign(specs[f.model]["residuals"]) for f in (a, b))
        if a.low is None or b.low is None:
            return None
        gap = (a.log_views + of_a)[:, None] - (b.log_views + of_b)[None]
        n = min(len(of_a), len(of_b)) / 2  # validation videos; each stands there with either sign
        return float((n * ((gap > 0) + 0.5 * (gap == 0)).mean() + 0.5) / (n + 1))

    def _outside(self, x: np.ndarray, columns: list[str]) -> list[str]:
        """Features the model uses whose value no training video came near."""
        found = []
        for name, (low, high) in self.head["training"]["ranges"].items():
            value, slack = float(x[self.place[name]]), SLACK * (high - low)
            if name in columns and not np.isnan(value) and not low - slack <= value <= high + slack:
                found.append(f"{name} is {value:.3g}, training had {low:.3g} to {high:.3g}")
        return found


def _notes(which: str, spec: Mapping[str, Any], partial: bool) -> list[str]:
    found = []
    if partial:
        found.append("a part of this video could not be decoded or encoded: the forecast does without it")
    if "log_horizon_days" not in spec["columns"]:
        found.append("the horizon changes nothing: this model does not see the age of the counts")
    for block in ("picture", "sound"):
        if which == "main" and not any(c.startswith((block, f"mask_{block}")) for c in spec["columns"]):
            seen = block == "picture" and {"log_duration_s", "log_aspect_ratio"} & set(spec["columns"])
            but = ", but for its length and shape" if seen else ""
            found.append(f"the {block} changes nothing{but}: this model does not look at it")
    if spec["half_width"] is None:
        found.append("no interval: too few validation videos to calibrate one")
    return found


def _above(margin: float, residuals: list[float]) -> float:
    """Share of residuals r, each taken with either sign, with margin + r > 0: as in the interval, for odds
    that lean to one side of the centre would contradict it. Half a video more on both sides: none of n is
    not never."""
    above = np.mean(margin + _either_sign(residuals) > 0) * len(residuals)
    return float((above + 0.5) / (len(residuals) + 1))


def _either_sign(residuals: list[float]) -> np.ndarray:
    return np.concatenate([residuals, np.negative(residuals)])


def _percentile(log_views: float, quantiles: list[float]) -> float:
    """0 and 100 are kept for what lies below or above every training video."""
    share = round(100 * float(np.interp(log_views, quantiles, QUANTILES)), 1)
    return share if not quantiles[0] < log_views < quantiles[-1] else float(np.clip(share, 0.1, 99.9))


def count_of(log_views: float) -> float:
    """Views of a log1p; at most exp(30) = 10¹³, more than there are viewers."""
    return float(np.expm1(np.clip(log_views, 0.0, 30.0)))


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
