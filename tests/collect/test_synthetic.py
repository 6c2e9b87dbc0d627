"""The synthetic world: that its files are what it says, and that its effects can be seen and heard."""

import csv
import json
import math
from pathlib import Path

import av
import numpy as np
import pytest
from scipy.stats import spearmanr

from vvp.errors import UserError
from vvp.synthetic import render
from vvp.synthetic.world import (
    FPS,
    LEADS,
    MEAN,
    MODALITY,
    TAILS,
    UNSEEN,
    Clip,
    World,
    WorldSettings,
    reachable,
)
from vvp.synthetic.write import write_unseen, write_world


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight clips of seed 4, written by two spawned processes."""
    home = tmp_path_factory.mktemp("world")
    told: list[tuple[int, int]] = []
    made = write_world(
        home, videos=8, seed=4, silent=0.3, workers=2, progress=lambda *done: told.append(done)
    )
    assert (made.videos, made.written) == (8, 8)
    assert told == [(n, 8) for n in range(9)]
    return home


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    world = World(WorldSettings())
    return [world.clip(number) for number in range(1500)]


def jsons(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(home.glob("*.info.json"))}


# --- files ----------------------------------------------------------------------------------------------
def test_same_seed_same_metadata_however_many_and_in_however_many_processes(folder: Path, tmp_path: Path):
    write_world(tmp_path, videos=3, seed=4, silent=0.3, workers=1)
    few, many = jsons(tmp_path), jsons(folder)
    assert len(few) == 3
    assert all(many[name] == text for name, text in few.items())


def test_another_seed_is_another_world():
    one, other = (World(WorldSettings(seed=seed)).clip(0) for seed in (0, 1))
    assert one.look != other.look
    assert one.log_views != other.log_views


def test_streams_are_what_the_json_says(folder: Path):
    silent = 0
    for path in sorted(folder.glob("*.info.json")):
        said = json.loads(path.read_bytes())
        with av.open(str(folder / f"{said['id']}.mp4")) as file:
            video = file.streams.video[0]
            frames = sum(1 for _ in file.decode(video))
            assert video.codec.name == "h264"
            assert (video.width, video.height) == (said["width"], said["height"])
            assert video.height > video.width
            assert frames / FPS == pytest.approx(said["duration"], abs=1e-3)
            assert 3 <= said["duration"] <= 8
            heard = [stream.codec.name for stream in file.streams.audio]
            assert heard == ([] if said["acodec"] == "none" else ["aac"])
            silent += not heard
    assert 0 < silent < 8


def test_info_json_holds_counts_and_nothing_of_the_truth(folder: Path):
    for text in jsons(folder).values():
        said = json.loads(text)
        assert not set(said) & {*MODALITY, "noise", "log_views", "effects"}
        assert said["like_count"] <= said["view_count"]
        assert said["timestamp"] + 3 * 86400 <= said["epoch"] <= said["timestamp"] + 120 * 86400


def test_rerun_writes_only_what_is_missing_and_grows(tmp_path: Path):
    def write(videos: int) -> int:
        return write_world(tmp_path, videos=videos, seed=5, channels=3, workers=1).written

    assert write(3) == 3
    kept = (tmp_path / "s5_00000.mp4").stat().st_mtime_ns
    (tmp_path / "s5_00001.mp4").unlink()
    (tmp_path / "s5_00002.info.json").unlink()
    assert write(3) == 2
    assert write(3) == 0
    assert write(4) == 1
    assert (tmp_path / "s5_00000.mp4").stat().st_mtime_ns == kept
    assert not list(tmp_path.glob("*.tmp")) + list(tmp_path.glob(".*.tmp"))
    with pytest.raises(UserError, match="more than the 3"):
        write(3)


def test_other_settings_or_other_clips_are_refused(folder: Path, tmp_path: Path):
    with pytest.raises(UserError, match="other settings"):
        write_world(folder, videos=8, seed=5, silent=0.3)
    (tmp_path / "mine.info.json").write_text("{}")
    with pytest.raises(UserError, match="no synthetic world"):
        write_world(tmp_path, videos=3)
    (tmp_path / "world.json").write_text("{")
    with pytest.raises(UserError, match="damaged"):
        write_world(tmp_path, videos=3)


@pytest.mark.parametrize(
    "wrong", [{"videos": 1}, {"channels": 1}, {"noise": -1}, {"silent": 1}, {"seed": -1}]
)
def test_settings_out_of_range(tmp_path: Path, wrong: dict):
    with pytest.raises(UserError):
        write_world(tmp_path / "none", **wrong)
    assert not (tmp_path / "none").exists()


def test_unseen_clip_is_apart_later_and_audible(folder: Path, tmp_path: Path):
    unseen = write_unseen(tmp_path, 4, silent=0.3)
    with av.open(str(unseen.path)) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
    assert not jsons(tmp_path)
    assert all(
        json.loads(text)["timestamp"] < unseen.published_at.timestamp() for text in jsons(folder).values()
    )
    assert unseen.horizon_days == 30
    with pytest.raises(UserError, match="another folder"):
        write_unseen(folder, 4)


def test_what_is_written_decodes_to_what_was_drawn(folder: Path):
    """The encoder leaves palette, cuts and loudness where they were."""
    clip = next(
        c for c in map(World(WorldSettings(seed=4, silent=0.3)).clip, range(8)) if c.loudness is not None
    )
    with av.open(str(folder / f"{clip.video_id}.mp4")) as file:
        frames = np.array([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)], np.float32)
    with av.open(str(folder / f"{clip.video_id}.mp4")) as file:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert np.abs(frames - render.pictures(clip)).mean() < 8
    wave = render.waveform(clip)
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(np.sqrt(np.mean(wave**2)), rel=0.1)


# --- the formula ----------------------------------------------------------------------------------------
def test_written_effects_add_up_to_the_counted_views(folder: Path):
    with (folder / "effects.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    for row in rows:
        total = sum(float(row[name]) for name in (*MODALITY, "mean", "noise"))
        assert total == pytest.approx(float(row["log_views"]), abs=1e-12)
        said = json.loads((folder / f"{row['video_id']}.info.json").read_bytes())
        assert said["view_count"] == round(math.exp(total))
        assert said["channel_id"] == row["channel_id"]


def test_each_term_is_the_formula_of_the_docstring(clips: list[Clip]):
    channels = {channel.channel_id: channel for channel in World(WorldSettings()).channels}
    for clip in clips[:200]:
        want = {
            "channel": 0.70 * channels[clip.channel_id].baseline,
            "pace": 0.40 * math.sqrt(12) * (len(clip.cuts) / clip.duration_s - 0.5),
            "warmth": 0.45 * math.sqrt(12) * (clip.warmth - 0.5),
            "motion": 0.40 * math.sqrt(12) * (clip.motion - 0.5),
            "loudness": 0 if clip.loudness is None else 0.45 * math.sqrt(12) * (clip.loudness - 0.5),
            "brightness": 0 if clip.brightness is None else 0.35 * math.sqrt(12) * (clip.brightness - 0.5),
            "words": sum(size for words, size in LEADS.items() if clip.title.startswith(words))
            + sum(size for words, size in TAILS.items() if clip.title.endswith(words)),
            "hour": 0.40 * math.cos(2 * math.pi * (clip.published_at / 3600 % 24 - 19) / 24),
            "age": 1.20 * (1 - math.exp(-(clip.observed_at - clip.published_at) / 86400 / 14)),
        }
        assert clip.effects == pytest.approx(want, abs=1e-9)
        assert clip.log_views == pytest.approx(8.0 + sum(want.values()) + clip.noise)


def test_reachable_r2_is_what_a_regression_on_the_true_effects_gets(clips: list[Clip]):
    truth = np.log([clip.views for clip in clips])
    X = np.array([[1.0, *(clip.effects[name] for name in MODALITY)] for clip in clips])
    weights = np.linalg.lstsq(X, truth, rcond=None)[0]
    residual = truth - X @ weights
    r2 = 1 - residual.var() / truth.var()
    best = reachable(clips)
    assert 0.75 < best["r2"] < 0.85
    assert best["r2"] == pytest.approx(r2, abs=0.01)
    assert weights[1:] == pytest.approx(1.0, abs=0.2)
    assert weights[0] == pytest.approx(MEAN, abs=0.2)
    assert best["spearman"] == pytest.approx(spearmanr(X @ weights, truth).statistic, abs=0.01)


def test_without_noise_everything_is_reachable():
    world = World(WorldSettings(noise=0.0))
    assert reachable([world.clip(number) for number in range(50)])["r2"] > 0.9999


def test_followers_tell_of_the_channel_noisily_and_titles_of_nothing_else(clips: list[Clip]):
    world = World(WorldSettings(channels=400))
    baseline = [channel.baseline for channel in world.channels]
    assert 0.65 < np.corrcoef(baseline, [c.log_followers for c in world.channels])[0, 1] < 0.85
    effects = np.array([[clip.effects[name] for name in MODALITY] for clip in clips])
    words = list(MODALITY).index("words")
    others = np.delete(np.corrcoef(effects.T)[words], words)
    assert np.abs(others).max() < 0.1


def test_posts_span_eighteen_months_without_drift(clips: list[Clip]):
    days = np.array([clip.published_at for clip in clips]) / 86400
    assert 530 < np.ptp(days) <= 548
    assert abs(np.corrcoef(days, [clip.log_views for clip in clips])[0, 1]) < 0.1
    assert World(WorldSettings()).clip(0, UNSEEN).published_at / 86400 > days.max()
