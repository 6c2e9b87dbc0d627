"""Thumbnails: a key frame near the middle, upright, and nothing but a missing one from a bad file."""

import base64
import io
from pathlib import Path

import clips
import numpy as np
from PIL import Image

from vvp.media.thumbnail import decode, thumbnails


def test_it_is_the_key_frame_after_the_middle(tmp_path: Path) -> None:
    """MPEG-4 has a key frame every twelve frames: of those at 0, 12, 24 and 36 the third."""
    path = clips.write(tmp_path / "a.mp4", clips.counting(48), codec="mpeg4")
    clip = decode(path)
    assert clip.frames is not None and clip.frames.dtype == np.uint8
    assert clip.frames.shape == (1, 160, 96, 3)
    assert clips.number_of(clip.frames[0]) == 24


def test_a_clip_with_one_key_frame_shows_that(tmp_path: Path) -> None:
    clip = decode(clips.write(tmp_path / "a.mp4", clips.counting(30)))
    assert clip.frames is not None and clips.number_of(clip.frames[0]) == 0


def test_it_stands_upright(tmp_path: Path) -> None:
    """Stored lying, with a display matrix of a quarter turn: bright above, dark below when shown."""
    upright = np.zeros((160, 96, 3), np.uint8)
    upright[:80] = 255
    quarter = (0, 65536, 0, -65536, 0, 0, 0, 0, 2**30)
    path = clips.write(tmp_path / "a.mp4", [np.ascontiguousarray(np.rot90(upright))] * 4, matrix=quarter)
    clip = decode(path)
    assert clip.frames is not None and clip.frames.shape == (1, 160, 96, 3)
    assert clip.frames[0, 10].mean() > 200 > 50 > clip.frames[0, -10].mean()


def test_bad_files_are_missing_and_never_raise(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    clips.write(tmp_path / "sound.m4a", [], sound=clips.tone(0.5, 16_000), rate=16_000)
    whole = Path(clips.write(tmp_path / "whole.mp4", [clips.textured(96, 64, 1)] * 8))
    (tmp_path / "cut.mp4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    names = ("whole.mp4", "text.mp4", "sound.m4a", "cut.mp4", "absent.mp4")
    seen: list[tuple[int, int]] = []
    found = thumbnails({n: str(tmp_path / n) for n in names}, lambda done, total: seen.append((done, total)))
    assert list(found) == ["whole.mp4"] and seen == [(i, 5) for i in range(1, 6)]
    head, data = found["whole.mp4"].split(",", 1)
    assert head == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (96, 144)
    assert decode(str(tmp_path / "sound.m4a")).error_kind == "picture_undecodable"
    assert decode(str(tmp_path / "absent.mp4")).error_kind == "media_missing"
