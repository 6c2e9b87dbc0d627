"""What explore reads of a workspace: the deciding split's parts, facts, the run's forecasts, and refusals."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from explore_tables import fill, world

from vvp.dataset.split_rules import SplitSettings
from vvp.dataset.splits import load_or_make
from vvp.errors import UserError
from vvp.explore.collection import collect
from vvp.explore.describe import describe
from vvp.forecast.files import FORMAT
from vvp.learn.records import Coverage, Evaluation, SplitResult
from vvp.learn.run_records import Run
from vvp.paths import RunPaths
from vvp.workspace import Workspace


def small(root: Path, n: int = 60, **change: Any) -> Workspace:
    videos, embeddings = world(n)
    for row in embeddings:
        row.update(change)
    return fill(root, videos, embeddings)


def evaluation(split: str, run_id: str) -> Evaluation:
    chosen = SplitResult(
        parts={}, population="", test_rows=10, test_channels=1, rule="bad", chosen="good", standing="better",
        evidence=[], results={}, flags=[],
        interval=Coverage(half_width=None, measured=None, held=0, of=0, clearly_under=False),
    )  # fmt: skip
    return Evaluation(
        name="r", split=split, profile="tiny", opened_at="", resamples=100, format=FORMAT, run_id=run_id,
        counts={}, horizon=None, rules_only=None, splits={split: chosen},
    )  # fmt: skip


def evaluated(space: Workspace, split: str = "time", run_id: str = "a") -> list[str]:
    """A run with predictions of two models for the last ten videos; their ids."""
    ids = [f"v{i:05d}" for i in range(50, 60)]
    run = Run(id="a", name="r", split=split, trials=1, seed=0, embargo_days=None)
    space.write_json(RunPaths("r").run, run.as_dict())
    space.write_json(RunPaths("r").evaluation, evaluation(split, run_id).as_dict())
    table = pa.table(
        {
            "video_id": ids * 2,
            "channel_id": pa.array([None] * 20, pa.string()),
            "log_views": [8.0] * 20,
            "model": ["good"] * 10 + ["bad"] * 10,
            "predicted": [7.5] * 10 + [0.0] * 10,
            "low": pa.nulls(20, pa.float64()),
            "high": pa.nulls(20, pa.float64()),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    space.write_bytes(RunPaths("r").predictions, sink.getvalue())
    return ids


def test_parts_are_those_of_the_runs_split(tmp_path: Path) -> None:
    space = small(tmp_path)
    evaluated(space, "channel")
    splits, _ = load_or_make(space)
    assert collect(space, "r").split == "channel"
    assert (collect(space, "r").part == splits.part("channel")).all()
    assert (collect(space, "other").part == splits.part("time")).all()


def test_another_runs_splits_are_left_as_they_are(tmp_path: Path) -> None:
    space = small(tmp_path)
    splits, _ = load_or_make(space, SplitSettings(embargo_days=1.0))
    before = space.read_bytes("splits.json")
    assert (collect(space, "default").part == splits.part("time")).all()
    assert space.read_bytes("splits.json") == before


def test_forecasts_are_those_of_the_chosen_model(tmp_path: Path) -> None:
    space = small(tmp_path)
    ids = evaluated(space)
    found = collect(space, "r").forecasts
    assert found is not None and found.model == "good"
    assert found.video_id.tolist() == ids
    assert found.error == pytest.approx(np.full(10, 0.5))
    seen = collect(space, "r")
    cluster = np.array([video in ids[:4] for video in seen.video_id]).astype(np.int32)
    pca = np.zeros((60, 2), np.float32)
    errors = [c["error"] for c in describe(seen, cluster, pca, np.zeros((2, 2), np.float32))]
    assert [one["rows"] for one in errors] == [6, 4]
    assert errors[0]["mae"]["point"] == pytest.approx(0.5)


def test_an_evaluation_of_an_earlier_sweep_is_not_used(tmp_path: Path) -> None:
    space = small(tmp_path)
    evaluated(space, run_id="older")
    seen = collect(space, "r")
    assert seen.forecasts is None and "earlier sweep" in str(seen.no_forecasts)


def test_descriptions_do_not_look_at_the_test_part(tmp_path: Path) -> None:
    videos, embeddings = world(60)
    seen = collect(fill(tmp_path, videos, embeddings), "default")
    cluster, centres = (np.arange(60) % 2).astype(np.int32), np.zeros((2, 2), np.float32)
    pca = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    before = describe(seen, cluster, pca, centres)
    for name in ("log_views", "motion_mean"):
        seen.features[name][seen.part != "train"] = 99.0
    seen.title[seen.part != "train"] = "spoiler spoiler"
    assert describe(seen, cluster, pca, centres) == before


def test_what_has_no_vector_is_left_out_and_counted(tmp_path: Path) -> None:
    videos, embeddings = world(60)
    gone = {f"{m}_embedding": None for m in ("video", "audio", "text")}
    embeddings[3].update(gone, status="failed")
    embeddings[4].update(gone)
    seen = collect(fill(tmp_path, videos, embeddings[:58]), "default")
    assert seen.left_out == {"not embedded": 2, "embedding failed": 1, "no vector": 1}
    assert len(seen.video_id) == len(seen.fused) == len(seen.part) == 56
    assert "v00003" not in seen.video_id


def test_the_duration_is_what_decodes(tmp_path: Path) -> None:
    videos, embeddings = world(60)
    embeddings[0]["decoded_duration_s"], videos[1]["duration_s"] = 7.0, 0.0
    seconds = collect(fill(tmp_path, videos, embeddings), "default").features["duration_s"]
    assert seconds[0] == 7.0 and np.isnan(seconds[1])
    assert seconds[2] == pytest.approx(videos[2]["duration_s"])


def test_refusals_are_one_sentence(tmp_path: Path) -> None:
    videos, embeddings = world(30)
    with pytest.raises(UserError, match="vvp embed"):
        collect(only_videos(tmp_path / "a", videos), "default")
    gone = {f"{m}_embedding": None for m in ("video", "audio", "text")}
    with pytest.raises(UserError, match="has a vector"):
        collect(small(tmp_path / "b", 30, **gone), "default")
    embeddings[0]["video_encoder"] = "another@2"
    with pytest.raises(UserError, match="more than one video_encoder"):
        collect(fill(tmp_path / "c", videos, embeddings), "default")


def only_videos(root: Path, videos: list[dict[str, Any]]) -> Workspace:
    space = fill(root, videos, [])
    space.remove("embeddings")
    return space
