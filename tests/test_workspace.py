"""Tables appear whole or not at all, and read back with the schema of schema.py."""

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from learn_tables import fill, world

from jobs.cli import run
from vvp.embed.resume import MERGE_PARTS, content_key, pending, refuse_other_encoders, tidy
from vvp.errors import UserError
from vvp.schema import TABLES
from vvp.workspace import Workspace, open_media

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def rows(table: str, *values: dict) -> pa.Table:
    return pa.Table.from_pylist(list(values), schema=TABLES[table])


def embedded(video_id: str, key: str, minute: int = 0, status: str = "ok", encoder: str = "e@1") -> dict:
    return {
        "video_id": video_id, "content_key": key, "status": status, "video_embedding": [1.0, 2.0],
        "embedded_at": NOW + timedelta(minutes=minute),
        "video_encoder": encoder, "audio_encoder": "a@1", "text_encoder": "t@1",
    }  # fmt: skip


def test_a_workspace_that_is_not_there_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="no workspace yet"):
        Workspace.existing(tmp_path / "nothing")


@pytest.mark.parametrize("uri", [False, True])
def test_append_read_replace_on_a_path_and_on_a_uri(tmp_path, uri):
    space = Workspace(f"file://{tmp_path}" if uri else tmp_path)
    space.append("videos", rows("videos", {"video_id": "a"}))
    space.append("videos", rows("videos", {"video_id": "b", "tags": ["x"]}))
    assert sorted(space.read("videos")["video_id"].to_pylist()) == ["a", "b"]
    assert space.read("videos").schema.equals(TABLES["videos"])
    space.replace("videos", rows("videos", {"video_id": "c"}))
    assert space.read("videos", ["video_id"]).to_pylist() == [{"video_id": "c"}]
    space.write_json("runs/x/evaluation.json", {"a": 1})
    assert space.read_json("runs/x/evaluation.json") == {"a": 1}


def test_files_are_plain_parquet_that_anything_reads(tmp_path):
    space = Workspace(tmp_path)
    space.append("embeddings", rows("embeddings", embedded("a", "k")))
    file = next((tmp_path / "embeddings").glob("*.parquet"))
    plain = pq.read_table(file)
    assert plain.schema.field("video_embedding").type == pa.list_(pa.float32())
    assert b"ARROW:extension" not in repr(plain.schema.metadata).encode()


def test_a_crash_between_writing_a_table_and_removing_the_old_one_doubles_nothing(tmp_path):
    space = Workspace(tmp_path)
    space.replace("videos", rows("videos", {"video_id": "a"}))
    old = next((tmp_path / "videos").glob("*.parquet"))
    kept = old.read_bytes()
    space.replace("videos", rows("videos", {"video_id": "a"}, {"video_id": "b"}))
    old.write_bytes(kept)  # as if it had never been removed
    assert space.read("videos", ["video_id"]).to_pylist() == [{"video_id": "a"}, {"video_id": "b"}]
    space.replace("videos", rows("videos", {"video_id": "c"}))
    assert len(list((tmp_path / "videos").glob("*.parquet"))) == 1


def test_what_cannot_be_written_or_read_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot write"):
        Workspace(tmp_path / "file").append("videos", rows("videos", {"video_id": "a"}))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(UserError, match="not JSON"):
        Workspace(tmp_path).read_json("run.json")


def test_half_written_files_are_not_part_of_a_table(tmp_path):
    space = Workspace(tmp_path)
    space.append("videos", rows("videos", {"video_id": "a"}))
    (tmp_path / "videos" / ".half.parquet.123.tmp").write_bytes(b"PAR1")
    assert len(space.read("videos")) == 1


def test_a_damaged_table_is_named(tmp_path):
    space = Workspace(tmp_path)
    space.append("videos", rows("videos", {"video_id": "a"}))
    next((tmp_path / "videos").glob("*.parquet")).write_bytes(b"not parquet at all")
    with pytest.raises(UserError, match="cannot be read as Parquet"):
        space.read("videos")


