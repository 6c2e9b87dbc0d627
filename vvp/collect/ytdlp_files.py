"""The files of a yt-dlp folder by the names under which they are looked for.

Media of NAME.info.json, the first that is there: NAME.EXT beside it (the json's own `ext` before others);
then, among files that have no info.json of their own name beside them: one that the json names
(`_filename`, `requested_downloads`), NAME.EXT in another folder, one called ID.EXT or ending in "[ID].EXT".
Of ID/info.json: the one media file in its folder. The clip of a chapter (TITLE - 001 CHAPTER [ID].mp4) is no
media of the video. Names are compared in NFC: a Mac writes them in another form.
Not known here: what stands in an info.json beyond the names it gives.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import Any

from vvp.collect.files import MEDIA_EXTENSIONS, is_media
from vvp.collect.subtitle_files import EXTENSIONS, NOT_READ
from vvp.collect.subtitles import Subtitle

INFO = ".info.json"
LONE_INFO = "info.json"  # in a folder of its own for each video
SIDECARS = (".json", ".json.xz")  # of a file NAME or NAME.EXT beside it; instaloader packs its own

_PART = re.compile(r"(.+)\.f[\w=+-]+")  # NAME.f137: one format of several that were not merged
_UNFINISHED = re.compile(r"(.+?)(?:\.f[\w=+-]+)?(?:\.temp\.\w+|\.\w+\.(?:part|ytdl)(?:-Frag\d+)?)")
_BRACKETED = re.compile(r"\[([^\[\]]+)\]$")  # yt-dlp's default template: TITLE [ID].EXT
_CHAPTER = re.compile(r".* - \d{3} .*\[([^\[\]]+)\]")  # yt-dlp --split-chapters


class Shelf:
    """files: every file below the folder; nothing is opened."""

    def __init__(self, files: Iterable[Path]) -> None:
        everything = list(files)
        self.media = [path for path in everything if is_media(path.name)]
        names = {_composed(path) for path in self.media}
        names |= {path.with_suffix("") for path in names}
        self.infos = [path for path in everything if _is_info(path, names)]
        self._stems = {_stem(path) for path in self.infos}
        self._beside: dict[Path, list[Path]] = defaultdict(list)  # by folder/NAME
        self._strays: dict[str, list[Path]] = defaultdict(list)  # by NAME.EXT, NAME and ID
        self._parts: set[Path] = set()  # folder/NAME of unmerged parts
        self._unfinished: set[Path] = set()  # folder/NAME of downloads that were cut off
        self._chapters: dict[str, list[Path]] = defaultdict(list)  # by ID
        self._subtitles: dict[Path, list[Subtitle]] = defaultdict(list)  # by folder/NAME
        self.subtitles_not_read = 0
        for path in everything:
            cut = _UNFINISHED.fullmatch(_nfc(path.name))
            if cut:
                self._unfinished.add(_composed(path).with_name(cut[1]))
            elif is_media(path.name):
                self._shelve_media(path)
            elif path.suffix.lower() in EXTENSIONS:
                self._shelve_subtitle(path)
            elif path.suffix.lower() in NOT_READ:
                self.subtitles_not_read += 1
        self._share_folders()

    def _shelve_media(self, path: Path) -> None:
        whole = _composed(path)
        stem = whole.with_suffix("")
        own = next((name for name in (whole, stem) if name in self._stems), None)  # NAME.mp4.info.json too
        part = _PART.fullmatch(stem.name)
        chapter = _CHAPTER.fullmatch(stem.name)
        if own is not None:
            self._beside[own].append(path)
        elif part and stem.with_name(part[1]) in self._stems:
            self._parts.add(stem.with_name(part[1]))
        elif chapter:
            self._chapters[chapter[1]].append(path)
        else:
            bracketed = _BRACKETED.search(stem.name)
            for name in {whole.name, stem.name, bracketed[1] if bracketed else stem.name}:
                self._strays[name].append(path)

    def _shelve_subtitle(self, path: Path) -> None:
        stem = _composed(path).with_suffix("")
        language = None if stem in self._stems else stem.suffix.removeprefix(".") or None
        name = stem.with_suffix("") if language else stem
        self._subtitles[name].append(Subtitle(path=path, language=language))

    def _share_folders(self) -> None:
        """ID/info.json: what else lies in its folder is its own, where it is one media file."""
        for path in self.infos:
            if path.name != LONE_INFO:
                continue
            stem = _stem(path)
            media = [each for each in self.media if each.parent == path.parent]
            if len({each.with_suffix("") for each in media}) == 1:
                self._beside[stem] += media
            for name in [name for name in self._subtitles if name.parent == stem.parent and name != stem]:
                self._subtitles[stem] += self._subtitles[name]

    def media_of(self, path: Path, info: dict[str, Any]) -> Path | None:
        """The media file of an info.json, by the order above; None when there is none."""
        stem = _stem(path)
        if stem in self._beside:
            return min(self._beside[stem], key=lambda found: _preference(found, info))
        for name in (*_stated_names(info), stem.name, str(info.get("id"))):
            found = self._strays.get(_nfc(name), [])
            # Away from the json, a name that lies in two places tells nothing.
            if len({each.with_suffix("") for each in found}) == 1:
                return min(found, key=lambda each: _preference(each, info))
        return None

    def why_none(self, path: Path, info: dict[str, Any]) -> str | None:
        """What lies there in place of an info.json's media: a name of summary.NOTES; None: nothing."""
        stem = _stem(path)
        if stem in self._unfinished:
            return "unfinished_downloads"
        if stem in self._parts:
            return "unmerged_formats"
        return "chapters" if str(info.get("id")) in self._chapters else None

    def subtitles_of(self, path: Path, media: Path | None) -> list[Subtitle]:
        """Subtitle files named after the info.json, or after its media where that lies elsewhere."""
        names = [_stem(path)]
        if media is not None and _composed(media).with_suffix("") not in names:
            names.append(_composed(media).with_suffix(""))
        found = {file.path: file for name in names for file in self._subtitles.get(name, [])}
        return list(found.values())

    def without_info(self, claimed: set[Path]) -> int:
        """Media that no info.json here is about: not `claimed`, and no second format of one that is."""
        owned = {each for files in self._beside.values() for each in files} | claimed
        owned |= {each for files in self._chapters.values() for each in files}
        owned |= {each for each in self.media if _UNFINISHED.fullmatch(_nfc(each.name))}
        parts = sum(_is_part_of(each, self._parts) for each in self.media if each not in owned)
        return len(self.media) - len(owned) - parts


