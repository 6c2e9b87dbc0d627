"""Media files: which names are media, what a row says of one, what lies under a folder.

Not known here: whether a file decodes (media/), or what belongs to it.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

from vvp.errors import UserError
from vvp.workspace import open_uri

# In order of preference where one name has several; sound alone comes last.
VIDEO_EXTENSIONS = (
    ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".avi", ".flv", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg",
    ".3gp", ".3g2", ".wmv", ".asf", ".ogv", ".f4v", ".vob", ".gif",
)  # fmt: skip
AUDIO_EXTENSIONS = (".m4a", ".mp3", ".opus", ".ogg", ".oga", ".aac", ".wav", ".flac", ".weba", ".mka")
MEDIA_EXTENSIONS = VIDEO_EXTENSIONS + AUDIO_EXTENSIONS


def is_media(name: str, extensions: tuple[str, ...] = MEDIA_EXTENSIONS) -> bool:
    return os.path.splitext(name)[1].lower() in extensions


def local_folder(folder: str | Path) -> Path:
    """The folder, absolute. UserError unless it is one on this machine."""
    if "://" in str(folder):
        raise UserError(f"{folder} is no local folder: collect reads folders on this machine; copy it here.")
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise UserError(f"{path} is {'a file, not a folder' if path.exists() else 'not there'}.")
    return path


def files_under(folder: Path) -> list[Path]:
    """Every file below, sorted by path; hidden ones and unfinished downloads left out."""
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return sorted(found)


def storable(path: Path) -> bool:
    """Whether the path can be written into a table: its name must be UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def media_columns(path: Path | str) -> dict[str, Any]:
    """media_path (absolute, or a URI as it is), media_bytes and media_sha256; reads all of it.

    path: a str is a URI that pyarrow opens (s3://…). OSError: unreadable; UserError: no URI of a kind known.
    """
    digest, size = hashlib.sha256(), 0
    fs, inside = open_uri(path if isinstance(path, str) else str(path.absolute()))
    with fs.open_input_stream(inside, compression=None) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    named = path if isinstance(path, str) else str(path.absolute())
    return {"media_path": named, "media_bytes": size, "media_sha256": digest.hexdigest()}
