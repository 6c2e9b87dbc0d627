"""A table of posts with counts, with or without media: `collect posts FILE`.

Which of their columns is which of ours comes from a ready-made map with the user's own over it (headers.py).
`video_id` and `views` must be found. A bare date in `observed_at` means the end of that day, so that no post
of the day is younger than its counts. A mapped `transcript` is the creator's unless `transcript_source` is
mapped too.
Not known here: file formats (tables.py), how a column is read (columns.py), or which of two accounts of a
video is right (merge.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from vvp.collect import doubts, parse, totals
from vvp.collect.columns import ColumnReading, Settings, read_columns
from vvp.collect.files import at_home, named_file
from vvp.collect.hashes import Hashes
from vvp.collect.headers import Header, read_header
from vvp.collect.raw_table import RawTable
from vvp.collect.store import Gathered, known_rows, record
from vvp.collect.subtitles import CREATOR
from vvp.collect.summary import CollectSummary
from vvp.collect.tables import open_table
from vvp.errors import UserError
from vvp.schema import COUNTS
from vvp.workspace import Workspace

FEWEST = 10  # views that a table must hold before their share of unreadable ones says anything
MOST_UNREADABLE, MOST_DOUBTFUL = 0.5, 0.1


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A table as vvp reads it, before anything is written.

    unused: columns of the file that nothing used. remarks: about the file and its columns.
    """

    gathered: Gathered
    header: Header
    columns: dict[str, ColumnReading]
    unused: list[str]
    remarks: list[str]


def collect_posts(
    file: str | Path,
    workspace: Workspace,
    mapping: Mapping[str, str] | None = None,
    preset: str | None = None,
    observed_at: str | None = None,
    *,
    numbers: str | None = None,
    dates: str | None = None,
    ignore: Sequence[str] = (),
    strict: bool = False,
    rehash: bool = False,
) -> CollectSummary:
    """Every row of `file` with an id becomes a row of the workspace.

    mapping: our column → theirs. preset: a name in presets.PRESETS; None: the one that fits, if any.
    observed_at: when the counts were read, for rows that do not say. Media paths are relative to the file.
    numbers, dates: what signs and order the table uses (columns.Settings); None: its rows say. ignore:
    columns that nobody needs, `*` for any letters. rehash: media are read although their size and times are
    those of the last collect. strict: any doubt is an error, an unused column too, and
    nothing is written.
    UserError: a file that cannot be read or is empty, unknown names, no column for video_id or views, views
    of which too many cannot be read, or not one row with an id.
    """
    settings = Settings(numbers=numbers, dates=dates)
    hashes = Hashes.of(workspace, rehash)
    reading = read_posts(file, mapping, preset, observed_at, settings, ignore, hashes)
    gathered = reading.gathered
    refuse_unreadable(reading)
    if not gathered.rows:
        theirs = " or ".join(reading.columns["video_id"].theirs)
        last = next(r["detail"] for r in reversed(gathered.refused) if r["reason"] != "unreadable")
        rows = len(reading.columns["video_id"].values)
        raise UserError(
            f"{gathered.origin}: not one of {rows} rows has an id in column {theirs!r}; the last: {last}."
        )
    return record(
        gathered,
        workspace,
        known_rows(workspace),
        preset=reading.header.preset,
        mapping={ours: ", else ".join(theirs) for ours, theirs in reading.header.columns.items()},
        remarks=reading.remarks,
        unused=reading.unused,
        strict=strict,
    )


def read_posts(
    file: str | Path,
    mapping: Mapping[str, str] | None = None,
    preset: str | None = None,
    observed_at: str | None = None,
    settings: Settings | None = None,
    ignore: Sequence[str] = (),
    hashes: Hashes | None = None,
) -> Reading:
    """The table with every row that has an id, and the reason of every other; nothing is written. hashes: of
    media that were read before.

    UserError: as `collect_posts`, the share of unreadable views and ids apart.
    """
    path = at_home(file)
    settings = settings or Settings()
    read_at = _option(observed_at, settings.dates)
    table = open_table(path)
    header = read_header(table.names, mapping or {}, preset, str(path))
    unused = _without(header.unused(table.names, table.made_of), ignore, table.names, path)
    gathered = Gathered(source="posts", origin=str(path), hashes=hashes or Hashes())
    for line, why in table.unreadable:
        gathered.refuse(f"{path}:{line}", "unreadable", why)
    table = _without_headers(table, header, gathered, str(path))
    columns = read_columns(table, header, settings, gathered.problems, str(path))
    for index, line in enumerate(table.lines):
        row = (
            {"views": None}
            | header.fixed
            | {ours: _null(column.values[index], ours) for ours, column in columns.items()}
        )
        _add(f"{path}:{line}", row, path.parent, read_at, gathered)
    if "views" not in columns:
        gathered.doubts.append(
            "no column is called views or the like: name it with --map views=COLUMN if there is one, else"
            " tune what there is (`vvp tune --target likes`)"
        )
    gathered.doubts += [*doubts.about_columns(columns), *doubts.about_totals(gathered.refused)]
    said = [f"{ours}: {column.decided}" for ours, column in columns.items() if column.decided]
    return Reading(
        gathered=gathered,
        header=header,
        columns=columns,
        unused=unused,
        remarks=[*table.remarks, *said],
    )


