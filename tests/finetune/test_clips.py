"""The cache: a fixed rate, a bad file is a row, a rerun makes only what is missing, damage is refused."""

import hashlib
import time
from pathlib import Path

import clips as made
import numpy as np
import pyarrow as pa
import pytest
import torch

from vvp.errors import UserError
from vvp.finetune import clips
from vvp.finetune.clips import ClipCache
from vvp.finetune.decoding import ClipSettings, decode
from vvp.finetune.networks.base import STD, Network
from vvp.finetune.networks.dual import Dual
from vvp.finetune.settings import TrainSettings
from vvp.finetune.windows import Windows
from vvp.paths import CLIPS_FACTS, clip_frames
from vvp.schema import TABLES
from vvp.workspace import Workspace

SETTINGS = ClipSettings(size=32, fps=8, length_s=4)
SEEN = TrainSettings(network="any", frames=20, pixels=24)


def video(folder: Path, name: str, fps: int = 24, seconds: int = 2, sound: bool = True) -> Path:
    """Grey that grows with time, so that a frame says when it was shown."""
    images = [np.full((96, 64, 3), 40 + 30 * i // fps, np.uint8) for i in range(fps * seconds)]
    path = folder / f"{name}.mp4"
    tone = made.tone(float(seconds), 16_000) if sound else None
    made.write(path, images, fps=fps, sound=tone, rate=16_000)
    return path


def workspace(root: Path, *paths: Path) -> Workspace:
    rows = [{"video_id": p.stem, "media_path": str(p),
             "media_sha256": hashlib.sha256(p.read_bytes()).hexdigest()} for p in paths]  # fmt: skip
    space = Workspace(root)
    space.append("videos", pa.Table.from_pylist(rows, schema=TABLES["videos"]))
    return space


def fill(space: Workspace, settings: ClipSettings = SETTINGS) -> int:
    """What the graph does, without Ray; how many were made."""
    todo, _ = clips.pending(space, settings)
    space.write_json(CLIPS_FACTS, clips.recipe(settings))
    rows = [
        clips.write_clip(space, r["video_id"], r["key"], decode(r["media_path"], settings), time.time_ns())
        for r in todo.to_pylist()
    ]
    if rows:
        clips.write_index(space, rows)
    return len(rows)


@pytest.mark.parametrize("fps", [5, 24, 30])
def test_every_clip_has_the_same_rate_whatever_its_own(tmp_path: Path, fps: int) -> None:
    clip = decode(str(video(tmp_path, "a", fps=fps)), SETTINGS)
    assert clip.frames is not None and clip.frames.shape == (16, 43, 32, 3)
    shown = clip.frames.mean(axis=(1, 2, 3))
    at = np.arange(16) / 8
    wanted = 40 + 30 * (np.floor(at * fps + 1e-6) / fps)
    assert np.abs(shown - wanted).max() < 4
    assert clip.waveform is not None and abs(len(clip.waveform) - 200) <= 12


def test_no_more_is_kept_than_the_stated_length(tmp_path: Path) -> None:
    clip = decode(str(video(tmp_path, "a", seconds=6)), SETTINGS)
    assert clip.frames is not None and len(clip.frames) == 32
    assert clip.waveform is not None and len(clip.waveform) <= 412


def test_a_bad_file_is_a_row_and_a_rerun_makes_only_what_is_missing(tmp_path: Path) -> None:
    good, mute = video(tmp_path, "good"), video(tmp_path, "mute", sound=False)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video at all")
    space = workspace(tmp_path / "ws", good, mute, bad)
    assert fill(space) == 3 and fill(space) == 0
    cache, failed = ClipCache.open(space)
    assert set(cache.clips) == {"good", "mute"} and failed == {"unreadable": 1}
    assert cache.clips["good"].source_frames == 48
    assert cache.frames("good").shape == (16, 43, 32, 3)
    assert cache.mel("mute") is None and cache.mel("good") is not None
    assert fill(space, ClipSettings(size=32, fps=4, length_s=4)) == 3, "another rate is another clip"
    assert ClipCache.open(space)[0].clips["good"].frames == 8


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", video(tmp_path, "good"))
    with pytest.raises(UserError, match="vvp clips"):
        ClipCache.open(space)
    fill(space)
    cache, _ = ClipCache.open(space)
    name = clip_frames(cache.clips["good"].key)
    space.write_bytes(name, space.read_bytes(name)[:500])
    with pytest.raises(UserError, match="damaged"):
        cache.frames("good")
    np.save(space.uri(name), np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="damaged"):
        cache.frames("good")


def test_windows_are_padded_cropped_and_drawn_from_seed_epoch_and_row_alone(tmp_path: Path) -> None:
    space = workspace(tmp_path / "ws", video(tmp_path, "a"), video(tmp_path, "b", seconds=4))
    fill(space)
    cache, _ = ClipCache.open(space)
    windows = Windows(cache, ["a", "b"], SEEN, Network)
    both = windows.drawn([0, 1], epoch=3).pixels
    assert both is not None and both.shape == (2, 3, 20, 24, 24)
    assert (both[0, :, 16:] == 0).all() and (both[1, :, 16:] != 0).any()
    alone = windows.drawn([1], epoch=3).pixels
    assert alone is not None and (alone[0] == both[1]).all()
    other = windows.drawn([1], epoch=4).pixels
    assert other is not None and (other[0] != both[1]).any()
    first, last = (windows.fixed([1], i, 4).pixels for i in (0, 3))
    assert first is not None and last is not None and last.mean() > first.mean() + 0.2


def test_pixels_are_normalised_as_the_network_says_and_may_grow(tmp_path: Path) -> None:
    class Other(Network):
        mean, std = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    space = workspace(tmp_path / "ws", video(tmp_path, "a", seconds=4))
    fill(space)
    cache, _ = ClipCache.open(space)
    larger = TrainSettings(network="any", frames=20, pixels=64)
    plain, usual = (Windows(cache, ["a"], larger, kind).fixed([0]).pixels for kind in (Other, Network))
    assert plain is not None and usual is not None and plain.shape == (1, 3, 20, 64, 64)
    assert plain.min() > 0.1 and plain.max() < 1
    shift = torch.tensor(Network.mean).view(1, 3, 1, 1, 1)
    assert torch.allclose(usual, (plain - shift) / torch.tensor(STD).view(1, 3, 1, 1, 1), atol=1e-5)


def test_sound_is_of_the_same_stretch_of_time_as_the_frames_and_read_only_where_it_is_asked_for(
    tmp_path: Path,
) -> None:
    """A tone begins after 2 of 4 seconds; frames are grey that grows with time."""
    images = [np.full((96, 64, 3), 40 + 2 * i, np.uint8) for i in range(96)]
    late = np.concatenate([np.zeros(32_000, np.float32), made.tone(2.0, 16_000).astype(np.float32)])
    made.write(tmp_path / "late.mp4", images, fps=24, sound=late.astype(np.float32), rate=16_000)
    space = workspace(tmp_path / "ws", tmp_path / "late.mp4", video(tmp_path, "mute", sound=False),
                      video(tmp_path, "short"))  # fmt: skip
    fill(space)
    cache, _ = ClipCache.open(space)
    videos = ["late", "mute", "short"]
    windows = Windows(cache, videos, SEEN, Dual)
    batch = windows.fixed([0, 1, 2], number=1, of=2)  # "late": the frames 9 to 29, 1.125 to 3.625 s
    assert batch.mel is not None and batch.heard is not None and batch.shown is not None
    assert batch.mel.shape == (3, 250, 64) and batch.heard.shape == (3, 250)
    assert batch.shown.sum(1).tolist() == [20, 16, 16]
    power = batch.mel[0].amax(1)
    begins = int((power > (power.min() + power.max()) / 2).nonzero()[0])
    assert abs(begins - 87.5) < 12 and batch.heard[0].all()
    assert not batch.heard[1].any() and (batch.mel[1] == 0).all()
    assert abs(int(batch.heard[2].sum()) - 200) <= 12 and (batch.mel[2][~batch.heard[2]] == 0).all()
    plain = Windows(cache, videos, SEEN, Network).fixed([0, 1, 2], number=1, of=2)
    assert plain.mel is None and plain.pixels is not None and batch.pixels is not None
    assert (plain.pixels == batch.pixels).all()
