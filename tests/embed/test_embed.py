"""The embed graph on real Ray with real files: every video yields a row, a rerun does what is missing."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray
from embed_poison import BROKEN, NO_ROOM, PICKY, poisoned
from embed_tables import clip, rows_of, videos, workspace
from fakes import FAKE

from vvp.embed.graph import EmbedSettings, embed, graph
from vvp.embed.pools import STAGES, Request, plan
from vvp.embed.resume import stale
from vvp.errors import PlanError, UserError
from vvp.media.decode import DecodeSettings
from vvp.workspace import Workspace

ODD = Path(__file__).parents[3] / "shared" / "data" / "odd"
# One actor of each: starting them is most of the time of such short runs.
PLAIN = EmbedSettings(transcribe=False, actors={"video": (1, 1), "audio": (1, 1)})

pytestmark = pytest.mark.usefixtures("ray_session")


# `poisoned` as a decoder crashes on the clip called so; a clip that hangs costs its time limit.
POISONED = replace(PLAIN, decode=DecodeSettings(timeout_s=8), decoder=poisoned)


def odd_clips(folder: Path) -> list[Path | None]:
    """One of every kind, and a post without media."""
    good, silent = clip(folder, "good"), clip(folder, "silent", sound=False)
    crash, hang = clip(folder, "crash"), clip(folder, "hang")
    noise = folder / "noise.mp4"
    noise.write_bytes(b"this is no video" * 100)
    return [good, silent, crash, hang, noise, folder / "gone.mp4", None]


def test_every_kind_of_row(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", *odd_clips(tmp_path / "clips"))
    seen: list[tuple[int, int]] = []
    first = embed(space, FAKE, POISONED, lambda done, total, outcomes: seen.append((done, total)))
    rows = rows_of(space)

    assert {i: r["status"] for i, r in rows.items()} == {
        "good": "ok", "silent": "ok", "post6": "ok",
        "crash": "failed", "hang": "failed", "noise": "failed", "gone": "failed",
    }  # fmt: skip
    assert {i: r["error_kind"] for i, r in rows.items() if r["status"] == "failed"} == {
        "crash": "crash", "hang": "timeout", "noise": "unreadable", "gone": "media_missing",
    }  # fmt: skip
    assert all(r["error_detail"] for r in rows.values() if r["status"] == "failed")
    assert (
        rows["good"]["video_embedding"] and rows["good"]["audio_embedding"] and rows["good"]["text_embedding"]
    )
    assert rows["silent"]["audio_embedding"] is None, "no sound is null, never zeros"
    assert rows["crash"]["video_embedding"] is None and rows["crash"]["text_embedding"], "words are embedded"
    assert rows["post6"]["video_embedding"] is None and rows["post6"]["motion_mean"] is None
    assert rows["good"]["video_encoder"] == FAKE.labels()["video"]
    assert (first.done, first.skipped, first.failed_by_kind) == (
        7, 0, {"crash": 1, "timeout": 1, "unreadable": 1, "media_missing": 1},
    )  # fmt: skip
    assert seen[0] == (0, 7) and seen[-1] == (7, 7)

    again = embed(space, FAKE, POISONED)
    assert (again.done, again.skipped) == (0, 7)


@pytest.mark.slow  # three runs, each starting its actors
def test_a_rerun_does_what_is_new_or_changed_and_on_request_what_failed(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    every = odd_clips(folder)
    space = workspace(tmp_path / "ws", *every)
    embed(space, FAKE, POISONED)
    rows = rows_of(space)
    # A changed file, a new file, and the failed ones once more, now with a decoder that can.
    clip(folder, "good", colour=(240, 240, 240))
    fresh = clip(folder, "fresh")
    space.replace("videos", videos(*every, fresh))
    third = embed(space, FAKE, PLAIN)
    assert (third.done, third.skipped) == (2, 6), "the changed and the new one"
    assert rows_of(space)["good"]["video_embedding"] != rows["good"]["video_embedding"]
    fourth = embed(space, FAKE, replace(PLAIN, retry_failed=True))
    assert (fourth.done, fourth.by_status) == (4, {"ok": 2, "failed": 2})
    assert rows_of(space)["crash"]["status"] == "ok"


@pytest.mark.slow  # five runs, each starting its actors
def test_a_changed_video_must_be_embedded_before_anything_is_fitted(tmp_path: Path) -> None:
    paths = [clip(tmp_path, f"c{i}") for i in range(3)]
    space = workspace(tmp_path / "ws", *paths)
    embed(space, FAKE, PLAIN)
    assert stale(space) == 0
    space.replace("videos", videos(*paths, title="another title"))
    assert stale(space) == 3
    embed(space, FAKE, replace(PLAIN, limit=1))
    assert stale(space) == 2
    embed(space, FAKE, PLAIN)
    assert stale(space) == 0
    # Other settings that were not finished: the table is of two kinds, and says so.
    embed(space, FAKE, replace(PLAIN, limit=1, decode=DecodeSettings(audio_s=5)))
    assert stale(space) == 1


def test_files_are_portable_parquet(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", clip(tmp_path, "one"), None)
    embed(space, FAKE, PLAIN)
    for file in (tmp_path / "ws" / "embeddings").glob("*.parquet"):
        schema = pq.read_schema(file)
        assert schema.field("video_embedding").type == pa.list_(pa.float32())
        assert not any("extension" in str(f.type) for f in schema)
        assert not any(str(f.type) == "binary" for f in schema), "pickled objects would be binary"


def test_videos_of_the_same_content_all_have_their_row(tmp_path: Path) -> None:
    """Posts without media or caption share one content key; files named by it alone overwrote others."""
    space = workspace(tmp_path / "ws", *[None] * 23)
    summary = embed(space, FAKE, PLAIN)
    assert summary.done == 23 and summary.table == {"ok": 23}
    assert len(rows_of(space)) == 23 and embed(space, FAKE, PLAIN).skipped == 23


def test_decoding_is_not_fused_with_encoding(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", *(clip(tmp_path, f"c{i}") for i in range(3)))
    todo = space.read("videos").append_column("content_key", pa.array(["a", "b", "c"]))
    stages = tuple(s for s in STAGES if s != "transcribe")
    pools = plan(ray.cluster_resources(), [n["Resources"] for n in ray.nodes()], Request(stages=stages))
    data = graph(todo, space.root, FAKE, FAKE.labels(), PLAIN, pools).materialize()
    stats = data.stats()
    operators = [line for line in stats.splitlines() if line.startswith("Operator")]
    for name in ("Decode", "Video", "Audio", "Text", "Write"):
        assert sum(f"MapBatches({name}" in line for line in operators) == 1, operators
    assert not any("->" in line for line in operators), "fused operators are written with an arrow"


def test_a_clip_that_makes_its_encoder_raise_costs_its_vector_only(tmp_path: Path) -> None:
    paths = [clip(tmp_path, "blue"), clip(tmp_path, "red", colour=(250, 0, 0)), clip(tmp_path, "green")]
    space = workspace(tmp_path / "ws", *paths)
    embed(space, PICKY, PLAIN)
    rows = rows_of(space)
    assert [rows[i]["status"] for i in ("blue", "red", "green")] == ["ok", "partial", "ok"]
    assert rows["red"]["error_kind"] == "encoder" and "no red please" in rows["red"]["error_detail"]
    assert rows["red"]["video_embedding"] is None and rows["red"]["audio_embedding"]


def test_an_encoder_that_never_works_ends_the_run(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", clip(tmp_path, "blue"), clip(tmp_path, "green"))
    with pytest.raises(Exception, match="out of order"):
        embed(space, BROKEN, PLAIN)


def test_a_full_disk_on_a_machine_ends_the_run_in_a_sentence(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", clip(tmp_path, "blue"))
    with pytest.raises(UserError, match="No space left on device. Make room") as error:
        embed(space, NO_ROOM, PLAIN)
    assert "\n" not in str(error.value)
    assert embed(space, FAKE, PLAIN).done == 1, "it goes on when there is room"


def test_what_the_user_can_mend_is_said_before_anything_starts(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", None)
    with pytest.raises(PlanError, match="no GPU"):
        embed(space, FAKE, replace(PLAIN, gpus_per_actor=0.5))
    with pytest.raises(PlanError, match="900 video actors do not fit"):
        embed(space, FAKE, replace(PLAIN, actors={"video": (900, 900)}))
    empty = Workspace(tmp_path / "empty")
    empty.append("videos", videos())
    with pytest.raises(UserError, match="no videos"):
        embed(empty, FAKE, PLAIN)
    assert not space.has("embeddings")


@pytest.mark.skipif(not ODD.is_dir(), reason="the folder of odd files is not on this machine")
def test_all_odd_files_give_their_row(tmp_path: Path) -> None:
    expected = {}
    for line in (ODD / "expected.jsonl").read_text().splitlines():
        one = json.loads(line)
        decodes = one["decord"]["ok"] or one["pyav"].get("vframes") or one["pyav"].get("audio_s")
        expected[Path(one["file"]).stem] = "ok" if decodes else "failed"
    files = sorted(p for p in ODD.iterdir() if p.suffix != ".jsonl")
    space = workspace(tmp_path / "ws", *files)
    summary = embed(space, FAKE, PLAIN)
    rows = rows_of(space)
    assert summary.done == len(rows) == len(files) == 55
    assert {i: r["status"] for i, r in rows.items()} == expected


def test_stages_do_not_load_what_they_do_not_use() -> None:
    """A decode or write actor that imports torch costs seconds and half a gigabyte each."""
    heavy = "torch transformers sentence_transformers faster_whisper lightgbm sklearn"
    code = f"import sys, vvp.embed.stages; print([m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
