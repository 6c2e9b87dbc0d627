"""How a published model wants its pixels: the channels' shift and scale, as the file beside its weights says.

Not known here: any particular model.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vvp.errors import WeightsError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FILES = ("preprocessor_config.json", "video_preprocessor_config.json")
Channels = tuple[float, float, float]


def normalisation(
    folder: Path, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
) -> tuple[Channels, Channels]:
    """Channel mean and standard deviation of pixels in [0, 1]; `mean` and `std` where no file states them.

    A file may rescale pixels otherwise (ViViT's go from -1 to 1 before the mean is taken off): that is part
    of what comes back. WeightsError: the file is damaged.
    """
    file = next((folder / name for name in FILES if (folder / name).is_file()), None)
    if file is None:
        return _channels(mean), _channels(std)
    try:
        stated: dict[str, Any] = json.loads(file.read_text())
        mean, std = stated.get("image_mean") or mean, stated.get("image_std") or std
        if stated.get("do_normalize") is False:
            mean, std = (0.0,) * 3, (1.0,) * 3
        factor = float(stated.get("rescale_factor") or 1 / 255) * 255
        shift = 1.0 if stated.get("offset") else 0.0
        found = (
            _channels([(float(m) + shift) / factor for m in mean]),
            _channels([float(s) / factor for s in std]),
        )
        if min(found[1]) <= 0:
            raise ValueError("a standard deviation of 0 or less")
    except (OSError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise WeightsError(f"{file} cannot be read ({str(error)[:100]}).") from error
    return found


def _channels(values: Sequence[float]) -> Channels:
    red, green, blue = (float(value) for value in values)
    if not all(map(math.isfinite, (red, green, blue))):
        raise ValueError("a number that is not finite")
    return red, green, blue
