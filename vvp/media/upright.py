"""How a decoded picture becomes upright and 224 x 224. Arrays only; not known here: who decoded it."""

from dataclasses import dataclass
from typing import Any

import av
import numpy as np

MAX_ASPECT = 8  # longer strips are squeezed to 8:1, so that no scaled picture is larger than 224 x 1792


@dataclass(frozen=True)
class Turn:
    """What brings a stored picture upright: transpose, then flip left-right, then flip up-down."""

    sideways: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @property
    def reflected(self) -> bool:
        """A mirror image: decord, which knows rotations only, would leave it so."""
        return (self.sideways + self.flip_x + self.flip_y) % 2 == 1

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Turn":
        """From the display matrix, which sends (x, y) to (ax + cy, bx + dy); to the nearest quarter turn."""
        try:
            matrix: Any = frame.side_data.get("DISPLAYMATRIX")
        except ValueError:  # PyAV knows no name for other side data of this frame, as of a spatial video
            return cls._turned(frame.rotation)
        if matrix is None:
            return cls()
        a, b, _, c, d = np.frombuffer(matrix, np.int32)[:5].tolist()
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(True, c < 0, b < 0)
        return cls(False, a < 0, d < 0)

    @classmethod
    def _turned(cls, degrees: int) -> "Turn":
        """From the angle alone, counter-clockwise, in which a mirror image cannot be seen."""
        quarters = round(degrees / 90) % 4
        return cls(quarters % 2 == 1, quarters in (2, 3), quarters in (1, 2))

    def apply(self, image: np.ndarray) -> np.ndarray:
        """uint8 (h, w, 3) as stored → a view of it, upright."""
        image = image.transpose(1, 0, 2) if self.sideways else image
        return image[:: -1 if self.flip_y else 1, :: -1 if self.flip_x else 1]


def scaled(width: int, height: int, size: int) -> tuple[int, int]:
    """(width, height) after scaling so that the short side is `size`."""
    long = round(size * min(max(width, height) / min(width, height), MAX_ASPECT))
    return (long, size) if width > height else (size, long)


def cropped(image: np.ndarray, size: int) -> np.ndarray:
    """The centre `size` x `size` of uint8 (h, w, 3), as a view."""
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]
