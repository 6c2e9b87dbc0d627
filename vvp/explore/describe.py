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
FEW = 5  # rows with a value on either side, below which an interval would be an invention


def describe(
    seen: Collection, cluster: np.ndarray, pca: np.ndarray, centres: np.ndarray, seed: int = 0
) -> list[dict[str, Any]]:
    """The "clusters" of map.json. cluster: int32 (n,), of every row; pca: float32 (n, components)."""
    train = seen.train
    own, number = cluster[train], len(centres)
    draws = draw(seen.channel_id[train], seed)
    compared = {
        name: differences(seen.features[name][train], own, number, draws)
        for name in FEATURES
    }  # fmt: skip
    words = telling(list(seen.title[train]), own, number)
    distance = np.linalg.norm(pca[train] - centres[own], axis=1)
    found = []
    for c in range(number):
        inside = np.flatnonzero(own == c)
        nearest = inside[np.argsort(distance[inside], kind="stable")[:CENTRAL]]
        error, why = _error(seen, cluster, c, seed)
        found.append(
            {
                "cluster": c,
                "size": int((cluster == c).sum()),
                "share": float((cluster == c).mean()),
                "train_rows": len(inside),
                "differences": {
                    name: one[c] for name, one in compared.items() if one is not None and one[c] is not None
                },
                "words": [list(pair) for pair in words[c]],
                "central": seen.video_id[train[nearest]].tolist(),
                "error": error,
                "error_unavailable": why,
            }
        )
    return found


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
    known = np.isfinite(values)
    if not known.any():
        return None
    channels = draws.times.shape[1]
    # Around the mean, so that sums of squares lose no digits.
    centred = np.where(known, values - values[known].mean(), 0.0)
    moments = np.stack([known.astype(float), centred, centred**2])
    whole = _by_channel(moments, draws.codes, channels)
    found: list[dict[str, Any] | None] = []
    for c in range(clusters):
        inside = known & (cluster == c)
        part = _by_channel(moments * (cluster == c), draws.codes, channels)
        point = _cohen(part.sum(axis=1)[None], (whole - part).sum(axis=1)[None])[0]
        if not np.isfinite(point):
            found.append(None)
            continue
        copies = _cohen(draws.times @ part.T, draws.times @ (whole - part).T)
        held = draws.interval(float(point), copies)
        if min(inside.sum(), (known & ~inside).sum()) < FEW:
            held = replace(held, low=None, high=None)
        found.append(
            {
                "point": held.point, "low": held.low, "high": held.high,
                "mean": float(values[inside].mean()), "rest": float(values[known & ~inside].mean()),
                "rows": int(inside.sum()),
            }
        )  # fmt: skip
    return found


def _by_channel(moments: np.ndarray, codes: np.ndarray, channels: int) -> np.ndarray:
    """float64 (3, channels): sums of the rows (3, n) of each channel."""
    return np.stack([np.bincount(codes, row, minlength=channels) for row in moments])


def _cohen(own: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """float64 (m,): of m pairs of (count, sum, sum of squares); NaN below 2 rows on a side, or no spread."""
    enough = (own[:, 0] >= 2) & (rest[:, 0] >= 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = [side[:, 1] / side[:, 0] for side in (own, rest)]
        squares = [side[:, 2] - side[:, 0] * mean**2 for side, mean in zip((own, rest), means, strict=True)]
        pooled = (squares[0] + squares[1]) / (own[:, 0] + rest[:, 0] - 2)
        # Rounding leaves a constant a spread of about 1e-16 of its size.
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
    held = draws.interval(float(errors.mean()), totals / counts)
    return {"point": held.point, "low": held.low, "high": held.high}
