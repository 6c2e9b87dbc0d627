"""What a network of another collection taught, as the beginning of one of this collection.

Everything of the other workspace is untrusted: its record is typed, its tensors are checked key by key and
against the hash that was written with them, and no video that is forecast here may lie there, because its
network may have learned from it.
Not known here: training, how the other one was made.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vvp.encoders.weights import sha256
from vvp.errors import UserError
from vvp.finetune.judge import TENSORS, TRAINED
from vvp.finetune.networks.base import Network, parameters, read_tensors, take
from vvp.finetune.networks.registry import find, make
from vvp.finetune.results import RESULT, NetworkResult
from vvp.finetune.settings import TrainSettings
from vvp.paths import RunPaths
from vvp.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One network of another workspace."""

    space: Workspace
    settings: TrainSettings
    mark: str
    target: str
    classes: int
    file: Path
    digest: str
    """sha256 of the file"""

    def whole(self, target: str, classes: int) -> bool:
        """Whether its head is of use as well: it forecasts the same thing."""
        return (self.target, self.classes) == (target, classes)


def origin(where: str, network: str, target: str) -> Origin:
    """The network of that kind with the least validation loss in a run of another workspace.

    where: WORKSPACE/RUN. One that forecasts `target` is taken before one of another target. UserError: there
    is none, or it is damaged.
    """
    root, _, name = where.rstrip("/").rpartition("/")
    if not root or "://" in root:
        raise UserError(
            f"--from {where}: write FOLDER/RUN, a workspace that is a folder and the name of a run."
        )
    space = Workspace.existing(root)
    found = [_read(space, at) for at in _folders(space, name, network)]
    if not found:
        raise UserError(
            f"the run {name} of {root} has no network {network}: `vvp finetune {network}` makes one."
        )
    same = [one for one in found if one[0].target == target] or found
    result, at = min(same, key=lambda one: one[0].history[one[0].best].validation)
    again = f"run `vvp finetune {network}` there again"
    facts = space.read_json(f"{at}/{TRAINED}")
    file = Path(space.uri(f"{at}/{TENSORS}")).absolute()
    with space.taken_apart(f"{at}/{RESULT}", again):
        settings = TrainSettings(**json.loads(result.settings))
        if type(settings.options) is not dict or {type(settings.frames), type(settings.pixels)} != {int}:
            raise ValueError("settings of another shape")
        if facts["mark"] != result.mark or not at.endswith(f"/{network}-{result.mark}"):
            raise ValueError("the record is of another network")
        if settings.network != network or facts["sha256"] != sha256(file):
            raise ValueError(f"{TENSORS} is not what was written with it")
    return Origin(
        space=space, settings=settings, mark=result.mark, target=result.target, file=file,
        classes=len(result.labels), digest=str(facts["sha256"]),
    )  # fmt: skip


def _folders(space: Workspace, name: str, network: str) -> list[str]:
    """Those of the finished networks of that kind, whatever they forecast."""
    homes = [RunPaths(name, target).networks for target in space.folders(RunPaths(name).home)]
    found = [f"{home}/{one}" for home in homes for one in space.folders(home)]
    return [at for at in found if Path(at).name.startswith(f"{network}-") and space.exists(f"{at}/{RESULT}")]


def _read(space: Workspace, at: str) -> tuple[NetworkResult, str]:
    result = NetworkResult.read(space.read_json(f"{at}/{RESULT}"), space.uri(at), "`vvp finetune` there")
    if not 0 <= result.best < len(result.history):
        raise UserError(f"{space.uri(at)}/{RESULT} is damaged: run `vvp finetune` there again.")
    return result, at


def refuse_shared(one: Origin, space: Workspace, forecast: Sequence[Any] | np.ndarray) -> None:
    """UserError: a video that is forecast here, by its id or the bytes of its media, lies in the other
    workspace too. forecast: ids of the validation and the test part."""
    asked = ["video_id", "media_sha256"]
    theirs, ours = (of.read("videos", asked).to_pylist() for of in (one.space, space))
    known = {row["video_id"] for row in theirs} | {row["media_sha256"] for row in theirs} - {None}
    wanted = set(forecast)
    shared = [r for r in ours if r["video_id"] in wanted and known & {r["video_id"], r["media_sha256"]}]
    if shared:
        raise UserError(
            f"{len(shared)} of the {len(wanted)} videos that are forecast here lie in {one.space.root} too,"
            f" such as {shared[0]['video_id']}: what its network learned of them would be told to this one."
        )


def options(one: Origin, dropout: float, width: float | None, classes: int) -> dict[str, Any]:
    """What the network is made with: as the other, but for its dropout and how many classes it says.

    UserError: another width was asked for, or the record says a network that its file cannot hold.
    """
    own = {k: v for k, v in one.settings.options.items() if k not in ("dropout", "outputs")}
    if width is not None and own.get("width") != width:
        raise UserError(
            f"the network of --from has the width {own.get('width', 'of its folder')}, not {width}."
        )
    if not find(one.settings.network).reconstructs:
        own |= {"dropout": dropout, **({"outputs": classes} if classes > 2 else {})}
    try:
        with torch.device("meta"):
            numbers = parameters(make(one.settings.network, **own))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"the record of --from makes no network ({str(error)[:100]}).") from error
    if 4 * numbers > 2 * one.file.stat().st_size + 1_000_000:
        raise UserError(f"the record of --from says {numbers:,} parameters, which {one.file} cannot hold.")
    return own


def begin(network: Network, file: Path, digest: str, whole: bool) -> None:
    """Fills the network from the file; its head as well where `whole`. WeightsError: it does not fit.
    UserError: it is another file than the one that was checked."""
    if sha256(file) != digest:
        raise UserError(f"{file} is another file than a moment ago, or on this worker's machine.")
    tensors = read_tensors(file)
    if not whole:
        own = network.state_dict()
        tensors = {k: v for k, v in tensors.items() if not k.startswith("head.")}
        tensors |= {k: v for k, v in own.items() if k.startswith("head.")}
    take(network, tensors, str(file))
