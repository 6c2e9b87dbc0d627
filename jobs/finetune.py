"""`vvp finetune`: clips/ → a network trained on them, judged on the test part."""

import json as text
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Annotated, Any

import typer

from jobs import options, show
from jobs.finetune_tables import print_network, print_reconstruction
from vvp.errors import PlanError, UserError
from vvp.paths import RunPaths

POLL_S = 2.0


@options.writes
def command(
    network: Annotated[str, typer.Argument(help="c3d, r2plus1d, swin3d, convlstm, dual, videomae, …")],
    workspace: options.Workspace,
    name: options.Name = "default",
    target: Annotated[str, typer.Option(help="What it forecasts: views, likes, engagement, …")] = "views",
    epochs: Annotated[int, typer.Option(min=1, help="At most so many; it may stop before.")] = 20,
    batch: Annotated[int, typer.Option(min=1, help="Clips a step, of all workers together.")] = 8,
    lr: Annotated[float, typer.Option("--lr", help="Learning rate.")] = 1e-3,
    lr_every: Annotated[int, typer.Option(min=1, help="Epochs after which the rate is divided by ten.")] = 7,
    weight_decay: Annotated[float, typer.Option(min=0, help="More than 0: AdamW instead of Adam.")] = 0.0,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a better validation error.")] = 7,
    loss: Annotated[
        str | None, typer.Option(help="Of a number mse (the default) or l1; classes have their own.")
    ] = None,
    width: Annotated[
        float | None, typer.Option(help="Share of the published channels; 1, the default, is the full size.")
    ] = None,
    dropout: Annotated[float, typer.Option(min=0, max=0.95, help="In the head.")] = 0.5,
    frames: Annotated[int | None, typer.Option(min=2, help="Of a window; 32, or the network's own.")] = None,
    pixels: Annotated[int | None, typer.Option(min=32, help="Its side; 112, or the network's own.")] = None,
    windows: Annotated[int, typer.Option(min=1, help="Windows of a clip that a forecast averages.")] = 1,
    frozen_epochs: Annotated[int, typer.Option(min=0, help="First epochs in which the trunk stays.")] = 0,
    layer_decay: Annotated[float, typer.Option(help="Share of the rate that each deeper step keeps.")] = 1.0,
    min_frames: Annotated[int, typer.Option(min=0, help="Set aside clips of fewer frames.")] = 0,
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="The trunk's, .safetensors, or their folder."),
    ] = None,
    models: options.Models = None,
    begin_from: Annotated[
        str | None, typer.Option("--from", metavar="WS/RUN", help="Begin as another collection's network.")
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
    from vvp.finetune import judge, transfer
    from vvp.finetune.clips import ClipCache
    from vvp.finetune.networks.registry import find as find_network
    from vvp.finetune.plan import planned
    from vvp.finetune.reconstruction import judge_autoencoder
    from vvp.finetune.settings import TrainSettings
    from vvp.finetune.task import losses_of
    from vvp.finetune.windows import CROP
    from vvp.workspace import Workspace

    if batch % workers:
        raise PlanError(f"a batch of {batch} clips does not divide among {workers} workers.")
    space = Workspace.existing(workspace)
    reconstructs = find_network(network).reconstructs
    if reconstructs:
        given = {
            "--target": target != "views", "--loss": loss is not None, "--frozen-epochs": frozen_epochs > 0,
            "--from": begin_from is not None,
        }  # fmt: skip
        for option in (name for name, it_is in given.items() if it_is):
            raise UserError(f"{network} learns to say frames again, without a target: leave {option} out.")
    wanted = judge.target_of(space, name, target)
    able = losses_of(wanted.classes)
    if loss is not None and loss not in able:
        raise UserError(f"--loss {loss}: {target} is learned with {' or '.join(able)}.")
    origin = None if begin_from is None else transfer.origin(begin_from, network, target)
    plan = planned(
        network, width=width, dropout=dropout, frames=frames, pixels=pixels,
        weights=options.absolute(weights), models=options.absolute(models), classes=wanted.classes,
        origin=origin, target=target,
    )  # fmt: skip
    cache, failed = ClipCache.open(space)
    settings = TrainSettings(
        network=network, options=plan.options, epochs=epochs, batch=batch, lr=lr, lr_every=lr_every,
        weight_decay=weight_decay, patience=patience,
        loss=next((one for one in able if one == loss), able[0]), frames=plan.frames, pixels=plan.pixels,
        windows=windows, frozen_epochs=frozen_epochs, layer_decay=layer_decay, min_frames=min_frames,
        seed=seed, weights=plan.digest, begun=plan.begun,
    )  # fmt: skip
    kept = round(cache.settings.size * CROP)
    if plan.pixels > kept:
        show.err.print(
            f"note: the clips hold {kept} pixels for the {plan.pixels} that {network} sees:"
            f" `vvp clips --size {ceil(plan.pixels / CROP)}` keeps more"
        )
    prepared = judge.prepare(space, name, cache, min_frames, wanted)
    if origin is not None:
        transfer.refuse_shared(origin, space, prepared.matrix.video_id[prepared.wanted])
    mark = prepared.mark(settings, cache)
    at = RunPaths(name, target).finetune(network, mark)
    if not judge.trained(space, at, mark):
        from jobs.cluster import connect
        from vvp.finetune.ray_trainer import Machines, fit

        connect(min_cpus, min_gpus)
        machines = Machines(workers=workers, cpus=cpus_per_worker, gpus=gpus_per_worker)
        ids = [str(video) for video in prepared.matrix.video_id]
        with _watched(space, at, mark, epochs):
            fit(
                space,
                at,
                ids,
                prepared.task,
                prepared.wanted,
                settings,
                mark,
                machines,
                plan.weights,
                plan.whole,
            )
    if reconstructs:
        done = judge_autoencoder(space, at, prepared, settings, cache)
        if json:
            show.as_json(done.as_dict())
            return
        print_reconstruction(done, failed, space.uri(at))
        return
    result = judge.judge(space, at, prepared, settings)
    if json:
        show.as_json(result.as_dict())
        return
    print_network(result, failed, space.uri(at))


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
