"""What each cluster is: how it differs from the rest, its words, its most central videos, the forecast's
error.

All but the size and the error is of the training rows, so that a look at the map is no look at the test
part.
Not known here: how the clusters came about.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from vvp.explore.collection import FEATURES, Collection, Forecasts
from vvp.explore.words import telling
from vvp.learn.metrics import Draws

CENTRAL = 5
RESAMPLES = 500
FEW = 5  # rows needed on either side for an interval


def describe(
    seen: Collection, cluster: np.ndarray, pca: np.ndarray, centres: np.ndarray, seed: int = 0
) -> list[dict[str, Any]]:
    """The "clusters" of map.json. cluster: int32 (n,), of every row; pca: float32 (n, components)."""
    train = seen.train
    train_clusters, number = cluster[train], len(centres)
    draws = draw(seen.channel_id[train], seed)
    compared = {
        name: differences(seen.features[name][train], train_clusters, number, draws)
        for name in FEATURES
    }  # fmt: skip
    words = telling(list(seen.title[train]), train_clusters, number)
    distance = np.linalg.norm(pca[train] - centres[train_clusters], axis=1)
    descriptions = []
    for c in range(number):
        inside = np.flatnonzero(train_clusters == c)
        nearest = inside[np.argsort(distance[inside], kind="stable")[:CENTRAL]]
        error, why = _error(seen, cluster, c, seed)
        descriptions.append(
            {
                "cluster": c,
                "size": int((cluster == c).sum()),
                "share": float((cluster == c).mean()),
                "train_rows": len(inside),
                "differences": {
                    name: per_cluster[c]
                    for name, per_cluster in compared.items()
                    if per_cluster is not None and per_cluster[c] is not None
                },
                "words": [list(pair) for pair in words[c]],
                "central": seen.video_id[train[nearest]].tolist(),
                "error": error,
                "error_unavailable": why,
            }
        )
    return descriptions


def draw(channel_id: np.ndarray, seed: int) -> Draws:
    """Resamples of channels; of videos where all are of one channel, which cannot be resampled."""
    named = {c for c in channel_id if c is not None}
    alone = len(named) == 1 and all(c is not None for c in channel_id)
    return Draws.make([None] * len(channel_id) if alone else channel_id, RESAMPLES, seed)


def differences(
    values: np.ndarray, cluster: np.ndarray, clusters: int, draws: Draws
) -> list[dict[str, Any] | None] | None:
    """Per cluster its standardised difference from all other rows, with a 95 % interval; None: undefined.

    Cohen's d: (mean − mean of the rest) / pooled standard deviation, so 1 is one standard deviation more.
    values: float64 (n,), NaN unknown and left out; cluster: int (n,). None where no value is known at all.
    Only sums per channel are resampled, so it costs the same for a million rows of a thousand channels.
    """
    has_value = np.isfinite(values)
    if not has_value.any():
        return None
    channels = draws.times.shape[1]
    # Centred first, so that sums of squares lose no precision.
    centred = np.where(has_value, values - values[has_value].mean(), 0.0)
    moments = np.stack([has_value.astype(float), centred, centred**2])
    whole = _by_channel(moments, draws.codes, channels)
    rows: list[dict[str, Any] | None] = []
    for c in range(clusters):
        inside = has_value & (cluster == c)
        part = _by_channel(moments * (cluster == c), draws.codes, channels)
        point = _cohen(part.sum(axis=1)[None], (whole - part).sum(axis=1)[None])[0]
        if not np.isfinite(point):
            rows.append(None)
            continue
        copies = _cohen(draws.times @ part.T, draws.times @ (whole - part).T)
        interval = draws.interval(float(point), copies)
        if min(inside.sum(), (has_value & ~inside).sum()) < FEW:
            interval = replace(interval, low=None, high=None)
        rows.append(
            {
                "point": interval.point, "low": interval.low, "high": interval.high,
                "mean": float(values[inside].mean()), "rest": float(values[has_value & ~inside].mean()),
                "rows": int(inside.sum()),
            }
        )  # fmt: skip
    return rows


def _by_channel(moments: np.ndarray, codes: np.ndarray, channels: int) -> np.ndarray:
    """float64 (3, channels): sums of the rows (3, n) of each channel."""
    return np.stack([np.bincount(codes, row, minlength=channels) for row in moments])


def _cohen(inside: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """float64 (m,): of m pairs of (count, sum, sum of squares); NaN below 2 rows on a side, or no spread."""
    enough = (inside[:, 0] >= 2) & (rest[:, 0] >= 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [side[:, 1] / side[:, 0] for side in (inside, rest)]
        squares = [
            side[:, 2] - side[:, 0] * mean**2 for side, mean in zip((inside, rest), means, strict=True)
        ]
        pooled = (squares[0] + squares[1]) / (inside[:, 0] + rest[:, 0] - 2)
        # Rounding gives a constant column a variance of about 1e-16, not 0.
        return np.where(enough & (pooled > 1e-12), (means[0] - means[1]) / np.sqrt(pooled), np.nan)


def _error(
    seen: Collection, cluster: np.ndarray, c: int, seed: int
) -> tuple[dict[str, Any] | None, str | None]:
    """(mean absolute error of the run's model on the cluster's test videos, why there is none)."""
    if seen.forecasts is None:
        return None, seen.no_forecasts
    of = dict(zip(seen.video_id.tolist(), cluster.tolist(), strict=True))
    rows = np.array([of.get(video) == c for video in seen.forecasts.video_id], bool)
    if not rows.any():
        return None, "No test video with a forecast is in it."
    return {"mae": mean_error(seen.forecasts, rows, seed), "rows": int(rows.sum())}, None


def mean_error(forecasts: Forecasts, rows: np.ndarray, seed: int) -> dict[str, float | None]:
    """{point, low, high} of |error| over the rows (bool (m,)), log views; low and high None where all are of
    one channel, as in every other measure of a forecast."""
    errors = forecasts.error[rows]
    draws = Draws.make(forecasts.channel_id[rows], RESAMPLES, seed)
    sums = _by_channel(np.stack([np.ones(len(errors)), errors]), draws.codes, draws.times.shape[1])
    counts, totals = (draws.times @ sums.T).T
    interval = draws.interval(float(errors.mean()), totals / counts)
    return {"point": interval.point, "low": interval.low, "high": interval.high}
