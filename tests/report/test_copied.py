"""A workspace that was copied or moved is the same workspace: nothing in it names where it lay."""

import shutil
from pathlib import Path

import pytest
import report_tables as tables

from jobs.cli import run
from vvp.forecast.judging import judge
from vvp.workspace import Workspace


def test_a_copied_workspace_never_names_its_old_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    space = tables.mapped(tables.tested(tables.posts(old, 60)))
    found = judge(space, resamples=100)
    assert found.predictor is not None and found.predictor.at.startswith(str(old))
    assert run(["report", "-w", str(old)]) == 0
    capsys.readouterr()
    shutil.move(old, new)
    naming = [
        str(file.relative_to(new))
        for file in new.rglob("*")
        if file.is_file() and str(old).encode() in file.read_bytes()
    ]
    assert not naming
    for command in (
        ["evaluate", "--resamples", "100"], ["report"], ["export", str(tmp_path / "p.csv")],
        ["predict", "--title", "tea"],
    ):  # fmt: skip
        code = run([*command, "-w", str(new)])
        said = "".join(capsys.readouterr())
        assert str(old) not in said and (code == 0 or command[0] == "predict"), said
    again = judge(Workspace(new), resamples=100)
    assert again.predictor is not None and again.predictor.at == f"{new}/runs/default/views/predictor"
    assert not old.exists()
