"""Tables of real life that went wrong once: what is right in each, for our copies and for the folder."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from collect_tables import videos
from odd_tables import TABLES, write

from vvp.collect.posts import collect_posts
from vvp.collect.summary import CollectSummary
from vvp.errors import UserError
from vvp.workspace import Workspace

INPUTS = Path(__file__).parents[3] / "shared" / "data" / "inputs"
Rows = dict[str, dict[str, Any]]


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type]


def end(year: int, month: int, day: int) -> datetime:
    return at(year, month, day) + timedelta(days=1, seconds=-1)


@pytest.fixture(params=["our copy", "the folder"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., tuple[CollectSummary, Rows]]:
    """collect_posts of tables by name, one after the other; the last summary and the rows."""
    if request.param == "the folder" and not INPUTS.is_dir():
        pytest.skip("shared/data/inputs is not here")
    space = Workspace(tmp_path / "space")

    def go(*names: str, **options: Any) -> tuple[CollectSummary, Rows]:
        for name in names:
            path = write(tmp_path, name) if request.param == "our copy" else INPUTS / name
            summary = collect_posts(path, space, **options)
        return summary, videos(space)

    return go


# One column of one table: file, column, id → value, and how many values of it are null and counted.
CELLS: list[tuple[str, str, dict[str, Any], int]] = [
    ("dates/javascript.csv", "published_at", {
        "g1": at(2024, 1, 31, 6), "g2": at(2024, 1, 31, 6), "g3": at(2024, 1, 31, 19)}, 0),
    ("dates/zone_letters.csv", "published_at", {
        "z1": at(2024, 2, 1, 7, 30), "z2": at(2024, 1, 31, 23, 30), "z3": at(2024, 2, 1, 4, 30),
        "z4": at(2024, 6, 15, 8)}, 0),
    ("dates/zone_letters.csv", "observed_at", {"z1": at(2024, 2, 10, 20), "z4": end(2024, 6, 20)}, 0),
    ("dates/month_only.csv", "published_at", {"m1": None, "m2": at(2024, 5, 31), "m3": None}, 2),
    ("dates/observed_bare_date.csv", "observed_at", dict.fromkeys("abc", end(2024, 3, 10)), 0),
    ("dates/timestamp_null_upload_date.jsonl", "published_at", {
        "abCdEfGhIj1": at(2024, 1, 31, 11, 20), "abCdEfGhIj2": at(2024, 1, 31)}, 0),
    ("dates/upload_date_float.csv", "published_at", {
        "f1": at(2024, 1, 31), "f2": None, "f3": at(2024, 2, 2)}, 0),
    ("dates/us.csv", "published_at", {
        "d1": at(2024, 1, 31, 14, 5), "d2": at(2024, 2, 15), "d3": at(2023, 12, 25)}, 0),
    ("dates/dayfirst.csv", "published_at", {
        "d1": at(2024, 1, 31, 14, 5), "d2": at(2024, 2, 15), "d3": at(2024, 1, 5), "d4": at(2024, 3, 9,
        14, 15),
        "d5": at(2024, 1, 31), "d6": at(2024, 2, 3)}, 0),
    ("counts/grouped_by_points.csv", "views", {"a1": 12000, "a2": 12345, "a3": 1234567, "a4": 950}, 0),
    ("counts/grouped_by_points.csv", "channel_followers", {
        "a1": 250000, "a2": 250000, "a3": 1500000, "a4": 1500000}, 0),
    # Nothing in this column says that points group: what may be 1 or 1000 is null.
    ("counts/grouped_by_points.csv", "likes", {"a1": None, "a2": None, "a3": None, "a4": 12}, 3),
    ("counts/words.csv", "views", {
        "v1": 1234567, "v2": 1200000, "v3": 0, "v4": 1, "v5": 12000, "v6": 1200000, "v7": 3400,
        "v8": 120000}, 0),
    ("counts/words.csv", "likes", {"v1": 12000, "v2": 1, "v3": 0, "v4": None}, 0),
    ("counts/words.csv", "channel_followers", {"v1": 1200000, "v2": 3000}, 0),
    ("counts/studio_total_line.csv", "views", {"abCdEfGhIj1": 30000, "abCdEfGhIj2": 4567}, 0),
    ("ids/rounded_by_javascript.jsonl", "views", {"7330111222333446000": 3000}, 0),
    ("ids/rounded_to_15_digits.csv", "views", {"7330111222333550000": 300}, 0),
    ("ids/spreadsheet_errors.csv", "views", {"abCdEfGhIj3": 300}, 0),
    ("ids/channel_scientific.csv", "channel_id", dict.fromkeys(
        f"733011122233344400{n}" for n in (1, 2, 3)), 3),
    ("ids/guard.csv", "views", {"7330111222333444001": 100, "7330111222333444002": 200}, 0),
    ("ids/float_ids.csv", "views", {"1234567890": 500, "1234567891": 700}, 0),
    ("ids/platform_names.csv", "platform", {f"abCdEfGhIj{n}": "youtube" for n in (1, 2, 3, 4)}, 0),
    ("text/nan_words.csv", "title", {"n1": None, "n2": "two", "n3": "three"}, 0),
    ("text/numpy_and_postgres_tags.csv", "tags", {f"t{n}": ["cats", "dogs", "funny"] for n in (1, 2, 3,
        4)}, 0),
    ("text/hashtags_combining_marks.csv", "tags", {"h1": ["हिंदी", "हास्य"], "h4": ["தமிழ்", "मराठी"]}, 0),
    ("csv/mac.csv", "title", {"r1": "one", "r2": "two"}, 0),
    ("csv/mac_semicolon.csv", "title", {"r1": "one", "r2": "two"}, 0),
    ("csv/sep_line_first.csv", "title", {"s1": "one", "s2": "two"}, 0),
    ("csv/header_over_two_lines.csv", "views", {"q1": 100, "q2": 200}, 0),
    ("csv/backslash_quotes.csv", "title", {"q1": 'he said "wow, look" again', "q2": "second",
        "q3": "third"}, 0),
    ("csv/quote_never_closed.csv", "views", {"q2": 200, "q3": 300, "q4": 400, "q5": 500}, 0),
    ("csv/apify_slash_names.csv", "tags", {
        "7330111222333444001": ["cats", "fun"], "7330111222333444002": ["dogs"]}, 0),
    ("csv/apify_slash_names.csv", "channel_followers", {
        "7330111222333444001": 5000, "7330111222333444002": 7000}, 0),
    ("csv/media_cell_too_long.csv", "media_path", {"x1": None, "x2": None}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "column", "expected", "unreadable"), CELLS, ids=lambda v: str(v)[:40])
def test_each_value_is_what_was_meant_or_null_and_counted(
    read: Any, name: str, column: str, expected: dict[str, Any], unreadable: int
) -> None:
    summary, rows = read(name)
    assert {key: rows[key][column] for key in expected} == expected
    assert summary.unreadable_values.get(column, 0) == unreadable


# What is set aside of a table, how many videos remain, and what is worth a look.
@pytest.mark.parametrize(
    ("name", "videos_left", "aside", "said"),
    [
        ("counts/studio_total_line.csv", 2, {"total_line": 1}, "1 line of totals was set aside"),
        ("ids/spreadsheet_errors.csv", 1, {"no_id": 3}, ""),
        ("ids/rounded_by_javascript.jsonl", 1, {"rounded_id": 2}, "zeros"),
        ("ids/rounded_to_15_digits.csv", 1, {"rounded_id": 2}, "zeros"),
        ("ids/float_ids.csv", 2, {"no_id": 1}, ""),
        ("csv/quote_never_closed.csv", 4, {"unreadable": 1}, ""),
        ("counts/grouped_by_points.csv", 4, {}, "--numbers"),
    ],
)
def test_what_is_no_post_is_set_aside_and_said(
    read: Any, name: str, videos_left: int, aside: dict[str, int], said: str
) -> None:
    summary, rows = read(name)
    assert (len(rows), summary.set_aside) == (videos_left, aside)
    assert said in " ".join(summary.doubts)


def test_one_id_written_two_ways_is_one_video(read: Any) -> None:
    assert len(read("ids/guard.csv", "ids/plain.jsonl")[1]) == 2


def test_a_float_id_of_csv_and_the_number_of_json_are_one_video(read: Any) -> None:
    summary, rows = read("ids/float_ids.csv", "ids/float_ids.jsonl")
    assert len(rows) == 2 and summary.already_known == 2


def test_words_for_nothing_are_nothing_in_every_column(read: Any) -> None:
    _, rows = read("text/nan_words.csv")
    columns = ("channel_id", "description", "transcript", "transcript_source", "platform", "tags")
    assert {rows[key][column] for key in rows for column in columns} == {None}


def test_the_signs_of_a_column_are_said(read: Any) -> None:
    summary, _ = read("counts/grouped_by_points.csv")
    assert "views: points group thousands, 1 row shows it" in summary.remarks


def test_a_style_that_is_given_settles_what_the_rows_do_not(read: Any) -> None:
    summary, rows = read("counts/grouped_by_points.csv", numbers="1.234,5")
    assert [rows[f"a{n}"]["likes"] for n in (1, 2, 3, 4)] == [1000, 1001, 45000, 12]
    assert summary.unreadable_values == {}


def test_a_table_that_is_not_utf8_is_one_sentence(read: Any) -> None:
    with pytest.raises(UserError, match="not UTF-8.*save it as UTF-8"):
        read("csv/latin1_and_too_many_cells.csv")


def test_a_name_may_begin_with_a_tilde(tmp_path: Path) -> None:
    table = write(tmp_path, "csv/media_tilde.csv")
    (table.parent / "~cat [x1].mp4").write_bytes(b"clip")
    summary = collect_posts(table, Workspace(tmp_path / "space"), {"media": "media"})
    found = videos(Workspace(tmp_path / "space"))
    assert found["x1"]["media_path"] == str(table.parent / "~cat [x1].mp4")
    assert summary.notes == {"media_not_found": 1}


@pytest.mark.skipif(not INPUTS.is_dir(), reason="shared/data/inputs is not here")
def test_no_table_of_the_folder_is_without_its_expectation() -> None:
    there = {
        path.relative_to(INPUTS).as_posix()
        for kind in ("dates", "counts", "ids", "text", "csv")
        for path in (INPUTS / kind).iterdir()
        if path.suffix in (".csv", ".jsonl")
    }
    assert there == set(TABLES)


@pytest.mark.parametrize("ours", [True, False])
def test_a_column_that_is_there_twice_is_one_sentence(tmp_path: Path, ours: bool) -> None:
    path = INPUTS / "parquet" / "column_twice.parquet"
    if ours:
        path = tmp_path / "p.parquet"
        columns = [pa.array(["a"]), pa.array([1]), pa.array(["x"]), pa.array(["y"])]
        pq.write_table(pa.Table.from_arrays(columns, names=["video_id", "views", "title", "title"]), path)
    elif not path.is_file():
        pytest.skip("shared/data/inputs is not here")
    with pytest.raises(UserError, match="2 columns called 'title': rename all but one"):
        collect_posts(path, Workspace(tmp_path / "space"))


@pytest.mark.parametrize("ours", [True, False])
def test_bytes_that_are_text_are_read_as_text(tmp_path: Path, ours: bool) -> None:
    path = INPUTS / "parquet" / "strings_without_utf8_mark.parquet"
    if ours:
        path = tmp_path / "p.parquet"
        rows = {"video_id": [b"a", b"b"], "views": [b"100", b"1.2K"], "title": ["ü".encode(), b"\xff"]}
        pq.write_table(pa.table({name: pa.array(values, pa.binary()) for name, values in rows.items()}), path)
    elif not path.is_file():
        pytest.skip("shared/data/inputs is not here")
    summary = collect_posts(path, Workspace(tmp_path / "space"))
    found = videos(Workspace(tmp_path / "space"))
    assert found["a"]["views"] == 100 and found["a"]["title"] in ("ü", "one")
    if ours:
        assert found["b"]["views"] == 1200 and summary.unreadable_values == {"title": 1}


# Neighbours of the tables above: text, column, id → value, how many are null and counted.
NEIGHBOURS: list[tuple[str, str, dict[str, Any], int]] = [
    ('video_id,title,views\nq1,"never closed,100\nq2,b,200\n', "views", {"q2": 200}, 0),
    ("video_id,title,views\nq1,say \"hi\" now,100\n", "title", {"q1": 'say "hi" now'}, 0),
    ("sep=|\nvideo_id|views\na|1\n", "views", {"a": 1}, 0),
    ("video_id,views,title,,\na,1,x,,\nb,2,y,,\n", "title", {"a": "x", "b": "y"}, 0),
    ("video_id;views;likes\na;1.234.567,0;12,5\nb;12.000;7\n", "views", {"a": 1234567, "b": 12000}, 0),
    ("video_id,views\na,500.0\nb,12.000\n", "views", {"a": 500, "b": None}, 1),
    ("video_id,views\na,12.000\nb,1500.0\nc,250.000\n", "views", {"a": None, "b": 1500, "c": None}, 2),
    ("video_id,views,title\n#NAZWA?,9000,a\n#N/D,300,b\nx1,500,#ARG!\n", "title", {"x1": None}, 1),
    ("video_id,views\nCelkem,300\na,100\nb,200\nMittelwert,150\n", "views", {"a": 100, "b": 200}, 0),
    ("video_id,views,title\na,1,nan\u00a0\nb,2,\"=\"\"nan\"\"\"\n", "title", {"a": None, "b": None}, 0),
    ("video_id,views,published_at\na,1,2024-01-01 10:00 (America/New_York)\nb,2,2024-01-01 10:00 (Berlin)\n"
     "c,3,2024-01-01 10:00 (approx)\n", "published_at", {"a": None, "b": None, "c": at(2024, 1, 1, 10)}, 2),
    ("video_id,views\na,\"1,234,567\"\nb,12.000\n", "views", {"a": 1234567, "b": None}, 1),
    ("video_id,views\na,1.2M\nb,12.000\n", "views", {"a": 1200000, "b": None}, 1),
    ("video_id,views\na,1.234.567\nb,1.5\nc,12.000\n", "views", {"a": 1234567, "b": None, "c": None}, 2),
    ("video_id,views,channel_id\na,1,#N/A\nb,#REF!,#DIV/0!\n", "channel_id", {"a": None, "b": None}, 2),
    ("video_id,views,tags\na,1,x y|z\nb,2,last week tonight\n", "tags", {"b": ["last week tonight"]}, 0),
    ("video_id,views,tags\na,1,\"{\"\"x y\"\",z,NULL}\"\n", "tags", {"a": ["x y", "z"]}, 0),
    ("video_id,views,title\na,1,'Tis tea\nb,2,'=SUM\n", "title", {"a": "'Tis tea", "b": "=SUM"}, 0),
    ("video_id,views,published_at\na,1,0000-00-00 00:00:00\n", "published_at", {"a": None}, 1),
    ("video_id,views,published_at\na,1,31/01/2024\nb,2,1/31/2024\nc,3,5/4/2024\n", "published_at",
     {"a": at(2024, 1, 31), "b": at(2024, 1, 31), "c": None}, 1),
    ("id,view_count,upload_date,timestamp\na,1,20240131,\nb,2,,nonsense\n", "published_at",
     {"a": at(2024, 1, 31), "b": None}, 1),
    ("video_id,views,platform\na,1,https://www.tiktok.com/@x\nb,2,IG\n", "platform",
     {"a": "tiktok", "b": "instagram"}, 0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "column", "expected", "unreadable"), NEIGHBOURS, ids=lambda v: str(v)[:30])
def test_neighbours(
    tmp_path: Path, text: str, column: str, expected: dict[str, Any], unreadable: int
) -> None:
    (tmp_path / "p.csv").write_text(text)
    summary = collect_posts(tmp_path / "p.csv", Workspace(tmp_path / "space"))
    rows = videos(Workspace(tmp_path / "space"))
    assert {key: rows[key][column] for key in expected} == expected
    assert summary.unreadable_values.get(column, 0) == unreadable


@pytest.mark.parametrize("word", ["Total", "Gesamt", "TOTALS:", "Итого", "合計"])
def test_lines_of_totals_are_no_videos(tmp_path: Path, word: str) -> None:
    (tmp_path / "p.csv").write_text(f"video_id,views\na,1\nb,2\n{word},3\n")
    summary = collect_posts(tmp_path / "p.csv", Workspace(tmp_path / "space"))
    assert (summary.added, summary.set_aside) == (2, {"total_line": 1})


def test_a_later_table_with_rounded_ids_does_not_touch_the_videos_that_it_may_mean(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    head = "video_id,published_at,views,title\n"
    ids = ("7330111222333440000", "7330111222333550000")
    (tmp_path / "1.csv").write_text(head + f"{ids[0]},2024-01-01,5,first\n")
    collect_posts(tmp_path / "1.csv", space)
    (tmp_path / "2.csv").write_text(head + "".join(f"{i},2024-02-02,900,other {i[-5]}\n" for i in ids))
    summary = collect_posts(tmp_path / "2.csv", space)
    assert summary.set_aside == {"rounded_id": 1} and videos(space)[ids[0]]["views"] == 5
