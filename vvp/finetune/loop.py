"""The training loop: one network, one table of clips, any number of workers. Plain torch.

Every step sees `batch` clips of one order that follows from (seed, epoch); each worker takes its equal share
of them, so all take the same number of steps and the gradient is that of the whole batch. The last batch is
filled from the beginning of the order. Where a run goes on, it begins the epoch again that it was in.
Batch norm sees the clips of its own worker alone on CPUs; group and layer norm do not care.
A state is safetensors and JSON: weights, optimiser, best weights, what happened so far. No pickle.
Not known here: Ray (ray_trainer.py), where clips and labels come from.
"""

import copy
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vvp.encoders.precision import has_bfloat16
from vvp.errors import VvpError
from vvp.finetune.networks.base import Batch, Network, read_tensors, take
from vvp.finetune.settings import TrainSettings
from vvp.finetune.task import Task
from vvp.finetune.windows import Windows

STATE, WEIGHTS, BEST, OPTIMISER = (
    "state.json", "weights.safetensors", "best.safetensors", "optimiser.safetensors"
)  # fmt: skip
FORECAST_BATCH = 8
NORM_STEPS = 16


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch gave."""

    epoch: int
    loss: float
    """mean of the steps: on the standardised scale, of classes the log loss, of an autoencoder its mean
    squared error"""
    validation: float
    """the criterion, on the target's own scale; of an autoencoder its mean squared error"""
    lr: float
    seconds: float
    waited: float
    """share of the time in which the trainer waited for clips"""
    clips_per_second: float


@dataclass
class Progress:
    """What a state holds besides tensors."""

    mark: str
    history: list[Epoch] = field(default_factory=list)
    best: int = -1

    @property
    def best_value(self) -> float:
        return math.inf if self.best < 0 else self.history[self.best].validation