def _without_headers(table: RawTable, header: Header, gathered: Gathered, origin: str) -> RawTable:
    """The table less the lines that repeat its header, as files put one behind the other have them."""
    used = [theirs[0] for theirs in header.columns.values()]
    cells = zip(*(table.column(name) for name in used), strict=True)
    repeats = [
        all(isinstance(cell, str) and cell.strip() == name for cell, name in zip(row, used, strict=True))
        for row in cells
    ]
    if not any(repeats) or all(repeats):
        return table
    for line, repeated in zip(table.lines, repeats, strict=True):
        if repeated:
            gathered.refuse(f"{origin}:{line}", "no_id", "the header of the table once more")
    return table.only([not repeated for repeated in repeats])


def _without(unused: Sequence[str], ignore: Sequence[str], names: Sequence[str], path: Path) -> list[str]:
    """The unused columns but those to be ignored. UserError: a pattern that fits no column of the table."""

    def fits(name: str, pattern: str) -> bool:
        return name == pattern or fnmatchcase(name.casefold(), pattern.casefold())

    for pattern in ignore:
        if not any(fits(name, pattern) for name in names):
            raise UserError(f"--ignore {pattern}: {path} has no such column; it has {', '.join(names)}.")
    return [name for name in unused if not any(fits(name, pattern) for pattern in ignore)]


def refuse_unreadable(reading: Reading) -> None:
    """UserError where so many of a count cannot be read that those left over would tell another story.

    Of views, or of the first count where there are none, also where most of it cannot be read for any reason.
    """
    counts = [reading.columns[name] for name in COUNTS if name in reading.columns]
    for column in counts:
        if column.filled < FEWEST:
            continue
        doubtful = column.doubtful > MOST_DOUBTFUL * column.filled
        mostly = column is counts[0] and column.unreadable > MOST_UNREADABLE * column.filled
        if not (doubtful or column.skewed or mostly):
            continue
        ours = column.ours
        how = column.way_out
        if not column.doubtful:
            how = f"mend them, or choose the column with --map {ours}=COLUMN"
        if column.skewed:
            how = f"they are of another size than the others; {how}"
        first = reading.gathered.problems.examples[ours]
        raise UserError(
            f"{reading.gathered.origin}: {column.unreadable} of {column.filled} {ours} cannot be read, so "
            f"those that can are no fair sample (the first is {first}); {how}."
        )


def _null(value: Any, ours: str) -> Any:
    """A value that could not be read is null, apart from an id, whose reason is told with its row."""
    return None if isinstance(value, ValueError) and ours != "video_id" else value


def _option(observed_at: str | None, order: str | None) -> datetime | None:
    try:
        return parse.moment(observed_at, end_of_day=True, order=order)
    except ValueError as error:
        raise UserError(f"--observed-at {observed_at!r} is {error}: write it as 2024-05-31.") from error


def _add(
    origin: str, row: dict[str, Any], folder: Path, read_at: datetime | None, gathered: Gathered
) -> None:
    """One row more, or the reason why it has no id."""
    video_id = row["video_id"]
    if video_id is None or isinstance(video_id, ValueError):
        gathered.refuse(origin, "no_id", str(video_id or "the id is empty"))
        return
    if totals.is_total(video_id):
        gathered.refuse(origin, "total_line", f"id {video_id!r}, views {row['views']}")
        return
    media = row.pop("media_path", None)
    row["tags"] = row.get("tags") or parse.hashtags(row.get("title"), row.get("description"))
    age, published = row.pop("horizon_days", None), row.get("published_at")
    if age is not None and published is not None:
        row["observed_at"] = published + timedelta(days=age)
    row["observed_at"] = row.get("observed_at") or read_at
    if row.get("transcript") is None:
        row["transcript_source"] = None
    else:
        row["transcript_source"] = row.get("transcript_source") or CREATOR
    gathered.add(origin, **row, **_media(folder, media, origin, gathered))


def _media(folder: Path, media: str | None, origin: str, gathered: Gathered) -> dict[str, Any]:
    """The media columns of a file that is there; {} for none, counted where one was named."""
    if media is None:
        return {}
    path = media if "://" in media else named_file(folder, media)
    if path is None:
        gathered.notes["media_not_found"] += 1
        return {}
    try:
        return gathered.hashes.media_columns(path)
    except FileNotFoundError:
        gathered.notes["media_not_found"] += 1
        return {}
    except (OSError, UserError, ValueError) as error:
        gathered.problems.note("media_path", f"{media[:60]!r} at {origin}: {error}")
        return {}
