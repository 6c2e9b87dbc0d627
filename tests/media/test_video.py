"""Which frames come out, that every way gives the same ones, and that they stand upright."""

from pathlib import Path

import av
import clips
import numpy as np
import pytest

from vvp.media import video
from vvp.media.reader import UndecodableError, temporal_layer

WAYS = {"skipping": video._skipping, "decord": video._decord, "whole": video._whole}


def read(way: str, path: str) -> video.Picture:
    return WAYS[way](path, video._look(path), 16, 224, 60.0)


@pytest.mark.parametrize("way", WAYS)
def test_frames_are_the_middles_of_sixteen_parts(tmp_path: Path, way: str) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(160))
    picture = read(way, path)
    assert picture.frames.shape == (16, 224, 224, 3) and picture.frames.dtype == np.uint8
    assert [clips.number_of(f) for f in picture.frames] == [5 + 10 * i for i in range(16)]
    assert picture.duration_s == pytest.approx(160 / 30, abs=0.01)
    assert np.allclose(picture.times, np.arange(len(picture.times)) / 8, atol=0.15)


@pytest.mark.parametrize(("codec", "pixels"), [("libx264", "yuv420p"), ("libx265", "yuv420p10le")])
def test_three_ways_give_the_same_picture(tmp_path: Path, codec: str, pixels: str) -> None:
    images = [np.roll(clips.textured(240, 320, 1), 4 * i, axis=1) for i in range(90)]
    path = clips.write(tmp_path / "a.mp4", images, codec=codec, pixels=pixels)
    whole, skipping, decord = read("whole", path), read("skipping", path), read("decord", path)
    assert np.array_equal(whole.frames, skipping.frames)
    difference = np.abs(whole.frames.astype(int) - decord.frames).mean(axis=(1, 2, 3))
    assert difference.max() < 4, "mean absolute difference per frame, of 255"
    assert len(whole.thumbs) == len(skipping.thumbs) == len(decord.thumbs) == 24


ORIENTATIONS = {  # display matrix (16.16 fixed point), what it does to a stored picture, is it a mirror image
    "as stored": ((1, 0, 0, 1), lambda a: a, False),
    "90 clockwise": ((0, 1, -1, 0), lambda a: np.rot90(a, -1), False),
    "180": ((-1, 0, 0, -1), lambda a: np.rot90(a, 2), False),
    "270 clockwise": ((0, -1, 1, 0), lambda a: np.rot90(a, 1), False),
    "mirrored": ((-1, 0, 0, 1), np.fliplr, True),
    "upside down": ((1, 0, 0, -1), np.flipud, True),
    "transposed": ((0, 1, 1, 0), lambda a: a.transpose(1, 0, 2), True),
    "transversed": ((0, -1, -1, 0), lambda a: np.rot90(a, 2).transpose(1, 0, 2), True),
}


@pytest.mark.parametrize("name", ORIENTATIONS)
def test_frames_are_upright(tmp_path: Path, name: str) -> None:
    (a, b, c, d), turned, mirror = ORIENTATIONS[name]
    matrix = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    stored = clips.textured(224, 320, 3)
    path = clips.write(tmp_path / "a.mp4", [stored] * 4, pixels="yuv444p", matrix=matrix)
    upright = turned(stored)
    top, left = (upright.shape[0] - 224) // 2, (upright.shape[1] - 224) // 2
    expected = upright[top : top + 224, left : left + 224].astype(int)
    for fast in (True, False):
        picture = video.read(path, frames=16, size=224, signals_s=60, fast=fast)
        assert np.abs(picture.frames[0] - expected).mean() < 3
        assert picture.decoder == ("pyav" if fast or mirror else "decord")


@pytest.mark.parametrize("n", [1, 2, 5, 15])
def test_fewer_frames_than_sixteen_repeat(tmp_path: Path, n: int) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(n))
    for way in WAYS:
        numbers = [clips.number_of(f) for f in read(way, path).frames]
        assert numbers == [int((i + 0.5) * n / 16) for i in range(16)]


def test_a_truncated_file_gives_what_decodes_not_what_its_header_says(tmp_path: Path) -> None:
    whole = Path(clips.write(tmp_path / "a.mp4", clips.counting(300), options={"movflags": "faststart"}))
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.5)])
    with av.open(str(cut)) as container:
        assert container.streams.video[0].frames == 300, "the header still claims all of them"
    picture = video.read(str(cut), frames=16, size=224, signals_s=60, fast=True)
    numbers = [clips.number_of(f) for f in picture.frames]
    assert picture.duration_s < 7 and numbers[-1] < 200
    assert numbers == sorted(set(numbers)), "sixteen different frames, in order"


def test_only_so_many_frames_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(video, "MAX_FRAMES", 64)
    path = clips.write(tmp_path / "a.mp4", clips.counting(200))
    for way in WAYS:
        picture = read(way, path)
        assert clips.number_of(picture.frames[-1]) == 62
        assert len(picture.thumbs) <= 18


def test_a_huge_picture_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clips.write(tmp_path / "a.mp4", clips.counting(3))
    monkeypatch.setattr("vvp.media.reader.MAX_PIXELS", 96 * 160 - 1)
    with pytest.raises(MemoryError, match="96x160"):
        video.read(path, frames=16, size=224, signals_s=60, fast=True)


def test_long_strips_do_not_blow_up(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.mp4", [np.zeros((16, 1024, 3), np.uint8)] * 3)
    picture = video.read(path, frames=16, size=224, signals_s=60, fast=False)
    assert picture.frames.shape == (16, 224, 224, 3) and picture.thumbs.shape[2] <= 8 * 56


def test_decord_is_left_where_it_seeks_to_wrong_frames(tmp_path: Path) -> None:
    path = clips.write(tmp_path / "a.ts", clips.counting(40))
    with pytest.raises(UndecodableError):
        read("decord", path)
    assert [clips.number_of(f) for f in read("whole", path).frames][:2] == [1, 3]


def test_the_temporal_layer_of_an_hevc_packet() -> None:
    def unit(kind: int, layer: int, size: int = 6) -> bytes:
        return size.to_bytes(4, "big") + bytes([kind << 1, layer + 1]) + bytes(size - 2)

    assert temporal_layer(av.Packet(unit(35, 1) + unit(1, 0))) == 0  # 35: no picture, a delimiter
    assert temporal_layer(av.Packet(unit(0, 2) + unit(0, 2))) == 2
    assert temporal_layer(av.Packet(b"\0\0\0\1" + bytes(20))) is None, "start codes"
