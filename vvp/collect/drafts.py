"""A calendar of posts that are still to come, as a table: what a forecast may know of each.

Columns are known by the names that posts have (presets.COMMON_NAMES); counts that come after publication are
not looked at. Not known here: how a forecast is made.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vvp.collect.columns import Settings, read_columns
from vvp.collect.files import named_file
from vvp.collect.headers import Header, common
from vvp.collect.problems import Problems
from vvp.collect.tables import open_table
from vvp.errors import UserError

# What is known before publication, by column of videos/; media_path is the draft's own file.
KNOWN = (
    "title", "description", "tags", "channel_id", "published_at", "channel_followers", "channel_videos",
    "channel_following", "channel_verified", "is_ad", "duration_s", "transcript",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Drafts:
    """rows: KNOWN by draft. media: the file of each, None: words alone. lines: where each stands.
    absent: by place in `rows`, the file that a draft names and that is not there.
    unreadable: by column, how many values are null because nobody could read them; examples: the first.
    unused: the table's columns that no forecast looks at.
    """

    rows: list[dict[str, Any]]
    media: list[Path | None]
    lines: list[int]
    absent: dict[int, str]
    unreadable: dict[str, int]
    examples: dict[str, str]
    unused: list[str]


def read_drafts(file: str | Path, settings: Settings) -> Drafts:
    """UserError: a table that cannot be read, without titles and files, or none of whose files is there."""
    path = Path(file).absolute()
    table = open_table(path)
    columns = common(table.names)
    wanted = {ours: theirs for ours, theirs in columns.items() if ours in (*KNOWN, "media_path")}
    if not {"title", "media_path"} & set(wanted):
        raise UserError(
            f"{path} has no column for title or media: call one so; it has {', '.join(table.names)}."
        )
    problems = Problems()
    header = Header(columns=wanted, fixed={}, formats={}, preset=None)
    read = read_columns(table, header, settings, problems, str(path))
    rows: list[dict[str, Any]] = []
    media: list[Path | None] = []
    absent: dict[int, str] = {}
    for index in range(len(table.lines)):
        values = {ours: column.values[index] for ours, column in read.items()}
        values = {ours: None if isinstance(v, ValueError) else v for ours, v in values.items()}
        named = values.pop("media_path", None)
        found = None if named is None else named_file(path.parent, named)
        if named is not None and found is None:
            absent[len(rows)] = named
        rows.append(dict.fromkeys(KNOWN) | values)
        media.append(found)
    if absent and not any(media):
        row, name = min(absent.items())
        none = "the one file that it names is not there,"
        if len(absent) > 1:
            none = f"not one of the {len(absent)} files that it names is there, the first"
        raise UserError(
            f"{path}: {none} {name[:80]} (row {table.lines[row]}); names are relative to {path.parent}."
        )
    return Drafts(
        rows=rows,
        media=media,
        absent=absent,
        lines=table.lines,
        unreadable=dict(problems.counts),
        examples=problems.examples,
        unused=header.unused(table.names, table.made_of),
    )
