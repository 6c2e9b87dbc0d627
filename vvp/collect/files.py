"""Media files: which names are media, what a row says of one, what lies under a folder.

Not known here: whether a file decodes (media/), or what belongs to it.
"""

import hashlib
import lzma
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vvp.errors import UserError
from vvp.workspace import open_media

# In order of preference where one name has several; sound alone comes last.
VIDEO_EXTENSIONS = (
    ".mp4", ".mkv", ".webm", ".mov", ".m4v", ".avi", ".flv", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg",
    ".3gp", ".3g2", ".wmv", ".asf", ".ogv", ".f4v", ".vob", ".unknown_video", ".gif",
)  # fmt: skip
AUDIO_EXTENSIONS = (".m4a", ".mp3", ".opus", ".ogg", ".oga", ".aac", ".wav", ".flac", ".weba", ".mka")
MEDIA_EXTENSIONS = VIDEO_EXTENSIONS + AUDIO_EXTENSIONS


MOST_XZ = 128 * 2**20  # bytes of memory that unpacking may take; `xz -9` needs 65 MiB
MOST_TEXT = 64 * 2**20  # bytes of an info.json or a subtitle file; yt-dlp's with all comments has a tenth


def is_media(name: str, extensions: tuple[str, ...] = MEDIA_EXTENSIONS) -> bool:
    return os.path.splitext(name)[1].lower() in extensions


def at_home(path: str | Path) -> Path:
    """The path, absolute; "~" and "~/…" are the home folder, and other names may begin with a tilde.

    UserError: nobody knows which folder is home.
    """
    if not (str(path) == "~" or str(path).startswith("~/")):
        return Path(path).absolute()
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise UserError(f"{path}: no home folder is known here: write the whole path.") from error


def named_file(folder: Path, media: str) -> Path | None:
    """The file that a table names, in either Unicode form of its name; None when there is none.

    A name may begin with a tilde of its own; only "~/" is the home folder.
    """
    try:
        media = str(at_home(media)) if media.startswith("~/") else media
        for form in ("NFC", "NFD"):
            path = folder / unicodedata.normalize(form, media)
            if path.is_file():
                return path
    except (OSError, ValueError, UserError):  # a name too long, a zero byte, or no home
        return None
    return None


def local_folder(folder: str | Path) -> Path:
    """The folder, absolute. UserError unless it is one on this machine."""
    if "://" in str(folder):
        raise UserError(f"{folder} is no local folder: collect reads folders on this machine; copy it here.")
    path = at_home(folder)
    if not path.is_dir():
        raise UserError(f"{path} is {'a file, not a folder' if path.exists() else 'not there'}.")
    return path


@dataclass(frozen=True, kw_only=True)
class Found:
    """files: every file below a folder, sorted by path. hidden: how many media or info.json were left out;
    irregular: how many things of such names are pipes, devices or sockets, which nobody may open."""

    files: list[Path]
    hidden: int
    irregular: int


def files_under(folder: Path, dotted: bool = False) -> Found:
    """What lies below, through links to folders too, each folder once.

    Left out: what is in a folder whose name begins with a dot, the `._…` files that a Mac leaves on other
    disks, and without `dotted` every name that begins with a dot.
    """
    found: list[Path] = []
    hidden = irregular = 0
    seen: set[tuple[int, int]] = set()
    for root, names in _walk(folder, seen):
        inside = any(part.startswith(".") for part in root.relative_to(folder).parts)
        for name in names:
            left_out = inside or name.startswith("._") or (name.startswith(".") and not dotted)
            telling = is_media(name) or name.endswith("info.json")
            if left_out:
                hidden += telling
            elif _irregular(root / name):
                irregular += telling
            else:
                found.append(root / name)
    return Found(files=sorted(found), hidden=hidden, irregular=irregular)


def _irregular(path: Path) -> bool:
    """Whether opening it would wait, or never end. What is not there, or not ours to see, says so itself."""
    try:
        kind = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISREG(kind)


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[tuple[Path, list[str]]]:
    """(folder, names of files) below, through links; what two ways lead to is walked by the one without."""
    linked: list[Path] = []
    for root, folders, names in os.walk(folder):
        at = os.stat(root)
        if (at.st_dev, at.st_ino) in seen:
            folders.clear()
            continue
        seen.add((at.st_dev, at.st_ino))
        linked += [Path(root, name) for name in folders if os.path.islink(os.path.join(root, name))]
        yield Path(root), names
    for link in sorted(linked):
        yield from _walk(link, seen)


def storable(path: Path) -> bool:
    """Whether the path can be written into a table: its name must be UTF-8."""
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def small_text(path: Path) -> str:
    """The whole of a file of text, UTF-8, also inside NAME.xz.

    ValueError: more than MOST_TEXT bytes, damaged, or no UTF-8.
    """
    with path.open("rb") as file:
        data = file.read(MOST_TEXT + 1)
    _refuse_long(data, path.stat().st_size)
    if path.suffix == ".xz":
        data = _unpacked(data)
    return data.decode("utf-8-sig")


def _unpacked(packed: bytes) -> bytes:
    """What an .xz file holds. ValueError: damaged, more than MOST_TEXT bytes, or it asks for more than
    MOST_XZ bytes of memory."""
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_XZ)
    try:
        data = unpacker.decompress(packed, MOST_TEXT + 1)
    except (lzma.LZMAError, EOFError) as error:
        raise ValueError(f"no whole .xz file ({error})") from error
    _refuse_long(data, None)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("no whole .xz file (it ends too early, or something follows)")
    return data


def _refuse_long(data: bytes, size: int | None) -> None:
    if len(data) > MOST_TEXT:
        how_long = "more, unpacked" if size is None else f"{size:,} bytes"
        raise ValueError(f"{how_long}; the most that is read of such a file is {MOST_TEXT:,}")


def media_columns(path: Path | str) -> dict[str, Any]:
    """media_path (absolute, or a URI as it is), media_bytes and media_sha256; reads all of it.

    path: a str is a URI that pyarrow opens (s3://…). OSError: unreadable; UserError: no URI of a kind known,
    or one that names options.
    """
    digest, size = hashlib.sha256(), 0
    with open_media(path if isinstance(path, str) else str(path.absolute())) as file:
        while block := file.read(1 << 20):
            digest.update(block)
            size += len(block)
    named = path if isinstance(path, str) else str(path.absolute())
    return {"media_path": named, "media_bytes": size, "media_sha256": digest.hexdigest()}
