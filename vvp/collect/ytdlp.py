"""What `yt-dlp --write-info-json [--write-subs]` leaves behind, under any output template.

ID/info.json, and what instaloader and gallery-dl write beside a clip, are read too (sidecars.py).
Not known here: where a video's files lie (ytdlp_files.py), which of two accounts is right (merge.py), or
whether a file decodes.
"""

import json
from pathlib import Path
from typing import Any

from vvp.collect import parse, sidecars
from vvp.collect.files import files_under, local_folder, small_text, storable
from vvp.collect.hashes import Hashes
from vvp.collect.json_tables import once
from vvp.collect.problems import Problems
from vvp.collect.store import Gathered, known_rows, record
from vvp.collect.subtitles import transcript
from vvp.collect.summary import CollectSummary
from vvp.collect.ytdlp_files import Shelf
from vvp.errors import UserError
from vvp.workspace import Workspace

Info = dict[str, Any]

LIVE = ("is_live", "is_upcoming", "post_live")
PLAYLISTS = ("playlist", "multi_video", "compat_list")


def collect_ytdlp(folder: str | Path, workspace: Workspace, *, rehash: bool = False) -> CollectSummary:
    """Every info.json of a video below `folder` becomes a row, with its media and words where present.

    rehash: media are read although their size and times are those of the last collect.
    A json that cannot be read, or has no id, is set aside. UserError: no such folder, or no video's
    info.json in it.
    """
    root = local_folder(folder)
    lying = files_under(root, dotted=True)
    shelf = Shelf(lying.files)
    gathered = Gathered(source="ytdlp", origin=str(root), hashes=Hashes.of(workspace, rehash))
    gathered.notes["hidden"], gathered.notes["irregular"] = lying.hidden, lying.irregular
    claimed: set[Path] = set()
    for path in shelf.infos:
        info = _read(path, gathered)
        if info is not None:
            _add(path, info, shelf, gathered, claimed)
    if not gathered.rows:
        raise UserError(_nothing(root, shelf, gathered))
    gathered.notes["media_without_info"] = shelf.without_info(claimed)
    gathered.notes["subtitle_kinds_not_read"] = shelf.subtitles_not_read
    return record(gathered, workspace, known_rows(workspace))


def _nothing(root: Path, shelf: Shelf, gathered: Gathered) -> str:
    found = f"{root} holds no info.json of a video: {len(shelf.media)} media files"
    found += f", {gathered.notes['playlists']} of playlists, {len(gathered.refused)} unreadable or without id"
    if shelf.media:
        return f"{found}. Download with `yt-dlp --write-info-json`, or use `vvp collect folder` (no labels)."
    return f"{found}. Give the folder into which `yt-dlp --write-info-json` wrote."


def _read(path: Path, gathered: Gathered) -> Info | None:
    """The json of a video; None for what is none, counted or set aside."""
    origin = str(path) if storable(path) else ascii(str(path))
    try:
        info = json.loads(small_text(path), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        gathered.refuse(origin, "unreadable", f"{type(error).__name__}: {error}")
        return None
    if not path.name.endswith("info.json"):
        # Some other file called like the clip is no account of it, and none that cannot be read.
        return sidecars.as_ytdlp(info) if isinstance(info, dict) else None
    if not isinstance(info, dict):
        gathered.refuse(origin, "unreadable", f"a {type(info).__name__} where an object belongs")
        return None
    if info.get("_type") in PLAYLISTS:
        gathered.notes["playlists"] += 1
        return None
    return info


def _add(path: Path, info: Info, shelf: Shelf, gathered: Gathered, claimed: set[Path]) -> None:
    if not storable(path):
        gathered.refuse(ascii(str(path)), "unreadable", "the file's name is not UTF-8: rename it")
        return
    origin = str(path)
    try:
        video_id = parse.identifier(info.get("id"))
    except ValueError as error:
        gathered.refuse(origin, "no_id", str(error))
        return
    if video_id is None:
        gathered.refuse(origin, "no_id", "the json has no id")
        return
    gathered.notes["live_streams"] += _is_live(info)
    media = shelf.media_of(path, info)
    if media is None:
        why = shelf.why_none(path, info)
        if why is not None:
            gathered.notes[why] += 1
    else:
        claimed.add(media)
    gathered.add(
        origin,
        video_id=video_id,
        **_facts(info, gathered.problems, origin),
        **_words(path, info, media, shelf, gathered),
        **_media(media, gathered),
    )


def _facts(info: Info, problems: Problems, origin: str) -> dict[str, Any]:
    """The columns that the json holds."""

    def read(column: str, reader: Any, *keys: str) -> Any:
        """The first that can be read; where none can, the first that is there is counted."""
        there = [info[key] for key in keys if not parse.missing(info.get(key))]
        for value in there:
            try:
                return reader(value)
            except ValueError:
                continue
        return problems.read(column, reader, there[0], origin) if there else None

    title, description = read("title", parse.text, "title"), read("description", parse.text, "description")
    return {
        "platform": read("platform", parse.platform, "extractor", "extractor_key"),
        "channel_id": read("channel_id", parse.identifier, "channel_id", "uploader_id"),
        "title": title,
        "description": description,
        "tags": read("tags", parse.tags, "tags") or parse.hashtags(title, description),
        "published_at": read("published_at", parse.moment, "timestamp", "upload_date"),
        "duration_s": read("duration_s", parse.duration, "duration"),
        "width": read("width", parse.pixels, "width"),
        "height": read("height", parse.pixels, "height"),
        "channel_followers": read("channel_followers", parse.count_or_hidden, "channel_follower_count"),
        "observed_at": read("observed_at", parse.moment, "epoch"),
        "views": None if _is_live(info) else read("views", parse.count, "view_count"),
        "likes": read("likes", parse.count_or_hidden, "like_count"),
        "comments": read("comments", parse.count_or_hidden, "comment_count"),
        "shares": read("shares", parse.count_or_hidden, "repost_count"),
    }


def _is_live(info: Info) -> bool:
    """Whether the video is a stream whose count still runs: it has no label yet."""
    return info.get("is_live") is True or info.get("live_status") in LIVE


def _words(
    path: Path, info: Info, media: Path | None, shelf: Shelf, gathered: Gathered
) -> dict[str, str | None]:
    text, source, unreadable = transcript(shelf.subtitles_of(path, media), info)
    for file, why in unreadable:
        gathered.problems.note("transcript", f"{file}: {why}")
    if source is not None:
        gathered.notes[f"transcripts_{source}"] += 1
    return {"transcript": text, "transcript_source": source}


def _media(media: Path | None, gathered: Gathered) -> dict[str, Any]:
    if media is None:
        return {}
    if not storable(media):
        gathered.problems.note("media_path", f"{ascii(str(media))}: the name is not UTF-8")
        return {}
    try:
        return gathered.hashes.media_columns(media)
    except OSError as error:
        gathered.problems.note("media_path", f"{media}: {error}")
        return {}
