"""What is worth a look after a collect run: sentences about rows that could be read and may yet be wrong.

Nothing is changed here but one thing: rows whose rounded ids collide are set aside, for nobody knows which
video they are. Not known here: how a row is read, or which of two accounts wins (merge.py).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from vvp.collect import totals
from vvp.collect.cells import looks_rounded
from vvp.collect.columns import ColumnReading
from vvp.collect.merge import FACTS, Row, differences
from vvp.errors import UserError

_ADDRESS = re.compile(r"https?://(?:[\w-]+\.)*[\w-]+\.\w+/(?:c/|user/|channel/)?", re.IGNORECASE)
Rows = Sequence[tuple[str, Row]]
ROUNDED_SHARE = 0.1  # of the long ids; by chance about one in 500 ends so


def rounded_ids(rows: Rows, column: str = "video_id") -> set[str]:
    """The long ids that a spreadsheet or JavaScript has rounded; empty where few enough end so by chance."""
    ids = {row[column] for _, row in rows} if column != "video_id" else [row[column] for _, row in rows]
    long = [each for each in ids if each and each.isdecimal() and len(each) >= 17]
    found = [video_id for video_id in long if looks_rounded(video_id)]
    return set(found) if len(found) >= 2 and len(found) > ROUNDED_SHARE * len(long) else set()


def colliding(rows: Rows, rounded: set[str], known: Mapping[str, Row]) -> set[str]:
    """Those of the rounded ids that two rows share which are not the same, here or in the workspace."""
    found = set()
    first: dict[str, Row] = {}
    for _, row in rows:
        video_id = row["video_id"]
        if video_id not in rounded:
            continue
        before = first.setdefault(video_id, row)
        if (
            before is not row
            and differences(before, row)
            or video_id in known
            and set(differences(known[video_id], row)) & {*FACTS}
        ):
            found.add(video_id)
    return found


def about_rows(rows: Rows, rounded: set[str], now: datetime) -> list[str]:
    """Of the rows of this run, before two of one id became one."""
    said = []
    if rounded:
        example = sorted(rounded)[0]
        said.append(
            f"{len(rounded)} long ids all end in zeros or as floats do ({example}): a spreadsheet or "
            "JavaScript has rounded them, so they name no video for certain; export the ids as text"
        )
    channels = rounded_ids(rows, "channel_id")
    if channels:
        said.append(f"{len(channels)} channel ids were rounded too: several channels may share one")
    said += _one_channel_in_several_spellings(rows)
    torn = _torn(rows)
    if torn:
        said.append(_of(torn, "id stands", "ids stand", "for rows with contradicting facts"))
    ahead = [row["video_id"] for _, row in rows if (row["published_at"] or now) > now + timedelta(days=1)]
    if ahead:
        said.append(_of(ahead, "post is", "posts are", "dated in the future"))
    above = [
        r["video_id"] for _, r in rows if None not in (r["likes"], r["views"]) and r["likes"] > r["views"]
    ]
    if above:
        said.append(_of(above, "post has", "posts have", "more likes than views"))
    garbled = [row["title"] for _, row in rows if _is_garbled(row["title"])]
    if garbled:
        what = "letters that another program has read wrongly: export the table as UTF-8 from its source"
        said.append(_of([repr(title[:40]) for title in garbled], "title has", "titles have", what))
    at = totals.sum_of_the_others([row["views"] for _, row in rows])
    if at is not None:
        said.append(
            f"the views of {rows[at][1]['video_id']} are the sum of all others: it may be a line of totals"
        )
    return said


def _of(found: Sequence[str], single: str, plural: str, what: str) -> str:
    """1 post is …: a; 2 posts are …, the first a."""
    if len(found) == 1:
        return f"1 {single} {what}: {found[0]}"
    return f"{len(found)} {plural} {what}, the first {found[0]}"


def _is_garbled(title: str | None) -> bool:
    """Whether UTF-8 was read as Windows' Latin ("CafÃ©"), or letters were lost for good ("Caf\ufffd")."""
    if title is None or title.isascii():
        return False
    if "\ufffd" in title:
        return True
    try:
        return title.encode("cp1252").decode("utf-8") != title
    except UnicodeError:
        return False


