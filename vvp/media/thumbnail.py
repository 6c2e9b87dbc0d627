"""A small picture of one video: the key frame nearest after its middle, upright. For people, not for models.

Key frames alone are decoded, one as a rule, so this costs a fiftieth of decoding the clip. Media are
untrusted: run `decode` in the sandbox (sandbox.py), as `thumbnails` does. Not known here: what the picture
is shown in.
"""

import base64
import io
from collections.abc import Callable, Mapping

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from PIL import Image

from vvp.media.decode import Clip, DecodeSettings, blamed, local
from vvp.media.reader import Reader, UndecodableError, has_picture
from vvp.media.sandbox import Sandbox
from vvp.media.source import Media
from vvp.media.upright import Turn, scaled

SETTINGS = DecodeSettings(size=96, timeout_s=15.0, memory_gb=2.0)
QUALITY = 70  # JPEG


def decode(path: str, settings: DecodeSettings = SETTINGS) -> Clip:
    """A Clip whose `frames` are uint8 (1, h, w, 3), RGB, the short side settings.size; bad media give a
    failed Clip and never raise. `path`: local, or a URI (copied to a temporary file first)."""
    try:
        with local(path) as file:
            return Clip(frames=_picture(file, settings.size)[None])
    except Exception as error:  # noqa: BLE001 - on untrusted bytes a library may raise anything
        return blamed(error)


def thumbnails(
    paths: Mapping[str, str], tell: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, str]:
    """video_id → JPEG as a data: URI, for those of `paths` (video_id → path or URI) that could be decoded.
    tell(done, total) after each."""
    found = {}
    with Sandbox(SETTINGS, decode) as sandbox:
        for number, (video, path) in enumerate(paths.items(), 1):
            clip = sandbox.decode(path)
            if clip.frames is not None:
                found[video] = data_uri(clip.frames[0])
            tell(number, len(paths))
    return found


def data_uri(image: np.ndarray) -> str:
    """uint8 (h, w, 3) → data:image/jpeg;base64,…"""
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(out, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _picture(file: str, size: int) -> np.ndarray:
    """uint8 (h, w, 3), upright. UndecodableError when no key frame decodes."""
    with Media.of(file).container() as container:
        if not has_picture(container):
            raise UndecodableError("there is no video stream")
    with Reader(file) as reader:  # counted, not read from a header: headers lie
        keys = sum(1 for packet in reader.shown() if packet.is_keyframe)
    for first in dict.fromkeys((keys // 2, 0)):
        frame = _first_from(file, first)
        if frame is not None:
            turn = Turn.of(frame)
            width, height = scaled(frame.width, frame.height, size)
            # One that ends here: the scaler that a frame keeps for itself holds threads until it is
            # collected.
            small = VideoReformatter().reformat(
                frame, width, height, "rgb24", interpolation=Interpolation.AREA
            )
            return turn.apply(small.to_ndarray())
    raise UndecodableError("no key frame decodes")


def _first_from(file: str, first: int) -> av.VideoFrame | None:
    """The first frame that decodes among key frames number `first` and later."""
    with Reader(file) as reader:
        reader.codec.skip_frame = "NONKEY"
        seen = 0
        for packet in reader.packets():
            if packet.size:
                seen += packet.is_keyframe and not packet.is_discard
                if not packet.is_keyframe or seen <= first:
                    continue
            try:
                for frame in packet.decode():  # an empty packet, at the end, gives what was held back
                    return frame
            except av.error.FFmpegError:
                continue
    return None
