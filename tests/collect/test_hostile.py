"""What strangers put where a folder or table of posts is read: nothing waits, nothing ends in a traceback."""

import json
import lzma
import os
import socket
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from collect_folders import info

from vvp.collect import files, typed_tables
from vvp.collect.folder import collect_folder
from vvp.collect.posts import collect_posts
from vvp.collect.ytdlp import collect_ytdlp
from vvp.errors import UserError
from vvp.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def blocked(folder: Path) -> None:
    """Pipes, a socket, a device's link and a folder under names that collect looks for."""
    for name in ("p.info.json", "p.mp4", "a.en.srt", "info.json", ".dot.info.json"):
        os.mkfifo(folder / name)
    (folder / "zero.info.json").symlink_to("/dev/zero")
    (folder / "zero.mp4").symlink_to("/dev/zero")
    (folder / "d.info.json").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)  # a socket's path is short
        try:
            one.bind("s.info.json")
        finally:
            os.chdir(here)


@pytest.mark.timeout(60)
def test_pipes_sockets_and_devices_in_a_folder_are_counted_and_never_opened(
    tmp_path: Path, space: Workspace
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    blocked(box)
    (box / "a.info.json").write_text(json.dumps(info(id="a")))
    (box / "a.mp4").write_bytes(b"x")
    summary = collect_ytdlp(box, space)
    assert summary.added == 1 and not summary.set_aside
    assert summary.notes["irregular"] == 7
    assert collect_folder(box, space).notes["irregular"] == 6  # the dotted one is hidden anyway


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.json", "t.parquet", "t.xlsx"])
def test_a_pipe_named_like_a_table_is_not_opened(tmp_path: Path, space: Workspace, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="not a file|no file"):
        collect_posts(tmp_path / name, space)


@pytest.mark.timeout(60)
def test_a_media_cell_names_no_pipe_and_no_device(tmp_path: Path, space: Workspace) -> None:
    os.mkfifo(tmp_path / "p.mp4")
    (tmp_path / "t.csv").write_text("id,views,media\na,5,p.mp4\nb,6,/dev/zero\nc,7,file:///dev/zero\n")
    summary = collect_posts(tmp_path / "t.csv", space, {"media": "media"})
    assert summary.without_media == 3 and summary.notes["media_not_found"] == 3


@pytest.mark.parametrize(
    "cell",
    [
        "s3://b/k.mp4?endpoint_override=127.0.0.1:9", "s3://b/k?region=x&scheme=http", "gs://b/k?x=1",
        "s3://key:secret@bucket/k.mp4", "s3://b/k?allow_bucket_creation=true",
    ],
)  # fmt: skip
def test_a_media_cell_with_options_is_refused_with_its_row(
    tmp_path: Path, space: Workspace, cell: str
) -> None:
    (tmp_path / "t.csv").write_text(f"id,views,media\na,5,\nb,6,{cell}\n")
    summary = collect_posts(tmp_path / "t.csv", space, {"media": "media"})
    assert summary.unreadable_values == {"media_path": 1}
    assert f"{tmp_path}/t.csv:3" in summary.examples["media_path"]
    assert "no options" in summary.examples["media_path"]
    assert space.read("videos")["media_path"].to_pylist() == [None, None]


def test_a_question_mark_in_a_files_name_is_no_option(tmp_path: Path, space: Workspace) -> None:
    (tmp_path / "what?a=b@c.mp4").write_bytes(b"x")
    (tmp_path / "t.csv").write_text("id,views,media\na,5,what?a=b@c.mp4\n")
    assert collect_posts(tmp_path / "t.csv", space, {"media": "media"}).without_media == 0


def test_a_table_of_a_million_columns_is_refused_with_the_number(tmp_path: Path, space: Workspace) -> None:
    names = ",".join(f"c{i}" for i in range(1_000_000))
    (tmp_path / "t.csv").write_text(f"id,views,{names}\n{'1,' * 1_000_002}\n")
    (tmp_path / "t.jsonl").write_text(json.dumps({f"c{i}": i for i in range(20_000)} | {"id": "a"}))
    wide = pa.table({f"c{i}": [1] for i in range(10_001)})
    pq.write_table(wide, tmp_path / "t.parquet")
    for name, number in (("t.csv", "1,000,002"), ("t.jsonl", "20,001"), ("t.parquet", "10,001")):
        with pytest.raises(UserError, match=f"{number} columns; the most that is read is 10,000"):
            collect_posts(tmp_path / name, space)


def test_a_parquet_of_five_million_declared_rows_is_refused(tmp_path: Path, space: Workspace) -> None:
    pq.write_table(
        pa.table({"id": pa.nulls(5_000_000, pa.string()), "views": pa.nulls(5_000_000, pa.int64())}),
        tmp_path / "t.parquet",
    )
    with pytest.raises(UserError, match="5,000,000 rows"):
        collect_posts(tmp_path / "t.parquet", space)


def test_a_workbook_that_unpacks_without_end_is_refused(
    tmp_path: Path, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_tables, "MOST_UNPACKED", 20_000_000)
    with (
        zipfile.ZipFile(tmp_path / "t.xlsx", "w", zipfile.ZIP_DEFLATED) as out,
        out.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(20):
            part.write(b" " * 2**20)
    assert (tmp_path / "t.xlsx").stat().st_size < 100_000
    with pytest.raises(UserError, match="unpacks to 20,971,520 bytes; the most that is read is 20,000,000"):
        collect_posts(tmp_path / "t.xlsx", space)


@pytest.mark.timeout(60)
def test_a_sheet_that_says_it_fills_every_cell_is_read_as_what_it_holds(
    tmp_path: Path, space: Workspace
) -> None:
    book = openpyxl.Workbook()
    for row in (["ID", "Views"], ["a", 5], ["b", 6]):
        book.active.append(row)
    book.save(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "t.xlsx", "w") as out,
    ):
        for name in whole.namelist():
            data = whole.read(name)
            if name.endswith("sheet1.xml"):
                assert b'ref="A1:B3"' in data
                data = data.replace(b'ref="A1:B3"', b'ref="A1:XFD1048576"')
            out.writestr(name, data)
    assert collect_posts(tmp_path / "t.xlsx", space).added == 2


def test_an_info_json_without_end_is_set_aside_with_its_size(
    tmp_path: Path, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "a.info.json").write_text(json.dumps(info(id="a")))
    with (box / "b.info.json").open("wb") as file:
        file.truncate(200_000_000)  # a hole: it takes no room
    (box / "b.mp4").write_bytes(b"x")
    (box / "a.en.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\n" + "word " * 1000)
    monkeypatch.setattr(files, "MOST_TEXT", 4000)
    summary = collect_ytdlp(box, space)
    assert summary.added == 1 and summary.set_aside == {"unreadable": 1}
    [aside] = space.read("set_aside")["detail"].to_pylist()
    assert aside.startswith("ValueError: 200,000,000 bytes; the most that is read of such a file is 4,000")
    assert summary.unreadable_values["transcript"] == 1


def test_a_packed_file_cannot_unpack_to_more_than_any_other(tmp_path: Path) -> None:
    """A little that becomes a lot, one that asks for a gigabyte of memory, one with a second behind it."""
    greedy = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**30}]
    bad = {
        "much": (lzma.compress(b" " * (files.MOST_TEXT + 1), preset=0), "most that is read"),
        "greedy": (lzma.compress(b"{}", filters=greedy), "Memory usage limit"),
        "cut": (lzma.compress(b"{}")[:-4], "ends too early"),
        "two": (lzma.compress(b"{}") * 2, "something follows"),
    }
    for name, (packed, why) in bad.items():
        (tmp_path / f"{name}.json.xz").write_bytes(packed)
        with pytest.raises(ValueError, match=why):
            files.small_text(tmp_path / f"{name}.json.xz")
    (tmp_path / "good.json.xz").write_bytes(lzma.compress(b'{"a": 1}', preset=9))
    assert files.small_text(tmp_path / "good.json.xz") == '{"a": 1}'