def test_the_latest_row_of_a_video_counts(tmp_path):
    space = Workspace(tmp_path)
    space.append("embeddings", rows("embeddings", embedded("a", "new", 5), embedded("b", "k")))
    space.append("embeddings", rows("embeddings", embedded("a", "old", 1)))
    got = space.latest("embeddings", "video_id", "embedded_at", ["content_key"]).to_pylist()
    assert {r["video_id"]: r["content_key"] for r in got} == {"a": "new", "b": "k"}


def test_tidy_leaves_every_video_once_in_the_files_themselves(tmp_path):
    space = Workspace(tmp_path)
    for part in range(MERGE_PARTS + 8):
        space.append(
            "embeddings", rows("embeddings", embedded(f"v{part}", "k"), embedded("twice", f"k{part}", part))
        )
    removed = tidy(space)
    assert removed == MERGE_PARTS + 7
    assert len(space.parts("embeddings")) == 1
    table = space.read("embeddings")
    assert len(table) == len(set(table["video_id"].to_pylist())) == MERGE_PARTS + 9
    assert (
        next(r for r in table.to_pylist() if r["video_id"] == "twice")["content_key"] == f"k{MERGE_PARTS + 7}"
    )
    before = space.parts("embeddings")
    assert tidy(space) == 0
    assert space.parts("embeddings") == before, "nothing to do must write nothing"


def test_pending_is_by_content(tmp_path):
    space = Workspace(tmp_path)
    videos = [{"video_id": i, "media_sha256": "s", "title": "t", "media_path": "p"} for i in "abc"]
    space.append("videos", rows("videos", *videos))
    full = {**dict.fromkeys(TABLES["videos"].names), **videos[0]}
    key = content_key(full, "recipe")
    space.append("embeddings", rows("embeddings", embedded("a", key), embedded("b", key, status="failed")))
    todo, done = pending(space, "recipe", retry_failed=False)
    assert (todo["video_id"].to_pylist(), done) == (["c"], 2)
    todo, done = pending(space, "recipe", retry_failed=True)
    assert (todo["video_id"].to_pylist(), done) == (["b", "c"], 1)
    assert pending(space, "another recipe", retry_failed=False)[1] == 0
    changed = [{**v, "title": "other"} if v["video_id"] == "a" else v for v in videos]
    space.replace("videos", rows("videos", *changed))
    assert pending(space, "recipe", retry_failed=False)[0]["video_id"].to_pylist() == ["a", "c"]
    assert len(pending(space, "recipe", retry_failed=True, limit=1)[0]) == 1


def test_two_profiles_never_mix(tmp_path):
    space = Workspace(tmp_path)
    space.append("embeddings", rows("embeddings", embedded("a", "k")))
    refuse_other_encoders(space, {"video": "e@1", "audio": "a@1", "text": "t@1"})
    with pytest.raises(UserError, match="other encoders.*--replace"):
        refuse_other_encoders(space, {"video": "e@2", "audio": "a@1", "text": "t@1"})


def test_two_writers_at_a_time_are_refused_and_a_dead_one_is_not_in_the_way(tmp_path):
    space = Workspace(tmp_path / "w")
    with space.alone():  # nothing there yet: the lock is there before anything is written
        assert (tmp_path / "w").is_dir()
    assert not (tmp_path / "w").exists(), "nothing was written, so nothing is left"
    (tmp_path / "w").mkdir()
    script = (
        f"import time; from vvp.workspace import Workspace as W\nwith W({str(tmp_path / 'w')!r}).alone():\n"
    )
    script += " print('held', flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "held\n"
    with pytest.raises(UserError, match="another vvp is writing"), space.alone():
        pass
    other.kill()
    other.wait()
    with space.alone(), pytest.raises(UserError, match="another vvp"), Workspace(tmp_path / "w").alone():
        pass


