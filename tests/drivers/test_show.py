"""Nothing that other people wrote steers the terminal of who reads it."""

import json
from collections import Counter

import pytest

from jobs import show
from jobs.embed import teller

EVIL = "a\x1b[2Jb\x1b]0;title\x07c\x9b31md\u202ee\rf\x00g"


def test_what_is_shown_has_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    show.facts(EVIL, [(EVIL, EVIL)])
    show.table(EVIL, [EVIL, "n"], [[EVIL, 1]], note=EVIL)
    show.err.print(f"vvp: {EVIL}", markup=False)
    with show.progress(EVIL) as update:
        update(1, 1, EVIL)
    out, err = capsys.readouterr()
    for text in (out, err):
        assert "31md" in text and not set(text) & set("\x1b\x07\x9b\u202e\r\0")


def test_json_escapes_them_and_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show.as_json({"title": EVIL, "words": "two\nlines\tü"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"title": EVIL, "words": "two\nlines\tü"}
    assert not set(out) & set("\x1b\x07\x9b\u202e\r\0") and "ü" in out


def test_embed_says_what_it_loads_until_the_first_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "LINE_EVERY_S", 0.0)
    with show.progress("embed") as update:
        tell = teller(update, speech=True)
        tell(0, 25, Counter())
        tell(1, 25, Counter(ok=1))
        tell(3, 25, Counter(ok=1, failed=2))
    with show.progress("embed") as update:
        teller(update, speech=False)(0, 25, Counter())
    with show.progress("embed") as update:
        teller(update, speech=True)(0, 0, Counter())  # all was done before: nothing loads
    assert capsys.readouterr().err.splitlines() == [
        "embed: 0 of 25 (loading picture, sound, speech, words)",
        "embed: 1 of 25",
        "embed: 3 of 25 2 failed",
        "embed: 0 of 25 (loading picture, sound, words)",
        "embed: 0 of 0",
    ]
