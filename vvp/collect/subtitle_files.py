"""The cues of a subtitle file, as lines of plain words: SubRip, WebVTT, ASS, TTML, json3, srv3, LRC.

A cue may lack its number and a file its head, as editors write them; what marks the place and look of words
({\\an8}, <c>, \\N) goes. Not known here: which file to take, or whether its lines repeat.
"""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from vvp.collect.files import small_text

Cues = list[list[str]]

_SOUND = re.compile(r"[\[(（].*[\])）]|[♪♫\s]+")  # "[Music]" is heard, not said
_TIMING = re.compile(r"\s*(?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3}\s*-->\s*(?:\d+:)?\d{1,2}:\d{1,2}[.,]\d{1,3}.*")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.,]*>")
_STYLE = re.compile(r"\{\\[^{}]*\}")
_LRC = re.compile(r"\[\d+:\d+(?:[.:]\d+)?\]|<\d+:\d+(?:[.:]\d+)?>")


def cues(path: Path) -> Cues:
    """The lines of each cue in turn, tags and sounds removed; a cue without words is left out.

    ValueError: no subtitles of the kind that its extension says. OSError: cannot be opened.
    """
    text = small_text(path).replace("\r\n", "\n").replace("\r", "\n")
    found = READERS[path.suffix.lower()](text)
    return [spoken for cue in found if (spoken := [w for line in cue if (w := _words(line))])]


def _words(line: str) -> str:
    plain = _TAG.sub("", _STYLE.sub("", line)).replace("\\N", " ").replace("\\h", " ")
    shown = " ".join(html.unescape(plain).split())
    return "" if _SOUND.fullmatch(shown) else shown


def _timed(text: str) -> Cues:
    """SubRip and WebVTT: the lines behind each line of times, up to an empty one."""
    found: Cues = []
    open_cue: list[str] | None = None
    for line in text.split("\n"):
        if _TIMING.fullmatch(line):
            # A cue's number stands right above its times where no empty line parts it from the cue before.
            if open_cue and open_cue[-1].strip().isdecimal():
                open_cue.pop()
            open_cue = []
            found.append(open_cue)
        elif not line.strip():
            open_cue = None
        elif open_cue is not None:
            open_cue += re.split(r"\\N|<br\s*/?>", line)
    if not found and text.strip() and not text.startswith("WEBVTT"):
        raise ValueError("no line of times in it")
    return found


def _ass(text: str) -> Cues:
    lines = [line.partition(":")[2] for line in text.split("\n") if line.startswith("Dialogue:")]
    if not lines and "[" not in text:
        raise ValueError("no [Events] in it")
    return [re.split(r"\\[Nn]", line.split(",", 9)[-1]) for line in lines if line.count(",") >= 9]


def _xml(text: str) -> Cues:
    """TTML and srv1 to srv3: every <p> or <text>."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"no XML: {error}") from error
    found = []
    for element in root.iter():
        if element.tag.rpartition("}")[2] in ("p", "text"):
            for inner in element.iter():
                if inner.tag.rpartition("}")[2] == "br":
                    inner.tail = "\n" + (inner.tail or "")
            found.append("".join(element.itertext()).split("\n"))
    return found


def _json3(text: str) -> Cues:
    whole = json.loads(text)
    events = whole.get("events") if isinstance(whole, dict) else None
    if not isinstance(events, list):
        raise ValueError("no events in it")
    found = []
    for event in events:
        pieces = event.get("segs") if isinstance(event, dict) else None
        if isinstance(pieces, list):
            said = [p["utf8"] for p in pieces if isinstance(p, dict) and isinstance(p.get("utf8"), str)]
            found.append("".join(said).split("\n"))
    return found


def _lrc(text: str) -> Cues:
    lines = [line for line in text.split("\n") if _LRC.match(line.strip())]
    if not lines and text.strip():
        raise ValueError("no line of times in it")
    return [[_LRC.sub("", line)] for line in lines]


READERS: dict[str, Callable[[str], Cues]] = {
    ".vtt": _timed, ".srt": _timed, ".ass": _ass, ".ssa": _ass, ".ttml": _xml, ".dfxp": _xml, ".srv1": _xml,
    ".srv2": _xml, ".srv3": _xml, ".json3": _json3, ".lrc": _lrc,
}  # fmt: skip
EXTENSIONS = tuple(READERS)
NOT_READ = (".sbv", ".sub", ".smi", ".sami", ".usf", ".stl", ".scc", ".xml")
