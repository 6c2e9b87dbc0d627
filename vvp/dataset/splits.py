"""Which part each labelled video is in: train, validation or test, three ways at once, saved once.

time     the oldest 60 % train, the next 20 % validation, the newest 20 % test; a gap (embargo) before the
         test is left out, so that no count was read on its eve
channel  no channel is in two parts
random   the easy one, for comparison: it lets a model learn from a video's neighbours in time and channel
Near-duplicates (duplicates.py) never stand in two parts. In `random` and `channel` a group goes one way as
a whole (channels that share copies go together). In `time` moving a copy would carry the future into train
or the past into test, so the members of a group's earliest part stay where their dates put them and its
later copies are left out (part `embargo`, counted as later_copies).
Parts: train | validation | test | embargo | none (no label; in `time` no date either).
Not known here: models, features. Labels of train were read on collection day, so even `time` cannot undo
that an old video went on gathering views after the test videos were posted.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vvp import parquet
from vvp.dataset.channels import channel_codes
from vvp.dataset.duplicates import PICTURE, SOUND, duplicate_groups
from vvp.dataset.labels import counted, moments, read_labels
from vvp.dataset.split_rules import (
    EMBARGO,
    MIN_ROWS,
    NONE,
    USED,
    Labelled,
    Rule,
    SplitSettings,
    by_chance,
    by_time,
    by_unit,
)
from vvp.errors import SplitError, UserError
from vvp.paths import SPLITS_FACTS, SPLITS_TABLE
from vvp.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Split:
    name: str
    rule: Rule
    """(labelled rows, settings) → (parts, what to say of them); UserError where it cannot be made"""
    tested: str
    """what its test videos are, in words"""
    in_time: bool = False
    """Its parts follow each other in time. Then folds do too, every count that was ripe may enter a channel's
    history, and a workspace that it cannot divide falls back on the rule alone."""
    whole: str | None = None
    """column of videos/ whose values are never divided, each null a value of its own; None: only copies"""


_ALL = (
    Split(
        name="time", rule=by_time, in_time=True, tested="all posted after everything it had learned from"
    ),
    Split(
        name="channel", rule=by_unit, whole="channel_id", tested="all from channels it had never seen"
    ),
    Split(
        name="random", rule=by_chance,
        tested="drawn at random from the same weeks and channels it learned from (an easy test)",
    ),
)  # fmt: skip
SPLITS = {split.name: split for split in _ALL}
COPIES = "copies"  # column of the splits table
SAVED = pa.schema([(name, pa.string()) for name in ("video_id", *SPLITS)] + [(COPIES, pa.int64())])
UNITS = sorted({split.whole for split in _ALL if split.whole})
RULES = 5  # of split_rules.py and duplicates.py; count up when they change, so that saved splits are remade


@dataclass(frozen=True)
class Splits:
    """Row i is row i of the videos table that it was made or loaded for."""

    video_id: np.ndarray  # object (n,)
    parts: dict[str, np.ndarray]  # split → object (n,) of part names; absent when unavailable
    unavailable: dict[str, str]  # split → why it cannot be made
    facts: dict[str, Any]  # settings, fingerprint, counts per split, duplicates; JSON-ready
    copies: np.ndarray  # int64 (n,): labelled rows of one number are near-duplicates of each other

    def part(self, split: str) -> np.ndarray:
        """object (n,) of part names. UserError when this split is unknown or could not be made."""
        if split not in (*SPLITS, *self.parts):
            raise UserError(f"there is no split called {split}; there are {', '.join(SPLITS)}.")
        if split in self.unavailable:
            raise SplitError(f"the {split} split cannot be made: {self.unavailable[split]}")
        return self.parts[split]


def make_splits(
    videos: pa.Table, embeddings: pa.Table | None = None, settings: SplitSettings | None = None
) -> Splits:
    """Every split of SPLITS. embeddings: the latest row per video, or None; only its vectors are looked at.

    UserError when fewer than MIN_ROWS videos have a label. A split that cannot be made is recorded in
    `unavailable` with its reason.
    """
    settings = settings or SplitSettings()
    ids = np.array(videos["video_id"].to_pylist(), dtype=object)
    labels = read_labels(videos, settings.min_age_days)
    labelled = np.flatnonzero(labels.known)
    if len(labelled) < MIN_ROWS:
        raise SplitError(
            f"only {len(labelled)} of {len(ids)} videos have {counted(labels.base)};"
            f" a split needs {MIN_ROWS}."
        )
    chosen = videos.take(labelled)
    copies = duplicate_groups(chosen, embeddings, settings.cosine)
    channel = channel_codes(chosen["channel_id"].to_pylist())
    parts: dict[str, np.ndarray] = {}
    unavailable: dict[str, str] = {}
    counts: dict[str, Any] = {}
    for name, split in SPLITS.items():
        unit = None if split.whole is None else channel_codes(chosen[split.whole].to_pylist())
        rows = Labelled(ids[labelled], moments(chosen["published_at"]), copies, unit, split.whole)
        try:
            found, extra = split.rule(rows, settings)
        except UserError as reason:
            unavailable[name] = str(reason)
            continue
        parts[name] = np.full(len(ids), NONE, dtype=object)
        parts[name][labelled] = found
        sizes = {part: int((parts[name] == part).sum()) for part in (*USED, EMBARGO, NONE)}
        channels = {part: len(np.unique(channel[found == part])) for part in USED}
        counts[name] = {"rows": sizes, "channels": channels, **extra}
    groups = np.bincount(copies)
    facts = {
        "settings": asdict(settings),
        "fingerprint": fingerprint(videos, embeddings, settings),
        "videos": len(ids),
        "labelled": len(labelled),
        "duplicates": {"groups": int((groups > 1).sum()), "videos": int(groups[groups > 1].sum())},
        "splits": counts,
    }
    numbers = np.arange(len(ids), dtype=np.int64) + len(ids)  # unlabelled: a copy of nothing
    numbers[labelled] = copies
    return Splits(ids, parts, unavailable, facts, numbers)


def load_or_make(
    space: Workspace, settings: SplitSettings | None = None,
    videos: pa.Table | None = None, embeddings: pa.Table | None = None,
) -> tuple[Splits, str]:  # fmt: skip
    """(splits, "loaded" | "made" | "remade") of a workspace. Remade: something they rest on has changed
    (labelled videos, their dates, channels or vectors, the settings), or the saved ones do not match."""
    settings = settings or SplitSettings()
    videos = space.read("videos") if videos is None else videos
    if embeddings is None and space.has("embeddings"):
        columns = [PICTURE, SOUND, "content_key"]
        embeddings = space.latest("embeddings", "video_id", "embedded_at", columns)
    there = space.exists(SPLITS_FACTS) and space.exists(SPLITS_TABLE)
    if there:
        facts = space.read_json(SPLITS_FACTS)
        with space.taken_apart(SPLITS_FACTS, "delete it, and run `vvp tune` again"):
            if facts.get("fingerprint") == fingerprint(videos, embeddings, settings):
                return _read(space, facts, videos["video_id"].to_pylist()), "loaded"
    splits = make_splits(videos, embeddings, settings)
    parts = [splits.parts.get(name, [None] * len(splits.video_id)) for name in SPLITS]
    saved: list[Any] = [splits.video_id, *parts, splits.copies]
    arrays = [pa.array(values, kind) for values, kind in zip(saved, SAVED.types, strict=True)]
    space.write_bytes(SPLITS_TABLE, parquet.written(pa.table(arrays, schema=SAVED)))
    facts = {**splits.facts, "unavailable": splits.unavailable}
    space.write_json(SPLITS_FACTS, facts)  # last: it vouches for the table
    return splits, "remade" if there else "made"


def fingerprint(videos: pa.Table, embeddings: pa.Table | None, settings: SplitSettings) -> str:
    """sha256 (hex) of all that the splits rest on: settings; each labelled video's date, channel, media,
    title, and which content its vectors were made from."""
    vectors: dict[str, str] = {}
    if embeddings is not None:
        seen = embeddings.filter(embeddings[PICTURE].is_valid())
        keys = seen["content_key"] if "content_key" in seen.column_names else seen["video_id"]
        vectors = dict(zip(seen["video_id"].to_pylist(), map(str, keys.to_pylist()), strict=True))
    chosen = videos.filter(pa.array(read_labels(videos, settings.min_age_days).known))
    columns = [chosen[c].to_pylist() for c in ("video_id", *UNITS, "media_sha256", "title")]
    when = moments(chosen["published_at"]).astype(np.int64).tolist()
    rows = sorted([*row, vectors.get(row[0])] for row in zip(*columns[:1], when, *columns[1:], strict=True))
    return hashlib.sha256(json.dumps([RULES, asdict(settings), rows]).encode()).hexdigest()


def _read(space: Workspace, facts: dict[str, Any], ids: list[str]) -> Splits:
    """The saved splits in the order of `ids`; a video that came since has no label."""
    rows = space.read_file(SPLITS_TABLE, SAVED, "splits")
    saved = rows["video_id"].to_pylist()
    unavailable = dict(facts.pop("unavailable"))
    parts = {}
    for name in SPLITS:
        if name not in unavailable:
            part = dict(zip(saved, rows[name].to_pylist(), strict=True))
            if not set(part.values()) <= {*USED, EMBARGO, NONE}:
                raise ValueError(f"a part of the {name} split that there is not")
            parts[name] = np.array([part.get(video, NONE) for video in ids], dtype=object)
    if rows[COPIES].null_count or not all(isinstance(why, str) for why in unavailable.values()):
        raise ValueError("a copy without a number, or a split without a reason")
    group = dict(zip(saved, rows[COPIES].to_pylist(), strict=True))
    copies = np.array([group.get(video, 2 * len(ids) + i) for i, video in enumerate(ids)], dtype=np.int64)
    return Splits(np.array(ids, dtype=object), parts, unavailable, facts, copies)
