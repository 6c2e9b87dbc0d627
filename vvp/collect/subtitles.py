"""The words of a video from the subtitle files beside it: which file to take, and its text.

Rule of choice: the creator's before automatic ones; then the video's own language; then the original of
automatic captions (`en-orig`) before machine translations; then by name. A file that cannot be read, or
that holds no words, gives way to the next.
Not known here: how files are found, how one is written (subtitle_files.py), or speech recognition.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vvp.collect.files import small_text
from vvp.collect.subtitle_files import EXTENSIONS, cues

CREATOR, AUTOMATIC = "creator", "automatic"


@dataclass(frozen=True, kw_only=True)
class Subtitle:
    """One file beside a video. `language`: the part of its name before the extension, None without one."""

    path: Path
    language: str | None


def transcript(
    files: Iterable[Subtitle], info: dict[str, Any]
) -> tuple[str | None, str | None, list[tuple[Path, str]]]:
    """(text, "creator" | "automatic", unreadable files with the reason); (None, None, …) without words.

    info: the video's info.json, whose `subtitles`, `automatic_captions`, `requested_subtitles` and
    `language` tell whose a file is.
    """
    unreadable: list[tuple[Path, str]] = []
    readable: list[tuple[bool, bool, bool, str, str, list[list[str]]]] = []
    for file in files:
        try:
            found = cues(file.path)
        except (ValueError, RecursionError, OSError) as error:
            unreadable.append((file.path, f"{type(error).__name__}: {error}"))
            continue
        code = file.language or ""
        source = _stated_source(code, info) or (AUTOMATIC if _rolls(found) else CREATOR)
        own = bool(code) and _base(code) == _base(str(info.get("language") or ""))
        key = (source != CREATOR, not own, not code.endswith("-orig"), file.path.name)
        readable.append((*key, source, found))
    for *_, source, found in sorted(readable, key=lambda each: each[:4]):
        words = _text(found, rolling=source == AUTOMATIC or _grows(found))
        if words:
            return words, source, unreadable
    return None, None, unreadable


def words_of(path: Path) -> str | None:
    """The words of a subtitle or plain text file; None: it holds none. OSError, ValueError: unreadable."""
    if path.suffix.lower() not in EXTENSIONS:
        return " ".join(small_text(path).split()) or None
    found = cues(path)
    return _text(found, _rolls(found)) or None


def _stated_source(code: str, info: dict[str, Any]) -> str | None:
    """What info.json says of this language; None when it says nothing."""
    keys = ("requested_subtitles", "subtitles", "automatic_captions")
    requested, creators, automatic = (info[k] if isinstance(info.get(k), dict) else {} for k in keys)
    asked = requested.get(code)
    if isinstance(asked, dict) and "kind=asr" in str(asked.get("url")):
        return AUTOMATIC
    if code in creators:
        return CREATOR
    return AUTOMATIC if code in automatic else None


def _base(code: str) -> str:
    return re.split(r"[-_]", code.lower())[0]


def _rolls(cues: Sequence[list[str]]) -> bool:
    """Automatic captions roll: a cue begins with the line on which the one before it ended, or adds to it."""
    return _share(cues, lambda before, after: after == before or after.startswith(f"{before} "))


def _grows(cues: Sequence[list[str]]) -> bool:
    """Word by word: a cue is the one before it and more."""
    return _share(cues, lambda before, after: after.startswith(f"{before} "))


def _share(cues: Sequence[list[str]], holds: Callable[[str, str], bool]) -> bool:
    """Whether `holds(last line of a cue, first of the next)` is true for most cues, of at least three."""
    number = sum(holds(before[-1], after[0]) for before, after in zip(cues, cues[1:], strict=False))
    return len(cues) > 2 and number > len(cues) / 2


def _text(cues: Iterable[list[str]], rolling: bool) -> str:
    """All lines; with `rolling`, the lines that a cue repeats from the ones before it are taken once, and a
    line that the next one continues gives way to it.

    Not so for the creator's: a line written twice was said twice.
    """
    said: list[str] = []
    for lines in cues:
        repeated = 0
        if rolling:
            sizes = range(min(len(lines), len(said)), 0, -1)
            repeated = next((n for n in sizes if said[-n:] == lines[:n]), 0)
            if not repeated and said and lines[0].startswith(f"{said[-1]} "):
                said.pop()
        said += lines[repeated:]
    return " ".join(said)
