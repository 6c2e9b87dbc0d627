"""No media file makes anybody open another file or an address: every demuxer that takes references."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import clips
import decord
import pytest
from canary import Canary, playlists

from vvp.media import thumbnail
from vvp.media.decode import decode
from vvp.media.source import Media
from vvp.schema import FAILED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    with Canary(tmp_path) as made:
        yield made


def clips_of(folder: Path) -> dict[str, bytes]:
    """Whole clips by container."""
    found = {}
    for suffix in ("h264", "mp4", "mkv", "ts", "avi", "flv"):
        found[suffix] = Path(clips.write(folder / f"whole.{suffix}", clips.counting(20))).read_bytes()
    return found


def test_the_canary_sings(canary: Canary, tmp_path: Path) -> None:
    """Were the test blind, the others would say nothing: this FFmpeg opens what a playlist names."""
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(playlists(canary.path)["hls"])
    with contextlib.suppress(Exception):  # whether it then decodes does not matter here
        decord.VideoReader(str(playlist))
    assert canary.touched()


@pytest.mark.parametrize("kind", playlists(""))
def test_a_playlist_is_refused_and_opens_nothing(kind: str, canary: Canary, tmp_path: Path) -> None:
    part = f"subfile,,start,0,end,9,,:{canary.path}"
    for there in (canary.path, "canary.ts", canary.url, f"file:{canary.path}", part):
        text = playlists(there)[kind].encode()
        for name in ("list.mp4", "list.m3u8", "list%03d.png"):
            (tmp_path / name).write_bytes(text)
            clip = decode(str(tmp_path / name))
            assert (clip.status, clip.error_kind) == (FAILED, "unreadable"), (kind, name)
            assert thumbnail.decode(str(tmp_path / name)).status == FAILED
            assert not canary.touched(), (kind, there, name)


def test_polyglots_open_nothing(canary: Canary, tmp_path: Path) -> None:
    """A playlist before, after and inside a real clip of each container: what one FFmpeg takes for a clip
    another may take for a playlist."""
    decoded = set()
    for kind, text in playlists(canary.path).items():
        words = text.encode()
        for container, whole in clips_of(tmp_path).items():
            box = (len(words) + 8).to_bytes(4, "big") + b"free" + words
            kinds = {"before": words + whole, "after": whole + words, "box": box + whole}
            for where, data in kinds.items():
                path = tmp_path / "polyglot.mp4"
                path.write_bytes(data)
                clip = decode(str(path))
                assert not canary.touched(), (kind, container, where)
                if clip.frames is not None:
                    decoded.add((container, where))
    assert ("h264", "before") in decoded, "the polyglot that once opened another file is a clip still"


def test_decord_is_given_only_what_it_cannot_take_for_text(tmp_path: Path) -> None:
    taken = set()
    for container, whole in clips_of(tmp_path).items():
        (tmp_path / "a.mp4").write_bytes(whole)
        media = Media.of(str(tmp_path / "a.mp4"))
        media.container().close()
        file = media.for_decord()
        if file is not None:
            taken.add(container)
            assert file.read(4)[:1] in (b"\0", b"\x1a")
    assert taken == {"mp4", "mkv"}
