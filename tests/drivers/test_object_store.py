"""A workspace in an object store (S3): the whole road, a reader beside a writer, cut connections."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import object_store
import pyarrow as pa
import pytest
from learn_tables import fill, world

from vvp.paths import VIDEOS, RunPaths
from vvp.workspace import Workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[object_store.Store]:
    with object_store.running() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        yield running


def vvp(*arguments: str) -> str:
    """What a verb printed; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "jobs", "--local", *arguments],
        cwd=ROOT, env=dict(os.environ), text=True, capture_output=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow  # every verb, each with a Ray of its own
@pytest.mark.timeout(1500)
def test_the_whole_road(store: object_store.Store, tmp_path: Path) -> None:
    at, clips = ["-w", "s3://bucket/some/where"], tmp_path / "clips"
    vvp("collect", "synthetic", str(clips), "--videos", "30", "--channels", "6", *at)
    vvp("embed", "--no-transcribe", *at)
    assert "0 done, 30 skipped" in vvp("embed", "--no-transcribe", *at)
    vvp("tune", "--trials", "1", "--families", "ridge", "--only", *at)
    vvp("evaluate", "--resamples", "100", *at)
    vvp("explore", *at)
    vvp("report", *at)
    vvp("export", str(tmp_path / "posts.csv"), *at)
    assert len((tmp_path / "posts.csv").read_text().splitlines()) == 31
    clip = next(clips.glob("*.mp4"))
    said = json.loads(vvp("predict", str(clip), "--title", "tea", "--json", *at))
    assert said["low"] < said["views"] < said["high"]
    here = "bucket/some/where/"
    assert f"{here}runs/default/report/report.html" in store.keys(here)
    assert not store.uploads, "an upload was begun and never ended"
    files = {key for key in store.keys("bucket/") if not key.endswith("/")}  # pyarrow marks folders above
    assert files == {key for key in store.keys(here) if not key.endswith("/")}, "written beside it"


def test_a_cut_connection_costs_nothing(store: object_store.Store) -> None:
    videos, embeddings = world(60)
    space = fill("s3://bucket/w", videos, embeddings)
    whole = space.read(VIDEOS)
    store.cut(3)
    assert space.read(VIDEOS).equals(whole)
    assert store.was_cut > 0
    store.cut(2)
    space.write_json("facts.json", {"a": [1, 2, 3]})
    assert space.read_json("facts.json") == {"a": [1, 2, 3]}


@pytest.mark.parametrize("local", [False, True])
def test_a_reader_beside_a_writer_sees_one_table_or_the_other(
    store: object_store.Store, tmp_path: Path, local: bool
) -> None:
    """Never half of a table, and never none, while it is replaced again and again."""
    videos, embeddings = world(40)
    space = fill(tmp_path / "w" if local else "s3://bucket/w", videos, embeddings)
    table, stop = space.read(VIDEOS), threading.Event()
    rewrites = 300 if local else 8
    titles = [pa.array([f"round {i}"] * len(table)) for i in range(rewrites)]
    column = table.column_names.index("title")

    def write() -> None:
        for title in titles:
            space.replace(VIDEOS, table.set_column(column, "title", title))
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    rounds = [-1]  # before the first
    while not stop.is_set():
        read = space.read(VIDEOS)
        assert read["video_id"].equals(table["video_id"])
        if not read.equals(table):
            [said] = set(read["title"].to_pylist())
            rounds.append(int(said.removeprefix("round ")))
    writer.join()
    assert rounds == sorted(rounds), "an older table was seen after a newer one"
    assert set(space.read(VIDEOS)["title"].to_pylist()) == {f"round {rewrites - 1}"}


def test_a_run_that_is_removed_is_gone(store: object_store.Store) -> None:
    space = Workspace("s3://bucket/w")
    at = RunPaths("default")
    space.write_json(at.run, {"a": 1})
    space.write_json(at.candidates("time"), {})
    space.remove(at.home)
    assert not space.exists(at.run) and not space.exists(at.candidates("time"))
    space.remove(at.home)  # nothing there is no mistake
