"""The sound of one file as the encoders want it: 16 kHz, mono, float32. Not known here: picture, statuses."""

import av
import numpy as np

from vvp.media.reader import MAX_BAD_PACKETS, UndecodableError
from vvp.media.source import Media, known

RATE = 16_000


def read(path: str, seconds: float) -> np.ndarray | None:
    """float32 (samples,) in [-1, 1], the first `seconds`; None without an audio stream.

    UndecodableError when there is one, but not a sample of it can be had.
    All-silent sound is sound. Damaged packets are left out; a sample that is no number becomes silence.
    """
    with Media.of(path).container() as container:
        if not container.streams.audio:
            return None
        stream = container.streams.best("audio")
        if not isinstance(stream, av.AudioStream) or stream.codec_context is None:
            raise UndecodableError("no decoder knows its codec")
        if not known(stream.codec_context.name):
            raise UndecodableError(f"its codec, {stream.codec_context.name}, is not on the list")
        problem, bad, have, parts = "it is empty", 0, 0, []
        resampler = _Resampler()
        packets = container.demux(stream)
        while bad < MAX_BAD_PACKETS and have < seconds * RATE:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except av.error.FFmpegError as error:  # damage between packets; the next one may be whole
                bad, problem = bad + 1, str(error.strerror)
                continue
            try:
                samples = [resampler.feed(frame) for frame in packet.decode()]
            except av.error.FFmpegError as error:
                bad, problem = bad + 1, str(error.strerror)
                continue
            parts += samples
            have += sum(map(len, samples))
        parts.append(resampler.feed(None))
    waveform = np.concatenate(parts)[: int(seconds * RATE)]
    if not len(waveform):
        raise UndecodableError(f"no sample decodes ({problem})")
    return np.clip(np.nan_to_num(waveform, nan=0.0), -1, 1)


class _Resampler:
    """PyAV's resampler, made anew when the stream changes its format half-way."""

    def __init__(self) -> None:
        self.kind: tuple[str, str, int] | None = None
        self.inner: av.AudioResampler | None = None

    def feed(self, frame: av.AudioFrame | None) -> np.ndarray:
        """float32 (samples,): what comes out for `frame`; None: what was held back."""
        held = np.empty(0, np.float32)
        if frame is not None:
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            if kind != self.kind:
                held = self.feed(None)
                self.kind, self.inner = kind, av.AudioResampler(format="flt", layout="mono", rate=RATE)
            frame.pts = None  # stamps that jump would make the resampler refuse or pad
        if self.inner is None:
            return held
        return np.concatenate([held, *(out.to_ndarray()[0] for out in self.inner.resample(frame))])
