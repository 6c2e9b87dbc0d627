"""What can be learned from how many clips? The synthetic world says, because its truth is known.

Clips are made, collected and embedded by the project's own verbs. The newest HELD_OUT clips are the test at
every size; the n others (of which the newest quarter validates) come from before them, less an embargo.
Every model is fitted and judged by `vvp.api` (tune, evaluate). The full model is the project's Ridge at its
first point, because the world is additive. For one kind of input alone `tune` takes the better of Ridge and
LightGBM.

Share of the reachable: R² of a model / R² of the noise-free part, both on the held-out clips; 95 % interval
from a bootstrap over channels, numerator and denominator on the same resamples.

An effect is FOUND when its 95 % interval (bootstrap over channels) lies above 0 and its value above a
threshold. The value: its coefficient, in log views per standard deviation of the planted contribution, when
the full model's held-out predictions are regressed on all contributions at once. 0 alone would not do: a
model fitted to noise is still a function of the picture. The threshold is the largest coefficient, of either
sign and any effect, that `shuffles` models fitted to shuffled views show. "Shuffled" in the table is one more
such model, tested in the same way; something is found there by chance once in `shuffles` + 1 times at most.

Not known here: whether a real world is as simple. Writes benchmarks/results/world.json.
"""

import csv
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import typer

from jobs import show
from jobs.cluster import connect
from vvp import api
from vvp.learn.candidates import ALONE
from vvp.learn.first_points import at_first_points
from vvp.learn.metrics import Draws
from vvp.paths import EMBED_RECIPE, RunPaths
from vvp.synthetic.world import MODALITY
from vvp.synthetic.write import write_world
from vvp.workspace import Workspace

# Input → the candidate of a run that sees it (vvp/learn/candidates.py).
CANDIDATES = {"full": "ridge"} | {input_: name for name, input_ in ALONE.items()}
INPUTS = tuple(CANDIDATES)
RESAMPLES = 1000
BUILD = Path(__file__).parents[1] / "build" / "world"
Truth = Mapping[str, Mapping[str, float]]  # video_id → the row of effects.csv


@dataclass(frozen=True)
class Recovery:
    """One planted effect in a model's predictions. Coefficients: log views per sd of the contribution."""

    coefficient: float
    low: float
    high: float
    share: float  # of the planted size: 1 when the model predicts the whole effect
    found: bool


def found_effects(
    predictions: np.ndarray,
    effects: Mapping[str, np.ndarray],
    channel_ids: Sequence[str] | np.ndarray,
    threshold: float = 0.0,
    seed: int = 0,
) -> dict[str, Recovery]:
    """The regression of predictions (n,) on all contributions (n,) each, and which are found.

    ValueError when a contribution is constant or there are fewer rows than unknowns.
    """
    raw = np.column_stack(list(effects.values()))
    sizes = raw.std(axis=0)
    if len(raw) <= raw.shape[1] + 1 or not sizes.all():
        raise ValueError("every contribution must vary, over more rows than there are effects")
    X = np.column_stack([np.ones(len(raw)), (raw - raw.mean(axis=0)) / sizes])
    draws = Draws.make(channel_ids, RESAMPLES, seed)
    weights = np.vstack([np.ones(draws.times.shape[1]), draws.times])[:, draws.codes]  # first: as they are
    grams = np.einsum("bn,ni,nj->bij", weights, X, X, optimize=True)
    # A resample of few channels can lack an effect altogether; the pseudo-inverse then says 0 for it.
    solved = (np.linalg.pinv(grams, hermitian=True) @ (weights @ (X * predictions[:, None]))[..., None])[
        ..., 0
    ]
    low, high = np.percentile(solved[1:], [2.5, 97.5], axis=0)
    return {
        name: Recovery(
            coefficient=float(solved[0, i]),
            low=float(low[i]),
            high=float(high[i]),
            share=float(solved[0, i] / sizes[i - 1]),
            found=bool(low[i] > 0 and solved[0, i] > threshold),
        )
        for i, name in enumerate(effects, 1)
    }


