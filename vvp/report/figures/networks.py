"""How the networks trained on the clips learned: the loss of each epoch, and the error on validation."""

import numpy as np

from vvp.dataset.targets import VIEWS
from vvp.finetune.results import NetworkResult
from vvp.report.figures.plot import BLUE, ORANGE, Plot, canvas
from vvp.report.gather import Facts


def plots(facts: Facts) -> list[Plot]:
    """One figure a network, those with the least error first."""
    return [_curve(one) for one in facts.networks if one.history]


def _curve(one: NetworkResult) -> Plot:
    figure, (left, right) = canvas(2.8, 2)
    epochs = [epoch.epoch + 1 for epoch in one.history]
    left.plot(epochs, [epoch.loss for epoch in one.history], color=BLUE, marker="o", markersize=3)
    usual = _usual(one)
    left.axhline(usual, color="0.6", linewidth=0.8, linestyle="--")
    left.set_ylabel("training log loss" if one.labels else "training loss (standardised)")
    right.plot(epochs, [epoch.validation for epoch in one.history], color=ORANGE, marker="s", markersize=3)
    right.axvline(one.best + 1, color="0.6", linewidth=0.8, linestyle="--")
    right.set_ylabel(f"validation error ({one.scale})")
    for ax in (left, right):
        ax.set_xlabel("epoch")
        ax.set_xlim(0.5, max(epochs) + 0.5)
    first, last = one.history[0], one.history[-1]
    of = "" if one.target == VIEWS.name else f" {one.target}"
    least = f"{usual:.2g} is what the {'shares of the classes give' if one.labels else 'training mean gives'}"
    return Plot(
        name=f"network_{one.network}_{one.mark[:6]}",
        title=f"How {one.network} learned{of}",
        alt=(
            f"Loss of {one.network} from {first.loss:.2f} to {last.loss:.2f} over {len(epochs)} epochs"
            f" ({least}); validation error least at epoch {one.best + 1}, which is kept."
        ),
        figure=figure,
    )


def _usual(one: NetworkResult) -> float:
    """The loss of what needs no clip: 1 on the standardised scale, of classes the entropy of their shares."""
    return float(-sum(p * np.log(p) for p in one.base if p > 0)) if one.labels else 1.0
