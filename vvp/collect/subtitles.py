"""The words of a video from the subtitle files beside it: which file to take, and its text.

Rule of choice: the creator's before automatic ones; then the video's own language; then the original of
automatic captions (`en-orig`) before machine translations; then by name. A file that cannot be read, or
that holds no words, gives way to the next.
Not known here: how files are found, or speech recognition (encoders/).
"""

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import webvtt
from webvtt.errors import MalformedCaptionError, MalformedFileError

EXTENSIONS = (".vtt", ".srt")
CREATOR, AUTOMATIC = "creator", "automatic"

_SOUND = re.compile(r"[\[(（].*[\])）]|[♪♫\s]+")  # "[Music]" is heard, not said


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
            cues = _cues(file.path)
        except (MalformedFileError, MalformedCaptionError, UnicodeError, OSError) as error:
            unreadable.append((file.path, f"{type(error).__name__}: {error}"))
            continue
        code = file.language or ""
        source = _stated_source(code, info) or (AUTOMATIC if _rolls(cues) else CREATOR)
        own = bool(code) and _base(code) == _base(str(info.get("language") or ""))
        key = (source != CREATOR, not own, not code.endswith("-orig"), file.path.name)
        readable.append((*key, source, cues))
    for *_, source, cues in sorted(readable, key=lambda each: each[:4]):
        words = _text(cues, rolling=source == AUTOMATIC)
        if words:
            return words, source, unreadable
    return None, None, unreadable


def words_of(path: Path) -> str | None:
    """The words of a .vtt, .srt or plain text file; None: it holds none. OSError, ValueError: unreadable."""
    if path.suffix.lower() not in (".vtt", ".srt"):
        return " ".join(path.read_text(encoding="utf-8").split()) or None
    try:
        cues = _cues(path)
    except webvtt.errors.MalformedFileError as error:
        raise ValueError(f"no subtitles in it ({error})") from error
    return _text(cues, _rolls(cues)) or None


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


def _cues(path: Path) -> list[list[str]]:
    """The lines of each cue in turn, tags and sounds removed; a cue without words is left out."""
    read = webvtt.from_srt if path.suffix.lower() == ".srt" else webvtt.read
    cues = []
    for caption in read(str(path)).captions:
        lines = (" ".join(html.unescape(line).split()) for line in caption.text.splitlines())
        spoken = [line for line in lines if line and not _SOUND.fullmatch(line)]
        if spoken:
            cues.append(spoken)
    return cues


def _rolls(cues: Sequence[list[str]]) -> bool:
    """Automatic captions roll: a cue begins with the line on which the one before it ended."""
    carried = sum(after[0] == before[-1] for before, after in zip(cues, cues[1:], strict=False))
    return len(cues) > 2 and carried > len(cues) / 2


def _text(cues: Iterable[list[str]], rolling: bool) -> str:
    """All lines; with `rolling`, the lines that a cue repeats from the ones before it are taken once.

    Not so for the creator's: a line written twice was said twice.
    """
    said: list[str] = []
    for lines in cues:
        repeated = 0
        if rolling:
            sizes = range(min(len(lines), len(said)), 0, -1)
            repeated = next((n for n in sizes if said[-n:] == lines[:n]), 0)
        said += lines[repeated:]
    return " ".join(said)
