"""What `vvp finetune` prints of a network that was trained and measured."""

from math import exp
from typing import TYPE_CHECKING

from jobs import show
from jobs.evaluate_networks import interval

if TYPE_CHECKING:
    from vvp.finetune.results import NetworkResult, ReconstructionResult


def print_network(result: "NetworkResult", failed: dict[str, int], where: str) -> None:
    from vvp.dataset.targets import TARGETS

    best = result.history[result.best]
    heads = ("loss (standardised)", f"validation error ({result.scale})")
    if result.labels:
        heads = ("log loss", "log loss, validation")
    show.table(
        f"finetune {result.network}: {result.parameters:,} parameters, best epoch {result.best + 1}",
        ("epoch", *heads, "seconds", "waited for clips"),
        [
            (e.epoch + 1, f"{e.loss:.3f}", f"{e.validation:.3f}", f"{e.seconds:.1f}", f"{e.waited:.0%}")
            for e in result.history
        ],
    )
    rows = []
    for name, m in ((result.network, result.metrics), (f"rule: {result.rule_called}", result.rule_metrics)):
        rows.append((name, *(interval(m[metric]) for metric in result.shown)))
    rows.append(("difference", *(interval(result.versus_rule[m], True) for m in result.shown)))
    show.table(
        f"{result.split} split, {result.parts['test']} test clips, 95 % intervals by channel",
        ("", *map(result.in_words, result.shown)),
        rows,
    )
    if result.labels:
        show.out.print(f"of these test clips: {result.usual}", markup=False)
    for warning in result.warnings:
        show.out.print(f"note: {warning.text}", markup=False)
    off = ("typically off by", f"{best.validation:.2f} ({result.scale}) on the validation part")
    if TARGETS[result.target].log:
        off = (off[0], f"a factor of {exp(best.validation):.1f} on the validation part")
    elif result.labels:
        off = ("log loss", f"{best.validation:.2f} on the validation part")
    if result.times_opened > 1:
        show.out.print(f"note: this test part was opened by {result.times_opened} runs and networks")
    show.facts(
        "what it learned from",
        [
            *_clips(result, failed),
            off,
            ("kept at", where),
        ],
    )


def print_reconstruction(result: "ReconstructionResult", failed: dict[str, int], where: str) -> None:
    from vvp.finetune.judge import TENSORS
    from vvp.finetune.reconstruction import PICTURE

    show.table(
        f"finetune {result.network}: {result.parameters:,} parameters, best epoch {result.best + 1}",
        ("epoch", "MSE, training", "MSE, validation", "seconds", "waited for clips"),
        [
            (e.epoch + 1, f"{e.loss:.3f}", f"{e.validation:.3f}", f"{e.seconds:.1f}", f"{e.waited:.0%}")
            for e in result.history
        ],
    )
    share = "" if not result.first else f", {result.kept / result.first:.2f} of it"
    show.facts(
        "frames said again: mean squared error of normalised pixels",
        [
            ("after epoch 1", f"{result.first:.3f} on the validation part"),
            ("after the best", f"{result.kept:.3f}{share}: {'halved' if result.halved else 'not halved'}"),
            ("one colour for all", f"{result.one_colour:.3f}, which needs no network"),
            ("test part", f"{result.test:.3f}"),
            *_clips(result, failed),
            ("frames and what it says", f"{where}/{PICTURE}"),
            ("next", f"`vvp finetune dual --weights {where}/{TENSORS}`"),
        ],
    )


def _clips(result: "NetworkResult | ReconstructionResult", failed: dict[str, int]) -> list[tuple[str, str]]:
    left = ", ".join(f"{n} {why}" for why, n in {**result.left_out, **failed}.items() if n)
    parts = ", ".join(f"{n} {part}" for part, n in result.parts.items())
    return [("clips", parts), ("left out", left or "none")]
