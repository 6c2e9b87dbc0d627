"""What a collect run did, in numbers, each with the rule behind it.

Not known here: how the numbers came about (merge.py and the collectors).
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from vvp.schema import LABEL_ISSUES, SET_ASIDE_REASONS

RULES = {
    "found": "rows in the input: the sum of added, updated, already known and set aside",
    "added": "new video ids",
    "updated": "known ids with newer or further facts: counts, words, media bytes, subtitles",
    "already_known": "nothing new in them; they are left as they were",
    "overruled": "their counts contradict known ones that are larger, with no times to decide: not taken",
    "without_media": "kept: they can train the metadata and text models",
    "without_counts": "kept: embedded and forecast, no label",
    "without_published_at": "kept: they take no part in a split by time",
    "without_observed_at": "kept: the age of their counts is unknown",
    "observed_too_early": "counts read before the video was posted: the time of reading is wrong, left null",
    "in_workspace": "videos in the workspace now",
}
NOTES = {
    "playlists": "info.json of a playlist or channel: no video, skipped",
    "unmerged_formats": "only unmerged parts (NAME.f137.mp4) lie there: install ffmpeg and download again",
    "media_without_info": "media without an info.json: `vvp collect folder` takes them",
    "media_with_info": "media with an info.json beside them: `vvp collect ytdlp` reads it too",
    "media_not_found": "the table names a media file that is not there: kept without media",
    "hidden": "media whose name, or whose folder's, begins with a dot: left out; rename them",
    "not_read_again": "media with the size and times of the last collect (--rehash reads them all)",
    "irregular": "named like media or an info.json, and a pipe, a device or a socket: never opened",
    "unfinished_downloads": "only parts of a download (.part, .ytdl, .temp) lie there: run yt-dlp again",
    "chapters": "clips of single chapters (--split-chapters): no whole video, not taken",
    "live_streams": "running, to come, or just ended: their counts are not final, no label yet",
    "subtitle_kinds_not_read": "subtitle files of kinds that are not read",
    "transcripts_creator": "words from the creator's subtitles",
    "transcripts_automatic": "words from automatic captions, repeated lines taken once",
}


@dataclass(frozen=True, kw_only=True)
class CollectSummary:
    """Counts of one run. found = added + updated + already_known + sum(set_aside.values())."""

    source: str  # ytdlp | posts | folder
    origin: str  # the folder or file that was read
    found: int
    added: int
    updated: int
    already_known: int
    set_aside: dict[str, int]  # by reason (schema.SET_ASIDE_REASONS)
    overruled: int  # rows (whatever their outcome) whose counts gave way; listed in set_aside
    videos: int  # distinct ids of this run; the counts below are of these, as they now stand
    without_media: int
    without_counts: int
    without_published_at: int
    without_observed_at: int
    observed_too_early: int
    label_issues: dict[str, int]  # by kind (schema.LABEL_ISSUES)
    in_workspace: int
    notes: dict[str, int] = field(default_factory=dict)  # by NOTES
    unreadable_values: dict[str, int] = field(default_factory=dict)  # by column, all left null
    examples: dict[str, str] = field(default_factory=dict)  # the first unreadable value of each column
    preset: str | None = None  # posts: the ready-made map that was used
    mapping: dict[str, str] = field(default_factory=dict)  # posts: our column → theirs
    remarks: list[str] = field(default_factory=list)  # posts: what the file and its columns showed
    doubts: list[str] = field(default_factory=list)  # worth a look; --strict refuses them
    unused_columns: list[str] = field(default_factory=list)  # posts: columns that nothing used; a doubt too

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    def lines(self) -> list[tuple[str, int, str]]:
        """(label, count, rule) for a table, in reading order; kinds that did not occur are left out."""
        rows = [_line(self, name) for name in ("found", "added", "updated", "already_known")]
        rows += [(f"set aside: {k}", n, SET_ASIDE_REASONS[k]) for k, n in self.set_aside.items()]
        rows += [(f"no label: {k}", n, f"{LABEL_ISSUES[k]}; kept") for k, n in self.label_issues.items()]
        kept = ("overruled", "without_media", "without_counts", "without_published_at", "without_observed_at")
        rows += [_line(self, k) for k in (*kept, "observed_too_early") if getattr(self, k)]
        rows += [(k.replace("_", " "), n, NOTES[k]) for k, n in self.notes.items()]
        for column, n in self.unreadable_values.items():
            rows.append((f"unreadable {column}", n, f"left null; the first: {self.examples[column]}"))
        return [*rows, _line(self, "in_workspace")]


def _line(summary: CollectSummary, name: str) -> tuple[str, int, str]:
    return name.replace("_", " "), getattr(summary, name), RULES[name]
