"""One file → its frames at a fixed rate and its sound as log-mel, for the cache that networks learn from.

Runs in the decoder's child (media/sandbox.py). At every 1/fps of a second stands the frame that a player
would show then, so the rate is the same for every clip, whatever its own. Bad media give a failed Clip.
Not known here: the cache, windows, networks.
"""

from dataclasses import dataclass

import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from vvp.media import audio
from vvp.media.decode import Clip, DecodeSettings, blamed, failed, local
from vvp.media.reader import Reader, UndecodableError, has_picture
from vvp.media.source import Media
from vvp.media.upright import Turn, scaled
from vvp.media.video import MAX_FRAMES

MEL_BINS, MEL_RATE = 64, 100  # bands; columns a second
MEL_FLOOR = 1e-6


@dataclass(frozen=True, kw_only=True)
class ClipSettings(DecodeSettings):
    """How clips are kept for training. `size` is the short side of the frames, pixels."""

    size: int = 128
    fps: float = 8.0
    """Frames a second that are kept."""
    length_s: float = 16.0
    """Seconds from the start that are kept, of picture and of sound."""

    @property
    def most_frames(self) -> int:
        return max(1, round(self.fps * self.length_s))

    @property
    def longest(self) -> int:
        """The most pixels of the long side: 4 to 3, what lies beyond is cut off at both ends."""
        return round(self.size * 4 / 3)

    @property
    def most_bytes(self) -> int:
        """The most that one clip takes on the disk."""
        frames = self.most_frames * self.size * self.longest * 3
        return frames + round(self.length_s * MEL_RATE + 1) * MEL_BINS * 2


def decode(path: str, settings: DecodeSettings) -> Clip:
    """A Clip whose `frames` are uint8 (T, h, w, 3) and whose `waveform` is the log-mel, float32 (S, 64)."""
    assert isinstance(settings, ClipSettings)
    try:
        with local(path) as file:
            return _decode(file, settings)
    except Exception as error:  # noqa: BLE001 - on untrusted bytes a library may raise anything
        return blamed(error)


def _decode(file: Media, settings: ClipSettings) -> Clip:
    with Media.of(file).container() as container:
        picture, sound = has_picture(container), bool(container.streams.audio)
    if not picture:
        return failed("no_picture", "there is no video stream")
    frames, source = _frames(file, settings)
    mel, kind, detail = None, None, None
    if sound:
        try:
            waveform = audio.read(file, settings.length_s)
            mel = None if waveform is None else log_mel(waveform)
        except UndecodableError as error:
            kind, detail = "sound_undecodable", str(error)
    return Clip(
        frames=frames, waveform=mel, source_frames=source, decoder="pyav", error_kind=kind,
        error_detail=detail,
    )  # fmt: skip


def _frames(file: Media, settings: ClipSettings) -> tuple[np.ndarray, int]:
    """(uint8 (T, h, w, 3), upright; how many frames the file holds, at most MAX_FRAMES)."""
    with Reader(file) as reader:
        source = min(sum(1 for _ in reader.shown()), MAX_FRAMES)
    scaler = VideoReformatter()
    kept: list[np.ndarray] = []
    held: np.ndarray | None = None
    shape: tuple[int, ...] | None = None
    first = last = 0.0
    with Reader(file) as reader:
        for index, frame in enumerate(reader):
            time = reader.seconds(frame.pts, index)
            first = time if index == 0 else first
            last = max(last, time - first)
            while (
                held is not None and len(kept) < settings.most_frames and _due(kept, settings) < last - 1e-6
            ):
                kept.append(held)
            if len(kept) == settings.most_frames or index == MAX_FRAMES:
                break
            width, height = scaled(frame.width, frame.height, settings.size)
            small = scaler.reformat(frame, width, height, "rgb24", interpolation=Interpolation.AREA)
            image = _centre(Turn.of(frame).apply(small.to_ndarray()), settings.longest)
            if (
                shape is None or image.shape == shape
            ):  # a stream that changes its shape keeps its last picture
                held, shape = np.ascontiguousarray(image), image.shape
        rate, problem = reader.rate, reader.problem
    if held is None:
        raise UndecodableError(f"not one frame decodes ({problem})")
    end = last + 1 / max(rate, 1.0)  # the last one is shown for as long as a frame is
    while len(kept) < settings.most_frames and (not kept or _due(kept, settings) < end - 1e-6):
        kept.append(held)
    return np.stack(kept), source


def _due(kept: list[np.ndarray], settings: ClipSettings) -> float:
    return len(kept) / settings.fps


def _centre(image: np.ndarray, longest: int) -> np.ndarray:
    top, left = (max(0, side - longest) // 2 for side in image.shape[:2])
    return image[top : top + longest, left : left + longest]


def log_mel(waveform: np.ndarray) -> np.ndarray:
    """float32 (samples,) at 16 kHz → float32 (S, 64): log of mel power, 25 ms windows, 100 a second."""
    import librosa  # only the process that decodes should pay for it

    hop = audio.RATE // MEL_RATE
    power = librosa.feature.melspectrogram(
        y=waveform, sr=audio.RATE, n_fft=512, win_length=audio.RATE // 40, hop_length=hop, n_mels=MEL_BINS
    )
    return np.ascontiguousarray(np.log(power + MEL_FLOOR).T, np.float32)
