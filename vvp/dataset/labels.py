"""What became of a video, read here and nowhere else: its counts, and the age at which they were read.

Only this module reads what happens after publication (schema.AFTER). It returns counts and the horizon, and
targets.py builds the targets from them. A count that was read too soon after posting is no label. Whether a
row has one rests on its views; in a table where nobody's views are known, on the first of the other counts
that it has (`Labels.base`).
Not known here: features, splits, models. Nor, for lack of data, how a count grew: each video has one
count, read at one age.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.channels import channel_codes
from vvp.dataset.scales import DAY_US, log_count
from vvp.schema import COUNTS

MIN_AGE_DAYS = 3.0
TOO_YOUNG = "too_young"
RIPE_GAP = float(np.log(1.4))  # a level this much lower would make counts too young
RIPE_ROWS = 30  # fewer rows cannot show that they are not too young


@dataclass(frozen=True)
class Labels:
    """Row i is row i of the videos table that was read."""

    video_id: np.ndarray  # object (n,)
    base: str  # of COUNTS: whether a row has a label rests on it
    known: np.ndarray  # bool (n,): the row has a label
    log_views: np.ndarray  # float64 (n,), natural log of (1 + views); NaN: no usable count
    counts: dict[str, np.ndarray]  # COUNTS → float64 (n,); NaN: unknown, hidden, or the row has no label
    horizon_days: np.ndarray  # float64 (n,), observed_at − published_at; NaN: unknown, or below 0
    at_least: np.ndarray  # bool (n,): the count has no date, so its horizon is a lower bound
    too_young: np.ndarray  # bool (n,): its count was left out because of its age
    age_note: str | None  # how counts without a date got an age; None: every count has a date


def read_labels(videos: pa.Table, min_age_days: float = MIN_AGE_DAYS) -> Labels:
    """Labels of a videos table. A row with a label_issue, no count, a count of 0 or less, or one read less
    than `min_age_days` after posting (0: any age will do) has none.

    A count read before its video was published has a wrong date somewhere: its horizon is NaN. Where no count
    of the table has a date, all were read when the newest post was there, or later: that is their least age.
    """
    base = next((name for name in COUNTS if videos[name].null_count < len(videos)), COUNTS[0])
    values = pc.cast(videos[base], pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    if base == COUNTS[0]:
        clean = pc.is_null(videos["label_issue"]).to_numpy(zero_copy_only=False) & (values > 0)  # NaN: False
    else:
        clean = values >= 0  # its only issue is that there are no views
    logs = np.full(len(values), np.nan)
    logs[clean] = log_count(values[clean])
    published = moments(videos["published_at"])
    horizon = _days(moments(videos["observed_at"]) - published)
    horizon[horizon < 0] = np.nan
    young, note = np.zeros(len(values), bool), None
    at_least = np.zeros(len(values), bool)
    if np.isnat(moments(videos["observed_at"])).all() and not np.isnat(published).all():
        at_least = ~np.isnat(published)
        horizon[at_least] = _days(_newest(videos, published) - published[at_least])
        horizon[horizon < 0] = np.nan
    if min_age_days > 0:
        young = clean & (horizon < min_age_days)  # NaN < x: False
        if at_least.any():
            young, note = _maybe_young(videos, logs, young, clean & ~young, published, min_age_days)
        logs[young] = np.nan
    ids, known = np.array(videos["video_id"].to_pylist(), dtype=object), np.isfinite(logs)
    counts = {name: _counts(videos[name], known) for name in COUNTS}
    log_views = logs if base == COUNTS[0] else np.full(len(logs), np.nan)
    return Labels(ids, base, known, log_views, counts, horizon, at_least, young, note)


def _counts(column: pa.ChunkedArray, labelled: np.ndarray) -> np.ndarray:
    values = pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(labelled & (values >= 0), values, np.nan)


def _days(age: np.ndarray) -> np.ndarray:
    return np.where(np.isnat(age), np.nan, age.astype(np.int64) / DAY_US)


def _newest(videos: pa.Table, published: np.ndarray) -> np.datetime64:
    """The newest date of posting; one after the row was collected is wrong, and is no bound."""
    collected = moments(videos["collected_at"])
    possible = ~np.isnat(published) & (np.isnat(collected) | (published <= collected))
    return published[possible].max() if possible.any() else published[~np.isnat(published)].min()


def _maybe_young(
    videos: pa.Table,
    logs: np.ndarray,
    maybe: np.ndarray,
    clean: np.ndarray,
    published: np.ndarray,
    min_age_days: float,
) -> tuple[np.ndarray, str | None]:
    """(bool (n,), a sentence): which of the counts that may be too young are left out, where none has a date.

    All of them, unless the counts themselves show that they were read later: among at least RIPE_ROWS of
    them, at equal followers, the level is not lower by RIPE_GAP (one-sided 95 %, by channel).
    """
    if not maybe.any():
        return maybe, None
    day = str(_newest(videos, published))[:10]
    first = f"the table does not say when its counts were read; the newest post ({day}) is the bound"
    deficit, error = _deficit(videos, logs, maybe, clean & ~np.isnat(published) & ~maybe)
    posts = f"{int(maybe.sum())} posts within {min_age_days:g} days of it"
    if deficit + 1.645 * error < RIPE_GAP:
        kept = "have counts as high as those of older ones, so they were read later and are kept"
        return np.zeros(len(maybe), bool), f"{first}: {posts} {kept}"
    return maybe, f"{first}: {posts} are left out"


def _deficit(videos: pa.Table, logs: np.ndarray, young: np.ndarray, old: np.ndarray) -> tuple[float, float]:
    """(how much lower the young counts are, its standard error), logs at equal followers; inf where
    too few."""
    if min(young.sum(), old.sum()) < RIPE_ROWS:
        return np.inf, 0.0
    y = logs.copy()
    followers = pc.cast(videos["channel_followers"], pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    x = np.where(followers >= 0, log_count(np.maximum(followers, 0)), np.nan)
    both = (young | old) & np.isfinite(x)
    if both.sum() > 0.9 * (young | old).sum() and np.ptp(x[both]) > 0:
        slope, intercept = np.polyfit(x[both], y[both], 1)
        y = y - np.where(np.isfinite(x), intercept + slope * x, y[both].mean())
    variance = 0.0
    codes = channel_codes(videos["channel_id"].to_pylist())
    for rows in (young, old):
        off = y[rows] - y[rows].mean()
        variance += float((np.bincount(codes[rows], weights=off) ** 2).sum()) / int(rows.sum()) ** 2
    return float(y[old].mean() - y[young].mean()), float(np.sqrt(variance))


def issues(videos: pa.Table, labels: Labels) -> dict[str, int]:
    """schema.LABEL_ISSUES → how many videos have it; those that none has are left out."""
    found = pc.value_counts(videos["label_issue"].drop_null())
    counts = {one["values"]: one["counts"] for one in found.to_pylist()}
    young = int(labels.too_young.sum())
    return {**counts, TOO_YOUNG: young} if young else counts


def counted(base: str) -> str:
    """What a row with a label has, in words."""
    return "a usable view count" if base == COUNTS[0] else f"a usable count of {base}"


def moments(column: pa.ChunkedArray) -> np.ndarray:
    """A timestamp column as datetime64[us] (n,), UTC; NaT where null."""
    return pc.cast(column, pa.timestamp("us")).to_numpy(zero_copy_only=False).astype("datetime64[us]")
