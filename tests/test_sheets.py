"""What goes out to a spreadsheet and comes in from one: export, and calendars of drafts."""

import csv
import io
import json
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.cli import run
from vvp import sheets
from vvp.collect.columns import Settings
from vvp.collect.drafts import read_drafts
from vvp.collect.posts import collect_posts
from vvp.errors import UserError
from vvp.export import COLUMNS
from vvp.forecast.files import FORMAT
from vvp.learn.records import Coverage, Evaluation, SplitResult
from vvp.paths import MAP_POINTS, RunPaths
from vvp.schema import TABLES
from vvp.workspace import Workspace

LONG = "7330111222333444001"
POSTED = datetime(2024, 1, 31, tzinfo=timezone.utc)


def parquet(columns: dict[str, pa.Array]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """Two posts, one of the test part: forecast 99 by the chosen model, 9 by another; views 198."""
    space = Workspace(tmp_path / "space")
    facts = {"title": "=tea", "views": 198, "tags": ["a", "b"], "published_at": POSTED}
    rows = [{"video_id": LONG, **facts}, {"video_id": "-b", "views": None}]
    space.append("videos", pa.Table.from_pylist(rows, schema=TABLES["videos"]))
    predicted = np.log1p([99.0, 9.0])
    said = {
        "video_id": pa.array([LONG, LONG]),
        "channel_id": pa.nulls(2, pa.string()),
        "log_views": pa.array(np.log1p([198.0, 198.0])),
        "model": pa.array(["ridge", "gbdt"]),
        "predicted": pa.array(predicted),
        "low": pa.array(predicted - 1),
        "high": pa.array([None, None], pa.float64()),
    }
    space.write_bytes(RunPaths("default").predictions, parquet(said))
    interval = Coverage(half_width=None, measured=None, held=0, of=0, clearly_under=False)
    own = SplitResult(
        parts={}, population="", test_rows=1, test_channels=1, rule="train mean", chosen="ridge",
        standing="better", evidence=[], results={}, interval=interval, flags=[],
    )  # fmt: skip
    evaluation = Evaluation(
        name="default", split="time", profile="tiny", opened_at="", resamples=100, format=FORMAT, run_id="r",
        counts={}, horizon=None, rules_only=None, splits={"time": own},
    )  # fmt: skip
    space.write_json(RunPaths("default").evaluation, evaluation.as_dict())
    space.write_bytes(
        MAP_POINTS, parquet({"video_id": pa.array([LONG]), "cluster": pa.array([3], pa.int32())})
    )
    return space


def test_export_stands_the_forecast_beside_videos_of_the_test_part(tmp_path: Path, space: Workspace) -> None:
    file = tmp_path / "posts.csv"
    assert run(["export", str(file), "-w", space.root]) == 0
    with file.open(encoding="utf-8-sig", newline="") as lines:
        first, second = csv.DictReader(lines)
    assert tuple(first) == COLUMNS
    assert (first["video_id"], first["title"], first["tags"]) == (LONG, "'=tea", "a, b")
    assert (first["forecast"], first["ratio"], first["high"], first["cluster"]) == ("99", "2.0", "", "3")
    assert (second["video_id"], second["forecast"], second["ratio"], second["cluster"]) == ("'-b", "", "", "")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_was_exported_is_collected_as_itself(tmp_path: Path, space: Workspace, kind: str) -> None:
    file = tmp_path / f"posts.{kind}"
    assert run(["export", str(file), "-w", space.root]) == 0
    other = Workspace(tmp_path / "other")
    collect_posts(file, other)
    again = {row["video_id"]: row for row in other.read("videos").to_pylist()}
    assert set(again) == {LONG, "-b"}
    assert (again[LONG]["title"], again[LONG]["views"], again[LONG]["tags"]) == ("=tea", 198, ["a", "b"])
    assert again[LONG]["published_at"] == POSTED


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_nothing_that_nobody_sees_and_no_formula_gets_into_a_sheet(tmp_path: Path, kind: str) -> None:
    evil = ["a\x1b[2Jb\x07\x9b31md\u202ee\x00\ufffe", "\t=cmd()", "\x1b=cmd()", " @x"]
    sheets.write(tmp_path / f"s.{kind}", [{"a": evil[0], "b": evil[1], "c": evil[2], "d": [evil[3]]}], "abcd")
    if kind == "csv":
        _, row = csv.reader(io.StringIO((tmp_path / "s.csv").read_text(encoding="utf-8-sig")))
    else:
        sheet = openpyxl.load_workbook(tmp_path / "s.xlsx").active
        assert sheet is not None
        row = [str(cell.value) for cell in sheet[2]]
    assert row == ["a[2Jb31mde", "'=cmd()", "'=cmd()", "'@x"]


def test_ids_of_a_workbook_are_text(tmp_path: Path, space: Workspace) -> None:
    assert run(["export", str(tmp_path / "p.xlsx"), "-w", space.root]) == 0
    sheet = openpyxl.load_workbook(tmp_path / "p.xlsx").active
    assert sheet is not None and sheet["A2"].value == LONG


def test_export_without_a_run_says_so(
    tmp_path: Path, space: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["export", str(tmp_path / "p.csv"), "-w", space.root, "--name", "other", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["posts"], told["with_forecast"]) == (2, 0) and "vvp evaluate" in told["notes"][0]


@pytest.mark.parametrize("file", ["p.docx", "nowhere/p.csv"])
def test_a_file_that_cannot_be_written_is_refused_first(tmp_path: Path, file: str) -> None:
    with pytest.raises(UserError, match="write a .csv or .xlsx|make the folder first"):
        sheets.write(tmp_path / file, [], ["a"])


def test_a_calendar_of_drafts(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    file = tmp_path / "drafts.csv"
    head = "Title,Media,Channel,Date,Followers,Views\n"
    file.write_text(head + 'tea #cozy,a.mp4,ann,31/01/2030,"1,234",7\ncake,,,soon,,\n')
    drafts = read_drafts(file, Settings())
    first, second = drafts.rows
    assert drafts.media == [tmp_path / "a.mp4", None] and drafts.lines == [2, 3]
    assert (first["title"], first["channel_id"], first["channel_followers"]) == ("tea #cozy", "ann", 1234)
    assert first["published_at"] == datetime(2030, 1, 31, tzinfo=timezone.utc) and "views" not in first
    assert second["published_at"] is None and drafts.unreadable == {"published_at": 1}
    file.write_text("Title,Media\ntea,gone.mp4\n")
    with pytest.raises(UserError, match=r"the one file that it names is not there, gone\.mp4 \(row 2\)"):
        read_drafts(file, Settings())
    file.write_text("A,B\n1,2\n")
    with pytest.raises(UserError, match="no column for title or media"):
        read_drafts(file, Settings())
