"""One media file, opened once: what it may be, and the only way to its bytes.

A container is decided once, by a whitelist of those that hold their media themselves. Playlists (HLS, DASH,
concat, SDP, IMF, image sequences, …) are none of them: they name other files and addresses, which an
untrusted file must not make this machine open. FFmpeg never gets a path: it reads through a descriptor that
was checked, and no protocol of its own is switched on.
Not known here: streams, frames, statuses, where a file comes from.
"""

import os
import stat
from typing import Any

import av

FORMATS = (
    "mov,matroska,avi,flv,mpegts,mpeg,ogg,asf,wav,mp3,aac,flac,h264,hevc,m4v,mpegvideo,ivf,obu,amr,aiff,caf,"
    "mxf,nut,rm,dv,gif,ac3,eac3"
)
# FFmpeg's decoders that clips need; it has hundreds that nobody has tried to break.
PICTURE = """
h264 hevc vp8 vp9 libvpx libvpx-vp9 av1 libdav1d libaom-av1 vvc mpeg4 mpeg2video mpeg1video mpegvideo
h261 h263 h263i h263p flv msmpeg4v1 msmpeg4v2 msmpeg4 msmpeg4v3 wmv1 wmv2 wmv3 vc1 theora mjpeg mjpegb
prores  dnxhd dvvideo gif png apng qtrle rawvideo svq1 svq3 cinepak indeo3 indeo4 indeo5 rv10 rv20 rv30
rv40  vp3 vp4 vp5 vp6 vp6a vp6f vp7 ffv1 huffyuv ffvhuff utvideo cfhd rpza smc 8bps hap
"""
SOUND = """
aac aac_fixed aac_latm mp3 mp3float mp2 mp2float mp1 mp1float opus libopus vorbis flac alac ac3 eac3 dca
wmav1 wmav2 wmapro wmalossless wmavoice amrnb amrwb libopencore_amrnb libopencore_amrwb cook ra_144 ra_288
sipr atrac3 gsm gsm_ms qdm2 qdmc mace3 mace6 nellymoser speex libspeex truehd mlp tta wavpack
"""
CODECS = frozenset((PICTURE + SOUND).split())
PCM = ("pcm_", "adpcm_")  # families of uncompressed and nearly uncompressed sound
DECORD_BYTES = 256 * 2**20  # decord has the whole file in memory; a larger one goes another way
EBML = b"\x1a\x45\xdf\xa3"


class Media(str):
    """The name of a regular file, for people, and its descriptor, which alone is read from.

    A text, so that whoever takes a path takes this too. It is closed when the last one who holds it is done.
    """

    file: Any  # the unbuffered file
    kind: str | None  # the container that it was found to be; None: not looked at yet

    def __new__(cls, name: str, descriptor: int) -> "Media":
        """descriptor: open for reading; it is owned from now on."""
        made = super().__new__(cls, name)
        made.file, made.kind = os.fdopen(descriptor, "rb", buffering=0), None
        return made

    @classmethod
    def of(cls, path: str) -> "Media":
        """`path` opened, or itself where it is open already. FileNotFoundError unless it is a regular file:
        a pipe, a device or a socket that bears the name of a clip is never opened."""
        if isinstance(path, cls):
            return path
        try:
            regular = stat.S_ISREG(os.stat(path).st_mode)
        except ValueError as error:  # a null byte in the name
            raise FileNotFoundError(f"{path!r} is no path") from error
        if not regular:
            raise FileNotFoundError(f"{path} is no file")
        # Non-blocking: were it exchanged for a pipe just now, this would not wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileNotFoundError(f"{path} is no file")
        return cls(path, descriptor)

    @property
    def size(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    def container(self) -> "av.container.InputContainer":
        """The file opened by FFmpeg, each time as what it was found to be. FFmpegError: none of FORMATS."""
        container: av.container.InputContainer = av.open(  # type: ignore[assignment]
            _Bytes(self.file),
            format=self.kind,
            metadata_errors="ignore",
            options={"format_whitelist": FORMATS, "protocol_whitelist": "none"},
        )
        if self.kind is None:
            self.kind = container.format.name.split(",")[0]
        return container

    def for_decord(self) -> "_Bytes | None":
        """The file for decord, whose own FFmpeg would look anew what it is; None where that is not certain
        to be what `container` found.

        It is certain where the first bytes are those of MP4 or Matroska. What names other files is text, and
        no text begins so: MP4's first byte, of a size, is null, Matroska's is no letter.
        """
        head = os.pread(self.file.fileno(), 8, 0)
        mp4 = self.kind == "mov" and head[:1] == b"\0" and head[4:] == b"ftyp"
        if not (mp4 or (self.kind == "matroska" and head[:4] == EBML)) or self.size > DECORD_BYTES:
            return None
        return _Bytes(self.file)


def known(codec: str) -> bool:
    """Whether a decoder of that name may run."""
    return codec in CODECS or codec.startswith(PCM)


class _Bytes:
    """Reads an open file from a place of its own, however many others read it."""

    def __init__(self, file: Any) -> None:
        self.file, self.at = file, 0

    def read(self, size: int = -1) -> bytes:
        whole = os.fstat(self.file.fileno()).st_size
        data = os.pread(self.file.fileno(), max(0, whole - self.at) if size < 0 else size, self.at)
        self.at += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.at, os.SEEK_END: os.fstat(self.file.fileno()).st_size}[
            whence
        ]
        if start + offset < 0:
            raise ValueError("before the start of the file")
        self.at = start + offset
        return self.at

    def tell(self) -> int:
        return self.at