def r2_and_share(
    y: np.ndarray, predictions: np.ndarray, best: np.ndarray, channel_ids: Sequence[str] | np.ndarray
) -> dict[str, list[float]]:
    """`r2` of predictions and its `share` of the R² that `best` gets: each [value, low, high]."""
    draws = Draws.make(channel_ids, RESAMPLES, seed=0)
    weights = np.vstack([np.ones(draws.times.shape[1]), draws.times])[:, draws.codes]
    level = y - y.mean()
    spread = weights @ level**2 - (weights @ level) ** 2 / weights.sum(axis=1)
    own, ceiling = (1 - (weights @ (y - p) ** 2) / spread for p in (predictions, best))
    return {
        name: [float(copies[0]), *(float(q) for q in np.percentile(copies[1:], [2.5, 97.5]))]
        for name, copies in (("r2", own), ("share", own / ceiling))
    }


# --- the pipeline ---------------------------------------------------------------------------------------
def embedded(folder: Path, space: Workspace, videos: int, seed: int) -> None:
    """Makes, collects and embeds the clips; what is there already is left alone."""
    with show.progress("clips") as update:
        write_world(folder, videos=videos, seed=seed, progress=lambda done, total: update(done, total, ""))
    api.collect(folder, space.root)
    connect()
    with show.progress("embed") as update:
        # The clips hold tunes and no speech: there is nothing to transcribe.
        api.embed(space.root, transcribe=False, progress=update)


def choose(videos: pa.Table, size: int, held_out: int) -> pa.Table:
    """The newest `held_out` rows, and of those before them the `size` with the smallest ids."""
    ordered = videos.sort_by([("published_at", "ascending"), ("video_id", "ascending")])
    before = ordered.slice(0, len(ordered) - held_out).sort_by("video_id").slice(0, size)
    return pa.concat_tables([before, ordered.slice(len(ordered) - held_out)])


def shuffled(videos: pa.Table, seed: int) -> pa.Table:
    """The same videos, each with another's counts."""
    order = pa.array(np.random.default_rng(seed).permutation(len(videos)))
    for name in ("views", "likes", "comments", "shares", "label_issue"):
        videos = videos.set_column(videos.schema.get_field_index(name), name, videos[name].take(order))
    return videos


@dataclass(frozen=True, eq=False)
class Judged:
    """The held-out clips of one run of `tune` and `evaluate`, and what its candidates said of them."""

    parts: dict[str, int]
    """part → clips"""
    video_id: list[str]
    channel_id: np.ndarray
    """object (n,)"""
    log_views: np.ndarray
    """float64 (n,)"""
    predicted: dict[str, np.ndarray]
    """INPUTS → float64 (n,), log views"""


def judged(source: Workspace, videos: pa.Table, shares: tuple[float, float]) -> Judged:
    """Tunes and evaluates on `videos`, with the vectors of `source`, in a workspace of their own."""
    with tempfile.TemporaryDirectory() as folder:
        space = Workspace(folder)
        space.append("embeddings", source.latest("embeddings", "video_id", "embedded_at"))
        space.replace("videos", videos)
        space.write_json(EMBED_RECIPE, source.read_json(EMBED_RECIPE))
        # One trial at the family's first point: the start of Ray Tune alone would take hours over all runs.
        api.tune(folder, others=False, shares=shares, sweep_for=at_first_points(["ridge"]))
        evaluation = api.evaluate(folder, resamples=100)  # the intervals of this page are made here
        said = pq.read_table(io.BytesIO(space.read_bytes(RunPaths("default").predictions)))
    by_model = {name: said.filter(pc.equal(said["model"], name)) for name in CANDIDATES.values()}
    full = by_model[CANDIDATES["full"]]
    return Judged(
        parts=evaluation.splits["time"].parts,
        video_id=full["video_id"].to_pylist(),
        channel_id=np.array(full["channel_id"].to_pylist(), dtype=object),
        log_views=full["log_views"].to_numpy(),
        predicted={name: by_model[model]["predicted"].to_numpy() for name, model in CANDIDATES.items()},
    )


