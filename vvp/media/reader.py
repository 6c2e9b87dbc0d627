"""Frames and packets of one video stream, through PyAV, as many as a damaged file will give.

Not known here: which frames somebody wants, and what they become.
"""

from collections.abc import Iterator

import av

from vvp.media.source import Media, known

MAX_PIXELS = 8192 * 4320  # the largest picture that is decoded (8K); more is refused before allocation
MAX_BAD_PACKETS = 300  # after as many packets that do not decode, the rest is not tried


class UndecodableError(Exception):
    """There is a stream, but nothing of it can be had. The message says why, in one line."""


def has_picture(container: "av.container.InputContainer") -> bool:
    """Whether there is a video stream, decodable or not. A cover image is none."""
    cover = av.stream.Disposition.attached_pic
    return any(not stream.disposition & cover for stream in container.streams.video)


class Reader:
    """Iterates over the frames that decode, in the order of showing; damaged packets are left out.

    `keep`: the time stamps that are wanted; given, frames that nothing refers to are decoded only when
    they are among them.
    """

    def __init__(self, path: str, keep: frozenset[int] | None = None) -> None:
        self.container = Media.of(path).container()
        stream = self.container.streams.best("video")  # the one that a player would show
        if not isinstance(stream, av.VideoStream):
            raise UndecodableError("no decoder knows its codec")
        if stream.codec_context is None:  # PyAV's type hints do not know of it
            raise UndecodableError("no decoder knows its codec")
        if not known(stream.codec_context.name):
            raise UndecodableError(f"its codec, {stream.codec_context.name}, is not on the list")
        if stream.time_base is None:
            raise UndecodableError("a video stream without a clock")
        self.stream, self.codec, self.keep = stream, stream.codec_context, keep
        self.time_base = stream.time_base
        if self.codec.width * self.codec.height > MAX_PIXELS:
            raise MemoryError(f"a picture of {self.codec.width}x{self.codec.height} pixels is refused")
        self.codec.options = {"max_pixels": str(MAX_PIXELS)}
        self.codec.thread_count = 1  # the cores are shared by the actors
        self.rate = float(stream.guessed_rate or 30)
        self.bad, self.problem = 0, "it is empty"

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exc: object) -> None:
        self.container.close()

    def packets(self) -> Iterator[av.Packet]:
        """All packets of the stream, the empty one at the end that asks for held back frames included."""
        packets = self.container.demux(self.stream)
        while self.bad < MAX_BAD_PACKETS:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError as error:  # damage between packets; the next one may be whole
                self._note(error)
                continue
            yield packet

    def shown(self) -> Iterator[av.Packet]:
        """The packets that each ought to give one frame, undecoded."""
        return (packet for packet in self.packets() if packet.size and not packet.is_discard)

    def __iter__(self) -> Iterator[av.VideoFrame]:
        for packet in self.packets():
            if self.keep is not None:
                self.codec.skip_frame = "DEFAULT" if packet.pts in self.keep else "NONREF"
            try:
                yield from packet.decode()
            except av.error.FFmpegError as error:
                self._note(error)

    def _note(self, error: av.error.FFmpegError) -> None:
        if isinstance(error, MemoryError):
            raise error
        self.bad += 1
        self.problem = str(error.strerror)

    def seconds(self, stamp: int | None, index: int) -> float:
        return index / self.rate if stamp is None else float(stamp * self.time_base)


def temporal_layer(packet: av.Packet) -> int | None:
    """The temporal layer, from 0, of the frame in an HEVC packet; None: its units have no length prefixes."""
    data, at, layer = memoryview(packet), 0, 0
    while at + 6 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4] >> 1 & 63
        if length < 2:
            return None
        if kind < 32:  # a piece of the picture
            layer = max(layer, (data[at + 5] & 7) - 1)
        at += 4 + length
    return layer if at == len(data) else None
