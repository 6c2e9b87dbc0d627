"""A predictor's files: saved by `vvp evaluate`, loaded wherever a forecast is made.

    predictor.json     models' columns, encoders, decode settings, training facts, interval, quality
    history.json       the channels' videos (channels.ChannelHistory)
    words.safetensors  what turns words into topics (dataset/words.py)
    main/ metadata/    the chosen model, and one for drafts without a video: model files (models/base.py)
                       and background.safetensors (contributions.py)
    neighbours.parquet reduction.safetensors    training videos to look at beside a draft (neighbours.py)

JSON, Parquet, safetensors and LightGBM's text: loading executes nothing. The files are somebody's input:
names, sizes and columns are checked before anything is made of them.
Not known here: how a forecast is made (predictor.py).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.columns import FEATURE
from vvp.dataset.fuse import fuse
from vvp.dataset.matrix import Matrix, Population
from vvp.dataset.targets import VIEWS
from vvp.dataset.words import Words
from vvp.errors import UserError
from vvp.forecast import neighbours
from vvp.forecast.head import Head
from vvp.forecast.neighbours import Neighbours
from vvp.forecast.predictor import QUANTILES, Predictor
from vvp.learn.candidates import MODELS, Candidate
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.probabilities import Probabilities
from vvp.models.registry import load as load_model
from vvp.workspace import Workspace

FORMAT = 5
DAMAGED = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError,
    SafetensorError, pa.ArrowException,
)  # fmt: skip
BACKGROUND = 24  # training rows that a draft's blocks are compared with; 2⁵ × 24 predictions a forecast
BACKGROUND_FILE = "background.safetensors"
CHANNELS = 200  # at most so many channel ids stand in the head, those with most videos
HORIZON_DAYS = 30.0  # the age of the count that is asked for, where training supports it
NEIGHBOUR_FILES = ("neighbours.parquet", "reduction.safetensors")
WORD_FILES = ("words.safetensors",)


@dataclass(frozen=True, eq=False)
class Forecaster:
    """Who forecasts, and how far it was off on videos that it had not seen."""

    candidate: Candidate
    calibration: Calibration | None
    """None: it was never seen to forecast a video that it had not learned from, or it forecasts classes"""
    probabilities: Probabilities | None = None


def save(
    space: Workspace,
    folder: str,
    matrix: Matrix,
    population: Population,
    main: Forecaster,
    metadata: Forecaster | None,
    rule: str,
    facts: dict[str, Any],
    viral: str | None = None,
) -> str:
    """Writes the predictor under `folder` and returns its id (hash of everything in it).

    metadata: for drafts without media, when `main` needs media. rule: name of the rule to hold beside the
    forecast. facts: run, embedding settings, measured quality; kept as they are. viral: see `targets.find`.
    """
    models: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for name, forecaster in (("main", main), ("metadata", metadata)):
        if forecaster is None or forecaster.candidate.model is None:
            continue
        one = forecaster.candidate
        own = one.model.files() if one.model else {}
        files |= {f"{name}/{file}": data for file, data in own.items()}
        files[f"{name}/{BACKGROUND_FILE}"] = save_tensors({"rows": _background(matrix, population, one)})
        models[name] = {
            "name": one.name, "role": one.role, "family": one.family, "input": one.input,
            "columns": list(one.columns), "rows": one.rows,
            "bounds": None if one.bounds is None else list(one.bounds),
            "files": sorted(own),
            "calibration": None if forecaster.calibration is None else forecaster.calibration.as_dict(),
            "probabilities": None if forecaster.probabilities is None else forecaster.probabilities.as_dict(),
        }  # fmt: skip
    files |= matrix.words.files()
    if matrix.target.name == VIEWS.name:
        files |= _neighbours(space, matrix).files()
    files["history.json"] = json.dumps(matrix.history.as_dict(), ensure_ascii=False).encode()
    train = matrix.part == "train"
    head = {
        "format": FORMAT,
        "target": {"name": matrix.target.name, "viral": viral, "numbers": dict(matrix.target.numbers)},
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "profile": matrix.profile,
        "encoders": matrix.encoders,
        "dims": dict(matrix.dims.lengths),
        "needs_media": population.name == "with_media" and main.candidate.role in MODELS,
        "models": models,
        "rule": rule,
        "training": {
            "videos": int(train.sum()),
            "channels": len({c for c in matrix.channel_id[train] if c is not None}),
            "channel_ids": _channels(matrix.channel_id[train]),
            "published": [str(t) for t in _span(matrix.published_at[train])],
            "horizon_days": _horizon(matrix.horizon_days[train], matrix.at_least),
            "quantiles": np.quantile(matrix.y[train], QUANTILES).tolist(),
            "shares": _shares(matrix, train),
            "ranges": _ranges(matrix, train),
        },
        **facts,
    }
    head["id"] = _identity(json.loads(json.dumps(head)), files)
    for file, data in files.items():
        space.write_bytes(f"{folder}/{file}", data)
    space.write_json(f"{folder}/predictor.json", head)  # last: it makes the folder a predictor
    return str(head["id"])


def load(space: Workspace, folder: str) -> Predictor:
    """The predictor under `folder`. UserError when absent, damaged, or of another format."""
    if not space.exists(f"{folder}/predictor.json"):
        raise UserError(
            f"{space.root} has no predictor at {folder}: run `vvp tune` and `vvp evaluate` first."
        )
    try:
        raw = space.read_json(f"{folder}/predictor.json")
        if raw["format"] != FORMAT:
            raise UserError(
                f"this predictor has format {raw['format']}, not {FORMAT}: run `vvp evaluate` again."
            )
        head = Head.model_validate(raw)
        specs = head.models.by_name()
        of_views = head.target.name == VIEWS.name
        files = {
            file: space.read_bytes(f"{folder}/{file}")
            for file in _parts({name: spec.files for name, spec in specs.items()}, of_views)
        }
        if _identity(raw, files) != head.id:
            raise UserError(
                f"the predictor at {space.uri(folder)} is not the one its id names: a file was changed."
            )
        models = {
            name: load_model({f: files[f"{name}/{f}"] for f in spec.files}) for name, spec in specs.items()
        }
        backgrounds = {
            name: _rows(files[f"{name}/{BACKGROUND_FILE}"], len(spec.columns)) for name, spec in specs.items()
        }
        classes = head.target.classes
        for name, model in models.items():
            said = model.predict(backgrounds[name][:1])
            if said.shape != ((1,) if classes in (0, 2) else (1, classes)):
                raise ValueError("a model of another kind of target")
        near = None
        if of_views:
            near = Neighbours.from_files({file: files[file] for file in NEIGHBOUR_FILES})
        if near is not None and near.reduction.dims.lengths != head.dims:
            raise ValueError("neighbours of other dims")
        history = ChannelHistory.from_dict(json.loads(files["history.json"]))
        words = Words.from_files({file: files[file] for file in WORD_FILES})
        return Predictor(head, history, words, models, backgrounds, near)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(
            f"the predictor at {space.uri(folder)} is damaged (predictor.json, {where or 'as a whole'}:"
            f" {first['msg']})."
        ) from error
    except DAMAGED as error:
        raise UserError(
            f"the predictor at {space.uri(folder)} is damaged ({type(error).__name__}: {error})."
        ) from error


def _parts(models: Mapping[str, Sequence[str]], of_views: bool) -> list[str]:
    """The files beside predictor.json. models: name → the files of its family."""
    of_models = [f"{name}/{file}" for name, own in models.items() for file in (*own, BACKGROUND_FILE)]
    return ["history.json", *(NEIGHBOUR_FILES if of_views else ()), *WORD_FILES, *of_models]


def _background(matrix: Matrix, population: Population, one: Candidate) -> np.ndarray:
    """float32 (m, columns): training rows at even ranks of their views, so that they are typical."""
    among = population.rows & np.isfinite(matrix.y)
    rows = matrix.rows("train", among)
    ordered = rows[np.argsort(matrix.y[rows], kind="stable")]
    picks = ordered[_even(len(ordered), BACKGROUND)]
    place = {column.name: i for i, column in enumerate(matrix.columns)}
    return np.ascontiguousarray(matrix.X[np.ix_(picks, np.array([place[c] for c in one.columns]))])


def _even(n: int, most: int) -> np.ndarray:
    """int64: at most `most` of 0 … n − 1, the middles of even stretches."""
    k = min(n, most)
    return ((np.arange(k) + 0.5) * n / k).astype(np.int64) if k else np.zeros(0, np.int64)


def _neighbours(space: Workspace, matrix: Matrix) -> Neighbours:
    """Of the newest training videos. Their titles come from the table, their views from the labels."""
    rows = np.flatnonzero((matrix.part == "train") & np.isfinite(matrix.y))
    rows = rows[np.argsort(matrix.published_at[rows], kind="stable")][-neighbours.MOST :]  # NaT sorts last
    ids = matrix.video_id[rows].tolist()
    vectors = [m.vector for m in matrix.dims.modalities]
    embedded = _in_order(space.latest("embeddings", "video_id", "embedded_at", vectors), ids)
    titles = ["video_id", "title", "channel_id", "published_at"]
    cards = _in_order(space.read("videos", titles), ids).append_column("log_views", pa.array(matrix.y[rows]))
    fused = fuse(embedded, matrix.dims)
    return neighbours.keep(fused, matrix.dims, cards)


def _in_order(table: pa.Table, ids: list[str]) -> pa.Table:
    place = {video: i for i, video in enumerate(table["video_id"].to_pylist())}
    return table.take(pa.array([place[i] for i in ids], pa.int64()))


def _rows(data: bytes, columns: int) -> np.ndarray:
    rows = load_tensors(data)["rows"]
    if rows.dtype != np.float32 or rows.ndim != 2 or rows.shape[1] != columns or not 0 < len(rows) <= 1000:
        raise ValueError("a background that does not fit its model")
    return rows


def _identity(head: dict[str, Any], files: Mapping[str, bytes]) -> str:
    """16 hex of everything a predictor is made of. It finds damage; who can write it can forge it."""
    rest = {k: v for k, v in head.items() if k != "id"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode())
    for file in sorted(files):
        digest.update(file.encode() + hashlib.sha256(files[file]).digest())
    return digest.hexdigest()[:16]


def _span(times: np.ndarray) -> list[np.datetime64]:
    known = times[~np.isnat(times)]
    return [known.min(), known.max()] if len(known) else []


def _horizon(values: np.ndarray, at_least: bool) -> dict[str, float | bool] | None:
    """Ages of the training counts in days, and the one that is asked for where nobody says: 30 where the
    middle 80 % of them reach it, else their median. None: no age is known."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, median, high = np.quantile(known, [0.1, 0.5, 0.9])
    default = HORIZON_DAYS if low <= HORIZON_DAYS <= high else float(median)
    return {
        "min": float(known.min()), "median": float(median), "max": float(known.max()), "default": default,
        "at_least": at_least,
    }  # fmt: skip


def _shares(matrix: Matrix, train: np.ndarray) -> list[float]:
    """Of each class among the training rows; nothing where a number is forecast."""
    if not matrix.target.classes:
        return []
    sizes = np.bincount(matrix.y[train].astype(np.int64), minlength=matrix.target.classes)
    return [float(size) for size in sizes / sizes.sum()]


def _channels(channel_id: np.ndarray) -> list[str]:
    counts = Counter(c for c in channel_id if c is not None)
    return [channel for channel, _ in counts.most_common(CHANNELS)]


def _ranges(matrix: Matrix, train: np.ndarray) -> dict[str, list[float]]:
    """Least and greatest training value of every feature (embeddings have no range worth naming)."""
    return {
        c.name: [float(np.nanmin(matrix.X[train, i])), float(np.nanmax(matrix.X[train, i]))]
        for i, c in enumerate(matrix.columns)
        if c.kind == FEATURE and np.isfinite(matrix.X[train, i]).any()
    }
