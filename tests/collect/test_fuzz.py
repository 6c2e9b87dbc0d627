"""Mangled tables and info.json files: each is read, or refused in one sentence; none ends in a traceback.

Seeded, so that a failure comes back: the number of the case is in its name. `make test` runs a few hundred,
`make test-slow` ten thousand.
"""

import json
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from collect_folders import info
from odd_tables import TABLES

from vvp.collect.posts import collect_posts
from vvp.collect.ytdlp import collect_ytdlp
from vvp.errors import UserError
from vvp.workspace import Workspace

SEED = 11
CELLS = [
    "", "nan", "#NAME?", "12.000", "1,234", "1.2M", "7.5E+18", "7330111222333444001", "31/01/2024",
    "2024-02-30",
    "May 2024", "Total", "'=1", '="5"', '"', "\\", "\x00", "\ud83d", "ﷺ" * 9, "9" * 400, "1e400", "[",
    "{'a'}",
    "['a' 'b']", "~root/x", "a" * 5000, "-0", "٣", "²", "1706700000", "45322.5", "a,b;c|d\te", "\r",
    "\n", "=1+1",
]  # fmt: skip
ENCODINGS = ["utf-8", "utf-16", "latin-1", "cp1252", "utf-8-sig", "utf-16-le", "shift_jis", "utf-32"]
TYPED: list[Any] = [
    None, True, -1, 0, 2**63, 2**70, 1e308, float("nan"), float("inf"), [], {}, [1, [2]],
    {"a": {"b": 1}}, "x" * 99,
    *CELLS,
]  # fmt: skip


def flipped(rng: random.Random, data: bytes) -> bytes:
    raw = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        at = rng.randrange(len(raw)) if raw else 0
        action = rng.randrange(4)
        if action == 0 and raw:
            raw[at] = rng.randrange(256)
        elif action == 1 and raw:
            del raw[at : at + rng.randint(1, 9)]
        elif action == 2:
            raw[at:at] = bytes(raw[: rng.randint(0, 40)])
        else:
            raw[at:at] = rng.choice(
                [b'"', b"\r", b"\n", b"\x00", b";", b",", b"\\", b"{", b"\xff\xfe", b"\xc3"]
            )
    return bytes(raw)


def swapped_cells(rng: random.Random, text: str) -> str:
    rows = [line.split(",") for line in text.split("\n")]
    for _ in range(rng.randint(1, 8)):
        row = rng.choice(rows)
        row[rng.randrange(len(row))] = rng.choice(CELLS)
    return "\n".join(",".join(row) for row in rows)


def recoded(rng: random.Random, text: str) -> bytes:
    half = rng.randrange(len(text) + 1)
    first, second = (rng.choice(ENCODINGS) for _ in range(2))
    return text[:half].encode(first, "replace") + text[half:].encode(second, "replace")


def mangled_table(rng: random.Random, folder: Path) -> Path:
    name = rng.choice(sorted(TABLES))
    text = TABLES[name]
    kind = rng.randrange(5)
    if kind == 4:
        return workbook(rng, folder)
    if kind == 0:
        data = flipped(rng, text.encode("utf-8", "surrogateescape"))
    elif kind == 1:
        data = swapped_cells(rng, text).encode("utf-8", "surrogatepass")
    elif kind == 2:
        data = recoded(rng, text)
    else:
        return typed_table(rng, folder)
    path = folder / f"t{rng.choice([Path(name).suffix, '.csv', '.tsv', '.jsonl', '.json', '.txt'])}"
    path.write_bytes(data)
    return path


def workbook(rng: random.Random, folder: Path) -> Path:
    """An Excel file, whole as a zip, one of whose parts is mangled; or mangled as a zip."""
    book = openpyxl.Workbook()
    for row in (["ID", "Views", "Date"], ["a", 5, "2024-01-31"], ["b", 7.5, None]):
        book.active.append(row)
    book.save(folder / "whole.xlsx")
    path = folder / "t.xlsx"
    if rng.random() < 0.5:
        path.write_bytes(flipped(rng, (folder / "whole.xlsx").read_bytes()))
        return path
    with zipfile.ZipFile(folder / "whole.xlsx") as whole, zipfile.ZipFile(path, "w") as out:
        target = rng.choice(whole.namelist())
        for name in whole.namelist():
            out.writestr(name, flipped(rng, whole.read(name)) if name == target else whole.read(name))
    return path