def test_two_that_start_together_on_a_workspace_that_is_not_there_lose_no_rows(tmp_path):
    script = "import sys, time; from vvp.workspace import Workspace as W; from vvp.schema import TABLES\n"
    script += "import pyarrow as pa\nspace = W(sys.argv[1]); sys.stdin.readline()\nwith space.alone():\n"
    script += (
        "    known = space.read('videos').to_pylist() if space.has('videos') else []\n    time.sleep(0.5)\n"
    )
    script += "    rows = [*known, {'video_id': sys.argv[2]}]\n"
    script += "    space.replace('videos', pa.Table.from_pylist(rows, schema=TABLES['videos']))\n"
    root = tmp_path / "deep" / "w"
    both = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(root), name],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for name in "ab"
    ]  # fmt: skip
    for one in both:
        one.stdin.write("go\n")
        one.stdin.flush()
    said = [one.communicate()[1] for one in both]
    done = [one.returncode == 0 for one in both]
    assert len(Workspace(root).read("videos")) == sum(done) >= 1
    assert all("another vvp is writing" in text for text, good in zip(said, done, strict=True) if not good)


def test_a_workspace_needs_a_name_and_a_place(tmp_path, monkeypatch):
    for empty in ("", "  "):
        with pytest.raises(UserError, match="has no name"):
            Workspace(empty)
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    with (
        pytest.raises(UserError, match="is a link to .*gone, which is not there"),
        Workspace(tmp_path / "link").alone(),
    ):
        pass
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot"), Workspace(tmp_path / "file" / "w").alone():
        pass
    monkeypatch.setattr(
        "pathlib.Path.expanduser", lambda self: (_ for _ in ()).throw(RuntimeError("no home"))
    )
    with pytest.raises(UserError, match="no home folder is known"):
        Workspace("~/w")


def test_a_disk_that_is_full_is_said_and_nothing_half_written_stays(tmp_path):
    """A limit on the size of a file stands for the full disk: the system refuses the write likewise."""
    script = "import resource, signal, sys; from vvp.workspace import Workspace as W\n"
    script += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    script += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
    script += "try:\n    W(sys.argv[1]).write_bytes('runs/x.bin', b'0' * 100_000)\n"
    script += "except Exception as error:\n    print(type(error).__name__, error)\n"
    said = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True
    ).stdout
    assert said.startswith("UserError cannot write") and said.strip().endswith("File too large.")
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_full_disk_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """A disk of 256 KB, which only root can make."""
    if (
        os.geteuid() != 0
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(tmp_path)], capture_output=True
        ).returncode
    ):
        pytest.skip("a small disk cannot be made here")
    try:
        space = Workspace(tmp_path / "ws")
        with pytest.raises(UserError, match="No space left on device. Make room"):
            space.write_bytes("folder/large", bytes(1 << 20))
        assert not list((tmp_path / "ws" / "folder").iterdir())
        space.write_bytes("folder/small", b"there is room for this")
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_media_cell_names_no_options(tmp_path: Path) -> None:
    """Credentials of this machine would go to the endpoint that a cell names."""
    for cell in ("s3://b/k.mp4?endpoint_override=127.0.0.1:9", "s3://key:secret@b/k.mp4", "gs://b/k?x=1"):
        with pytest.raises(UserError, match="no options"):
            open_media(cell)
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(FileNotFoundError):
        open_media((tmp_path / "pipe.mp4").as_uri())


