"""The picture of one file: sixteen frames for the encoders, and small ones at a fixed rate for the signals.

Three ways lead to the same frames; the first that works is taken:
  skipping  PyAV, H.264 and HEVC: frames that no other refers to are not decoded, unless they are wanted
  decord    whole decoding, scaled as it goes
  whole     PyAV, for what decord cannot open (AV1, some WebM), would leave mirrored, or finds damaged
Frames are counted, never computed from a header: headers lie about counts and durations. When fewer frames
decode than there are packets, the sixteen are chosen again among those that did.
Not known here: sound, statuses, processes, time limits. The shape of a pixel is taken to be square.
"""

from dataclasses import dataclass, field, replace

import av
import decord
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from vvp.media.reader import Reader, UndecodableError, temporal_layer
from vvp.media.source import Media
from vvp.media.upright import Turn, cropped, scaled

MAX_FRAMES = 20_000  # of a longer file only the first 20,000 frames are looked at (11 minutes at 30 a second)
MAX_POINTS = (
    50e9  # pixels times frames that are decoded: 100 s of 4K at 60 a second, or 20 minutes of Full HD
)
SIGNAL_FPS = 8.0  # small frames a second
CHUNK = 16  # frames that decord hands over at a time: what bounds its memory
BAD_MEDIA = (av.error.FFmpegError, decord.DECORDError)


@dataclass(frozen=True)
class Picture:
    frames: np.ndarray  # uint8 (frames, size, size, 3), RGB, upright
    thumbs: np.ndarray  # uint8 (m, h, w, 3), RGB, as stored, uncropped, short side size / 4; m >= 1
    times: np.ndarray  # float64 (m,), seconds from the first frame, of the thumbs
    duration_s: float  # from the first frame to the end of the last one
    decoder: str  # decord | pyav
    aspect: float = float("nan")  # width / height, upright


@dataclass
class Ticker:
    """Chooses the thumbs: the first frame at or after each 1/8 s, until `until_s`."""

    until_s: float
    due: float = field(default=0.0, init=False)

    def take(self, time: float) -> bool:
        if time < self.due - 1e-6 or time >= self.until_s:
            return False
        self.due = (np.floor(time * SIGNAL_FPS + 1e-6) + 1) / SIGNAL_FPS
        return True


def read(path: str, *, frames: int, size: int, signals_s: float, fast: bool) -> Picture:
    """Decodes the best video stream of `path`; its frames are the middles of `frames` equal parts.

    Middles rather than ends, because the first and the last frame of a clip are often black. A clip of
    fewer frames repeats them. Raises UndecodableError; MemoryError when a picture is too large.
    """
    path = Media.of(path)
    look = _look(path)
    _refuse_endless(path, look)
    shape = (frames, size, signals_s)
    ways = [_decord] if not look.turn.reflected else []
    if fast and look.codec in ("h264", "hevc"):
        ways.insert(0, _skipping)
    for way in ways:
        try:
            return replace(way(path, look, *shape), aspect=look.aspect)
        except (*BAD_MEDIA, UndecodableError) as error:
            if "bad_alloc" in str(error):  # how decord says it
                raise MemoryError(str(error)) from error
    return replace(_whole(path, look, *shape), aspect=look.aspect)


@dataclass(frozen=True)
class _Look:
    turn: Turn
    width: int  # as stored, before the turn
    height: int
    codec: str

    @property
    def aspect(self) -> float:
        """Width / height as it is seen."""
        return self.height / self.width if self.turn.sideways else self.width / self.height


def _look(path: str) -> _Look:
    """What the first frame that decodes says."""
    with Reader(path) as reader:
        for frame in reader:
            return _Look(Turn.of(frame), frame.width, frame.height, reader.codec.name)
    raise UndecodableError(f"not one frame decodes ({reader.problem})")


def _refuse_endless(path: str, look: _Look) -> None:
    """UndecodableError when decoding would take longer than anybody waits; counted, not decoded."""
    with Reader(path) as reader:
        n = min(sum(1 for _ in reader.shown()), MAX_FRAMES)
    if n * look.width * look.height > MAX_POINTS:
        raise UndecodableError(f"{n} frames of {look.width}x{look.height} pixels are more than is decoded")


def _picks(n: int, frames: int) -> list[int]:
    return [int((i + 0.5) * min(n, MAX_FRAMES) / frames) for i in range(frames)]


def _span(times: np.ndarray, rate: float) -> float:
    """Seconds from the first to the end of the last of the frames shown at `times`."""
    return float((times[-1] - times[0]) * len(times) / (len(times) - 1)) if len(times) > 1 else 1 / rate


# --- decord -----------------------------------------------------------------------------------------
def _decord(path: str, look: _Look, frames: int, size: int, signals_s: float) -> Picture:
    width, height = scaled(look.width, look.height, size)
    if look.turn.sideways:
        width, height = height, width  # decord scales after it has turned
    media = Media.of(path)
    with Reader(media) as packets:
        n = sum(1 for _ in packets.shown())
    file = media.for_decord()
    if file is None:
        raise UndecodableError("decord is for MP4 and Matroska of moderate size")
    try:
        reader = decord.VideoReader(file, width=width, height=height, num_threads=1)
    except RuntimeError as error:
        raise UndecodableError(f"decord cannot open it: {error}") from error
    if len(reader) != n:
        raise UndecodableError("decord counts frames that are not shown")
    times = reader.get_frame_timestamp(range(len(reader)))[:, 0].astype(np.float64)
    ticker = Ticker(signals_s)
    ticks = [i for i, time in enumerate(times[:MAX_FRAMES] - times[0]) if ticker.take(time)]
    picks = _picks(len(times), frames)
    big: dict[int, np.ndarray] = {}
    thumbs: list[np.ndarray] = []
    wanted = sorted({*picks, *ticks})
    for start in range(0, len(wanted), CHUNK):
        indices = wanted[start : start + CHUNK]
        for index, image in zip(indices, reader.get_batch(indices).asnumpy(), strict=True):
            if index in picks:
                big[index] = cropped(image, size).copy()
            if index in ticks:
                thumbs.append(_quarter(image))
    return Picture(
        np.stack([big[index] for index in picks]),
        np.stack(thumbs),
        times[ticks] - times[0],
        _span(times, reader.get_avg_fps()),
        "decord",
    )