class Team(Protocol):
    """The workers that train together; this process is one of them."""

    rank: int
    size: int
    device: str

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network on the device, its gradients averaged over the team."""
        ...

    def total(self, values: Tensor) -> Tensor:
        """The sum over the team, the same for all."""
        ...

    def resume(self) -> Path | None:
        """The folder of the newest state; None: there is none."""
        ...

    def keep(self, save: Callable[[Path], None], epoch: Epoch) -> None:
        """Called by all after each epoch; `save` writes a state into a folder, and is called by one."""
        ...


class Alone:
    """A team of one in this process. folder: where its state is kept; None: nowhere."""

    rank, size = 0, 1

    def __init__(self, folder: Path | None = None, tell: Callable[[Epoch], None] | None = None) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.folder, self.tell = folder, tell

    def wrap(self, network: nn.Module) -> nn.Module:
        return network.to(self.device)

    def total(self, values: Tensor) -> Tensor:
        return values

    def resume(self) -> Path | None:
        return self.folder if self.folder is not None and (self.folder / STATE).exists() else None

    def keep(self, save: Callable[[Path], None], epoch: Epoch) -> None:
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            save(self.folder)
        if self.tell is not None:
            self.tell(epoch)


def train(
    network: Network, windows: Windows, task: Task, settings: TrainSettings, team: Team, mark: str = ""
) -> Progress:
    """Trains until the epochs are over or nothing gets better; the network then has its best weights.

    mark: of data and settings; a state of another one is refused (VvpError), never gone on with.
    """
    torch.manual_seed(settings.seed)
    trainer = _Trainer(network, windows, task, settings, team, Progress(mark=mark))
    folder = team.resume()
    if folder is not None:
        trainer.load(folder)
    for epoch in range(len(trainer.progress.history), settings.epochs):
        if epoch - trainer.progress.best > settings.patience and epoch:
            break
        trainer.epoch(epoch)
    network.load_state_dict(trainer.best)
    network.to(team.device).eval()
    return trainer.progress


class _Trainer:
    def __init__(
        self, network: Network, windows: Windows, task: Task, settings: TrainSettings, team: Team,
        progress: Progress,
    ) -> None:  # fmt: skip
        if settings.batch % team.size:
            raise VvpError(f"a batch of {settings.batch} clips does not divide among {team.size} workers.")
        self.network, self.windows, self.task = network, windows, task
        self.settings, self.team, self.progress = settings, team, progress
        network.to(team.device)
        self.optimiser = _optimiser(network, settings)
        self.best = _copied(network)
        self.wrapped: nn.Module = network
        self.frozen = False
        self.low = has_bfloat16(team.device)
        self.device_type = torch.device(team.device).type

    # --- one epoch --------------------------------------------------------------------------------------
    def epoch(self, number: int) -> None:
        s = self.settings
        began, waited, losses = time.monotonic(), 0.0, torch.zeros(2, device=self.team.device)
        self._set_frozen(number < s.frozen_epochs, number)
        # A state holds no generator's, so that dropout of a continued run follows from seed and epoch too.
        torch.manual_seed(s.seed * 100_003 + number * 101 + self.team.rank)
        factor = 0.1 ** (number // s.lr_every)
        for group in self.optimiser.param_groups:
            group["lr"] = s.lr * group["share"] * factor
        self._training_mode()
        steps = shares(self.task.train, s, number, self.team.rank, self.team.size)
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(self.windows.drawn, steps[0], number)
            for i, rows in enumerate(steps):
                waits = time.monotonic()
                batch = coming.result()
                waited += time.monotonic() - waits
                if i + 1 < len(steps):
                    coming = ahead.submit(self.windows.drawn, steps[i + 1], number)
                losses += torch.stack([self._step(batch, rows), losses.new_ones(())])
        self._settle_norms(steps[:NORM_STEPS], number)
        total = self.team.total(losses)
        took = time.monotonic() - began
        value = self._validation()
        if not math.isfinite(float(total[0])):
            raise VvpError("the loss is no finite number any more: try a smaller --lr.")
        done = Epoch(
            epoch=number, loss=float(total[0] / total[1]), validation=value, lr=s.lr * factor,
            seconds=round(took, 3), waited=round(waited / took, 4),
            clips_per_second=round(len(steps) * s.batch / took, 3),
        )  # fmt: skip
        if value < self.progress.best_value:
            self.progress.best = number
            self.best = _copied(self.network)  # a copy: state_dict() is the live weights
        self.progress.history.append(done)
        self.team.keep(self.save, done)

    def _step(self, batch: Batch, rows: np.ndarray) -> Tensor:
        with torch.autocast(self.device_type, torch.bfloat16, enabled=self.low):
            out = self.wrapped(batch.to(self.team.device))
        out = out.float()
        loss = out.mean() if self.network.reconstructs else self.task.loss(out, rows, self.settings.loss)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _validation(self) -> float:
        """What decides which epoch is best: the criterion, or an autoencoder's mean error."""
        held = self.task.validation
        said = forecast(self.network, self.windows, self.task, self.settings, self.team, held)
        return (
            float(said.mean()) if self.network.reconstructs else self.task.criterion(self.task.y[held], said)
        )

    def _set_frozen(self, frozen: bool, number: int) -> None:
        if self.wrapped is not self.network and frozen == self.frozen:
            return
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(not frozen or name.startswith(self.network.fresh))
        self.frozen = frozen
        self.wrapped = self.team.wrap(self.network)

    def _training_mode(self) -> None:
        self.wrapped.train()
        if self.frozen:  # its batch norms must not move either
            self.network.eval()
            for name, part in self.network.named_children():
                part.train(f"{name}.".startswith(self.network.fresh))

    def _settle_norms(self, steps: Sequence[np.ndarray], number: int) -> None:
        """The averages of the batch norms anew, from these steps' windows and the weights as they are now.

        Those that training keeps trail behind the weights, and an epoch of few steps ends far from them.
        Source: Wu and Johnson 2021, Rethinking "Batch" in BatchNorm, section 3 (arXiv 2105.07576).
        """
        norms = [m for m in self.network.modules() if isinstance(m, _BatchNorm)]
        if not norms or self.frozen:
            return
        usual = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over all that comes
        self.network.train()
        with torch.no_grad(), torch.autocast(self.device_type, torch.bfloat16, enabled=self.low):
            for rows in steps:
                self.network(self.windows.drawn(rows, number).to(self.team.device))
        for norm, momentum in zip(norms, usual, strict=True):
            norm.momentum = momentum
            for average in (norm.running_mean, norm.running_var):
                if average is not None:
                    average.copy_(self.team.total(average) / self.team.size)

    # --- state ------------------------------------------------------------------------------------------
    def save(self, folder: Path) -> None:
        """The state, JSON last: it vouches for the rest."""
        save_file(_copied(self.network), folder / WEIGHTS)
        save_file(self.best, folder / BEST)
        tensors = {
            f"{at}.{key}": value.detach().cpu().contiguous()
            for at, values in self.optimiser.state_dict()["state"].items()
            for key, value in values.items()
        }
        save_file(tensors, folder / OPTIMISER)
        text = {"mark": self.progress.mark, "best": self.progress.best, "settings": asdict(self.settings),
                "history": [asdict(e) for e in self.progress.history]}  # fmt: skip
        (folder / STATE).write_text(json.dumps(text, allow_nan=False))

    def load(self, folder: Path) -> None:
        """VvpError: a state of other data or settings, or a damaged one."""
        try:
            facts = json.loads((folder / STATE).read_text())
            history = [Epoch(**row) for row in facts["history"]]
            mark, best = facts["mark"], int(facts["best"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise VvpError(f"the state in {folder} is damaged: delete it.") from error
        if mark != self.progress.mark or not -1 <= best < len(history):
            raise VvpError(f"the state in {folder} is of other data or settings: delete it.")
        take(self.network, read_tensors(folder / BEST), str(folder / BEST))
        self.best = _copied(self.network)
        take(self.network, read_tensors(folder / WEIGHTS), str(folder / WEIGHTS))
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in read_tensors(folder / OPTIMISER).items():
            at, key = name.split(".", 1)
            state.setdefault(int(at), {})[key] = value
        whole = self.optimiser.state_dict()
        self.optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
        self.progress = Progress(mark=mark, history=history, best=best)


def shares(
    rows: np.ndarray, settings: TrainSettings, epoch: int, rank: int = 0, size: int = 1
) -> list[np.ndarray]:
    """The rows of each step of an epoch for one worker; as many steps, of as many rows, for every one."""
    order = np.random.default_rng([settings.seed, epoch, len(rows)]).permutation(rows)
    steps = math.ceil(len(order) / settings.batch)
    filled = np.resize(order, steps * settings.batch).reshape(steps, settings.batch)
    own = settings.batch // size
    return [step[rank * own : (rank + 1) * own] for step in filled]


def forecast(
    network: Network,
    windows: Windows,
    task: Task,
    settings: TrainSettings,
    team: Team,
    rows: Sequence[int] | np.ndarray,
) -> np.ndarray:
    """float64 (len(rows),), on the target's scale, from fixed windows; each worker does its share. Of two
    classes the chance of the second, of more (len(rows), classes); of an autoencoder the mean squared error
    of each clip."""
    network.eval()
    shape = () if network.reconstructs else task.shape
    found = torch.zeros(len(rows), *shape, dtype=torch.float64)
    low = has_bfloat16(team.device)
    mine = list(range(team.rank, len(rows), team.size))
    with torch.inference_mode():
        for i in range(0, len(mine), FORECAST_BATCH):
            at = mine[i : i + FORECAST_BATCH]
            for number in range(settings.windows):
                batch = windows.fixed([rows[j] for j in at], number, settings.windows).to(team.device)
                with torch.autocast(torch.device(team.device).type, torch.bfloat16, enabled=low):
                    out = network(batch)
                said = out.double() if network.reconstructs else task.said(out.double())
                found[at] += said.cpu() / settings.windows
    whole: Any = team.total(found.to(team.device)).cpu().numpy()
    return np.asarray(whole)


def _optimiser(network: Network, settings: TrainSettings) -> torch.optim.Optimizer:
    """Adam, with less of the learning rate the nearer a parameter is to the input."""
    named, depths = dict(network.named_parameters()), network.depths()
    groups = [
        {"params": [named[n] for n in names], "share": settings.layer_decay ** (len(depths) - 1 - i)}
        for i, names in enumerate(depths)
        if names
    ]
    if settings.weight_decay:
        return torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
    return torch.optim.Adam(groups, lr=settings.lr)


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {k: copy.deepcopy(v.detach()).cpu().contiguous() for k, v in network.state_dict().items()}
