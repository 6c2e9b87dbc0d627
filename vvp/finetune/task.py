"""What is learned: a number on its standardised scale, a yes or no by its logit, or ordered classes.

A network's outputs are distances from what is usual in training: its mean, or the logits of its shares. So
one that says 0 of every clip says what the simplest rule does.
Not known here: windows, training, which rows there are.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from vvp.finetune.settings import Loss
from vvp.models.base import Criterion, criterion


def losses_of(classes: int) -> tuple[Loss, ...]:
    """The losses that a target can be taught by, its usual one first. classes: 0 for a number."""
    if not classes:
        return "mse", "l1"
    return ("bce",) if classes == 2 else ("cross-entropy",)


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """Rows of `y` are those of the windows."""

    y: np.ndarray
    """float64 (n,), on the target's scale, or classes from 0; NaN: no label"""
    train: np.ndarray
    """int64, rows to learn from"""
    validation: np.ndarray
    """int64, rows that decide which epoch was best"""
    classes: int = 0
    """0: a number is forecast; else how many classes there are"""

    @property
    def centre(self) -> float:
        return float(self.y[self.train].mean())

    @property
    def spread(self) -> float:
        """1 where the labels do not vary."""
        return float(self.y[self.train].std()) or 1.0

    @property
    def level(self) -> np.ndarray:
        """float64 (): the logit of the share of yes in training; (classes,): the logs of all shares. Half a
        clip is added to each class."""
        shares = np.bincount(self.y[self.train].astype(np.int64), minlength=self.classes) + 0.5
        logs = np.log(shares / shares.sum())
        return np.asarray(logs[1] - logs[0]) if self.classes == 2 else logs

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one forecast."""
        return (self.classes,) if self.classes > 2 else ()

    @property
    def criterion(self) -> Criterion:
        return criterion(self.classes)

    def loss(self, out: Tensor, rows: np.ndarray, kind: Loss) -> Tensor:
        """float (), of a network's outputs for these rows. kind: of `losses_of`."""
        y = self.y[rows]
        if not self.classes:
            wanted = torch.as_tensor((y - self.centre) / self.spread, dtype=out.dtype, device=out.device)
            return functional.l1_loss(out, wanted) if kind == "l1" else functional.mse_loss(out, wanted)
        logits = self._logits(out)
        if self.classes == 2:
            yes = torch.as_tensor(y, dtype=out.dtype, device=out.device)
            return functional.binary_cross_entropy_with_logits(logits, yes)
        return functional.cross_entropy(logits, torch.as_tensor(y, dtype=torch.int64, device=out.device))

    def said(self, out: Tensor) -> Tensor:
        """Outputs (B, *shape) as forecasts: on the target's scale, the chance of a yes, or of each class."""
        if not self.classes:
            return out * self.spread + self.centre
        logits = self._logits(out)
        return logits.sigmoid() if self.classes == 2 else logits.softmax(-1)

    def _logits(self, out: Tensor) -> Tensor:
        return out + torch.as_tensor(self.level, dtype=out.dtype, device=out.device)