def _quarter(image: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) → (h // 4, w // 4, 3), the mean of each 4 x 4 block."""
    h, w = image.shape[0] // 4 * 4, image.shape[1] // 4 * 4
    blocks = image[:h, :w].reshape(h // 4, 4, w // 4, 4, 3)
    return (blocks.sum(axis=(1, 3), dtype=np.uint16) >> 4).astype(np.uint8)


# --- PyAV -------------------------------------------------------------------------------------------
@dataclass
class _Basket:
    """Gathers what a picture is made of while frames go by."""

    size: int
    ticker: Ticker
    big: dict[int, np.ndarray] = field(default_factory=dict)
    thumbs: list[np.ndarray] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    scaler: VideoReformatter = field(
        default_factory=VideoReformatter
    )  # kept: making one costs as much as using it
    shrinker: VideoReformatter = field(default_factory=VideoReformatter)

    def tick(self, frame: av.VideoFrame, time: float) -> None:
        if self.ticker.take(time):
            if self.thumbs:  # all of one shape, even when the stream changes its own half-way
                height, width = self.thumbs[0].shape[:2]
            else:
                width, height = (side // 4 for side in scaled(frame.width, frame.height, self.size))
            small = self.shrinker.reformat(frame, width, height, "rgb24", interpolation=Interpolation.AREA)
            self.thumbs.append(small.to_ndarray())
            self.times.append(time)

    def pick(self, frame: av.VideoFrame, index: int) -> None:
        width, height = scaled(frame.width, frame.height, self.size)
        image = self.scaler.reformat(frame, width, height, "rgb24", interpolation=Interpolation.BICUBIC)
        self.big[index] = cropped(Turn.of(frame).apply(image.to_ndarray()), self.size).copy()

    def picture(self, picks: list[int], duration_s: float) -> Picture:
        frames = np.stack([self.big[index] for index in picks])
        return Picture(frames, np.stack(self.thumbs), np.array(self.times), duration_s, "pyav")


def _skipping(path: str, look: _Look, frames: int, size: int, signals_s: float) -> Picture:
    """UndecodableError unless all packets have their own time stamps, none is damaged, all picks come."""
    with Reader(path) as reader:
        packets = [(packet.pts, _layer(look, packet)) for packet in reader.shown()]
        whole = not reader.bad
    stamps = [stamp for stamp, _ in packets]
    if not whole or not stamps or None in stamps or len(set(stamps)) < len(stamps):
        raise UndecodableError("time stamps are missing or repeat")
    order = sorted(stamp for stamp in stamps if stamp is not None)
    picks = _picks(len(order), frames)
    wanted = {order[index]: index for index in picks}
    last = order[min(len(order), MAX_FRAMES) - 1]
    basket = _Basket(size, Ticker(signals_s))
    top = max(layer for _, layer in packets)
    below = {stamp for stamp, layer in packets if layer < top and stamp is not None}
    with Reader(path, frozenset(wanted) | below) as reader:
        for frame in reader:
            if frame.pts is None or frame.pts > last:
                break
            basket.tick(frame, reader.seconds(frame.pts - order[0], 0))
            if frame.pts in wanted:
                basket.pick(frame, wanted[frame.pts])
    if reader.bad or len(basket.big) < len(wanted):
        raise UndecodableError("damaged")
    times = np.array(order) * float(reader.time_base)
    return basket.picture(picks, _span(times, reader.rate))


def _layer(look: _Look, packet: av.Packet) -> int:
    """HEVC's "refers to nothing" holds within a temporal layer, so that only the top layer may be skipped."""
    layer = temporal_layer(packet) if look.codec == "hevc" else 0
    if layer is None:
        raise UndecodableError("temporal layers unknown")
    return layer


def _whole(path: str, look: _Look, frames: int, size: int, signals_s: float) -> Picture:
    """Decodes everything, twice when fewer frames decode than the file has packets."""
    with Reader(path) as reader:
        n = sum(1 for _ in reader.shown())
    for _ in range(2):
        picks = _picks(n, frames)
        basket, times = _Basket(size, Ticker(signals_s)), []
        with Reader(path) as reader:
            for index, frame in enumerate(reader):
                if index == MAX_FRAMES:
                    break
                times.append(reader.seconds(frame.pts, index))
                basket.tick(frame, times[-1] - times[0])
                if index in picks:
                    basket.pick(frame, index)
        if not times:
            raise UndecodableError(f"not one frame decodes ({reader.problem})")
        if len(times) == min(n, MAX_FRAMES):
            break
        n = len(times)
    if len(basket.big) < len(set(picks)):
        raise UndecodableError("decodes differently each time")
    return basket.picture(picks, _span(np.sort(times), reader.rate))
