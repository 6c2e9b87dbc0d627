"""Files that break things, collected from the test suites of media projects: every one gives its row."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vvp.media import video
from vvp.media.decode import Clip, DecodeSettings
from vvp.media.sandbox import Sandbox

ODD = Path(__file__).parents[3] / "shared" / "data" / "odd"
pytestmark = pytest.mark.skipif(not ODD.is_dir(), reason="the folder of odd files is not on this machine")


def expected() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (ODD / "expected.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[str, Clip]]:
    with Sandbox(DecodeSettings(timeout_s=60)) as sandbox:
        yield {row["file"]: sandbox.decode(str(ODD / row["file"])) for row in expected()}


def test_ok_wherever_decord_or_pyav_can_decode(rows: dict[str, Clip]) -> None:
    assert len(rows) == 55
    for row in expected():
        pyav, decord = row["pyav"], row["decord"]
        # `ok` in the list means "opens": one file opens, and then not one frame of it decodes
        decodes = bool(decord["ok"] or pyav.get("vframes") or pyav.get("audio_s"))
        clip = rows[row["file"]]
        assert clip.status == ("ok" if decodes else "failed"), row["file"]
        assert (clip.frames is not None) == bool(decord["ok"] or pyav.get("vframes")), row["file"]
        assert (clip.waveform is not None) == bool(pyav.get("audio_s")), row["file"]
        assert bool(clip.error_kind) == bool(clip.error_detail)


def test_what_is_missing_is_said(rows: dict[str, Clip]) -> None:
    said = {file: clip.error_kind for file, clip in rows.items() if clip.error_kind}
    assert said == {
        "mp4_sample_audio_only.mp4": "no_picture",
        "mp4_sample_missing_stsd.mp4": "sound_undecodable",
        "vp9_invalid-bitstream.webm": "picture_undecodable",
        "d_truncated_50pct.mp4": "unreadable",
        "d_truncated_95pct.mp4": "unreadable",
    }


def test_durations_are_those_of_what_decodes(rows: dict[str, Clip]) -> None:
    assert rows["mp4_sample_fragmented.mp4"].duration_s == pytest.approx(
        1.07, abs=0.05
    )  # its header: 143,165 s
    assert rows["mpy_no_duration.webm"].duration_s == pytest.approx(4.94, abs=0.1)
    assert rows["d_audio_longer_than_video.mp4"].duration_s == pytest.approx(9.0, abs=0.1)


BOTH = """
d_odd_yuv444_101x67.mp4 d_rotate90_meta.mp4 d_vfr.mp4 d_1fps.mp4 decord_video_90.mov decord_video_180.mov
decord_video_270.mov decord_unordered.mov tc_h264_10bits.mp4 tc_h265_10bits.mp4 tc_bt709_full_range.mp4
mpy_transparent.webm vp9_bear-vp9-odd-dimensions.webm mp4_bbb_176x144_128kbps_15fps_h263.3gp
mp4_h265_bframes.mp4 mp4_sample_fragmented.mp4 tc_nasa_13013.mp4
"""


@pytest.mark.parametrize("file", BOTH.split())
def test_the_ways_agree(file: str) -> None:
    """decord: mean absolute difference of any frame below 4 of 255; skipping: none at all."""
    path = str(ODD / file)
    look = video._look(path)
    whole = video._whole(path, look, 16, 224, 60.0)
    decord = video._decord(path, look, 16, 224, 60.0)
    assert np.abs(whole.frames.astype(int) - decord.frames).mean(axis=(1, 2, 3)).max() < 4
    if look.codec in ("h264", "hevc"):
        assert np.array_equal(video._skipping(path, look, 16, 224, 60.0).frames, whole.frames)
