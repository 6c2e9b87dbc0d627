"""What render.py draws and plays: every planted effect can be measured in the pixels or the waveform."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from vvp.synthetic import render
from vvp.synthetic.world import Clip, World, WorldSettings
from vvp.synthetic.write import info


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    world = World(WorldSettings())
    return [world.clip(number) for number in range(300)]


@pytest.fixture(scope="module")
def watched(clips: list[Clip]) -> list[tuple[Clip, np.ndarray]]:
    return [(clip, render.pictures(clip).astype(np.float32)) for clip in clips[:60]]


def test_cuts_are_the_hard_jumps_between_frames(watched: list[tuple[Clip, np.ndarray]]):
    for clip, frames in watched:
        jump = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
        at = np.array(clip.cuts, int) - 1
        rest = np.delete(jump, at)
        assert len(set(clip.cuts)) == len(clip.cuts)
        assert len(at) == 0 or jump[at].min() > rest.max() + 2


def test_warmth_is_red_above_blue(watched: list[tuple[Clip, np.ndarray]]):
    red_blue = [float((frames[..., 0] - frames[..., 2]).mean()) for _, frames in watched]
    assert spearmanr([clip.warmth for clip, _ in watched], red_blue).statistic > 0.95


def test_motion_is_change_between_frames_of_a_shot(watched: list[tuple[Clip, np.ndarray]]):
    change = []
    for clip, frames in watched:
        moved = np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2, 3))
        change.append(np.delete(moved, np.array(clip.cuts, int) - 1).mean())
    assert spearmanr([clip.motion for clip, _ in watched], change).statistic > 0.8


def test_loudness_and_brightness_are_in_the_waveform(clips: list[Clip]):
    heard = [clip for clip in clips[:60] if clip.loudness is not None]
    assert len(heard) < 60
    rms, centroid = [], []
    for clip in heard:
        wave = render.waveform(clip)
        assert wave.dtype == np.float32
        assert np.abs(wave).max() < 1
        assert len(wave) == round(clip.duration_s * render.RATE)
        rms.append(20 * np.log10(np.sqrt(np.mean(wave**2))))
        power = np.abs(np.fft.rfft(wave)) ** 2
        centroid.append(np.average(np.fft.rfftfreq(len(wave), 1 / render.RATE), weights=power))
    assert rms == pytest.approx([-36 + 22 * clip.loudness for clip in heard], abs=0.3)
    assert spearmanr([clip.brightness for clip in heard], centroid).statistic > 0.85


def test_a_silent_clip_has_no_waveform_and_no_sound_effects(clips: list[Clip]):
    quiet = next(clip for clip in clips if clip.loudness is None)
    assert quiet.effects["loudness"] == quiet.effects["brightness"] == 0
    assert info(quiet)["acodec"] == "none"
    with pytest.raises(ValueError, match="no sound"):
        render.waveform(quiet)
    assert 0.05 < np.mean([clip.loudness is None for clip in clips]) < 0.11
