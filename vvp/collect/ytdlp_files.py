"""The files of a yt-dlp folder by the names under which they are looked for.

Media of NAME.info.json, the first that is there: NAME.EXT beside it (the json's own `ext` before others);
then, among files that have no info.json of their own name beside them: one that the json names
(`_filename`, `requested_downloads`), NAME.EXT in another folder, one called ID.EXT or ending in "[ID].EXT".
Not known here: what stands in an info.json beyond the names it gives.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import Any

from vvp.collect.files import MEDIA_EXTENSIONS, is_media
from vvp.collect.subtitles import EXTENSIONS, Subtitle

INFO = ".info.json"

_PART = re.compile(r"(.+)\.f[\w-]+")  # NAME.f137: one format of several that were not merged
_BRACKETED = re.compile(r"\[([^\[\]]+)\]$")  # yt-dlp's default template: TITLE [ID].EXT


class Shelf:
    """files: every file below the folder; nothing is opened."""

    def __init__(self, files: Iterable[Path]) -> None:
        everything = list(files)
        self.infos = [path for path in everything if path.name.endswith(INFO)]
        self.media = [path for path in everything if is_media(path.name)]
        self._stems = {_stem(path) for path in self.infos}
        self._beside: dict[Path, list[Path]] = defaultdict(list)  # by folder/NAME
        self._strays: dict[str, list[Path]] = defaultdict(list)  # by NAME.EXT, NAME and ID
        self._parts: set[Path] = set()  # folder/NAME of unmerged parts
        self._subtitles: dict[Path, list[Subtitle]] = defaultdict(list)  # by folder/NAME
        for path in self.media:
            self._shelve_media(path)
        for path in everything:
            if path.suffix.lower() in EXTENSIONS:
                self._shelve_subtitle(path)

    def _shelve_media(self, path: Path) -> None:
        stem = path.with_suffix("")
        own = next((name for name in (path, stem) if name in self._stems), None)  # NAME.mp4.info.json too
        part = _PART.fullmatch(stem.name)
        if own is not None:
            self._beside[own].append(path)
        elif part and stem.with_name(part[1]) in self._stems:
            self._parts.add(stem.with_name(part[1]))
        else:
            bracketed = _BRACKETED.search(stem.name)
            for name in {path.name, stem.name, bracketed[1] if bracketed else stem.name}:
                self._strays[name].append(path)

    def _shelve_subtitle(self, path: Path) -> None:
        stem = path.with_suffix("")
        language = None if stem in self._stems else stem.suffix.removeprefix(".") or None
        name = stem.with_suffix("") if language else stem
        self._subtitles[name].append(Subtitle(path=path, language=language))

    def media_of(self, path: Path, info: dict[str, Any]) -> Path | None:
        """The media file of an info.json, by the order above; None when there is none."""
        stem = _stem(path)
        if stem in self._beside:
            return min(self._beside[stem], key=lambda found: _preference(found, info))
        for name in (*_stated_names(info), stem.name, str(info.get("id"))):
            found = self._strays.get(name, [])
            # Away from the json, a name that lies in two places tells nothing.
            if len({each.with_suffix("") for each in found}) == 1:
                return min(found, key=lambda each: _preference(each, info))
        return None

    def unmerged(self, path: Path) -> bool:
        """Whether only unmerged parts of an info.json's video lie beside it."""
        stem = _stem(path)
        return stem in self._parts and stem not in self._beside

    def subtitles_of(self, path: Path, media: Path | None) -> list[Subtitle]:
        """Subtitle files named after the info.json, or after its media where that lies elsewhere."""
        names = [_stem(path)]
        if media is not None and media.with_suffix("") not in names:
            names.append(media.with_suffix(""))
        return [file for name in names for file in self._subtitles.get(name, [])]

    def without_info(self, claimed: set[Path]) -> int:
        """Media that no info.json here is about: not `claimed`, and no second format of one that is."""
        owned = {each for files in self._beside.values() for each in files} | claimed
        parts = sum(_is_part_of(each, self._parts) for each in self.media)
        return len(self.media) - len(owned) - parts


def _is_part_of(path: Path, parts: set[Path]) -> bool:
    part = _PART.fullmatch(path.with_suffix("").name)
    return part is not None and path.with_name(part[1]) in parts


def _stem(path: Path) -> Path:
    return path.with_name(path.name[: -len(INFO)])


def _stated_names(info: dict[str, Any]) -> list[str]:
    """The media file's name as the json gives it: the last part only, for the folder may have moved."""
    downloads = info.get("requested_downloads")
    dicts = [info, *(d for d in (downloads if isinstance(downloads, list) else []) if isinstance(d, dict))]
    stated = [d.get(key) for d in dicts for key in ("filepath", "_filename", "filename")]
    return [PureWindowsPath(name).name for name in stated if isinstance(name, str) and name]


def _preference(path: Path, info: dict[str, Any]) -> tuple[bool, int, str]:
    extension = path.suffix.lower()
    return extension != f".{info.get('ext')}", MEDIA_EXTENSIONS.index(extension), str(path)
