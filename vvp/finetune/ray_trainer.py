"""The training loop on Ray Train: N workers, a state after each epoch, the same command goes on.

A run's name is the hash of its data and settings, because Ray goes on with whatever state it finds under a
name. What a cluster cannot hold is refused before anything starts. Ray reads JSON of its own, and this code
safetensors and JSON; no pickle is read back.
Not known here: the loop itself, what is made of the trained network (judge.py).
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray
import ray.train
import torch
from ray.train.torch import TorchTrainer, prepare_model
from torch import Tensor, nn

from vvp.errors import PlanError, VvpError
from vvp.finetune import judge, transfer
from vvp.finetune.clips import ClipCache
from vvp.finetune.loop import Epoch, forecast, train
from vvp.finetune.networks.registry import fill_trunk, make
from vvp.finetune.settings import TrainSettings
from vvp.finetune.task import Task
from vvp.finetune.windows import Windows
from vvp.workspace import Workspace

FAILURES, CONTROLLER_FAILURES = 2, 3


@dataclass(frozen=True, kw_only=True)
class Machines:
    """What the training may use."""

    workers: int = 1
    cpus: float | None = None
    """of a worker; None: the cluster's, divided"""
    gpus: float = 0.0
    """of a worker"""


class _RayTeam:
    """This Ray Train worker and its fellows."""

    def __init__(self) -> None:
        context = ray.train.get_context()
        self.rank, self.size = context.get_world_rank(), context.get_world_size()
        self.device = str(ray.train.torch.get_device())
        self._held: tempfile.TemporaryDirectory[str] | None = None

    def wrap(self, network: nn.Module) -> nn.Module:
        wrapped: nn.Module = prepare_model(network)
        return wrapped

    def total(self, values: Tensor) -> Tensor:
        if self.size > 1:
            values = values.clone()
            torch.distributed.all_reduce(values)
        return values

    def resume(self) -> Path | None:
        newest = ray.train.get_checkpoint()
        if newest is None:
            return None
        self._held = tempfile.TemporaryDirectory(prefix="vvp-")
        return Path(newest.to_directory(self._held.name))

    def keep(self, save: Callable[[Path], None], epoch: Epoch) -> None:
        """Every worker reports equally often: the report is a barrier."""
        if self.rank:
            ray.train.report(asdict(epoch))
            return
        with tempfile.TemporaryDirectory(prefix="vvp-") as folder:
            save(Path(folder))
            ray.train.report(asdict(epoch), checkpoint=ray.train.Checkpoint.from_directory(folder))


def fit(
    space: Workspace,
    at: str,
    videos: Sequence[str],
    task: Task,
    wanted: np.ndarray,
    settings: TrainSettings,
    mark: str,
    machines: Machines,
    weights: str | None = None,
    whole: bool = False,
) -> None:
    """Trains and writes the network, its history and its forecasts of the rows `wanted` to the folder `at`.

    weights: the file that fills the trunk; whole: the head too. ray must be initialised. PlanError: the
    cluster cannot hold the workers, or the batch does not divide.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    resources = fitting(machines, nodes, settings.batch)
    config = {
        "root": space.root, "at": at, "videos": list(videos), "task": asdict(task), "wanted": wanted,
        "settings": asdict(settings), "mark": mark, "weights": weights, "whole": whole,
        "threads": max(1, int(resources["CPU"])),
    }  # fmt: skip
    trainer = TorchTrainer(
        _worker,
        train_loop_config=config,
        scaling_config=ray.train.ScalingConfig(
            num_workers=machines.workers, use_gpu=machines.gpus > 0, resources_per_worker=resources
        ),
        run_config=ray.train.RunConfig(
            name=mark,
            storage_path=space.uri(f"{at}/state"),
            checkpoint_config=ray.train.CheckpointConfig(num_to_keep=1),
            failure_config=ray.train.FailureConfig(  # type: ignore[call-arg]  # its stub is the older one
                max_failures=FAILURES, controller_failure_limit=CONTROLLER_FAILURES
            ),
        ),
    )
    trainer.fit()
    space.remove(f"{at}/state")


def fitting(machines: Machines, nodes: Sequence[Mapping[str, float]], batch: int) -> dict[str, float]:
    """What each worker gets. nodes: the resources of each. PlanError: they do not fit."""
    if batch % machines.workers:
        raise PlanError(f"a batch of {batch} clips does not divide among {machines.workers} workers.")
    cpus, gpus = (sum(node.get(kind, 0.0) for node in nodes) for kind in ("CPU", "GPU"))
    most = int(cpus // machines.workers)
    sizes = [machines.cpus] if machines.cpus is not None else [float(n) for n in range(max(1, most), 0, -1)]
    each = next((size for size in sizes if _room(machines, nodes, size) >= machines.workers), sizes[-1])
    room = _room(machines, nodes, each)
    if room < machines.workers:
        wants = f"{each:g} CPU" + (f" and {machines.gpus:g} GPU" if machines.gpus else "")
        raise PlanError(
            f"{machines.workers} workers of {wants} each do not fit: it has {cpus:g} CPU, {gpus:g} GPU."
        )
    return {"CPU": each, **({"GPU": machines.gpus} if machines.gpus else {})}


def _room(machines: Machines, nodes: Sequence[Mapping[str, float]], cpus: float) -> int:
    """How many workers of so many CPUs the nodes hold."""
    room = 0
    for node in nodes:
        fits = [int(node.get("CPU", 0.0) / cpus + 1e-9)]
        if machines.gpus:
            fits.append(int(node.get("GPU", 0.0) / machines.gpus + 1e-9))
        room += min(fits)
    return room


def _worker(config: dict[str, Any]) -> None:
    torch.set_num_threads(config["threads"])
    settings, space = TrainSettings(**config["settings"]), Workspace(config["root"])
    cache, _ = ClipCache.open(space)
    task = Task(**config["task"])
    torch.manual_seed(settings.seed)
    network = make(settings.network, **settings.options)
    windows = Windows(cache, config["videos"], settings, network)
    if settings.begun is not None:
        transfer.begin(network, Path(config["weights"]), str(settings.weights), config["whole"])
    elif config["weights"] is not None:
        found = fill_trunk(settings.network, network, config["weights"])
        if found != settings.weights:
            raise VvpError(f"{config['weights']} is another file on this worker's machine.")
    team = _RayTeam()
    progress = train(network, windows, task, settings, team, config["mark"])
    said = forecast(network, windows, task, settings, team, config["wanted"].tolist())
    if team.rank == 0:
        judge.write_trained(space, config["at"], network, progress, said)
