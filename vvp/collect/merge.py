"""Two accounts of one video become one row. The rules, which hold for every collector:

1. Counts and the time at which they were read are one observation and stay together. A measured one
   (views above 0) beats one that is not; then the later `observed_at`; where a time is missing or both are
   equal, the larger counts. What the kept observation lacks beside its views is taken from the other.
2. Words and facts (title, date, duration, …): a value beats null. Between two values yt-dlp beats posts
   beats bare folder; within one source the newer run wins, and within one run the first.
3. Media: the file found first is kept while it is there; the same path with other bytes is an update.
4. Transcript: the creator's beats an automatic one, else as 2.
5. A row whose platform is another than the known one's is another video with the same id: set aside.
Not known here: tables, files, or how a row was read. A row is a dict with every column of schema.VIDEOS.
"""

from pathlib import Path
from typing import Any

from vvp import schema
from vvp.collect.cells import platform

Row = dict[str, Any]

COUNTS = (*schema.COUNTS, "channel_followers", "channel_videos", "channel_following")
MEDIA = ("media_path", "media_bytes", "media_sha256")
FACTS = (
    "platform", "channel_id", "title", "description", "tags", "published_at", "duration_s", "width", "height",
)  # fmt: skip
SOURCES = ("folder", "posts", "ytdlp")  # in order of how much they know
COMPARED = tuple(c.name for c in schema.VIDEOS if c.name not in ("collected_at", "label_issue"))


def blank(**values: Any) -> Row:
    """A row with every column of the videos table, null where nothing is given."""
    return {column.name: None for column in schema.VIDEOS} | values


def label_issue(row: Row) -> str | None:
    """Why the row's views cannot be a label (schema.LABEL_ISSUES, in that order); None: they can."""
    views, likes = row["views"], row["likes"]
    if views is None:
        return "views_missing"
    if views <= 0:
        return "views_zero" if views == 0 else "views_negative"
    return "likes_above_views" if likes is not None and likes > views else None


def other_video(known: Row, row: Row) -> bool:
    """Whether two rows with one id are of two platforms, and so of two videos.

    A workspace of an earlier version may hold a platform's name as it was written then ("yt").
    """
    platforms = [platform(r["platform"]) for r in (known, row)]
    return None not in platforms and platforms[0] != platforms[1]


def differences(known: Row, row: Row) -> list[str]:
    """Columns in which both have a value, and not the same; media and time of observation aside."""
    columns = (*COUNTS, *FACTS)
    return [c for c in columns if None not in (known[c], row[c]) and known[c] != row[c]]


def combine(known: Row, row: Row, ties_to_new: bool) -> Row:
    """One row from two accounts of a video, by the rules above; neither is changed.

    ties_to_new: with nothing else to decide, the words and facts of `row` win (a later run), else those of
    `known` (the same run). Combining a row twice is as once:
    combine(combine(a, b), b) == combine(a, b).
    """
    merged = dict(known)
    merged |= _observation(known, row)
    first, second = (row, known) if _row_leads(known, row, ties_to_new) else (known, row)
    merged |= {c: second[c] if first[c] is None else first[c] for c in FACTS}
    words = [r for r in (first, second) if r["transcript"] is not None]
    if words:
        best = min(words, key=lambda r: r["transcript_source"] != "creator")  # a tie keeps the first
        merged |= {c: best[c] for c in ("transcript", "transcript_source")}
    if _takes_media(known, row):
        merged |= {c: row[c] for c in MEDIA}
    merged["source"] = max(known["source"], row["source"], key=SOURCES.index)
    return merged


def explained_by_time(known: Row, row: Row) -> bool:
    """Whether `row` is simply an older observation: both times are known and its own is earlier."""
    times = known["observed_at"], row["observed_at"]
    return None not in times and times[1] < times[0]


def changed(known: Row, merged: Row) -> bool:
    return any(known[c] != merged[c] for c in COMPARED)


def _observation(known: Row, row: Row) -> Row:
    """The columns of one observation, by rule 1."""
    kept, other = (row, known) if _observes_better(known, row) else (known, row)
    counts = {c: other[c] if kept[c] is None else kept[c] for c in COUNTS}
    counts["observed_at"] = kept["observed_at"]
    if kept["observed_at"] is None and kept["views"] == other["views"]:
        counts["observed_at"] = other["observed_at"]  # the same views, and one account says when
    return counts


def _observes_better(known: Row, row: Row) -> bool:
    measured = [(r["views"] or 0) > 0 for r in (known, row)]
    if measured[0] != measured[1]:
        return measured[1]
    times = known["observed_at"], row["observed_at"]
    if None not in times and times[0] != times[1]:
        return bool(times[1] > times[0])
    sizes = [tuple(_size(r[c]) for c in COUNTS) for r in (known, row)]
    return sizes[1] > sizes[0]


def _size(value: int | None) -> float:
    return float("-inf") if value is None else value


def _row_leads(known: Row, row: Row, ties_to_new: bool) -> bool:
    """Rule 2. The time of observation has no say: it is the counts' and may come from either account."""
    ranks = [SOURCES.index(r["source"]) for r in (known, row)]
    return ranks[1] > ranks[0] if ranks[0] != ranks[1] else ties_to_new


def _takes_media(known: Row, row: Row) -> bool:
    old, new = known["media_path"], row["media_path"]
    if new is None or old is None:
        return new is not None
    return old == new or ("://" not in old and not Path(old).exists())
