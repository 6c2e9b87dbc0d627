"""The loop in this process: it learns, goes on where it was stopped, and refuses what is not its own."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from vvp.errors import PlanError, VvpError
from vvp.finetune.judge import hardly_moves
from vvp.finetune.loop import Alone, Epoch, Progress, forecast, shares, train
from vvp.finetune.networks.base import Batch, Network, need
from vvp.finetune.ray_trainer import Machines, fitting
from vvp.finetune.settings import Loss, TrainSettings
from vvp.finetune.task import Task, losses_of
from vvp.models.base import LOG_LOSS

SETTINGS = TrainSettings(network="tiny", epochs=6, batch=8, lr=0.02, patience=6)


class Tiny(Network):
    """The mean of each colour, and a line."""

    def __init__(self, outputs: int = 1) -> None:
        super().__init__()
        self.dim, self.trunk, self.head = 3, nn.Linear(3, 3), nn.Linear(3, outputs)

    def features(self, batch: Batch) -> Tensor:
        out: Tensor = self.trunk(need(batch.pixels, "picture").mean((2, 3, 4)))
        return out


class Colours:
    """Windows of clips that are one colour each; training ones are a little noisy."""

    def __init__(self, n: int) -> None:
        self.colour = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))

    def drawn(self, rows: np.ndarray, epoch: int) -> Batch:
        noise = [torch.randn(3, generator=torch.Generator().manual_seed(epoch * 1000 + int(r))) for r in rows]
        return Batch(pixels=self._pixels(self.colour[list(rows)] + 0.1 * torch.stack(noise)))

    def fixed(self, rows: np.ndarray, number: int, of: int) -> Batch:
        return Batch(pixels=self._pixels(self.colour[list(rows)]))

    @staticmethod
    def _pixels(colours: Tensor) -> Tensor:
        return colours[:, :, None, None, None].expand(-1, -1, 2, 4, 4)


def task(n: int = 100) -> tuple[Colours, Task]:
    windows = Colours(n)
    y = 7 + 2 * windows.colour[:, 0].double().numpy()
    return windows, Task(y=y, train=np.arange(61), validation=np.arange(61, n))


def fitted(
    folder: Path | None = None, settings: TrainSettings = SETTINGS, mark: str = "m", team: Alone | None = None
):  # noqa: E501
    windows, one = task()
    torch.manual_seed(1)
    network = Tiny()
    progress = train(network, windows, one, settings, team or Alone(folder), mark)  # type: ignore[arg-type]
    return network, progress, windows, one


def test_it_learns_and_keeps_the_weights_of_the_best_epoch() -> None:
    network, progress, windows, one = fitted()
    errors = [e.validation for e in progress.history]
    assert errors[progress.best] == min(errors) and errors[progress.best] < 0.5 * errors[0]
    said = forecast(network, windows, one, SETTINGS, Alone(), one.validation)  # type: ignore[arg-type]
    assert np.abs(said - one.y[one.validation]).mean() == pytest.approx(min(errors), abs=1e-6)


class Killed(Exception):  # noqa: N818
    """In place of a kill."""


def test_a_run_that_was_killed_goes_on_to_the_same_history(tmp_path: Path) -> None:
    _, whole, _, _ = fitted()

    def die(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise Killed

    with pytest.raises(Killed):
        fitted(team=Alone(tmp_path, die))
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".json", *[".safetensors"] * 3]
    seen: list[int] = []
    network, again, windows, one = fitted(team=Alone(tmp_path, lambda e: seen.append(e.epoch)))
    assert seen == [3, 4, 5]
    pairs = zip(whole.history, again.history, strict=True)
    assert all(a.loss == pytest.approx(b.loss, rel=1e-5) for a, b in pairs)
    assert again.best == whole.best


def test_a_state_of_other_settings_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    fitted(tmp_path, replace(SETTINGS, epochs=1))
    with pytest.raises(VvpError, match="other data"):
        fitted(tmp_path, mark="another")
    state = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps({**state, "best": 7}))
    with pytest.raises(VvpError):
        fitted(tmp_path)
    (tmp_path / "state.json").write_text(json.dumps(state))
    torch.save({"a": torch.zeros(1)}, tmp_path / "weights.safetensors")
    with pytest.raises(VvpError, match="safetensors"):
        fitted(tmp_path)


def test_it_stops_early_and_frozen_trunks_stay() -> None:
    _, progress, _, _ = fitted(settings=replace(SETTINGS, epochs=50, lr=1e-12, patience=2))
    assert len(progress.history) < 50
    torch.manual_seed(1)
    before = Tiny().trunk.weight.detach().clone()
    network, progress, _, _ = fitted(settings=replace(SETTINGS, epochs=3, frozen_epochs=3))
    assert torch.equal(network.trunk.weight, before)
    assert progress.history[-1].loss < progress.history[0].loss


@pytest.mark.parametrize("n", [5, 16, 61])
def test_every_worker_takes_the_same_number_of_equal_steps(n: int) -> None:
    rows = np.arange(100, 100 + n)
    whole = shares(rows, SETTINGS, 4)
    parts = [shares(rows, SETTINGS, 4, rank, 2) for rank in range(2)]
    assert len(parts[0]) == len(parts[1]) == len(whole)
    for step, a, b in zip(whole, *parts, strict=True):
        assert len(a) == len(b) == 4 and np.concatenate([a, b]).tolist() == step.tolist()
    assert set(np.concatenate(whole)) == set(rows)
    assert not np.array_equal(whole[0], shares(rows, SETTINGS, 5)[0])


def test_what_a_cluster_cannot_hold_is_one_sentence() -> None:
    nodes = [{"CPU": 2.0}, {"CPU": 4.0, "GPU": 1.0}]
    assert fitting(Machines(workers=2), nodes, 8) == {"CPU": 2.0}
    with pytest.raises(PlanError, match="divide"):
        fitting(Machines(workers=3), nodes, 8)
    with pytest.raises(PlanError, match="fit"):
        fitting(Machines(workers=8), nodes, 8)
    with pytest.raises(PlanError, match="fit"):
        fitting(Machines(workers=2, cpus=1, gpus=1), nodes, 8)
    assert fitting(Machines(workers=2, cpus=1, gpus=0.5), nodes, 8) == {"CPU": 1, "GPU": 0.5}


def test_nearly_constant_forecasts_are_told() -> None:
    y = np.random.default_rng(0).normal(size=50)
    assert hardly_moves(np.full(50, 3.0) + 1e-3 * y, y) and not hardly_moves(0.3 * y, y)
    assert Progress(mark="").best_value == float("inf")


# --- targets of classes ---------------------------------------------------------------------------------
def edges(classes: int) -> tuple[Colours, Task]:
    """The brighter the red, the higher the class."""
    windows = Colours(160)
    red = windows.colour[:, 0].double().numpy()
    y = np.searchsorted(np.quantile(red, np.arange(1, classes) / classes), red).astype(np.float64)
    return windows, Task(y=y, train=np.arange(110), validation=np.arange(110, 160), classes=classes)


@pytest.mark.parametrize(("classes", "loss"), [(2, "bce"), (4, "cross-entropy")])
def test_classes_are_learned_and_said_as_chances(classes: int, loss: Loss) -> None:
    windows, one = edges(classes)
    assert losses_of(classes) == (loss,)
    torch.manual_seed(1)
    network = Tiny(1 if classes == 2 else classes)
    settings = replace(SETTINGS, loss=loss, epochs=25, lr=0.05, lr_every=25, patience=25)
    before = forecast(network, windows, one, settings, Alone(), one.validation)  # type: ignore[arg-type]
    progress = train(network, windows, one, settings, Alone())  # type: ignore[arg-type]
    said = forecast(network, windows, one, settings, Alone(), one.validation)  # type: ignore[arg-type]
    assert said.shape == before.shape == ((50,) if classes == 2 else (50, classes))
    assert said.min() >= 0 and said.max() <= 1
    if classes > 2:
        assert np.allclose(said.sum(axis=1), 1)
    right = (said > 0.5) == one.y[one.validation] if classes == 2 else said.argmax(1) == one.y[one.validation]
    assert right.mean() > (0.85 if classes == 2 else 0.5)
    best = progress.history[progress.best].validation
    assert best == pytest.approx(LOG_LOSS(one.y[one.validation], said)) and best < np.log(classes)


@pytest.mark.parametrize("classes", [2, 4])
def test_a_network_that_says_nothing_says_the_base_rate(classes: int) -> None:
    y = np.repeat(np.arange(classes), 10 * np.arange(1, classes + 1)).astype(np.float64)
    one = Task(y=y, train=np.arange(len(y)), validation=np.arange(3), classes=classes)
    said = one.said(torch.zeros(3, *one.shape)).numpy()
    shares = np.bincount(y.astype(int)) / len(y)
    assert np.allclose(said, shares[1] if classes == 2 else shares, atol=0.02)
    out = torch.zeros(len(y), *one.shape)
    entropy = -(shares * np.log(shares)).sum()
    assert float(one.loss(out, np.arange(len(y)), losses_of(classes)[0])) == pytest.approx(entropy, abs=0.01)
