"""The autoencoder and the network over two sequences: sizes, masks, what they learn and must not."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from vvp.errors import WeightsError
from vvp.finetune.loop import Alone, forecast, train
from vvp.finetune.networks.base import Batch, parameters
from vvp.finetune.networks.convlstm import ConvLSTM, Encoder, smaller
from vvp.finetune.networks.dual import MEL_BINS, Dual
from vvp.finetune.networks.registry import fill_trunk, make
from vvp.finetune.settings import TrainSettings
from vvp.finetune.task import Task

TINY = {"width": 0.0625, "layers": 1, "drop": 0.0, "dropout": 0.0}
SETTINGS = TrainSettings(network="any", epochs=6, batch=8, lr=0.003)


def batch(n: int = 3, frames: int = 4, side: int = 32, columns: int = 47) -> Batch:
    return Batch(
        pixels=torch.randn(n, 3, frames, side, side), shown=torch.ones(n, frames, dtype=torch.bool),
        mel=torch.randn(n, columns, MEL_BINS), heard=torch.ones(n, columns, dtype=torch.bool),
        words=torch.randn(n, 5, 6), said=torch.ones(n, 5, dtype=torch.bool),
    )  # fmt: skip


# --- sizes ----------------------------------------------------------------------------------------------
def test_parameters_at_the_full_size() -> None:
    with torch.device("meta"):
        convlstm, dual = ConvLSTM(), Dual()
    assert parameters(convlstm) == 704_011 and parameters(convlstm.encoder) == 352_008
    assert parameters(dual) == 6_935_049 and dual.dim == 2 * 256


@pytest.mark.parametrize("shape", [(4, 32, 32), (3, 45, 30), (1, 2, 3)])
def test_frames_are_said_again_at_a_quarter_of_their_side(shape: tuple[int, int, int]) -> None:
    network = make("convlstm", width=0.125)
    frames, height, width = shape
    seen = Batch(pixels=torch.randn(2, 3, *shape))
    said, error = network.reconstruct(seen)  # type: ignore[operator]
    assert said.shape == (2, 3, frames, -(-height // 4), -(-width // 4)) and error.shape == (2,)
    assert network.codes(seen).shape == (2, frames, Encoder.dim)  # type: ignore[operator]
    assert torch.allclose(network(seen), (said - smaller(seen.pixels)).square().mean((1, 2, 3, 4)))  # type: ignore[arg-type]
    error.sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
    named = [name for group in network.depths() for name in group]
    assert sorted(named) == sorted(name for name, _ in network.named_parameters())


@pytest.mark.parametrize("columns", [0, 7, 47])
def test_every_parameter_of_dual_gets_a_gradient_whatever_is_missing(columns: int) -> None:
    """Workers that train together wait for a gradient of each."""
    network = Dual(**TINY, words=6)
    given = batch(columns=columns)
    network(given).square().sum().backward()
    lacking = [name for name, p in network.named_parameters() if p.grad is None]
    assert not lacking and all(torch.isfinite(p.grad).all() for p in network.parameters())  # type: ignore[arg-type]


# --- masks ----------------------------------------------------------------------------------------------
def masked(given: Batch) -> Batch:
    """The first clip lacks its end, the second all of its sound, the third its picture and its words."""
    shown, heard, said = (v.clone() for v in (given.shown, given.heard, given.said))  # type: ignore[union-attr]
    shown[0, 2:], heard[0, 20:], said[0, 3:] = False, False, False
    heard[1], shown[2], said[2] = False, False, False
    return replace(given, shown=shown, heard=heard, said=said)


def other(values: Tensor | None, mask: Tensor | None, at: tuple[int, ...]) -> Tensor:
    """The values with others where the mask says that nothing is there."""
    assert values is not None and mask is not None
    return torch.where(mask[at], values, 9 * torch.randn_like(values))


@pytest.mark.parametrize("name", ["convlstm", "dual"])
def test_what_is_masked_changes_nothing_to_the_bit(name: str) -> None:
    torch.manual_seed(0)
    network = ConvLSTM(width=0.125) if name == "convlstm" else Dual(**TINY, words=6)
    one = masked(batch())
    n, e = None, slice(None)
    two = replace(
        one, pixels=other(one.pixels, one.shown, (e, n, e, n, n)), mel=other(one.mel, one.heard, (e, e, n)),
        words=other(one.words, one.said, (e, e, n)),
    )  # fmt: skip
    assert torch.equal(network(one), network(two))
    network.eval()
    with torch.inference_mode():
        assert torch.equal(network(one), network(two))
        unmasked = replace(one, shown=batch().shown, heard=batch().heard)
        assert not torch.equal(network(unmasked), network(one))


def test_a_modality_that_is_absent_is_its_own_vector_and_no_silence() -> None:
    torch.manual_seed(0)
    network = Dual(**TINY, words=6).eval()
    whole = batch()
    half = network.dim // 3
    absent = network.features(masked(whole))[1, half : 2 * half]
    assert torch.equal(absent, network.sound.absent)
    nothing = network.features(replace(whole, mel=None, heard=None))[:, half : 2 * half]
    assert torch.equal(nothing, network.sound.absent.expand(3, -1))
    silence = network.features(replace(whole, mel=torch.zeros_like(whole.mel)))  # type: ignore[arg-type]
    assert (silence[1, half : 2 * half] - absent).abs().max() > 0.1
    only_words = network.features(Batch(words=whole.words, said=whole.said))
    assert only_words.shape == (3, network.dim) and torch.isfinite(only_words).all()
    with pytest.raises(ValueError, match="neither"):
        network(Batch())


# --- learning -------------------------------------------------------------------------------------------
class Squares:
    """Clips in which a bright square crosses a dark picture; each third one ends a frame early."""

    def fixed(self, rows: np.ndarray, number: int = 0, of: int = 1) -> Batch:
        pixels, shown = torch.full((len(rows), 3, 4, 16, 16), -1.0), torch.ones(len(rows), 4, dtype=bool)
        for i, row in enumerate(int(r) for r in rows):
            for frame in range(4):
                top, left = (3 * row) % 9, (row + 2 * frame) % 9
                pixels[i, row % 3, frame, top : top + 7, left : left + 7] = 2.0
            if row % 3 == 0:
                pixels[i, :, 3:], shown[i, 3:] = 0.0, False
        return Batch(pixels=pixels, shown=shown)

    def drawn(self, rows: np.ndarray, epoch: int) -> Batch:
        return self.fixed(rows)


def test_the_autoencoders_error_falls_below_that_of_one_colour() -> None:
    from vvp.finetune.reconstruction import one_colour

    torch.manual_seed(0)
    network = ConvLSTM(width=0.25)
    # It asks for no label.
    task = Task(y=np.full(32, np.nan), train=np.arange(24), validation=np.arange(24, 32))
    settings = replace(SETTINGS, epochs=20, lr=0.01, lr_every=20, batch=4)
    progress = train(network, Squares(), task, settings, Alone())  # type: ignore[arg-type]
    errors = [e.validation for e in progress.history]
    assert errors[progress.best] == min(errors) < 0.6 * errors[0]
    assert min(errors) < 0.9 * one_colour(Squares(), task.validation)  # type: ignore[arg-type]
    each = forecast(network, Squares(), task, settings, Alone(), task.validation)  # type: ignore[arg-type]
    assert each.shape == (8,) and each.mean() == pytest.approx(min(errors), rel=1e-5)


class Sounds:
    """Noise to look at, and a sound whose loudness is what counts; a tenth of the clips have none."""

    def __init__(self, n: int) -> None:
        rng = torch.Generator().manual_seed(0)
        self.loud = torch.randn(n, generator=rng)
        self.mel = 0.3 * torch.randn(n, 30, MEL_BINS, generator=rng) + self.loud[:, None, None]
        self.pixels = torch.randn(n, 3, 2, 8, 8, generator=rng)

    def fixed(self, rows: np.ndarray, number: int = 0, of: int = 1) -> Batch:
        at = torch.as_tensor(np.asarray(rows))
        heard = (at % 10 != 0)[:, None].expand(-1, 30)
        return Batch(pixels=self.pixels[at], mel=torch.where(heard[..., None], self.mel[at], 0), heard=heard)

    def drawn(self, rows: np.ndarray, epoch: int) -> Batch:
        return self.fixed(rows)


@pytest.mark.parametrize("shuffled", [False, True])
def test_dual_finds_what_was_planted_in_the_sound_and_nothing_in_shuffled_labels(shuffled: bool) -> None:
    windows, test = Sounds(260), np.arange(180, 260)
    y = 7 + 2 * windows.loud.double().numpy()
    if shuffled:
        y = np.random.default_rng(3).permutation(y)
    torch.manual_seed(0)
    network = Dual(**TINY)
    task = Task(y=y, train=np.arange(140), validation=np.arange(140, 180))
    train(network, windows, task, SETTINGS, Alone())  # type: ignore[arg-type]
    said = forecast(network, windows, task, SETTINGS, Alone(), test)  # type: ignore[arg-type]
    found = np.corrcoef(said, y[test])[0, 1]
    assert abs(found) < 0.3 if shuffled else found > 0.8


def test_frozen_epochs_of_dual_keep_the_codes_and_teach_the_rest() -> None:
    windows = Sounds(40)
    task = Task(y=windows.loud.double().numpy(), train=np.arange(30), validation=np.arange(30, 40))
    torch.manual_seed(0)
    network = Dual(**TINY)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    train(network, windows, task, replace(SETTINGS, epochs=2, frozen_epochs=2), Alone())  # type: ignore[arg-type]
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if name.startswith("encoder.")]
    assert {"picture.project.weight", "sound.project.weight", "head.1.weight"} <= moved


# --- files ----------------------------------------------------------------------------------------------
def test_dual_takes_the_encoder_of_a_convlstm_run_of_its_width(tmp_path: Path) -> None:
    autoencoder, dual = ConvLSTM(width=0.0625), Dual(**TINY)
    save_file(autoencoder.state_dict(), tmp_path / "network.safetensors")
    own = dual.sound.project.weight.clone()
    fill_trunk("dual", dual, tmp_path)
    seen = batch()
    codes = dual.encoder(seen.pixels, seen.shown)
    assert torch.equal(codes, autoencoder.codes(seen)) and torch.equal(dual.sound.project.weight, own)
    save_file(ConvLSTM(width=0.5).state_dict(), tmp_path / "network.safetensors")
    with pytest.raises(WeightsError, match="shape"):
        fill_trunk("dual", dual, tmp_path)
