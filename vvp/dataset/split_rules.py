"""The three rules of splits.py, on plain arrays: by time, by unit (a channel), by chance.

Each takes labelled rows and gives (parts object (n,), facts); UserError with the numbers when the split
cannot be made.
Not known here: tables, labels, where a split is saved.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from vvp.dataset.duplicates import merge, same_pairs
from vvp.dataset.labels import MIN_AGE_DAYS
from vvp.dataset.scales import DAY_US
from vvp.errors import UserError

USED = ("train", "validation", "test")
EMBARGO, NONE = "embargo", "none"
MIN_ROWS, MIN_PART = 20, 3
NAMES = {"min_age_days": "--min-age-days", "lag_days": "--label-lag-days"}


@dataclass(frozen=True, kw_only=True)
class SplitSettings:
    train: float = 0.6
    validation: float = 0.2  # test is the rest
    embargo_days: float | None = None  # None: `lag`, or less where that would take over 5 % of the videos
    min_age_days: float = MIN_AGE_DAYS  # a count that was younger is no label; 0: any age will do
    lag_days: float | None = None  # after so many days a count is known to later videos; None: min_age_days
    cosine: float = 0.995  # of centred video embeddings, from which on two videos are copies
    seed: int = 0  # of the random split, and of ties in the channel split

    def __post_init__(self) -> None:
        if not (0 < self.train < 1 and 0 < self.validation < 1 and self.train + self.validation < 1):
            raise UserError(
                f"train {self.train} and validation {self.validation} must leave a part for the test."
            )
        if self.embargo_days is not None and not self.embargo_days >= 0:
            raise UserError(f"an embargo of {self.embargo_days} days makes no sense.")

        for name in ("min_age_days", "lag_days"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 3650:
                raise UserError(f"{NAMES[name]} {value:g} makes no sense: give 0 to 3650 days.")

    @property
    def lag(self) -> float:
        """Days after which a count is taken for known."""
        return self.min_age_days if self.lag_days is None else self.lag_days

    @property
    def shares(self) -> np.ndarray:
        return np.array([self.train, self.validation, 1 - self.train - self.validation])


@dataclass(frozen=True)
class Labelled:
    """n labelled rows, as a rule sees them."""

    ids: np.ndarray  # object (n,)
    published: np.ndarray  # datetime64[us] (n,), NaT: unknown
    copies: np.ndarray  # int64 (n,): near-duplicates of each other have one number (duplicates.py)
    unit: np.ndarray | None = None  # int64 (n,): rows of one number are not divided; None: only copies
    unit_column: str | None = None  # the column of videos/ that `unit` was read from


Found = tuple[np.ndarray, dict[str, Any]]
Rule = Callable[[Labelled, SplitSettings], Found]


def by_time(rows: Labelled, settings: SplitSettings) -> Found:
    """Oldest first: train, validation, a gap, test. UserError when a part stays too small."""
    published, copies = rows.published, rows.copies
    parts = np.full(len(published), NONE, dtype=object)
    dated = np.flatnonzero(~np.isnat(published))
    if len(dated) < MIN_ROWS:
        raise UserError(f"only {len(dated)} labelled videos have a date of publication ({MIN_ROWS} needed).")
    when = published[dated].astype("datetime64[us]").astype(np.int64)
    ordered = np.sort(when)
    ends = np.round(np.cumsum(settings.shares)[:2] * len(dated)).astype(int)
    days = settings.embargo_days
    if days is None:
        # In time, but never more than a twentieth of the videos: a table may hold years of old posts and
        # most of its videos in the last week, where 7 days would swallow the validation part.
        few = ordered[ends[1]] - ordered[max(0, ends[1] - max(1, len(dated) // 20))]
        days = min(settings.lag, float(few) / DAY_US)
    gap = int(days * DAY_US)
    first, second = ordered[ends[0]], ordered[ends[1]]  # where validation and test begin
    # Later assignments overwrite earlier ones: before a boundary, then its gap, then what lies after. No gap
    # before validation: models are judged on folds of both parts, which keep the lag themselves.
    found = np.full(len(dated), "train", dtype=object)
    found[when >= first] = "validation"
    found[(when > second - gap) & (when >= first)] = EMBARGO
    found[when >= second] = "test"
    in_gap = int((found == EMBARGO).sum())
    rank = np.array([USED.index(p) if p in USED else len(USED) for p in found])
    earliest = np.full(int(copies.max()) + 1, len(USED))
    np.minimum.at(earliest, copies[dated], rank)
    later = (rank < len(USED)) & (rank > earliest[copies[dated]])
    found[later] = EMBARGO
    parts[dated] = found
    _require(parts, f"with an embargo of {days:.3g} days ")
    extra = {
        "embargo_days": days,
        "validation_from": str(np.datetime64(int(first), "us")),
        "test_from": str(np.datetime64(int(second), "us")),
        "in_gap": in_gap,
        "later_copies": int(later.sum()),
        "undated": len(published) - len(dated),
    }
    return parts, extra


def by_unit(rows: Labelled, settings: SplitSettings) -> Found:
    """Whole units (with those that share copies), biggest first, each to the part that it fits and that
    lacks most.

    UserError when a part gets less than half its share: one unit, or one that outweighs the rest.
    """
    assert rows.unit is not None and rows.unit_column is not None, "a split by unit names its column"
    cluster = merge(rows.unit, *same_pairs(rows.copies.tolist()))
    sizes, n = np.bincount(cluster), len(rows.ids)
    tie = _shuffled(cluster, rows.ids, settings.seed)
    wanted, got = settings.shares * n, np.zeros(3)
    target = np.zeros(len(sizes), int)
    for c in np.lexsort((tie, -sizes)):
        if not sizes[c]:
            continue
        # By relative lack, so that each part gets big and small channels; by absolute lack where none has
        # room for it.
        lack = np.where(got + sizes[c] <= wanted, 1 - got / wanted, -np.inf)
        target[c] = int(np.argmax(lack if np.isfinite(lack).any() else wanted - got))
        got[target[c]] += sizes[c]
    if (got < wanted / 2).any():
        raise UserError(
            f"{len(np.unique(rows.unit))} {rows.unit_column.removesuffix('_id')}s do not divide into"
            f" {settings.shares.round(2).tolist()}: the biggest (with those that share copies) has"
            f" {sizes.max()} of {n} labelled videos."
        )
    parts = np.array(USED, dtype=object)[target[cluster]]
    _require(parts)
    return parts, {"groups": int((sizes > 0).sum())}


def by_chance(rows: Labelled, settings: SplitSettings) -> Found:
    """Groups of copies in a seeded order, cut where the shares say."""
    copies, ids = rows.copies, rows.ids
    order = np.argsort(_shuffled(copies, ids, settings.seed), kind="stable")
    sizes = np.bincount(copies)[order]
    middle = (np.cumsum(sizes) - sizes / 2) / len(ids)
    target = np.zeros(len(order), int)
    target[order] = np.searchsorted(np.cumsum(settings.shares)[:2], middle, side="right")
    parts = np.array(USED, dtype=object)[target[copies]]
    _require(parts)
    return parts, {}


def _shuffled(groups: np.ndarray, ids: np.ndarray, seed: int) -> np.ndarray:
    """uint64 (groups,): a key to sort groups by, drawn from the seed and the group's first id.

    By hash rather than by permutation, so that a new video leaves the order of the others as it was.
    """
    order = np.argsort(ids.astype(str), kind="stable")
    members, at = np.unique(groups[order], return_index=True)
    keys = np.zeros(int(groups.max()) + 1, np.uint64)
    for group, row in zip(members, order[at], strict=True):
        digest = hashlib.blake2b(f"{seed}\n{ids[row]}".encode(), digest_size=8).digest()
        keys[group] = int.from_bytes(digest, "big")
    return keys


def _require(parts: np.ndarray, how: str = "") -> None:
    sizes = {part: int((parts == part).sum()) for part in USED}
    if min(sizes.values()) < MIN_PART:
        shown = ", ".join(f"{part} {n}" for part, n in sizes.items())
        raise UserError(f"{len(parts)} labelled videos {how}give {shown}; each part needs {MIN_PART}.")
