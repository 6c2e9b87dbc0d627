"""benchmarks/world.py on planted numbers: what must be found is found, and noise is not."""

import datetime as dt
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from vvp.embed.resume import content_key
from vvp.paths import EMBED_RECIPE
from vvp.schema import TABLES
from vvp.synthetic.world import MODALITY, Clip, World, WorldSettings
from vvp.synthetic.write import info
from vvp.workspace import Workspace

spec = importlib.util.spec_from_file_location(
    "world_benchmark", Path(__file__).parents[1] / "benchmarks/world.py"
)
assert spec and spec.loader
bench = importlib.util.module_from_spec(spec)
sys.modules["world_benchmark"] = bench  # dataclasses look their module up
spec.loader.exec_module(bench)


def planted(rows: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    rng = np.random.default_rng(seed)
    effects = {name: size * rng.standard_normal(rows) for name, size in (("a", 0.5), ("b", 0.5), ("c", 0.2))}
    return effects, rng.integers(0, 30, rows).astype(str)


def test_effects_in_the_predictions_are_found_with_their_size_and_sign():
    effects, channels = planted(300)
    noise = 0.2 * np.random.default_rng(1).standard_normal(300)
    found = bench.found_effects(5 + 0.6 * effects["a"] - effects["b"] + noise, effects, channels)
    assert {name: effect.found for name, effect in found.items()} == {"a": True, "b": False, "c": False}
    assert found["a"].share == pytest.approx(0.6, abs=0.1)
    assert found["a"].coefficient == pytest.approx(0.6 * effects["a"].std(), abs=0.05)
    assert found["b"].share == pytest.approx(-1, abs=0.1)  # there, but on the wrong side
    assert found["c"].low < 0 < found["c"].high
    assert found["a"].low < found["a"].coefficient < found["a"].high


def test_what_noise_reaches_is_not_found():
    effects, channels = planted(300)
    weak = 0.1 * effects["a"]
    assert bench.found_effects(weak, effects, channels)["a"].found
    assert not bench.found_effects(weak, effects, channels, threshold=0.06)["a"].found


def test_few_channels_widen_the_interval():
    effects, many = planted(300)
    p = effects["a"] + np.random.default_rng(2).standard_normal(30)[many.astype(int)]
    one_each = bench.found_effects(p, effects, np.arange(300).astype(str))["a"]
    few = bench.found_effects(p, effects, (np.arange(300) % 3).astype(str))["a"]
    assert few.high - few.low != pytest.approx(one_each.high - one_each.low, rel=0.1)


def test_a_constant_contribution_is_refused():
    effects, channels = planted(30)
    with pytest.raises(ValueError, match="must vary"):
        bench.found_effects(np.zeros(30), {**effects, "c": np.ones(30)}, channels)


def test_share_of_the_best_forecast_is_one_and_of_the_mean_none():
    effects, channels = planted(400)
    best = sum(effects.values())
    y = best + 0.3 * np.random.default_rng(3).standard_normal(400)
    own = bench.r2_and_share(y, best, best, channels)
    assert own["share"] == [1.0, 1.0, 1.0]
    assert own["r2"][0] == pytest.approx(1 - ((y - best) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert own["r2"][1] < own["r2"][0] < own["r2"][2]
    mean = bench.r2_and_share(y, np.full(400, y.mean()), best, channels)["r2"]
    assert mean[0] == pytest.approx(0)
    assert mean[1] <= 0


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, list[Clip]]:
    """420 clips of a world, "embedded" by a random view of their knobs: nothing is rendered."""
    world = World(WorldSettings())
    clips = [world.clip(number) for number in range(420)]
    rng = np.random.default_rng(0)
    views = {"video": ("pace", "warmth", "motion"), "audio": ("loudness", "brightness"), "text": ("words",)}
    maps = {m: rng.standard_normal((len(names), 24)) for m, names in views.items()}
    now = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)

    def vector(clip: Clip, modality: str) -> list[float] | None:
        if modality == "audio" and clip.loudness is None:
            return None
        knobs = np.array([clip.effects[name] for name in views[modality]])
        return (knobs @ maps[modality] + 0.3 * rng.standard_normal(24)).tolist()

    videos = [
        {
            "video_id": said["id"], "channel_id": said["channel_id"], "title": said["title"],
            "published_at": dt.datetime.fromtimestamp(said["timestamp"], dt.timezone.utc),
            "observed_at": dt.datetime.fromtimestamp(said["epoch"], dt.timezone.utc),
            "channel_followers": said["channel_follower_count"], "views": said["view_count"],
            "collected_at": now,
        }
        for said in map(info, clips)
    ]  # fmt: skip
    recipe = {
        "profile": "fake", "encoders": {}, "speech": None, "decode": {}, "dims": dict.fromkeys(views, 24),
    }  # fmt: skip
    table = pa.Table.from_pylist(videos, schema=TABLES["videos"])
    keys = {row["video_id"]: content_key(row, json.dumps(recipe)) for row in table.to_pylist()}
    vectors = [
        {
            "video_id": clip.video_id, "content_key": keys[clip.video_id], "status": "ok",
            "profile": "fake", "embedded_at": now,
            **{f"{m}_embedding": vector(clip, m) for m in views}, **{f"{m}_encoder": f"{m}@0" for m in views},
        }
        for clip in clips
    ]  # fmt: skip
    made = Workspace(tmp_path_factory.mktemp("fake"))
    made.append("videos", table)
    made.write_json(EMBED_RECIPE, recipe)
    made.append("embeddings", pa.Table.from_pylist(vectors, schema=TABLES["embeddings"]))
    return made, clips


def test_held_out_clips_are_the_newest_and_the_same_at_every_size(space: tuple[Workspace, list[Clip]]):
    videos = space[0].read("videos")
    few, many = (bench.choose(videos, size, 100) for size in (50, 200))
    assert [len(few), len(many)] == [150, 300]
    assert few["video_id"].to_pylist()[-100:] == many["video_id"].to_pylist()[-100:]
    assert set(few["video_id"].to_pylist()) < set(many["video_id"].to_pylist())
    times = many["published_at"].to_pylist()
    assert max(times[:-100]) <= min(times[-100:])


def test_shuffling_moves_counts_and_nothing_else(space: tuple[Workspace, list[Clip]]):
    videos = space[0].read("videos")
    mixed = bench.shuffled(videos, 0)
    assert mixed["views"] != videos["views"]
    assert sorted(mixed["views"].to_pylist()) == sorted(videos["views"].to_pylist())
    assert mixed.schema == videos.schema
    assert mixed.drop_columns(["views"]) == videos.drop_columns(["views"])


def test_a_point_of_the_curve(space: tuple[Workspace, list[Clip]], capsys: pytest.CaptureFixture[str]):
    made, clips = space
    truth = {c.video_id: {**c.effects, "noise": c.noise, "log_views": c.log_views} for c in clips}
    at = bench.point(made, truth, 300, 120, 3)
    assert at["rows"]["test"] == 120
    assert 0.5 < at["inputs"]["full"]["share"][0] <= 1.05
    for name in ("picture", "sound", "words"):
        assert at["inputs"][name]["share"][0] < at["inputs"]["full"]["share"][0]
    assert {name for name in MODALITY if at["effects"][name]["found"]} >= {"warmth", "loudness", "words"}
    assert at["shuffled_r2"][1] <= 0
    assert not any(effect["found"] for effect in at["shuffled_effects"].values())
    bench.report([at])
    shown = capsys.readouterr().out
    assert "Share of the reachable" in shown
    assert "0 of 9" in shown
