"""`vvp finetune`: clips/ → a network trained on them, judged on the test part."""

import json as text
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import exp
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs import options, show
from jobs.evaluate_networks import interval
from vvp.errors import PlanError, UserError
from vvp.paths import RunPaths

if TYPE_CHECKING:
    from vvp.finetune.results import NetworkResult, ReconstructionResult

POLL_S = 2.0


@options.writes
def command(
    network: Annotated[str, typer.Argument(help="r2plus1d, c3d, swin3d, convlstm or dual.")],
    workspace: options.Workspace,
    name: options.Name = "default",
    target: Annotated[str, typer.Option(help="What it forecasts: views, likes, engagement, …")] = "views",
    epochs: Annotated[int, typer.Option(min=1, help="At most so many; it may stop before.")] = 20,
    batch: Annotated[int, typer.Option(min=1, help="Clips a step, of all workers together.")] = 8,
    lr: Annotated[float, typer.Option("--lr", help="Learning rate.")] = 1e-3,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a better validation error.")] = 7,
    loss: Annotated[str, typer.Option(help="mse or l1, of the standardised target.")] = "mse",
    width: Annotated[float, typer.Option(help="Share of the published channels: 1 is the full size.")] = 1.0,
    dropout: Annotated[float, typer.Option(min=0, max=0.95, help="In the head.")] = 0.5,
    frames: Annotated[int, typer.Option(min=2, help="Frames of a window.")] = 32,
    pixels: Annotated[int, typer.Option(min=32, help="Side of a window.")] = 112,
    windows: Annotated[int, typer.Option(min=1, help="Windows of a clip that a forecast averages.")] = 1,
    frozen_epochs: Annotated[int, typer.Option(min=0, help="First epochs in which the trunk stays.")] = 0,
    layer_decay: Annotated[float, typer.Option(help="Share of the rate that each deeper step keeps.")] = 1.0,
    min_frames: Annotated[int, typer.Option(min=0, help="Set aside clips of fewer frames.")] = 0,
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The trunk's, .safetensors, or their folder."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train together.")] = 1,
    cpus_per_worker: Annotated[float | None, typer.Option(help="Default: the cluster's, divided.")] = None,
    gpus_per_worker: Annotated[float, typer.Option(min=0, help="GPUs of each worker.")] = 0.0,
    seed: options.Seed = 0,
    min_cpus: options.MinCpus = 0,
    min_gpus: options.MinGpus = 0,
    json: options.Json = False,
) -> None:
    """Train a network on the clips themselves, and measure it on the test part beside the best rule.

    convlstm forecasts nothing: it learns to say the frames again, and dual takes its network as --weights.
    Killed and started again it goes on with the epoch it was in. `vvp clips` comes first.
    """
    from vvp.dataset.targets import find
    from vvp.finetune import judge
    from vvp.finetune.clips import ClipCache
    from vvp.finetune.networks.registry import fill_trunk, make
    from vvp.finetune.networks.registry import find as find_network
    from vvp.finetune.reconstruction import judge_autoencoder
    from vvp.finetune.settings import TrainSettings
    from vvp.workspace import Workspace

    if loss not in ("mse", "l1"):
        raise UserError(f"--loss {loss}: choose mse or l1.")
    if batch % workers:
        raise PlanError(f"a batch of {batch} clips does not divide among {workers} workers.")
    space = Workspace.existing(workspace)
    chosen: dict[str, Any] = {"width": width, "dropout": dropout}
    reconstructs = find_network(network).reconstructs
    if reconstructs:
        del chosen["dropout"]
        given = {"--target": target != "views", "--loss": loss != "mse", "--frozen-epochs": frozen_epochs > 0}
        for option in (name for name, it_is in given.items() if it_is):
            raise UserError(f"{network} learns to say frames again, without a target: leave {option} out.")
    made = make(network, **chosen)
    digest = None
    if weights is not None:  # what is wrong with them is found out before Ray starts
        weights = options.absolute(weights)
        digest = fill_trunk(network, made, weights or "")
    del made
    cache, failed = ClipCache.open(space)
    settings = TrainSettings(
        network=network, options=chosen, epochs=epochs, batch=batch, lr=lr, patience=patience,
        loss="l1" if loss == "l1" else "mse", frames=frames, pixels=pixels, windows=windows,
        frozen_epochs=frozen_epochs, layer_decay=layer_decay, min_frames=min_frames, seed=seed,
        weights=digest,
    )  # fmt: skip
    prepared = judge.prepare(space, name, cache, min_frames, find(target))
    mark = prepared.mark(settings, cache)
    at = RunPaths(name, target).finetune(network, mark)
    if not judge.trained(space, at, mark):
        from jobs.cluster import connect
        from vvp.finetune.ray_trainer import Machines, fit

        connect(min_cpus, min_gpus)
        machines = Machines(workers=workers, cpus=cpus_per_worker, gpus=gpus_per_worker)
        ids = [str(video) for video in prepared.matrix.video_id]
        with _watched(space, at, mark, epochs):
            fit(space, at, ids, prepared.task, prepared.wanted, settings, mark, machines, weights)
    if reconstructs:
        done = judge_autoencoder(space, at, prepared, settings, cache)
        if json:
            show.as_json(done.as_dict())
            return
        _print_reconstruction(done, failed, space.uri(at))
        return
    result = judge.judge(space, at, prepared, settings)
    if json:
        show.as_json(result.as_dict())
        return
    _print(result, failed, space.uri(at))