def point(source: Workspace, truth: Truth, size: int, held_out: int, shuffles: int) -> dict[str, Any]:
    """One size of the curve, JSON-ready."""
    videos = choose(source.read("videos"), size, held_out)
    shares = (0.75 * size / len(videos), 0.25 * size / len(videos))
    real = judged(source, videos, shares)
    blind, *noise = (judged(source, shuffled(videos, seed), shares) for seed in range(shuffles + 1))
    channels, y = real.channel_id, real.log_views
    rows = [truth[video] for video in real.video_id]
    effects = {name: np.array([row[name] for row in rows]) for name in MODALITY}
    best = np.array([row["log_views"] - row["noise"] for row in rows])
    null = [found_effects(run.predicted["full"], effects, channels) for run in noise]
    threshold = max(abs(effect.coefficient) for fit in null for effect in fit.values())

    def found(p: np.ndarray) -> dict[str, Any]:
        return {k: asdict(v) for k, v in found_effects(p, effects, channels, threshold).items()}

    return {
        "videos": size,
        "rows": {part: real.parts[part] for part in ("train", "validation", "test")},
        "inputs": {name: r2_and_share(y, p, best, channels) for name, p in real.predicted.items()},
        "reachable_r2": r2_and_share(y, best, best, channels)["r2"],
        "threshold": threshold,
        "effects": found(real.predicted["full"]),
        "shuffled_r2": r2_and_share(blind.log_views, blind.predicted["full"], best, channels)["r2"],
        "shuffled_effects": found(blind.predicted["full"]),
    }


def report(curve: Sequence[Mapping[str, Any]]) -> None:
    """Two tables: what each input reaches, and which effects are found (their share of the planted size)."""
    show.table(
        "Share of the reachable R² on held-out clips, % [95 % interval]",
        ["clips", *INPUTS, "reachable R²", "R², shuffled views"],
        [
            [at["videos"], *(_percent(at["inputs"][name]["share"]) for name in INPUTS),
             f"{at['reachable_r2'][0]:.2f}", "{:.2f} [{:.2f}, {:.2f}]".format(*at["shuffled_r2"])]
            for at in curve
        ],
    )  # fmt: skip
    show.table(
        "Planted effects in the full model's forecasts: share of the size, %; * found",
        ["clips", *MODALITY, "found", "found, shuffled"],
        [
            [at["videos"], *(f"{100 * e['share']:.0f}{' *'[e['found']]}" for e in at["effects"].values()),
             _count(at["effects"]), _count(at["shuffled_effects"])]
            for at in curve
        ],
    )  # fmt: skip


def _percent(interval: Sequence[float]) -> str:
    value, low, high = (round(100 * v) for v in interval)
    return f"{value} [{low}, {high}]"


def _count(effects: Mapping[str, Mapping[str, Any]]) -> str:
    return f"{sum(effect['found'] for effect in effects.values())} of {len(effects)}"


def main(
    folder: Annotated[Path, typer.Option(help="Where clips and vectors are kept for the next run.")] = BUILD,
    sizes: Annotated[str, typer.Option(help="Training sizes, with commas.")] = "100,200,400,700,1000",
    held_out: Annotated[int, typer.Option(help="Clips of the test.")] = 300,
    shuffles: Annotated[int, typer.Option(help="Runs on shuffled views, per size.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the world.")] = 0,
) -> None:
    """The learning curve of the synthetic world."""
    wanted = [int(size) for size in sizes.split(",")]
    space = Workspace(folder / "workspace")
    embedded(folder / "clips", space, max(wanted) + held_out, seed)
    with (folder / "clips" / "effects.csv").open(newline="") as file:
        truth = {
            row.pop("video_id"): {k: float(v) for k, v in row.items() if k != "channel_id"}
            for row in csv.DictReader(file)
        }
    curve = [point(space, truth, size, held_out, shuffles) for size in wanted]
    report(curve)
    out = Path(__file__).parent / "results" / "world.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps({"seed": seed, "shuffles": shuffles, "curve": curve}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
