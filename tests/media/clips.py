"""Small clips made by PyAV, so that the tests need no media of anybody's."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

Matrix = Sequence[int]


def write(
    path: Path,
    images: Sequence[np.ndarray],
    fps: int = 30,
    sound: np.ndarray | None = None,
    rate: int = 44_100,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: Matrix | None = None,
    options: dict[str, str] | None = None,
) -> str:
    """`images`: uint8 (h, w, 3); `sound`: float32 (samples,) mono. Returns the path as decode() wants it."""
    with av.open(str(path), "w", options=options or {}) as out:
        video = audio = None
        if len(images):
            video = out.add_stream(codec, rate=fps)
            video.height, video.width = images[0].shape[:2]
            video.pix_fmt = pixels
            if codec in ("libx264", "libx265"):
                video.options = {"preset": "veryfast", "crf": "12"}
            if matrix is not None:
                video.set_display_matrix(matrix)
        if sound is not None:
            audio = out.add_stream("aac", rate=rate, layout="mono")
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(video.encode(frame))
        if video is not None:
            out.mux(video.encode())
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = rate, 0
            out.mux(audio.encode(frame))
            out.mux(audio.encode())
    return str(path)


def counting(n: int, width: int = 96, height: int = 160) -> list[np.ndarray]:
    """Frame i shows i in binary, as ten black or white bands: what `number_of` reads back."""
    images = []
    for i in range(n):
        image = np.zeros((height, width, 3), np.uint8)
        for bit in range(10):
            image[:, bit * width // 10 : (bit + 1) * width // 10] = 255 * (i >> bit & 1)
        images.append(image)
    return images


def number_of(frame: np.ndarray) -> int:
    size = frame.shape[1]
    middles = [int((bit + 0.5) * size / 10) for bit in range(10)]
    return sum(int(frame[size // 2, x].mean() > 127) << bit for bit, x in enumerate(middles))


def textured(height: int, width: int, seed: int) -> np.ndarray:
    """A picture of large soft blocks in colours of its own."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (4, 4, 3)).astype(np.uint8)
    return np.kron(blocks, np.ones((height // 4, width // 4, 1), np.uint8))


def tone(seconds: float, rate: int, hertz: float = 440.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)
