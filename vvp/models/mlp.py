"""A small neural network (torch): columns → 1024 → 512 → 256 → 1, stopped early, best epoch kept.

Inputs and target are standardised on the training part. Same seed and same number of threads, same
weights. Runs on the CPU: at this size the data is the limit, not the arithmetic.
Not known here: Ray, files, what the columns mean.
"""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from vvp.errors import UserError
from vvp.models.base import CRITERION, Data, Float, Params, Report, Space, Steps, pack, tensor, unpack
from vvp.models.scaling import Standardizer


@dataclass(frozen=True, kw_only=True, eq=False)
class MlpModel:
    """A trained network with the scaling of its input and of its target."""

    family: ClassVar[str] = "mlp"
    scaling: Standardizer
    network: nn.Sequential
    hidden: tuple[int, ...]
    target: tuple[float, float]
    """mean and std of the training part's log views"""

    def predict(self, X: np.ndarray) -> np.ndarray:
        return _forward(self.network, _tensor(self.scaling.apply(X)), self.target)

    def files(self) -> dict[str, bytes]:
        weights = {f"network.{name}": value.numpy() for name, value in self.network.state_dict().items()}
        arrays = {**self.scaling.tensors(), **weights, "target": np.array(self.target)}
        return pack(self.family, {"hidden": list(self.hidden), "n_cols": len(self.scaling.mean)}, arrays)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "MlpModel":
        meta, tensors, _ = unpack(cls.family, files)
        hidden, n_cols = meta.get("hidden"), meta.get("n_cols")
        sizes = [n_cols, *hidden] if isinstance(hidden, list) else []
        # bounded, so that a foreign file cannot ask for all the memory there is
        if len(sizes) < 2 or not all(type(size) is int and 0 < size <= 1_000_000 for size in sizes):
            raise UserError("the saved mlp model does not state the sizes of its layers.")
        with torch.device("meta"):  # shapes only: nothing is allocated before they were compared
            network = build(sizes[0], tuple(sizes[1:]), dropout=0.0)
        state = {}
        for name, value in network.state_dict().items():
            weights = tensor(tensors, f"network.{name}", tuple(value.shape))
            state[name] = torch.tensor(weights, dtype=torch.float32)
        network.load_state_dict(state, assign=True)
        mean, std = tensor(tensors, "target", (2,))
        return cls(
            scaling=Standardizer.from_tensors(tensors, sizes[0]),
            network=network.eval(),
            hidden=tuple(sizes[1:]),
            target=(float(mean), float(std)),
        )


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """The family."""

    name: ClassVar[str] = "mlp"
    hidden: tuple[int, ...] = (1024, 512, 256)
    epochs: int = 100
    """epochs at most"""
    patience: int = 6
    """epochs without a better validation error before it stops"""
    report_every: int = 5
    """epochs between two reports"""

    @property
    def steps(self) -> Steps:
        return Steps(most=self.epochs, every=self.report_every)

    @property
    def start(self) -> Params:
        return {"learning_rate": 1e-3, "weight_decay": 1e-2, "dropout": 0.2, "embedding_weight": 1.0}

    def space(self, n_train: int, n_cols: int) -> Space:
        return {
            "learning_rate": Float(low=1e-4, high=3e-3, log=True),
            "weight_decay": Float(low=1e-4, high=1.0, log=True),
            "dropout": Float(low=0.0, high=0.6),
            "embedding_weight": Float(low=0.05, high=5.0, log=True),
        }

    def fit(
        self,
        train: Data,
        validation: Data,
        params: Params,
        *,
        report: Report | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> MlpModel:
        n, d = train.X.shape
        # total=d: inputs of variance 1 on average, which the layers' initial weights are made for
        scaling = Standardizer.weighted(train.X, train.groups, params["embedding_weight"], total=float(d))
        X, held_out = _tensor(scaling.apply(train.X)), _tensor(scaling.apply(validation.X))
        target = (float(train.y.mean()), float(train.y.std()) or 1.0)
        y = _tensor((train.y - target[0]) / target[1])
        batch = batch_size(n)
        with _torch(seed, threads):
            network = build(d, self.hidden, params["dropout"])
            rate, decay = params["learning_rate"], params["weight_decay"]
            # fused: one pass over the weights instead of ten; with few rows the update is most of the work
            optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)
            # The untrained network, about the mean, stands until an epoch is better: should every epoch
            # diverge, the trial loses by its error rather than by NaN.
            best_epoch, best = 0, copy.deepcopy(network).eval()
            reached = CRITERION(validation.y, _forward(best, held_out, target))

            def model() -> MlpModel:
                return MlpModel(scaling=scaling, network=best, hidden=self.hidden, target=target)

            for epoch in range(1, self.epochs + 1):
                network.train()
                for rows in torch.randperm(n).split(batch):
                    optimizer.zero_grad()
                    nn.functional.mse_loss(network(X[rows])[:, 0], y[rows]).backward()
                    optimizer.step()
                value = CRITERION(validation.y, _forward(network.eval(), held_out, target))
                if CRITERION.rank(value) < CRITERION.rank(reached):
                    # a deep copy: state_dict() holds the live weights, which go on changing
                    reached, best_epoch, best = value, epoch, copy.deepcopy(network)
                if report is not None and epoch % self.report_every == 0:
                    report(epoch, reached, model())
                if epoch - best_epoch >= self.patience:
                    break
            return model()


def batch_size(n_train: int) -> int:
    """The power of two that gives about 16 batches an epoch, from 8 to 256: few rows still make steps."""
    return int(2 ** np.clip(np.round(np.log2(max(n_train, 1) / 16)), 3, 8))


def build(n_cols: int, hidden: tuple[int, ...], dropout: float) -> nn.Sequential:
    """Linear, GELU, dropout for each hidden layer, then one output."""
    layers: list[nn.Module] = []
    for width_in, width_out in zip((n_cols, *hidden[:-1]), hidden, strict=True):
        layers += [nn.Linear(width_in, width_out), nn.GELU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(hidden[-1], 1))


def _forward(network: nn.Sequential, X: torch.Tensor, target: tuple[float, float]) -> np.ndarray:
    with torch.inference_mode():
        output = network(X)[:, 0].numpy().astype(np.float64)
    return output * target[1] + target[0]


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32))


@contextmanager
def _torch(seed: int, threads: int) -> Iterator[Any]:
    """Torch's global generator and thread count, set for the block and put back after it."""
    before = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
