"""One media file → one Clip: what the encoders need, and the status of the row. Bad media never raises.

Whatever a library raises while it reads a clip's bytes is that clip's row; `blamed` tells what is not.

Runs in whatever process calls it, without a time limit: sandbox.py gives it both. Not known here: tables,
encoders, Ray.
"""

import errno
import math
import os
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np

from vvp.errors import UserError
from vvp.media import audio, signals, video
from vvp.media.reader import UndecodableError
from vvp.media.reader import has_picture as pictured
from vvp.media.source import Media
from vvp.schema import FAILED, OK, PARTIAL

# What a full disk, a read-only one and too many open files say: no clip's doing.
NOBODYS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE)


@dataclass(frozen=True, kw_only=True)
class DecodeSettings:
    """How media are read. What changes the vectors belongs into the content key (not the two limits)."""

    frames: int = 16
    """Frames for the video encoder, evenly spaced over what really decodes."""
    size: int = 224
    """Short side and centre crop, pixels."""
    audio_s: float = 60.0
    """Seconds of sound from the start."""
    signals_s: float = 60.0
    """Seconds of picture, from the start, that motion and cuts are measured on."""
    timeout_s: float = 60.0
    """A clip that takes longer is a failed row (sandbox.py)."""
    memory_gb: float = 4.0
    """What a clip may take beyond the decoder's own start; more is a failed row (sandbox.py)."""
    fast: bool = True
    """Leave out H.264 and HEVC frames that nothing needs. The sixteen frames are bit for bit those of
    whole decoding, at about half the CPU of decord; small frames fall up to some frames later. False:
    decord decodes everything, PyAV what decord cannot."""

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of a clip's frames, uint8: (frames, height, width, colours)."""
        return self.frames, self.size, self.size, 3


@dataclass(frozen=True)
class Clip:
    """What one file gave. `status`, `error_kind`, `error_detail` are those of schema.EMBEDDINGS."""

    frames: np.ndarray | None = None  # uint8 (frames, size, size, 3), RGB, upright; None: no picture
    waveform: np.ndarray | None = None  # float32 (samples,), mono, 16 kHz, in [-1, 1]; None: no sound
    signals: dict[str, float] = field(default_factory=dict)  # of schema.SIGNALS, those that could be measured
    duration_s: float | None = None  # what decodes, the longer of picture and sound; None: nothing does
    source_frames: int | None = None  # of the whole file; None: nobody counted (finetune/decoding.py does)
    aspect: float | None = None  # width / height of the picture, upright
    decoder: str | None = None  # decord | pyav, of the picture
    status: str = OK
    error_kind: str | None = None
    error_detail: str | None = None


def load() -> None:
    """Loads what the first clip of a process would wait for (librosa compiles at its first use): on a busy
    machine that takes longer than a clip may."""
    signals.sound_signals(np.zeros(2048, np.float32), audio.RATE)


def failed(kind: str, detail: str) -> Clip:
    """The clip of a file that gave nothing."""
    return Clip(status=FAILED, error_kind=kind, error_detail=" ".join(detail.split())[:300])


def blamed(error: Exception) -> Clip:
    """The failed clip whose bytes made a library raise `error`.

    Raises `error` itself when no clip can be at fault: a module that cannot be imported, a full disk.
    """
    if isinstance(error, av.error.FFmpegError) and not isinstance(error, FileNotFoundError | MemoryError):
        return failed("unreadable", error.strerror or str(error))
    if isinstance(error, ImportError) or (isinstance(error, OSError) and error.errno in NOBODYS):
        raise error
    if isinstance(error, FileNotFoundError | UserError):
        return failed("media_missing", str(error))
    if isinstance(error, MemoryError):
        return failed("memory", str(error) or "out of memory")
    if isinstance(error, UndecodableError):
        return failed("picture_undecodable", str(error))
    if isinstance(error, OSError):
        return failed("unreadable", error.strerror or str(error))
    return failed("decoder", f"{type(error).__name__} {_place(error)}: {error}")


def _place(error: Exception) -> str:
    """Where in our own files it came up."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).parent == Path(__file__).parent] or frames
    return f"in {ours[-1].name} ({Path(ours[-1].filename).name}:{ours[-1].lineno})" if ours else "somewhere"


def decode(path: str, settings: DecodeSettings | None = None) -> Clip:
    """Reads a local path or a URI (copied to a temporary file first). See schema.py for the statuses."""
    try:
        with local(path) as file:
            return _decode(file, settings or DecodeSettings())
    except Exception as error:  # noqa: BLE001 - on untrusted bytes a library may raise anything
        return blamed(error)


def _decode(file: str, settings: DecodeSettings) -> Clip:
    with Media.of(file).container() as container:
        has_picture, has_sound = pictured(container), bool(container.streams.audio)
    if not has_picture and not has_sound:
        return failed("no_streams", "neither a video nor an audio stream")

    picture, waveform = None, None
    kind, detail = (None, None) if has_picture else ("no_picture", "sound only")
    if has_sound:
        try:
            waveform = audio.read(file, settings.audio_s)
        except UndecodableError as error:
            kind, detail = "sound_undecodable", str(error)
    if has_picture:
        try:
            picture = video.read(
                file,
                frames=settings.frames,
                size=settings.size,
                signals_s=settings.signals_s,
                fast=settings.fast,
            )
        except UndecodableError as error:
            kind, detail = "picture_undecodable", str(error)
    if picture is None and waveform is None:
        return failed(kind or "unreadable", detail or "nothing decodes")

    measured: dict[str, float] = {}
    durations: list[float] = []
    if picture is not None:
        measured |= signals.picture_signals(picture)
        durations.append(picture.duration_s)
    if waveform is not None:
        measured |= signals.sound_signals(waveform, audio.RATE)
        durations.append(len(waveform) / audio.RATE)
    return Clip(
        frames=None if picture is None else picture.frames,
        waveform=waveform,
        signals=measured,
        duration_s=max(durations),
        aspect=None if picture is None else picture.aspect,
        decoder=None if picture is None else picture.decoder,
        status=PARTIAL if has_picture and picture is None else OK,
        error_kind=kind,
        error_detail=detail,
    )


@contextmanager
def local(path: str) -> Iterator[Media]:
    """`path` opened, and closed afterwards; what a URI holds is copied first, to a file without a name."""
    media = fetched(path)
    try:
        yield media
    finally:
        if media is not path:
            media.file.close()


def fetched(path: str, folder: str | None = None, within_s: float = math.inf) -> Media:
    """`path`, or what a URI holds, opened for reading. `folder`: of the copy; None: the system's.

    FileNotFoundError, UserError: there is no such file; TimeoutError: copying takes longer than `within_s`.
    """
    if "://" not in path or isinstance(path, Media):
        return Media.of(path)
    from vvp.workspace import open_media  # pyarrow's filesystems, which local paths need not load

    end = time.monotonic() + within_s
    with open_media(path) as source, tempfile.TemporaryFile(prefix="vvp-", dir=folder) as copy:
        while chunk := source.read(1 << 20):
            if time.monotonic() > end:
                raise TimeoutError(f"more than {within_s:g} s to fetch it")
            copy.write(chunk)
        copy.flush()
        return Media(path, os.dup(copy.fileno()))
