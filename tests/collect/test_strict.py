"""--strict lets nothing pass in silence, and --dates holds for the option beside it."""

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest
from collect_tables import videos

from jobs.cli import run
from vvp.collect.posts import collect_posts
from vvp.errors import UserError
from vvp.workspace import Workspace


def test_an_ambiguous_observed_at_is_read_by_the_order_that_is_named(tmp_path: Path) -> None:
    file, space = tmp_path / "p.csv", Workspace(tmp_path / "space")
    file.write_text("id,views\na,10\n")
    with pytest.raises(UserError, match="see --dates"):
        collect_posts(file, space, observed_at="05/04/2024")
    collect_posts(file, space, observed_at="05/04/2024", dates="day-first")
    end = datetime(2024, 4, 5, 23, 59, 59, tzinfo=timezone.utc)
    assert [row["observed_at"] for row in videos(space).values()] == [end]


def test_strict_refuses_unreadable_lines_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, space = tmp_path / "p.jsonl", tmp_path / "space"
    file.write_text('{"id": "a", "views": 10}\n{"id": \n')
    for more in ([], ["--preview"], ["--preview", "--json"]):
        assert run(["collect", "posts", str(file), "--strict", *more, "-w", str(space)]) == 2
        assert "unreadable lines: 1 (the first is" in capsys.readouterr().err
    assert not (space / "videos").exists()
    assert run(["collect", "posts", str(file), "--preview", "-w", str(space)]) == 0


def test_a_preview_says_what_collect_would_refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, space = tmp_path / "p.csv", tmp_path / "space"
    rows = (f"v{n},{n}.500" if n % 4 else f"v{n},{n}" for n in range(1, 41))
    file.write_text("id,views\n" + "\n".join(rows) + "\n")
    assert run(["collect", "posts", str(file), "--preview", "-w", str(space)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "collect would refuse this: " in shown and "30 of 40 views cannot be read" in shown
    assert not space.exists()


def test_a_workspace_of_a_name_that_is_no_utf8_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "p.csv"
    file.write_text("id,views\na,10\n")
    name = os.fsdecode(bytes(tmp_path) + b"/w\xff")
    assert run(["collect", "posts", str(file), "-w", name]) == 2
    assert "is not UTF-8" in capsys.readouterr().err
