"""What tells whether a file of a stranger made anybody open another file or an address. Linux: inotify."""

import ctypes
import os
import socket
from pathlib import Path

import clips

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

    def __enter__(self) -> "Canary":
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self.watch)
        self.port.close()

    def touched(self) -> bool:
        """Whether somebody opened the file or called the port since this was asked last."""
        try:
            return bool(os.read(self.watch, 4096))
        except BlockingIOError:
            pass
        try:
            self.port.accept()[0].close()
        except BlockingIOError:
            return False
        return True


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
