"""What was asked of a network → what it is made with, what it sees, which file fills it.

Everything that is wrong with it is found here, before Ray starts.
Not known here: training, data.
"""

from dataclasses import dataclass
from typing import Any

from vvp.dataset.targets import VIEWS
from vvp.errors import UserError
from vvp.finetune import transfer
from vvp.finetune.networks.base import Network
from vvp.finetune.networks.pretrained import Pretrained
from vvp.finetune.networks.registry import fill_trunk, find, make
from vvp.finetune.transfer import Origin

FRAMES, PIXELS = 32, 112  # of a window, where neither the user nor the network says


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One network, settled."""

    options: dict[str, Any]
    """what it is made with, as JSON"""
    frames: int
    pixels: int
    weights: str | None
    """the file or folder that fills its trunk; None: random numbers"""
    digest: str | None
    """sha256 of that file"""
    begun: str | None = None
    """mark of the other collection's network that `weights` is"""
    whole: bool = False
    """its head too"""


def planned(
    network: str, *, width: float | None = None, dropout: float = 0.5, frames: int | None = None,
    pixels: int | None = None, weights: str | None = None, models: str | None = None, classes: int = 0,
    origin: Origin | None = None, target: str = VIEWS.name,
) -> Plan:  # fmt: skip
    """None: the network's own. weights: a file, or a folder; models: where those of pretrained.py lie;
    classes: of the target, 0 for a number; origin: another collection's network, to begin with.

    UserError: an option that the network has not. WeightsError: weights that are absent or do not fit it.
    """
    if origin is not None:
        if weights is not None or models is not None:
            raise UserError("--from gives all weights: leave --weights and --models out.")
        options = transfer.options(origin, dropout, width, classes)
        # It sees what that one saw, unless something else is asked for.
        frames, pixels = frames or origin.settings.frames, pixels or origin.settings.pixels
    else:
        options, weights = _options(network, width, dropout, frames, weights, models)
        if classes > 2:
            options["outputs"] = classes
    made: Network = make(network, **options)
    frames, pixels = _seen(network, made.sees, frames, pixels)
    if origin is not None:
        whole = origin.whole(target, classes)
        transfer.begin(made, origin.file, origin.digest, whole)
        return Plan(
            options=options, frames=frames, pixels=pixels, weights=str(origin.file), digest=origin.digest,
            begun=origin.mark, whole=whole,
        )  # fmt: skip
    digest = None if weights is None else fill_trunk(network, made, weights)
    return Plan(options=options, frames=frames, pixels=pixels, weights=weights, digest=digest)


def _options(
    network: str, width: float | None, dropout: float, frames: int | None, weights: str | None,
    models: str | None,
) -> tuple[dict[str, Any], str | None]:  # fmt: skip
    """What the network is made with, and the file or folder that fills it."""
    kind = find(network)
    options: dict[str, Any] = {} if kind.reconstructs else {"dropout": dropout}
    if issubclass(kind, Pretrained):
        if width is not None:
            raise UserError(f"the folder of {network} says how large it is: leave --width out.")
        folder = kind.locate(weights, models)
        return options | kind.described(folder, frames), str(folder)
    if models is not None:
        raise UserError(f"{network} lies in no folder of models: give its file as --weights.")
    return options | {"width": 1.0 if width is None else width}, weights


def _seen(
    network: str, sees: tuple[int, int] | None, frames: int | None, pixels: int | None
) -> tuple[int, int]:
    if sees is None:
        return frames or FRAMES, pixels or PIXELS
    for what, asked, own in (("frames", frames, sees[0]), ("pixels", pixels, sees[1])):
        if asked not in (None, own):
            raise UserError(f"{network} sees {own} {what}, not {asked}: leave --{what} out.")
    return sees
