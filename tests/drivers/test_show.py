"""Nothing that other people wrote steers the terminal of who reads it."""

import json

import pytest

from jobs import show

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
