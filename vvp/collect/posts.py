"""A table of posts with counts, with or without media: `collect posts FILE`.

Which of their columns is which of ours comes from a ready-made map (maps.py: asked for by name, or the one
that the table's columns fit) with the user's own map over it. `video_id` and `views` must be found.
A bare date in `observed_at` means the end of that day, so that no post of the day is younger than its
counts. A mapped `transcript` is the creator's unless `transcript_source` is mapped too.
Not known here: file formats (tables.py), or which of two accounts of a video is right (merge.py).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from vvp.collect import parse
from vvp.collect import presets as maps
from vvp.collect.files import media_columns
from vvp.collect.store import Gathered, known_rows, record
from vvp.collect.subtitles import AUTOMATIC, CREATOR
from vvp.collect.summary import CollectSummary
from vvp.collect.tables import RawTable, open_table
from vvp.errors import UserError
from vvp.workspace import Workspace

Reader = Callable[[Any], Any]


def _source(value: Any) -> str | None:
    found = parse.text(value)
    if found not in (None, CREATOR, AUTOMATIC):
        raise ValueError(f"neither {CREATOR} nor {AUTOMATIC}")
    return found


READERS: dict[str, Reader] = {
    "platform": parse.platform,
    "channel_id": parse.text,
    "title": parse.text,
    "description": parse.text,
    "tags": parse.tags,
    "published_at": parse.moment,
    "duration_s": parse.duration,
    "width": parse.pixels,
    "height": parse.pixels,
    "transcript": parse.text,
    "transcript_source": _source,
    "channel_followers": parse.count_or_hidden,
    "channel_videos": parse.count_or_hidden,
    "observed_at": partial(parse.moment, end_of_day=True),
    "views": parse.count,
    "likes": parse.count_or_hidden,
    "comments": parse.count_or_hidden,
    "shares": parse.count_or_hidden,
    "media_path": parse.text,
}


def collect_posts(
    file: str | Path,
    workspace: Workspace,
    mapping: Mapping[str, str] | None = None,
    preset: str | None = None,
    observed_at: str | None = None,
) -> CollectSummary:
    """Every row of `file` with an id becomes a row of the workspace.

    mapping: our column → theirs. preset: a name in maps.PRESETS; None: the one that fits, if any.
    observed_at: when the counts were read, for rows that do not say. Media paths are relative to the file.
    UserError: a file that cannot be read or is empty, unknown names, no column for video_id or views, or
    not one row with an id.
    """
    path = Path(file).expanduser().absolute()
    read_at = _option(observed_at)
    table = open_table(path)
    chosen = maps.choose(table.names, preset)
    columns, fixed, formats = _columns(table, chosen, mapping or {}, str(path))
    gathered = Gathered(source="posts", origin=str(path))
    for line, why in table.unreadable:
        gathered.refuse(f"{path}:{line}", "unreadable", why)
    values = _values(table, columns, formats, gathered)
    for index, line in enumerate(table.lines):
        row = fixed | {ours: column[index] for ours, column in values.items()}
        _add(f"{path}:{line}", row, path.parent, read_at, gathered)
    if not gathered.rows:
        raise UserError(
            f"{path}: not one of {len(table.lines)} rows has an id in column {columns['video_id']!r}; "
            f"the first: {gathered.refused[-len(table.lines)]['detail']}."
        )
    return record(gathered, workspace, known_rows(workspace), preset=chosen, mapping=columns)


def _option(observed_at: str | None) -> datetime | None:
    try:
        return parse.moment(observed_at, end_of_day=True)
    except ValueError as error:
        raise UserError(f"--observed-at {observed_at!r} is {error}: write it as 2024-05-31.") from error


def _columns(
    table: RawTable, chosen: str | None, mapping: Mapping[str, str], file: str
) -> tuple[dict[str, str], dict[str, Any], dict[str, str]]:
    """(our column → theirs, values that hold for every row, date formats)."""
    own = maps.checked(mapping, table.names, file)
    preset = maps.PRESETS[chosen] if chosen else maps.Preset(columns={}, signature=())
    columns = maps.resolve(table.names, preset) | own
    missing = [name for name in ("video_id", "views") if name not in columns]
    if missing:
        used = (
            f"the ready-made map {chosen}"
            if chosen
            else f"none of the ready-made maps ({', '.join(maps.PRESETS)})"
        )
        wanted = " ".join(f"--map {name}=COLUMN" for name in missing)
        raise UserError(
            f"{file} has no column for {' and '.join(missing)}: {used} fits its columns "
            f"{', '.join(table.names)}; name them with {wanted}."
        )
    fixed = {"platform": preset.platform} if preset.platform and "platform" not in columns else {}
    return columns, fixed, {ours: f for ours, f in preset.date_formats.items() if ours not in own}


def _values(
    table: RawTable, columns: Mapping[str, str], formats: Mapping[str, str], gathered: Gathered
) -> dict[str, list[Any]]:
    """Each of our columns, read; a value that cannot be read is null and counted. Ids are left raw."""
    values = {}
    for ours, theirs in columns.items():
        raw = table.column(theirs)
        if ours != "video_id":
            reader = _dated(READERS[ours], formats[ours]) if ours in formats else READERS[ours]
            places = zip(table.lines, raw, strict=True)
            raw = [gathered.problems.read(ours, reader, v, f"{gathered.origin}:{line}") for line, v in places]
        values[ours] = raw
    return values


def _dated(reader: Reader, pattern: str) -> Reader:
    """Tries the shape's own way of writing a date before the usual ones."""

    def read(value: Any) -> Any:
        try:
            return reader(datetime.strptime(str(value), pattern).date())
        except ValueError:
            return reader(value)

    return read


def _add(
    origin: str, row: dict[str, Any], folder: Path, read_at: datetime | None, gathered: Gathered
) -> None:
    """One row more, or the reason why it has no id."""
    try:
        video_id = parse.identifier(row["video_id"])
    except ValueError as error:
        gathered.refuse(origin, "no_id", str(error))
        return
    if video_id is None:
        gathered.refuse(origin, "no_id", "the id is empty")
        return
    media = row.pop("media_path", None)
    row["video_id"] = video_id
    row["tags"] = row.get("tags") or parse.hashtags(row.get("title"), row.get("description"))
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
    path = media if "://" in media else folder / Path(media).expanduser()
    if isinstance(path, Path) and not path.is_file():
        gathered.notes["media_not_found"] += 1
        return {}
    try:
        return media_columns(path)
    except FileNotFoundError:
        gathered.notes["media_not_found"] += 1
        return {}
    except (OSError, UserError) as error:
        gathered.problems.note("media_path", f"{media!r} at {origin}: {error}")
        return {}
