"""Signals against clips whose cuts, speed and loudness are known."""

from pathlib import Path

import clips
import numpy as np
import pytest

from vvp.media import audio, signals, video


def of(path: str, **changes: object) -> dict[str, float]:
    options = {"frames": 16, "size": 224, "signals_s": 60.0, "fast": True} | changes
    return signals.picture_signals(video.read(path, **options))  # type: ignore[arg-type]


def panned(speed: float, fps: int, seconds: float = 3.0) -> list[np.ndarray]:
    """A picture that moves by `speed` of its width per second."""
    still = clips.textured(160, 96, 5)
    return [np.roll(still, round(speed * 96 * i / fps), axis=1) for i in range(int(seconds * fps))]


@pytest.mark.parametrize("cuts", [0, 1, 5])
def test_hard_cuts_are_counted(tmp_path: Path, cuts: int) -> None:
    scenes = [[np.roll(clips.textured(160, 96, seed), i, axis=1) for i in range(25)] for seed in range(6)]
    images = [image for scene in scenes[: cuts + 1] for image in scene]
    path = clips.write(tmp_path / "a.mp4", images, fps=25)
    found = of(path)
    minutes = (cuts + 1) / 60
    assert found["cut_rate_per_min"] == pytest.approx(cuts / minutes, rel=0.15)
    assert of(path, fast=False)["cut_rate_per_min"] == pytest.approx(found["cut_rate_per_min"], rel=0.05)


def test_motion_rises_with_speed_and_cuts_are_no_motion(tmp_path: Path) -> None:
    motion = [
        of(clips.write(tmp_path / f"{s}.mp4", panned(s, 30)))["motion_mean"] for s in (0, 0.2, 0.4, 0.8)
    ]
    assert motion[0] < 0.01 and motion == sorted(motion) and motion[2] > 1.5 * motion[1]
    stills = [clips.textured(160, 96, seed) for seed in range(4) for _ in range(30)]
    assert of(clips.write(tmp_path / "cuts.mp4", stills))["motion_mean"] < 0.02


def test_motion_means_the_same_at_any_frame_rate(tmp_path: Path) -> None:
    values = [of(clips.write(tmp_path / f"{fps}.mp4", panned(0.2, fps), fps=fps)) for fps in (15, 30, 60)]
    motion = [v["motion_mean"] for v in values]
    assert max(motion) < 1.15 * min(motion)


def test_both_decoders_and_fast_measure_the_same(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", panned(0.3, 30))
    a, b = of(path, fast=True), of(path, fast=False)
    assert a.keys() == b.keys()
    assert all(a[key] == pytest.approx(b[key], rel=0.1, abs=0.01) for key in a)


def test_density_counts_edges(tmp_path: Path) -> None:
    plain = clips.write(tmp_path / "plain.mp4", [np.full((224, 224, 3), 90, np.uint8)] * 4)
    stripes = np.zeros((224, 224, 3), np.uint8)
    stripes[:, ::16] = 255
    busy = clips.write(tmp_path / "busy.mp4", [stripes] * 4)
    assert of(plain)["visual_density"] == 0
    assert 0.1 < of(busy)["visual_density"] < 0.4


def test_a_still_has_no_motion_to_measure(tmp_path: Path) -> None:
    assert set(of(clips.write(tmp_path / "a.mp4", clips.counting(1)))) == {"visual_density"}


def test_loudness(tmp_path: Path) -> None:
    silence = signals.sound_signals(np.zeros(16_000, np.float32), audio.RATE)
    assert silence == {"audio_rms_mean": 0.0, "audio_rms_std": 0.0}
    sine = signals.sound_signals(clips.tone(2, 16_000, level=0.5), audio.RATE)
    assert sine["audio_rms_mean"] == pytest.approx(0.5 / 2**0.5, rel=0.05)
    half = np.concatenate([clips.tone(1, 16_000), np.zeros(16_000, np.float32)])
    assert signals.sound_signals(half, audio.RATE)["audio_rms_std"] > 0.1
