"""Puts a collector's rows into the workspace: merged with what is there, the rest set aside, all counted.

Within one run a second row with an id is set aside (`duplicate` or `contradicting`) after what it knows
more has been taken over. Across runs nothing is set aside but another platform's video with a known id;
where counts contradict the known ones, no two times explain it and the known ones are kept, the account
is written to `set_aside` too and counted as `overruled`, apart from the row's own outcome.
A `file:` row (collect folder) gives way to a row with a real id for the same media file.
Not known here: how rows are read, or which account wins (merge.py).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from vvp.collect import doubts
from vvp.collect.hashes import Hashes
from vvp.collect.merge import (
    Row,
    blank,
    changed,
    combine,
    differences,
    explained_by_time,
    label_issue,
    other_video,
)
from vvp.collect.problems import Problems
from vvp.collect.summary import CollectSummary
from vvp.schema import COUNTS, TABLES
from vvp.workspace import Workspace

SET_ASIDE_KEY = ("video_id", "source", "origin", "reason", "detail")


@dataclass(kw_only=True)
class Gathered:
    """What a collector has read so far: rows with where they came from, and rows that are none."""

    source: str  # ytdlp | posts | folder
    origin: str  # the folder or file
    rows: list[tuple[str, Row]] = field(default_factory=list)
    refused: list[Row] = field(default_factory=list)  # rows of set_aside
    problems: Problems = field(default_factory=Problems)
    notes: Counter[str] = field(default_factory=Counter)  # summary.NOTES
    doubts: list[str] = field(default_factory=list)  # sentences for "worth a look"
    hashes: Hashes = field(default_factory=Hashes)

    def add(self, origin: str, **values: Any) -> None:
        self.rows.append((origin, blank(source=self.source, **values)))

    def refuse(self, origin: str, reason: str, detail: str, video_id: str | None = None) -> None:
        """One row more for set_aside; `reason` is one of schema.SET_ASIDE_REASONS."""
        line = " ".join(detail.split())[:300]
        self.refused.append(
            {
                "video_id": video_id,
                "source": self.source,
                "origin": origin,
                "reason": reason,
                "detail": line,
            }
        )


def known_rows(workspace: Workspace) -> dict[str, Row]:
    """The videos table by id, in its order; {} when there is none yet."""
    if not workspace.has("videos"):
        return {}
    return {row["video_id"]: row for row in workspace.read("videos").to_pylist()}


def record(
    gathered: Gathered,
    workspace: Workspace,
    known: dict[str, Row],
    preset: str | None = None,
    mapping: Mapping[str, str] | None = None,
    remarks: Sequence[str] = (),
    unused: Sequence[str] = (),
    strict: bool = False,
) -> CollectSummary:
    """Writes `videos` and `set_aside` (only what is new in them) and tells what was done.

    known: known_rows(workspace), taken over and changed. remarks, unused: for the summary. strict: UserError
    for any doubt and for unused columns, before anything is written.
    """
    now = datetime.now(timezone.utc)
    found = len(gathered.rows) + len(gathered.refused)
    rounded = doubts.rounded_ids(gathered.rows)
    said = [*gathered.doubts, *doubts.about_rows(gathered.rows, rounded, now)]
    _set_aside_rounded(gathered, rounded, known)
    too_early = _drop_early_observations(gathered.rows)
    origins, batch = _fold(gathered)
    outcomes: Counter[str] = Counter()
    overruled: list[Row] = []
    fallen: Counter[str] = Counter()
    of_run: list[str] = []
    file_ids = {row["media_path"]: key for key, row in known.items() if row["source"] == "folder"}

    for video_id, row in batch.items():
        old = known.get(video_id)
        if old is not None and other_video(old, row):
            detail = f"platform {row['platform']} here, {old['platform']} in the workspace: another video"
            gathered.refuse(origins[video_id], "contradicting", detail, video_id)
            continue
        of_run.append(video_id)
        file_id = file_ids.pop(row["media_path"], None) if gathered.source != "folder" else None
        if file_id is not None:
            file_row = known.pop(file_id)
            old = old or file_row
        if old is None:
            merged, outcome = row, "added"
        else:
            merged = combine(old, row, ties_to_new=True) | {"video_id": video_id}
            outcome = "updated" if file_id is not None or changed(old, merged) else "already_known"
        outcomes[outcome] += 1
        if outcome != "already_known":
            known[video_id] = merged | {"label_issue": label_issue(merged), "collected_at": now}
        if (
            old is not None
            and not explained_by_time(old, row)
            and 0 < (row["views"] or 0) < (old["views"] or 0)
        ):
            fallen[video_id] = old["views"] - row["views"]
        if old is not None and not explained_by_time(old, row):
            lost = [c for c in differences(merged, row) if c in COUNTS]
            if lost:
                overruled.append(_contradiction(gathered.source, origins[video_id], merged, row, lost))

    said += [*doubts.about_falls(fallen), *doubts.about_twins(known, of_run)]
    if strict:
        doubts.refuse_any(said, unused, gathered.refused)
    _append_set_aside(workspace, [*gathered.refused, *overruled], now)
    if outcomes["added"] or outcomes["updated"]:
        workspace.replace("videos", pa.Table.from_pylist(list(known.values()), schema=TABLES["videos"]))
    gathered.hashes.save(workspace)
    gathered.notes["not_read_again"] = gathered.hashes.unread
    rows = [known[video_id] for video_id in of_run]
    return CollectSummary(
        source=gathered.source,
        origin=gathered.origin,
        found=found,
        added=outcomes["added"],
        updated=outcomes["updated"],
        already_known=outcomes["already_known"],
        set_aside=dict(Counter(r["reason"] for r in gathered.refused)),
        overruled=len(overruled),
        videos=len(rows),
        without_media=sum(r["media_path"] is None for r in rows),
        without_counts=sum(r["views"] is None for r in rows),
        without_published_at=sum(r["published_at"] is None for r in rows),
        without_observed_at=sum(r["observed_at"] is None for r in rows),
        observed_too_early=too_early,
        label_issues=dict(Counter(r["label_issue"] for r in rows if r["label_issue"])),
        in_workspace=len(known),
        notes={name: n for name, n in gathered.notes.items() if n},
        unreadable_values=dict(gathered.problems.counts),
        examples=gathered.problems.examples,
        preset=preset,
        mapping=dict(mapping or {}),
        remarks=list(remarks),
        doubts=said,
        unused_columns=list(unused),
    )


def _set_aside_rounded(gathered: Gathered, rounded: set[str], known: Mapping[str, Row]) -> None:
    """Takes out the rows of different videos that a rounded id has made one."""
    shared = doubts.colliding(gathered.rows, rounded, known)
    for origin, row in gathered.rows:
        if row["video_id"] in shared:
            gathered.refuse(
                origin, "rounded_id", f"{row['video_id']} stands for other rows too", row["video_id"]
            )
    gathered.rows = [(origin, row) for origin, row in gathered.rows if row["video_id"] not in shared]


def _drop_early_observations(rows: Iterable[tuple[str, Row]]) -> int:
    """Counts cannot be read before the video is there: such a time of reading is set to null."""
    early = 0
    for _, row in rows:
        read, posted = row["observed_at"], row["published_at"]
        if read is not None and posted is not None and read < posted:
            row["observed_at"] = None
            early += 1
    return early


def _fold(gathered: Gathered) -> tuple[dict[str, str], dict[str, Row]]:
    """One row per id of this run, and where its first account stands; the others are refused."""
    origins: dict[str, str] = {}
    batch: dict[str, Row] = {}
    for origin, row in gathered.rows:
        video_id = row["video_id"]
        first = batch.get(video_id)
        if first is None:
            origins[video_id], batch[video_id] = origin, row
            continue
        differing = differences(first, row)
        if differing:
            aside = _contradiction(gathered.source, origin, first, row, differing)
            gathered.refuse(origin, "contradicting", aside["detail"], video_id)
        else:
            gathered.refuse(origin, "duplicate", f"first at {origins[video_id]}", video_id)
        if not other_video(first, row):
            batch[video_id] = combine(first, row, ties_to_new=False)
    return origins, batch


def _contradiction(source: str, origin: str, kept: Row, row: Row, columns: list[str]) -> Row:
    said = "; ".join(f"{c} {_short(row[c])} here, {_short(kept[c])} elsewhere" for c in columns)
    return {
        "video_id": row["video_id"],
        "source": source,
        "origin": origin,
        "reason": "contradicting",
        "detail": said,
    }


def _short(value: Any) -> str:
    shown = value.isoformat() if isinstance(value, datetime) else repr(value)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def _append_set_aside(workspace: Workspace, rows: list[Row], now: datetime) -> None:
    """Appends those that are not there yet: a rerun over the same input adds none."""
    seen: set[tuple[Any, ...]] = set()
    if workspace.has("set_aside"):
        columns = workspace.read("set_aside", list(SET_ASIDE_KEY))
        seen = set(zip(*(columns[c].to_pylist() for c in SET_ASIDE_KEY), strict=True))
    new = {key: r for r in rows if (key := tuple(r[c] for c in SET_ASIDE_KEY)) not in seen}
    if new:
        stamped = [r | {"collected_at": now} for r in new.values()]
        workspace.append("set_aside", pa.Table.from_pylist(stamped, schema=TABLES["set_aside"]))