@contextmanager
def _watched(space: Any, at: str, mark: str, epochs: int) -> Iterator[None]:
    """Shows the newest state's history while Ray trains."""
    from pathlib import Path

    ended = threading.Event()
    with show.progress("finetune") as update:

        def look() -> None:
            while not ended.wait(POLL_S):
                for file in sorted(Path(space.uri(f"{at}/state/{mark}")).glob("*/state.json"))[-1:]:
                    try:
                        last = text.loads(file.read_text())["history"][-1]
                    except (OSError, ValueError, LookupError):
                        continue  # it is being replaced by the next
                    note = f"epochs, loss {last['loss']:.3f}, validation error {last['validation']:.3f}"
                    update(last["epoch"] + 1, epochs, note)

        watcher = threading.Thread(target=look, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def _print(result: "NetworkResult", failed: dict[str, int], where: str) -> None:
    from vvp.dataset.targets import TARGETS

    best = result.history[result.best]
    show.table(
        f"finetune {result.network}: {result.parameters:,} parameters, best epoch {result.best + 1}",
        ("epoch", "loss (standardised)", f"validation error ({result.scale})", "seconds", "waited for clips"),
        [
            (e.epoch + 1, f"{e.loss:.3f}", f"{e.validation:.3f}", f"{e.seconds:.1f}", f"{e.waited:.0%}")
            for e in result.history
        ],
    )
    rows = []
    for name, m in ((result.network, result.metrics), (f"rule: {result.rule}", result.rule_metrics)):
        rows.append((name, *(interval(value) for value in (m.spearman, m.r2, m.mae))))
    rows.append(("difference", *(interval(v, True) for v in
                (result.versus_rule.spearman, result.versus_rule.r2, result.versus_rule.mae))))  # fmt: skip
    show.table(
        f"{result.split} split, {result.parts['test']} test clips, 95 % intervals by channel",
        ("", "Spearman", "R²", f"MAE ({result.scale})"),
        rows,
    )
    for warning in result.warnings:
        show.out.print(f"note: {warning.text}", markup=False)
    off = f"{best.validation:.2f} ({result.scale})"
    if TARGETS[result.target].log:
        off = f"a factor of {exp(best.validation):.1f}"
    if result.times_opened > 1:
        show.out.print(f"note: this test part was opened by {result.times_opened} runs and networks")
    show.facts(
        "what it learned from",
        [
            *_clips(result, failed),
            ("typically off by", f"{off} on the validation part"),
            ("kept at", where),
        ],
    )


def _print_reconstruction(result: "ReconstructionResult", failed: dict[str, int], where: str) -> None:
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