def typed_table(rng: random.Random, folder: Path) -> Path:
    """JSON lines or Parquet with values of any type under the names that are read."""
    names = [
        "video_id",
        "views",
        "likes",
        "title",
        "tags",
        "published_at",
        "observed_at",
        "duration_s",
        "media",
    ]
    rows = [
        {name: rng.choice(TYPED) for name in names} | {"video_id": f"v{n}"} for n in range(rng.randint(1, 5))
    ]
    if rng.random() < 0.5:
        path = folder / "t.jsonl"
        text = "\n".join(json.dumps(row) for row in rows)
        path.write_bytes(flipped(rng, text.encode()) if rng.random() < 0.5 else text.encode())
        return path
    path = folder / "t.parquet"
    columns: dict[str, pa.Array] = {}
    for name in names:
        try:
            columns[name] = pa.array([row[name] or None for row in rows])
        except (pa.ArrowException, UnicodeError, OverflowError, TypeError):
            columns[name] = pa.array([str(row[name]).encode("utf-8", "replace") for row in rows])
    pq.write_table(pa.table(columns), path)
    if rng.random() < 0.3:
        path.write_bytes(flipped(rng, path.read_bytes()))
    return path


def mangled_folder(rng: random.Random, folder: Path) -> Path:
    facts = info()
    for key in rng.sample(sorted(facts), rng.randint(1, 6)):
        facts[key] = rng.choice(TYPED)
    facts |= {rng.choice(["subtitles", "requested_downloads", "_filename", "live_status"]): rng.choice(TYPED)}
    text = json.dumps(facts)
    data = flipped(rng, text.encode()) if rng.random() < 0.5 else recoded(rng, text)
    (folder / rng.choice(["a.info.json", "info.json", "a.json"])).write_bytes(data)
    (folder / "b.info.json").write_text(json.dumps(info(id="b")))
    (folder / "a.mp4").write_bytes(b"x")
    cue = "1\n00:00:00,000 --> 00:00:01,000\nhi <i>{\\an8}</i>\n"
    suffix = rng.choice([".srt", ".vtt", ".ass", ".json3", ".ttml", ".srv3", ".lrc"])
    (folder / f"b.en{suffix}").write_bytes(
        flipped(rng, rng.choice([cue, "<a><p>x</p></a>", '{"events": []}']).encode())
    )
    return folder


def run(case: int, tmp_path: Path) -> str:
    """The outcome of one case. Anything but a summary or a UserError is raised."""
    rng = random.Random(SEED * 10**6 + case)
    folder = tmp_path / str(case)
    folder.mkdir()
    space = Workspace(folder / "space")
    collect: Callable[[Path, Workspace], Any]
    if rng.random() < 0.6:
        source, collect = mangled_table(rng, folder), collect_posts
    else:
        (folder / "box").mkdir()
        source, collect = mangled_folder(rng, folder / "box"), collect_ytdlp
    try:
        summary = collect(source, space)
    except UserError as error:
        assert str(error).endswith((".", ")")) and "\n" not in str(error), error
        return "refused"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = summary.added + summary.updated + summary.already_known + sum(summary.set_aside.values())
    assert found == summary.found
    json.dumps(summary.as_dict(), allow_nan=False)
    return "read"


def outcomes(cases: range, tmp_path: Path) -> set[str]:
    found = set()
    for case in cases:
        try:
            found.add(run(case, tmp_path))
        except Exception as error:  # noqa: BLE001  the point is to name the case of whatever comes
            raise AssertionError(f"case {case}: {type(error).__name__}: {error}") from error
    return found


def test_a_few_mangled_inputs(tmp_path: Path) -> None:
    assert outcomes(range(300), tmp_path) == {"read", "refused"}


@pytest.mark.slow
@pytest.mark.timeout(1800)  # 40 s on an idle machine
def test_ten_thousand_mangled_inputs(tmp_path: Path) -> None:
    assert outcomes(range(300, 10_300), tmp_path) == {"read", "refused"}