def _one_channel_in_several_spellings(rows: Rows) -> list[str]:
    """Ids of channels that differ in case, an @ or a link alone: they count as different channels."""
    spelled: dict[str, dict[str, None]] = defaultdict(dict)
    for _, row in rows:
        channel = row["channel_id"]
        if channel and not channel.startswith("UC"):  # YouTube's own ids tell letters apart
            name = _ADDRESS.sub("", channel).strip("/@ ").casefold()
            spelled[name][channel] = None
    found = [list(forms) for forms in spelled.values() if len(forms) > 1]
    if not found:
        return []
    shown = " and ".join(found[0][:3])
    many = "1 channel is" if len(found) == 1 else f"{len(found)} channels are"
    return [f"{many} written in several ways ({shown}) and counted as different channels"]


def _torn(rows: Rows) -> list[str]:
    """Ids whose rows differ in what a video cannot change (its channel, its date, its length), or in views
    without a word of when they were read."""
    first: dict[str, Row] = {}
    found: dict[str, None] = {}
    for _, row in rows:
        before = first.setdefault(row["video_id"], row)
        changed = set(differences(before, row))
        undated = before["observed_at"] is None and row["observed_at"] is None
        if changed & {"channel_id", "published_at", "duration_s", "title"} or (
            "views" in changed and undated
        ):
            found[row["video_id"]] = None
    return list(found)


def about_twins(known: Mapping[str, Row], of_run: Iterable[str]) -> list[str]:
    """Videos of this run that share title and channel with another id of the workspace."""
    twins: dict[tuple[Any, Any], list[str]] = defaultdict(list)
    for video_id, row in known.items():
        if row["title"] and row["channel_id"]:
            twins[row["title"], row["channel_id"]].append(video_id)
    ours = set(of_run)
    found = [ids for ids in twins.values() if len(ids) > 1 and ours.intersection(ids)]
    if not found:
        return []
    return [_of([" and ".join(found[0][:2])] * len(found), "title stands", "titles stand",
                "under two ids of one channel")]  # fmt: skip


def about_columns(columns: Mapping[str, ColumnReading]) -> list[str]:
    """Of a table's columns: those that gave nothing, and those whose values may mean two things."""
    said = []
    for ours, column in columns.items():
        names = " and ".join(column.theirs)
        if column.filled == column.unreadable:
            why = "not one value of it can be read" if column.filled else "it is empty"
            said.append(f"{ours} (column {names}) matched nothing: {why}")
        elif column.unreadable * 2 > column.filled and not column.doubtful:
            said.append(f"{ours} (column {names}): {column.unreadable} of {column.filled} cannot be read")
        if column.doubtful:
            values = "1 value" if column.doubtful == 1 else f"{column.doubtful} values"
            said.append(f"{ours}: {values} can be read in two ways and stay null; {column.way_out}")
    return said


def about_totals(refused: Sequence[Row]) -> list[str]:
    """refused: the rows of this run that were set aside."""
    lines = [row for row in refused if row["reason"] == "total_line"]
    many = "1 line of totals was" if len(lines) == 1 else f"{len(lines)} lines of totals were"
    return [f"{many} set aside ({lines[0]['detail']})"] if lines else []


def about_falls(fallen: Counter[str]) -> list[str]:
    """fallen: ids whose views are fewer than at the last collect, and by how many."""
    if not fallen:
        return []
    video_id, by = fallen.most_common(1)[0]
    many = "1 video" if len(fallen) == 1 else f"{len(fallen)} videos"
    return [f"the views of {many} fell since the last collect, most for {video_id} (by {by:,})"]


def refuse_any(said: Sequence[str], unused: Sequence[str], refused: Iterable[Mapping[str, Any]]) -> None:
    """What --strict is for. UserError: a doubt, a column that nothing used, or a line that nobody can read.

    refused: the rows that are set aside, with their `reason`.
    """
    broken = [each for each in refused if each["reason"] == "unreadable"]
    found = list(said)
    if broken:
        found.append(f"unreadable lines: {len(broken)} (the first is {broken[0]['origin']})")
    if unused:
        found.append(f"nothing used the columns {', '.join(unused)} (say --ignore COLUMN)")
    if found:
        raise UserError(f"nothing was written, because of --strict: {'; '.join(found)}.")