def _is_info(path: Path, names: set[Path]) -> bool:
    """Whether a file may tell of a video: yt-dlp's names, or one of SIDECARS named like a media file."""
    if path.name.endswith(INFO) or path.name == LONE_INFO:
        return True
    found = next((end for end in SIDECARS if path.name.endswith(end)), None)
    return found is not None and _composed(path).with_name(_nfc(path.name).removesuffix(found)) in names


def _is_part_of(path: Path, parts: set[Path]) -> bool:
    stem = _composed(path).with_suffix("")
    part = _PART.fullmatch(stem.name)
    return part is not None and stem.with_name(part[1]) in parts


def _stem(path: Path) -> Path:
    """folder/NAME of NAME.info.json, NAME.json and NAME.json.xz; folder/info of a lone info.json."""
    name = _nfc(path.name)
    end = next(each for each in (INFO, *SIDECARS) if name.endswith(each))
    return _composed(path).with_name(name.removesuffix(end))


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _composed(path: Path) -> Path:
    return Path(_nfc(str(path)))


def _stated_names(info: dict[str, Any]) -> list[str]:
    """The media file's name as the json gives it: the last part only, for the folder may have moved."""
    downloads = info.get("requested_downloads")
    dicts = [info, *(d for d in (downloads if isinstance(downloads, list) else []) if isinstance(d, dict))]
    stated = [d.get(key) for d in dicts for key in ("filepath", "_filename", "filename")]
    return [PureWindowsPath(name).name for name in stated if isinstance(name, str) and name]


def _preference(path: Path, info: dict[str, Any]) -> tuple[bool, bool, int, str]:
    """The json's own kind first; a GIF, which may be the thumbnail, last."""
    extension = path.suffix.lower()
    return (
        extension != f".{info.get('ext')}",
        extension == ".gif",
        MEDIA_EXTENSIONS.index(extension),
        str(path),
    )