def test_a_table_from_elsewhere_is_refused_in_a_sentence(tmp_path: Path) -> None:
    ids = pa.array(["a", "b"])
    bad = {
        "wrong type": pa.table({"video_id": ids, "views": pa.array(["many", "few"])}),
        "nested": pa.table({"video_id": ids, "title": pa.array([{"a": [1]}, {"a": []}])}),
        "list for a number": pa.table({"video_id": ids, "views": pa.array([[1], [2]])}),
        "too large": pa.table({"video_id": ids, "views": pa.array([1e300, float("nan")])}),
        "twice": pa.table([ids, ids], names=["video_id", "video_id"]),
    }
    for name, table in bad.items():
        folder = tmp_path / name.replace(" ", "-") / "videos"
        folder.mkdir(parents=True)
        pq.write_table(table, folder / "x.parquet")
        with pytest.raises(UserError, match="videos") as error:
            Workspace(folder.parent).read("videos")
        assert "\n" not in str(error.value), name


def test_a_file_that_says_it_is_endless_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    pq.write_table(pa.table({"views": pa.nulls(5_000_000, pa.int64())}), tmp_path / "videos" / "x.parquet")
    assert (tmp_path / "videos" / "x.parquet").stat().st_size < 1_000_000
    with pytest.raises(UserError, match="5,000,000 rows"):
        Workspace(tmp_path).read("videos")


def test_pipes_in_place_of_files_and_deep_json_are_a_sentence(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    os.mkfifo(tmp_path / "embed.json")
    with pytest.raises(UserError, match="is no file"):
        space.read_json("embed.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="not JSON"):
        space.read_json("deep.json")
    (tmp_path / "videos").mkdir()
    os.mkfifo(tmp_path / "videos" / "x.parquet")
    assert not space.has("videos")


def test_values_that_cannot_be_are_refused_with_their_column(tmp_path: Path) -> None:
    ids = pa.array(["a", "b"])
    vectors = pa.list_(pa.float32())
    bad = {
        "video_embedding holds a number that is not finite": ([[1.0, float("nan")], None], vectors),
        "audio_embedding holds a number that is not finite": ([[1e300], None], pa.list_(pa.float64())),
        "text_embedding holds a list with a null in it": ([[1.0, None], None], vectors),
        "motion_mean holds a number that is not finite": ([float("inf"), 1.0], pa.float32()),
        "embedded_at holds a time outside the years": ([2**62, None], pa.timestamp("us", tz="UTC")),
    }
    for number, (words, (values, kind)) in enumerate(bad.items()):
        folder = tmp_path / str(number) / "embeddings"
        folder.mkdir(parents=True)
        table = pa.table({"video_id": ids, words.split()[0]: pa.array(values, kind)})
        pq.write_table(table, folder / "x.parquet")
        with pytest.raises(UserError, match=words) as error:
            Workspace(folder.parent).read("embeddings")
        assert "\n" not in str(error.value)
    (tmp_path / "videos").mkdir()
    pq.write_table(pa.table({"video_id": pa.array(["a", None])}), tmp_path / "videos" / "x.parquet")
    with pytest.raises(UserError, match="x.parquet holds a row without a video_id"):
        Workspace(tmp_path).read("videos")


@pytest.mark.parametrize("verb", ["tune", "evaluate", "explore", "report"])
def test_vectors_that_cannot_be_are_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    videos, embeddings = world(40)
    embeddings[7]["video_embedding"] = np.full(12, np.nan, np.float32)
    space = fill(tmp_path, videos, embeddings)
    if verb == "evaluate":
        space.write_json("runs/default/views/run.json", {"id": 7})
    assert run([verb, "-w", space.root]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("vvp: ") and ("not finite" in line or "damaged" in line)


def test_a_disk_that_takes_nothing_is_said_before_any_work(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(made, capture_output=True).returncode:
        pytest.skip("a small disk cannot be made here")
    try:
        (place / "ballast").write_bytes(b"x" * 16 * 4096)
        with pytest.raises(UserError, match=r"cannot write .*No space left on device\. Make room"):
            Workspace(place).alone().__enter__()
        (place / "ballast").unlink()
        with Workspace(place).alone():
            assert not list(place.iterdir()), "what tries the disk leaves nothing"
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        with pytest.raises(UserError, match="cannot write .*Read-only file system"):
            Workspace(place).alone().__enter__()
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
