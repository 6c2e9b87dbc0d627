"""A small neural network (torch) whose members share their weights; the path is the number of epochs.

TabM (Gorishniy et al. 2025, arXiv 2410.24210), which is BatchEnsemble for tables: each of k members scales
the inputs and outputs of the shared layers by vectors of its own and has its own biases and last layer. They
are trained side by side, each on its own loss, and the forecast is their mean. One member is a plain MLP.
The learning rate is constant, so that p epochs of a longer training are a training of p epochs.
Same seed and same number of threads, same weights. Runs on the CPU: at this size the data is the limit.
Not known here: Ray, files, what the columns mean.
"""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from vvp.errors import UserError
from vvp.models.base import Choice, Data, Float, Params, Space, pack, tensor, unpack
from vvp.models.scaling import Inputs

FURTHEST = 6.0
"""standard deviations of training's log views; a network's answer beyond is cut to it"""
LOSSES = {"squared": nn.functional.mse_loss, "absolute": nn.functional.l1_loss}
LARGEST_LAYER, MOST_LAYERS, MOST_MEMBERS, MOST_CLASSES = (
    4096,
    8,
    64,
    16,
)  # of a file: it must not ask for all the memory


class SharedLinear(nn.Module):
    """(n, k, width_in) → (n, k, width_out): one weight matrix, its ends scaled by each member's vectors.

    (n, width_in) is what all members share: the first layer's input.
    """

    def __init__(self, width_in: int, width_out: int, members: int, *, first: bool) -> None:
        super().__init__()
        linear = nn.Linear(width_in, width_out)
        self.weight = linear.weight
        self.bias = nn.Parameter(linear.bias.detach().repeat(members, 1))
        self.before = nn.Parameter(torch.ones(members, width_in))
        self.after = nn.Parameter(torch.ones(members, width_out))
        if first and members > 1:
            with torch.no_grad():  # what sets members apart: each sees some columns with their signs turned
                self.before.copy_(torch.randint(0, 2, self.before.shape) * 2.0 - 1.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() == 2:  # scaling the weights is less work than scaling a copy of the input per member
            weights = (self.weight * self.before[:, None]).flatten(0, 1)
            product = nn.functional.linear(x, weights).unflatten(1, self.after.shape)
        else:
            product = nn.functional.linear(x * self.before, self.weight)
        return product * self.after + self.bias


class Network(nn.Module):
    """(n, width) → (n, k, outputs): a standardised forecast, or logits, of each member."""

    def __init__(
        self, width: int, hidden: Sequence[int], members: int, dropout: float, outputs: int = 1
    ) -> None:
        super().__init__()
        sizes = [width, *hidden]
        self.members = members
        self.layers = nn.ModuleList(
            SharedLinear(a, b, members, first=number == 0)
            for number, (a, b) in enumerate(zip(sizes[:-1], sizes[1:], strict=True))
        )
        self.dropout = nn.Dropout(dropout)
        bound = hidden[-1] ** -0.5
        self.last = nn.Parameter(torch.empty(members, outputs, hidden[-1]).uniform_(-bound, bound))
        self.last_bias = nn.Parameter(torch.zeros(members, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = self.dropout(torch.relu(layer(x)))
        return (x.unsqueeze(2) * self.last).sum(dim=-1) + self.last_bias


@dataclass(frozen=True, kw_only=True, eq=False)
class MlpModel:
    """A trained network with the scaling of its input and of its target."""

    family: ClassVar[str] = "mlp"
    inputs: Inputs
    network: Network
    hidden: tuple[int, ...]
    target: tuple[float, float]
    """mean and std of the training part's labels; 0 and 1 for classes"""
    classes: int = 0

    def predict(self, X: np.ndarray) -> np.ndarray:
        return _forward(self.network, _tensor(self.inputs.apply(X)), self.target, self.classes)

    def mixed(self, x: np.ndarray, others: np.ndarray, of_x: np.ndarray) -> np.ndarray:
        """float64 (s, m): as `predict` of `others`, float32 (m, d), with the columns of x, float32 (d,),
        where of_x, bool (s, d), says so."""
        rows = self.inputs.mixed(x, others, of_x)
        if rows is None:
            whole = np.where(of_x[:, None], x, others)
            return self.predict(whole.reshape(-1, len(x))).reshape(whole.shape[:2])
        flat = _tensor(rows.reshape(-1, rows.shape[-1]))
        return _forward(self.network, flat, self.target, self.classes).reshape(rows.shape[:2])

    def files(self) -> dict[str, bytes]:
        weights = {f"network.{name}": value.numpy() for name, value in self.network.state_dict().items()}
        arrays = {**self.inputs.tensors(), **weights, "target": np.array(self.target)}
        meta = {
            "hidden": list(self.hidden), "members": self.network.members, "classes": self.classes,
            **self.inputs.meta(),
        }  # fmt: skip
        return pack(self.family, meta, arrays)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "MlpModel":
        meta, tensors, _ = unpack(cls.family, files)
        hidden, members = meta.get("hidden"), meta.get("members")
        layers: list[Any] = hidden if isinstance(hidden, list) and 0 < len(hidden) <= MOST_LAYERS else [None]
        if not all(type(size) is int and 0 < size <= LARGEST_LAYER for size in layers):
            raise UserError("the saved mlp model does not state the sizes of its layers.")
        if type(members) is not int or not 0 < members <= MOST_MEMBERS:
            raise UserError("the saved mlp model does not state its members.")
        classes = meta.get("classes")
        if type(classes) is not int or not 0 <= classes <= MOST_CLASSES or classes == 1:
            raise UserError("the saved mlp model does not state its classes.")
        inputs = Inputs.from_saved(meta, tensors)
        with torch.device("meta"):  # shapes only: nothing is allocated before they were compared
            network = Network(inputs.width, layers, members, dropout=0.0, outputs=_outputs(classes))
        state = {}
        for name, value in network.state_dict().items():
            weights = tensor(tensors, f"network.{name}", tuple(value.shape))
            state[name] = torch.tensor(weights, dtype=torch.float32)
        network.load_state_dict(state, assign=True)
        mean, std = tensor(tensors, "target", (2,))
        target = (float(mean), float(std))
        return cls(
            inputs=inputs, network=network.eval(), hidden=tuple(layers), target=target, classes=classes
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """The family."""

    name: ClassVar[str] = "mlp"
    classes: int = 0
    """0: a number is forecast"""
    hidden: tuple[int, ...] = (64, 32)
    members: int = 8
    epochs: tuple[int, ...] = (2, 3, 4, 6, 8, 11, 15, 20, 26, 32)
    """epochs made, at each point of the path"""
    components: int = 32
    """of each wide block of embeddings"""

    @property
    def start(self) -> Params:
        loss = {} if self.classes else {"loss": "squared"}
        return {
            **loss,
            "learning_rate": 2e-3,
            "weight_decay": 0.1,
            "dropout": 0.2,
            "embedding_weight": 0.3,
        }

    def space(self, n_train: int, n_cols: int) -> Space:
        loss: Space = {} if self.classes else {"loss": Choice(options=tuple(LOSSES))}
        return {
            **loss,
            "learning_rate": Float(low=5e-4, high=5e-3, log=True),
            "weight_decay": Float(low=1e-3, high=1.0, log=True),
            "dropout": Float(low=0.0, high=0.5),
            "embedding_weight": Float(low=0.1, high=4.0, log=True),
        }

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        inputs, target = self._begin(train, params)
        X = _tensor(inputs.apply(held))
        with _torch(seed, threads):
            stops = self._train(inputs, target, train, params, self.epochs)
            return np.array([_forward(network, X, target, self.classes) for network in stops])

    def fit(self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1) -> MlpModel:
        inputs, target = self._begin(train, params)
        with _torch(seed, threads):
            *_, network = self._train(inputs, target, train, params, self.epochs[: point + 1])
        return MlpModel(
            inputs=inputs, network=network, hidden=self.hidden, target=target, classes=self.classes
        )  # fmt: skip

    def _begin(self, train: Data, params: Params) -> tuple[Inputs, tuple[float, float]]:
        weight = params["embedding_weight"]
        # total=None: inputs of variance 1 on average, which the layers' initial weights are made for
        inputs = Inputs.fit(train, components=self.components, embedding_weight=weight, total=None)
        return inputs, (0.0, 1.0) if self.classes else (float(train.y.mean()), float(train.y.std()))

    def _train(
        self,
        inputs: Inputs,
        target: tuple[float, float],
        train: Data,
        params: Params,
        stops: tuple[int, ...],
    ) -> Iterator[Network]:
        """The network at each stop: the live one, so what is wanted of it is taken before the next."""
        X, y = _tensor(inputs.apply(train.X)), _tensor((train.y - target[0]) / (target[1] or 1.0))
        outputs = _outputs(self.classes)
        network = Network(inputs.width, self.hidden, self.members, params["dropout"], outputs)
        rate, decay, loss = params["learning_rate"], params["weight_decay"], _loss(self.classes, params)
        # fused: one pass over the weights instead of ten; with few rows the update is most of the work
        optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=decay, fused=True)
        # Should training diverge, the network before that epoch stands: a poor forecast rather than NaN.
        good = copy.deepcopy(network.state_dict())  # deep: state_dict() holds the live weights
        for epoch in range(1, stops[-1] + 1):
            network.train()
            for rows in torch.randperm(len(y)).split(batch_size(len(y))):
                optimizer.zero_grad()
                loss(network(X[rows]), y[rows]).backward()
                optimizer.step()
            network.eval()
            if all(torch.isfinite(value).all() for value in network.parameters()):
                good = copy.deepcopy(network.state_dict())
            else:
                network.load_state_dict(good)
            if epoch in stops:
                yield network


def batch_size(n_train: int) -> int:
    """The power of two that gives about 8 batches an epoch, from 8 to 512: few rows still make steps."""
    return int(2 ** np.clip(np.round(np.log2(max(n_train, 1) / 8)), 3, 9))


def _outputs(classes: int) -> int:
    return classes if classes > 2 else 1


def _loss(classes: int, params: Params) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """(each member's outputs (n, k, outputs), labels (n,)) → the loss."""
    if classes > 2:

        def of_classes(said: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            every = y.long()[:, None].expand(-1, said.shape[1])
            return nn.functional.cross_entropy(said.flatten(0, 1), every.flatten())

        return of_classes
    plain: Any = nn.functional.binary_cross_entropy_with_logits if classes else LOSSES[params["loss"]]
    return lambda said, y: plain(said[..., 0], y[:, None].expand(-1, said.shape[1]))


def _forward(network: Network, X: torch.Tensor, target: tuple[float, float], classes: int) -> np.ndarray:
    with torch.inference_mode():
        said = network(X)
        if classes > 2:
            return torch.nan_to_num(said).softmax(dim=-1).mean(dim=1).numpy().astype(np.float64)
        if classes:
            return torch.nan_to_num(said[..., 0]).sigmoid().mean(dim=1).numpy().astype(np.float64)
        output = said[..., 0].mean(dim=1).numpy().astype(np.float64)
    within = np.clip(np.nan_to_num(output, nan=0.0), -FURTHEST, FURTHEST)  # weights may be finite and huge
    return within * target[1] + target[0]


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
