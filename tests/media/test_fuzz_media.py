"""Damage at random, with its seed kept: every file gives a Clip, and nothing else is opened."""

import os
import random
from collections import Counter
from pathlib import Path

import clips
import pytest
from test_canary import Canary, canary, playlists  # noqa: F401 - a fixture

from vvp.media.decode import DecodeSettings
from vvp.media.sandbox import Sandbox
from vvp.schema import ERROR_KINDS, FAILED

SEED = 12
FILES = int(os.environ.get("VVP_FUZZ_FILES", "400"))


def damaged(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """One to four kinds of damage, one after the other."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(found))
        end = min(len(found), at + rng.randint(1, 400))
        kind = rng.randrange(6)
        if kind == 0:
            for _ in range(rng.randint(1, 40)):
                found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
        elif kind == 1:
            found = found[: max(at, 16)]
        elif kind == 2:
            found[at:end] = rng.choice([b"\0", b"\xff"]) * (end - at)
        elif kind == 3:
            found[at:at] = other[: rng.randint(1, len(other))]
        elif kind == 4:
            found[at : at + 4] = rng.choice(
                [b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff", b"\0\0\0\1", b"\0\0\0\0"]
            )
        else:
            found[at:at] = found[at:end]
    return bytes(found)


@pytest.mark.slow  # minutes of decoding
@pytest.mark.timeout(1800)
def test_no_damage_gives_anything_but_a_row(canary: Canary, tmp_path: Path) -> None:  # noqa: F811
    rng, kinds = random.Random(SEED), Counter[str]()
    sound = clips.tone(0.5, 16_000)
    whole = [
        Path(
            clips.write(tmp_path / f"whole.{suffix}", clips.counting(12), sound=sound, rate=16_000)
        ).read_bytes()
        for suffix in ("mp4", "mkv", "mov", "ts", "avi", "flv")
    ]
    whole.append(Path(clips.write(tmp_path / "w.mp4", clips.counting(12), codec="libx265")).read_bytes())
    texts = [text.encode() for text in playlists(canary.path).values()]
    with Sandbox(DecodeSettings(timeout_s=30)) as sandbox:
        for number in range(FILES):
            path = tmp_path / f"{number}.mp4"
            path.write_bytes(damaged(rng.choice(whole), rng.choice(whole + texts), rng))
            clip = sandbox.decode(str(path))
            assert clip.error_kind is None or clip.error_kind in ERROR_KINDS, number
            assert (clip.status == FAILED) == (clip.frames is None and clip.waveform is None), number
            assert not canary.touched(), number
            kinds[str(clip.error_kind)] += 1
            path.unlink()
    assert kinds["None"] > FILES / 10, kinds
    assert kinds["crash"] + kinds["timeout"] + kinds["decoder"] <= FILES / 50, kinds
