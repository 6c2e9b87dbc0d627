"""What an autoencoder came to: its errors beside that of one colour, and a picture of frames said again.

Not known here: how it was trained; forecasts, of which it makes none.
"""

import io
import json
from dataclasses import asdict

import numpy as np
import torch

from vvp.finetune.clips import ClipCache
from vvp.finetune.judge import TENSORS, Prepared, read_trained
from vvp.finetune.networks.base import MEAN, STD, need, read_tensors, take
from vvp.finetune.networks.convlstm import ConvLSTM, showing, smaller
from vvp.finetune.results import RECONSTRUCTION, ReconstructionResult
from vvp.finetune.settings import TrainSettings
from vvp.finetune.windows import Windows
from vvp.workspace import Workspace

PICTURE = "reconstructions.png"
CLIPS, FRAMES, BATCH = 4, 6, 8


def judge_autoencoder(
    space: Workspace, at: str, prepared: Prepared, settings: TrainSettings, cache: ClipCache
) -> ReconstructionResult:
    """Writes the record and the picture of what was trained. WeightsError: the network's file is damaged."""
    done = read_trained(space, at, prepared)
    network = ConvLSTM(**settings.options)
    take(network, read_tensors(space.uri(f"{at}/{TENSORS}")), space.uri(f"{at}/{TENSORS}"))
    videos = [str(video) for video in prepared.matrix.video_id]
    windows = Windows(cache, videos, settings, network)
    held = prepared.task.validation
    space.write_bytes(f"{at}/{PICTURE}", picture(network.eval(), windows, held[:CLIPS]))
    result = ReconstructionResult(
        network=settings.network, settings=json.dumps(asdict(settings), sort_keys=True), mark=done.mark,
        split="time", fingerprint=prepared.fingerprint, parameters=done.parameters, parts=prepared.parts,
        left_out=prepared.left_out, best=done.best, history=done.history,
        first=done.history[0].validation, kept=done.history[done.best].validation,
        test=float(done.said[len(held) :].mean()), one_colour=one_colour(windows, held),
    )  # fmt: skip
    space.write_json(f"{at}/{RECONSTRUCTION}", result.as_dict())
    return result


def one_colour(windows: Windows, rows: np.ndarray) -> float:
    """The mean squared error of the rows' mean colour, said of every pixel; each clip counts alike."""
    means: list[torch.Tensor] = []
    squares: list[torch.Tensor] = []
    for i in range(0, len(rows), BATCH):
        batch = windows.fixed(rows[i : i + BATCH])
        shown = showing(batch)[:, None]
        frames, count = smaller(need(batch.pixels, "picture")).double(), shown.sum(2).clamp(min=1)
        for found, value in ((means, frames), (squares, frames.square())):
            found.append(torch.where(shown, value.mean((3, 4)), 0.0).sum(2) / count)
    mean, square = (torch.cat(found).mean(0) for found in (means, squares))
    return float((square - mean.square()).mean())


def picture(network: ConvLSTM, windows: Windows, rows: np.ndarray) -> bytes:
    """PNG: of each clip some frames, and under them what the network says they were."""
    from matplotlib.figure import Figure

    batch = windows.fixed(rows)
    with torch.inference_mode():
        said, errors = network.reconstruct(batch)
    seen, shown = smaller(need(batch.pixels, "picture")), showing(batch)
    figure = Figure(figsize=(1.1 * FRAMES, 2.5 * len(rows)), layout="constrained")
    axes = figure.subplots(2 * len(rows), FRAMES, squeeze=False)
    shift, scale = (np.array(v).reshape(3, 1, 1) for v in (MEAN, STD))
    for clip, row in enumerate(rows):
        last = max(1, int(shown[clip].sum())) - 1
        for column, frame in enumerate(np.linspace(0, last, FRAMES).round().astype(int)):
            for below, frames in enumerate((seen, said)):
                image = frames[clip, :, frame].float().numpy() * scale + shift
                axes[2 * clip + below, column].imshow(image.clip(0, 1).transpose(1, 2, 0))
        title = f"{windows.videos[row]}: mean squared error {errors[clip]:.2f}"
        axes[2 * clip, 0].set_title(title, loc="left", fontsize=8)
    for ax in axes.flat:
        ax.set_axis_off()
    sink = io.BytesIO()
    figure.savefig(sink, format="png", dpi=110)
    return sink.getvalue()
