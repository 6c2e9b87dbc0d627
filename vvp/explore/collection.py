"""A workspace → what `explore` looks at: fused vectors, which of them are training rows, and facts to
describe clusters with.

The training part is that of the deciding split: the run's, else the time split. Where no split can be made
(too few counts, a folder of bare files) every row counts as a training row, and a note says so.
Not known here: reduction, clusters. counts are read by labels.py.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.embedded import embedded_dims, found_dims, join, provenance, read_embedded
from vvp.dataset.fuse import Dims, fuse, present
from vvp.dataset.labels import read_labels
from vvp.dataset.split_rules import MIN_ROWS, SplitSettings
from vvp.dataset.splits import load_or_make
from vvp.errors import UserError
from vvp.forecast.evaluations import read_evaluation, read_predictions
from vvp.learn.run_records import Run
from vvp.learn.tuning import read_run
from vvp.paths import SPLITS_FACTS, RunPaths
from vvp.schema import BLOCKS, FAILED, SIGNALS
from vvp.workspace import Workspace

FEATURES = (*SIGNALS, "duration_s", "log_views")


@dataclass(frozen=True, kw_only=True, eq=False)
class Forecasts:
    """What the run's chosen model said of the test videos."""

    run_id: str
    model: str
    video_id: np.ndarray  # object (m,)
    channel_id: np.ndarray  # object (m,), None: unknown
    error: np.ndarray  # float64 (m,), |predicted − true|, log views


@dataclass(frozen=True, kw_only=True, eq=False)
class Collection:
    """n embedded videos that have a vector, in the order of the videos table."""

    video_id: np.ndarray  # object (n,)
    channel_id: np.ndarray  # object (n,), None: unknown
    title: np.ndarray  # object (n,), None: none given
    part: np.ndarray  # object (n,): train | validation | test | embargo | none
    fused: np.ndarray  # float32 (n, dims.fused)
    features: dict[str, np.ndarray]  # FEATURES → float64 (n,), NaN unknown
    dims: Dims
    profile: str
    encoders: dict[str, str]
    split: str | None  # None: there is none, and all rows count as training rows
    left_out: dict[str, int]  # why → videos
    forecasts: Forecasts | None
    no_forecasts: str | None  # why there are none, one sentence
    notes: list[str]

    @property
    def train(self) -> np.ndarray:
        """int64: rows that may be fitted on."""
        return np.flatnonzero(self.part == "train")


def collect(space: Workspace, name: str) -> Collection:
    """Of a workspace and the run `name`, which need not exist.

    UserError: nothing embedded, no video has a vector, vectors of two profiles, stale or damaged ones.
    """
    videos, embeddings = read_embedded(space)
    profile, encoders = provenance(embeddings)
    rows, at = join(videos, embeddings)
    notes: list[str] = []
    run = read_run(space, name)
    split, part = _parts(space, run, videos, embeddings, notes)
    dims = embedded_dims(space) or found_dims(embeddings)
    del embeddings  # frees a gigabyte at 100,000 rows

    has = np.stack([present(rows, block) for block in BLOCKS])
    keep = has.any(axis=0)
    failed = np.array(rows["status"].to_pylist(), dtype=object) == FAILED
    out = Counter(["not embedded"] * (len(videos) - len(rows)))
    out += Counter("embedding failed" if f else "no vector" for f in failed[~keep])
    if not keep.any():
        raise UserError(f"none of the {len(videos)} videos of {space.root} has a vector: see `vvp embed`.")
    for block, present_rows in zip(BLOCKS, has, strict=True):
        if not present_rows.any():
            notes.append(f"No video has {block}: the map is made without.")
    if not keep.all():
        rows, at = rows.filter(pa.array(keep)), at[keep]
    kept_videos = videos.take(pa.array(at))
    forecasts, why = _forecasts(space, name, run)
    min_age = (run.split_settings if run else SplitSettings()).min_age_days
    return Collection(
        video_id=_objects(kept_videos["video_id"]), channel_id=_objects(kept_videos["channel_id"]),
        title=_objects(kept_videos["title"]), part=part[at],
        fused=fuse(rows, dims),
        features=_features(rows, kept_videos, min_age), dims=dims, profile=profile, encoders=encoders,
        split=split, left_out=dict(out), forecasts=forecasts, no_forecasts=why, notes=notes,
    )  # fmt: skip


def _parts(
    space: Workspace, run: Run | None, videos: pa.Table, embeddings: pa.Table, notes: list[str]
) -> tuple[str | None, np.ndarray]:
    """(deciding split, object (all videos,) of part names)."""
    everything = np.full(len(videos), "train", dtype=object)
    settings = run.split_settings if run else SplitSettings()
    if run is None and space.exists(SPLITS_FACTS):  # made again with other settings they would undo a run
        settings = SplitSettings(**space.read_json(SPLITS_FACTS)["settings"])
    labelled = int(read_labels(videos, settings.min_age_days).known.sum())
    if labelled < MIN_ROWS:
        notes.append(
            f"{labelled} of {len(videos)} videos have a usable view count, too few for a split: the map is"
            " fitted on all videos."
        )
        return None, everything
    if run is not None and run.rules_only:
        notes.append(f"No split is made ({run.rules_only}): the map is fitted on all videos.")
        return None, everything
    splits, _ = load_or_make(space, settings, videos, embeddings)
    split = run.split if run else "time"
    if split in splits.unavailable:
        notes.append(
            f"The {split} split cannot be made ({splits.unavailable[split]}): the map is fitted on all"
            " videos."
        )
        return None, everything
    return split, splits.part(split)


def _forecasts(space: Workspace, name: str, run: Run | None) -> tuple[Forecasts | None, str | None]:
    at = RunPaths(name)
    if run is None:
        return None, f"There is no run called {name}: run `vvp tune` and `vvp evaluate` first."
    evaluation = read_evaluation(space, name)
    if evaluation is None or not space.exists(at.predictions):
        return None, f"The run {name} was not evaluated: run `vvp evaluate --name {name}`."
    if evaluation.run_id != run.id:
        return None, f"The evaluation is of an earlier sweep: run `vvp evaluate --name {name}` again."
    if evaluation.split not in evaluation.splits:
        return None, "The forecast is a simple rule: no video was held back to test it on."
    model = evaluation.splits[evaluation.split].chosen
    table = read_predictions(space, name)
    table = table.filter(pc.equal(table["model"], model))
    off = np.abs(table["predicted"].to_numpy() - table["log_views"].to_numpy())
    ids, channels = _objects(table["video_id"]), _objects(table["channel_id"])
    return Forecasts(run_id=run.id, model=model, video_id=ids, channel_id=channels, error=off), None


def _features(rows: pa.Table, videos: pa.Table, min_age_days: float) -> dict[str, np.ndarray]:
    # What really decodes before what the platform states, as the models' features have it.
    seconds = _numbers(pc.coalesce(rows["decoded_duration_s"].cast(pa.float64()), rows["duration_s"]))
    found = {name: _numbers(rows[name]) for name in SIGNALS}
    found["duration_s"] = np.where(seconds > 0, seconds, np.nan)
    return {**found, "log_views": read_labels(videos, min_age_days).log_views}


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)


def _objects(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.to_pylist(), dtype=object)
