"""Bare media files, for embedding and forecasting only: every other column is null.

video_id is `file:` and the path below the folder without its extension. Where another file has that id,
the extension is added, then `@` and eight digits of the sha256. A file that the workspace knows keeps its
id, whichever collector gave it, and so does one that was moved (old path gone, same bytes).
Not known here: whether a file decodes.
"""

from pathlib import Path

from vvp.collect.files import VIDEO_EXTENSIONS, files_under, is_media, local_folder, storable
from vvp.collect.hashes import Hashes
from vvp.collect.merge import Row
from vvp.collect.store import Gathered, known_rows, record
from vvp.collect.summary import CollectSummary
from vvp.errors import UserError
from vvp.workspace import Workspace


def collect_folder(folder: str | Path, workspace: Workspace, *, rehash: bool = False) -> CollectSummary:
    """Every media file below `folder` becomes a row. UserError: no such folder, or no media in it.

    rehash: media are read although their size and times are those of the last collect.
    """
    root = local_folder(folder)
    lying = files_under(root)
    files = lying.files
    media = [path for path in files if is_media(path.name, VIDEO_EXTENSIONS)]
    if not media:
        looked_for = ", ".join(VIDEO_EXTENSIONS)
        raise UserError(f"{root} holds {len(files)} files and no media among them: looked for {looked_for}.")
    known = known_rows(workspace)
    ids_by_path = {row["media_path"]: key for key, row in known.items() if row["media_path"]}
    taken = dict(known)
    gathered = Gathered(source="folder", origin=str(root), hashes=Hashes.of(workspace, rehash))
    gathered.notes["hidden"], gathered.notes["irregular"] = lying.hidden, lying.irregular
    described = {
        path.with_name(path.name[: -len(".info.json")]) for path in files if path.name.endswith(".info.json")
    }
    for path in media:
        if not storable(path):
            gathered.refuse(ascii(str(path)), "unreadable", "the file's name is not UTF-8: rename it")
            continue
        try:
            columns = gathered.hashes.media_columns(path)
        except OSError as error:
            gathered.refuse(str(path), "unreadable", f"{type(error).__name__}: {error}")
            continue
        gathered.notes["media_with_info"] += path.with_suffix("") in described
        video_id = ids_by_path.get(str(path)) or _free_id(path.relative_to(root), columns, taken)
        taken[video_id] = columns
        gathered.add(str(path), video_id=video_id, **columns)
    if not gathered.rows:
        raise UserError(
            f"none of the {len(media)} media files in {root} can be read: {gathered.refused[0]['detail']}"
        )
    return record(gathered, workspace, known)


def _free_id(relative: Path, columns: Row, taken: dict[str, Row]) -> str:
    """The first id of the stated order that is free, or whose file moved here."""
    plain, full = relative.with_suffix("").as_posix(), relative.as_posix()
    for name in (plain, full):
        holder = taken.get(f"file:{name}")
        if holder is None or _moved(holder, columns):
            return f"file:{name}"
    return f"file:{full}@{columns['media_sha256'][:8]}"


def _moved(holder: Row, columns: Row) -> bool:
    same_bytes = holder["media_sha256"] == columns["media_sha256"]
    return same_bytes and not Path(holder["media_path"]).exists()
