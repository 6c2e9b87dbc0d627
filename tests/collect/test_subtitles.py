"""Which subtitle file becomes the transcript, and which of its words."""

from pathlib import Path
from typing import Any

import pytest
from collect_folders import CREATOR, info, put, rows

from vvp.collect.ytdlp import collect_ytdlp
from vvp.workspace import Workspace

ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.000 --> 00:00:02.000 align:start position:0%

so<00:00:00.500><c> today</c>

00:00:02.000 --> 00:00:02.010
so today

00:00:02.010 --> 00:00:04.000
so today
we<00:00:02.500><c> cook &amp; eat</c>

00:00:04.000 --> 00:00:04.010
we cook &amp; eat

00:00:04.010 --> 00:00:05.000
we cook &amp; eat
[Music]
"""


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


@pytest.mark.parametrize(
    ("files", "more", "words", "source"),
    [
        ({"a.en.vtt": ROLLING}, {"automatic_captions": {"en": []}}, "so today we cook & eat", "automatic"),
        ({"a.en.vtt": ROLLING}, {}, "so today we cook & eat", "automatic"),
        ({"a.en.srt": CREATOR}, {"subtitles": {"en": []}}, "No! No!", "creator"),
        (
            {"a.en.vtt": ROLLING, "a.fr.srt": CREATOR},
            {"subtitles": {"fr": []}, "automatic_captions": {"en": [], "fr": []}, "language": "en"},
            "No! No!",
            "creator",
        ),
        (
            {"a.de.srt": CREATOR.replace("No", "Nein"), "a.fr-FR.srt": CREATOR},
            {"language": "fr"},
            "No! No!",
            "creator",
        ),
        (
            {"a.de.vtt": ROLLING.replace("so", "also"), "a.en-orig.vtt": ROLLING},
            {"automatic_captions": {"de": [], "en-orig": []}},
            "so today we cook & eat",
            "automatic",
        ),
        ({"a.en.srt": "junk", "a.fr.srt": CREATOR}, {"language": "en"}, "No! No!", "creator"),
        (
            {"a.vtt": ROLLING},
            {"requested_subtitles": {"": {"url": "x?kind=asr"}}},
            "so today we cook & eat",
            "automatic",
        ),
        ({"a.en.vtt": "WEBVTT\n\n00:00.000 --> 00:01.000\n[Music]\n"}, {}, None, None),
    ],
)
def test_which_subtitles_become_the_transcript(
    box: Path,
    space: Workspace,
    files: dict[str, str],
    more: dict[str, Any],
    words: str | None,
    source: str | None,
) -> None:
    put(box, "a.info.json", info(**more))
    for name, content in files.items():
        put(box, name, content)
    summary = collect_ytdlp(box, space)
    row = rows(space)["vid00000001"]
    assert (row["transcript"], row["transcript_source"]) == (words, source)
    assert summary.unreadable_values == ({"transcript": 1} if "junk" in files.values() else {})
