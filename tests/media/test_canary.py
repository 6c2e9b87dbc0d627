"""No media file makes anybody open another file or an address: every demuxer that takes references."""

import contextlib
import ctypes
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import clips
import decord
import pytest

from vvp.media import thumbnail
from vvp.media.decode import decode
from vvp.media.source import Media
from vvp.schema import FAILED

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
IN_OPEN = 0x20


class Canary:
    """A real clip that nobody may open, and a port that nobody may call."""

    def __init__(self, folder: Path) -> None:
        self.path = clips.write(folder / "canary.ts", clips.counting(30))
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.watch = self.libc.inotify_init1(os.O_NONBLOCK)
        assert self.libc.inotify_add_watch(self.watch, self.path.encode(), IN_OPEN) > 0
        self.port = socket.create_server(("127.0.0.1", 0))
        self.port.setblocking(False)
        self.url = f"http://127.0.0.1:{self.port.getsockname()[1]}/canary.ts"

    def touched(self) -> bool:
        try:
            return bool(os.read(self.watch, 4096))
        except BlockingIOError:
            pass
        try:
            self.port.accept()[0].close()
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    found = Canary(tmp_path)
    yield found
    os.close(found.watch)
    found.port.close()


def playlists(there: str) -> dict[str, str]:
    """By demuxer: a text of its kind that names `there`."""
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\n{there}\n#EXT-X-ENDLIST\n",
        "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT1S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">'
        f"<BaseURL>{there}</BaseURL></Representation></AdaptationSet></Period></MPD>",
        "concat": f"ffconcat version 1.0\nfile '{there}'\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n",
        "imf": '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        f"<Id>urn:uuid:0</Id><Annotation>{there}</Annotation></CompositionPlaylist>",
        "ffmetadata": f";FFMETADATA1\ntitle={there}\n",
        "smooth": f'<SmoothStreamingMedia><StreamIndex Type="video" Url="{there}"/></SmoothStreamingMedia>',
        "rtsp": f"rtsp://127.0.0.1/{there}\n",
        "mpjpeg": "--frame\r\nContent-Type: image/jpeg\r\n\r\n",
        "subtitles": f"1\n00:00:00,000 --> 00:00:01,000\n{there}\n",
        "lavfi": f"movie={there}\n",
        "mov-reference": f"mdat rmra rdrf url {there}",
    }


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
