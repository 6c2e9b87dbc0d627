"""The decoder of the online app: offline's, after a look at what the file is. For the sandbox's child.

Not known here: the sandbox, Ray, HTTP. Imports little, because the child imports it.
"""

from dataclasses import dataclass

import av

from vvp.media.decode import Clip, DecodeSettings, blamed, decode, failed
from vvp.media.sandbox import Decoder
from vvp.media.source import Media


@dataclass(frozen=True)
class Within:
    """Decodes media of at most `longest_s` seconds; what is longer is a failed clip of kind `too_long`."""

    longest_s: float
    decode: Decoder = decode

    def __call__(self, path: str, settings: DecodeSettings) -> Clip:
        try:
            seconds = packed_seconds(path, self.longest_s)
        except Exception as error:  # noqa: BLE001 - on untrusted bytes a library may raise anything
            return blamed(error)
        if seconds is not None and seconds > self.longest_s:
            return self._too_long(seconds)
        clip = self.decode(path, settings)
        if clip.duration_s is not None and clip.duration_s > self.longest_s:
            return self._too_long(clip.duration_s)
        return clip

    def _too_long(self, seconds: float) -> Clip:
        return failed("too_long", f"it lasts {seconds:.0f} s, and {self.longest_s:g} s is the most")


def packed_seconds(path: str, longest_s: float) -> float | None:
    """How long the file says it is; null: it does not say. FFmpegError when it is none of source.FORMATS.

    A header that states more than longest_s is not believed (some are off by days): then the packets are
    counted, which decodes nothing.
    """
    with Media.of(path).container() as container:
        stated = container.duration / av.time_base if container.duration else None
        if stated is not None and stated <= longest_s:
            return stated
        stream = container.streams.best("video") or container.streams.best("audio")
        if stream is None or stream.time_base is None:
            return stated
        ticks = 0
        try:
            for packet in container.demux(stream):
                ticks += packet.duration or 0
        except MemoryError:
            raise
        except av.error.FFmpegError:
            pass  # damage: what came before it counts, and decode says what is wrong
        return float(ticks * stream.time_base) or stated
