"""Files that a table of drafts names, and columns that it has in vain."""

import json
import unicodedata
from pathlib import Path

import pytest

from vvp.collect.columns import Settings
from vvp.collect.drafts import read_drafts
from vvp.errors import UserError


def test_a_draft_names_its_file_as_a_post_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    composed, apart = tmp_path / "café.mp4", tmp_path / "home" / "a.mp4"
    composed.write_bytes(b"x")
    apart.write_bytes(b"x")
    names = [unicodedata.normalize("NFD", "café.mp4"), "~/a.mp4"]
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps({"title": "t", "media": n, "mood": "m"}) + "\n" for n in names))
    drafts = read_drafts(file, Settings())
    assert drafts.media == [composed, apart]
    assert drafts.unused == ["mood"]


@pytest.mark.parametrize("name", ["a" * 256, "a" * 5000, "a/" * 3000])
def test_a_name_longer_than_a_name_may_be_costs_its_row_only(tmp_path: Path, name: str) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps({"title": "t", "media": n}) + "\n" for n in (name, None)))
    drafts = read_drafts(file, Settings())
    assert drafts.media == [tmp_path / name, None]
    file.write_text(json.dumps({"title": "t", "media": "a" * 255}) + "\n")
    with pytest.raises(UserError, match=r"d\.jsonl:1: there is no file a{255}\."):
        read_drafts(file, Settings())
