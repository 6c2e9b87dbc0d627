"""Damage at random: every file gives a Clip, and nothing else is opened. See fuzz_loop.py."""

import random
import sys
from pathlib import Path

import clips
import pytest
from canary import Canary, playlists
from fuzz_loop import fuzz, generator

from vvp.media import thumbnail
from vvp.media.decode import DecodeSettings
from vvp.media.sandbox import Sandbox
from vvp.schema import ERROR_KINDS, FAILED

KINDS = [
    ("mp4", "libx264"), ("mkv", "libx264"), ("mov", "libx264"), ("ts", "libx264"), ("avi", "libx264"),
    ("flv", "libx264"), ("mp4", "libx265"), ("webm", "libvpx-vp9"), ("webm", "libvpx"), ("mp4", "mpeg4"),
    ("mpg", "mpeg2video"), ("mkv", "mjpeg"), ("mp4", "libsvtav1"),
]  # fmt: skip
LENGTHS = [b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\0\0\0\0", b"\x80\0\0\0", b"\0\0\x7f\xff"]
BOXES = [
    b"moov", b"trak", b"stbl", b"stsd", b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"co64", b"elst",
    b"dref", b"url ", b"alis", b"mdat", b"moof", b"trun", b"avcC", b"hvcC", b"esds", b"cmov", b"rmra",
    b"uuid", b"meta", b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"RIFF", b"LIST", b"idx1",
]  # fmt: skip
LOOKED_AT = ("crash", "timeout", "decoder")  # a row as well, but few, and each of them is looked at


def damaged(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to four kinds of damage, one after the other."""
    raw = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(raw))
        end = min(len(raw), at + rng.randint(1, 400))
        kind = rng.randrange(8)
        if kind == 0:
            for _ in range(rng.randint(1, 40)):
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            raw = raw[: max(at, 16)]
        elif kind == 2:
            raw[at:end] = rng.choice([b"\0", b"\xff"]) * (end - at)
        elif kind == 3:
            raw[at:at] = other[: rng.randint(1, len(other))]
        elif kind == 4:
            raw[at : at + 4] = rng.choice(LENGTHS)
        elif kind == 5:
            raw[at:at] = raw[at:end]
        else:  # where a container says what comes, and how much of it
            name = rng.choice([box for box in BOXES if box in raw] or [bytes(raw[at : at + 4])])
            start = raw.index(name)
            if kind == 6:
                raw[start : start + 4] = rng.choice(BOXES)
            else:
                place = start + rng.choice([-4, 4, 8, 12, 16, 20])
                raw[max(0, place) : max(0, place) + 4] = rng.choice(LENGTHS)
    return bytes(raw)


def whole_clips(folder: Path) -> list[bytes]:
    """A clip of each of KINDS that this FFmpeg can make."""
    found = []
    for number, (suffix, codec) in enumerate(KINDS):
        sound = clips.tone(0.5, 16_000) if codec == "libx264" else None
        path = folder / f"whole{number}.{suffix}"
        try:
            clips.write(path, clips.counting(12), codec=codec, sound=sound, rate=16_000)
        except ValueError:  # no such encoder in this build
            continue
        found.append(path.read_bytes())
    assert len(found) > 7
    return found


@pytest.mark.slow  # minutes of decoding
@pytest.mark.timeout(14_400)
@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_no_damage_gives_anything_but_a_row(tmp_path: Path) -> None:
    settings = DecodeSettings(timeout_s=30)
    with (
        Canary(tmp_path) as canary,
        Sandbox(settings) as clips_of,
        Sandbox(settings, thumbnail.decode) as small,
    ):
        whole = whole_clips(tmp_path)
        texts = [text.encode() for text in playlists(canary.path).values()]

        def run(case: int) -> str:
            rng = generator(case)
            path = tmp_path / "damaged.mp4"
            path.write_bytes(damaged(rng.choice(whole), rng.choice(whole + texts), rng))
            clip = clips_of.decode(str(path))
            assert clip.error_kind is None or clip.error_kind in ERROR_KINDS, clip.error_kind
            assert (clip.status == FAILED) == (clip.frames is None and clip.waveform is None), clip.status
            assert clip.error_kind not in LOOKED_AT, clip.error_detail
            if case % 5 == 0:
                assert small.decode(str(path)).error_kind not in LOOKED_AT, "thumbnail"
            assert not canary.touched(), "the canary was touched"
            return str(clip.error_kind)

        found = fuzz(run, 400)
    assert not any("touched" in line for line in found.wrong), found.wrong
    assert len(found.wrong) <= found.cases / 50, found.wrong
    assert found.outcomes["None"] > found.cases / 10, found.outcomes
