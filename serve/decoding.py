"""The decoder of the online app: offline's, after a look at how long the file is. For the sandbox's child.

Not known here: the sandbox, Ray, HTTP. Imports little, because the child imports it.
"""

from dataclasses import dataclass

import av

from vvp.media.decode import Clip, DecodeSettings, decode, failed
from vvp.media.sandbox import Decoder


@dataclass(frozen=True)
class Within:
    """Decodes files of at most `longest_s` seconds; a longer one is a failed clip of kind `too_long`."""

    longest_s: float
    decode: Decoder = decode

    def __call__(self, path: str, settings: DecodeSettings) -> Clip:
        seconds = packed_seconds(path, self.longest_s)
        if seconds is not None and seconds > self.longest_s:
            return self._too_long(seconds)
        clip = self.decode(path, settings)
        if clip.duration_s is not None and clip.duration_s > self.longest_s:
            return self._too_long(clip.duration_s)
        return clip

    def _too_long(self, seconds: float) -> Clip:
        return failed(
            "too_long", f"it lasts {seconds:.0f} s; the longest that is taken is {self.longest_s:g} s"
        )


def packed_seconds(path: str, longest_s: float) -> float | None:
    """How long the file says it is; null: it cannot be opened or does not say.

    A header that states more than longest_s is not believed (some are off by days): then the packets are
    counted, which decodes nothing.
    """
    try:
        with av.open(path, metadata_errors="ignore") as container:
            stated = container.duration / av.time_base if container.duration else None
            if stated is not None and stated <= longest_s:
                return stated
            streams = container.streams
            stream = streams.best("video") or streams.best("audio")
            if stream is None or stream.time_base is None:
                return stated
            ticks = sum(packet.duration or 0 for packet in container.demux(stream) if not packet.is_corrupt)
            return float(ticks * stream.time_base) or stated
    except (av.error.FFmpegError, OSError):
        return None  # decode says what is wrong with it
