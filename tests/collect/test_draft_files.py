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


@pytest.mark.parametrize("name", ["b.mp4", "a" * 256, "a" * 5000, "a/" * 3000, "a\0b", ".", "s3://x/y.mp4"])
def test_a_file_that_is_not_there_costs_its_row_only(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps({"title": "t", "media": n}) + "\n" for n in (None, name, "a.mp4")))
    drafts = read_drafts(file, Settings())
    assert drafts.media == [None, None, tmp_path / "a.mp4"] and drafts.absent == {1: name}
    assert drafts.lines == [1, 2, 3]


def test_files_none_of_which_is_there_are_a_mistake_in_the_table(tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps({"title": "t", "media": n}) + "\n" for n in (None, "a.mp4", "b.mp4")))
    with pytest.raises(
        UserError, match=r"not one of the 2 files that it names is there, the first a\.mp4 \(row 2\)"
    ):
        read_drafts(file, Settings())
