"""The saved artefact: a model, what it needs to see a new video as training did, and what is known of it.

    predictor.json   models' columns, encoders, decode settings, training facts, interval, measured quality
    history.json     the channels' training videos (channels.ChannelHistory)
    main/ metadata/  model files (models/base.py): the chosen model, and one for drafts without a video

JSON, safetensors and LightGBM's text: loading executes nothing. The same `predict` serves offline and online.
What a forecast cannot know: what happens after posting (a share by someone famous, a change of the platform's
ranking), whatever no training video showed, and anything about rewatching, for views are all it learned.
Not known here: how a video becomes vectors (embed_stages.py), Ray, HTTP.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.candidates import Candidate
from vvp.channels import ChannelHistory
from vvp.columns import FEATURE, design, layout
from vvp.errors import UserError
from vvp.evaluate import COVERAGE, residuals
from vvp.fuse import Dims
from vvp.labels import moments
from vvp.matrix import FACTS, MADE, Matrix, Population
from vvp.metrics import conformal_half_width
from vvp.models import load as load_model
from vvp.models.base import JSON_FILE, TENSOR_FILE, TEXT_FILE, Model
from vvp.schema import TABLES
from vvp.workspace import Workspace

FORMAT = 1
HORIZON_DAYS = 30.0
ROW = pa.schema(
    [*(TABLES["videos"].field(n) for n in FACTS), *(TABLES["embeddings"].field(n) for n in (*MADE, "status"))]
)
QUANTILES = np.linspace(0, 1, 201)
MAX_DIM = 65_536  # of one encoder's vector
SLACK = 0.01  # of a feature's training range: what lies further out is called outside


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """views: the median-like centre, exp(predicted log views) − 1; low, high: the 80 % interval (null: no
    interval could be calibrated); percentile: of the training videos, 0 to 100; baselines: what the simple
    rules say (null: they cannot); missing: modalities the draft lacks; outside: features beyond training;
    quality: what evaluation measured of the model that was used."""

    views: float
    low: float | None
    high: float | None
    coverage: float
    log_views: float
    percentile: float
    horizon_days: float
    model: str
    baselines: dict[str, float | None]
    missing: list[str]
    outside: list[str]
    notes: list[str]
    quality: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Predictor:
    """`load`ed, it turns rows (schema ROW) into forecasts. Holds no video and no encoder."""

    def __init__(self, head: dict[str, Any], history: ChannelHistory, models: dict[str, Model]) -> None:
        self.head, self.history, self.models = head, history, models
        self.dims = Dims(**head["dims"])
        self.place = {column.name: i for i, column in enumerate(layout(self.dims))}

    def predict(self, rows: pa.Table, horizon_days: float = HORIZON_DAYS) -> list[Forecast]:
        """One forecast per row (schema ROW, see `draft_rows`). horizon_days: age of the count asked for."""
        n = len(rows)
        channel = np.array(rows["channel_id"].to_pylist(), dtype=object)
        mean, count = self.history.at(channel, moments(rows["published_at"]))
        X = design(rows, self.dims, np.full(n, horizon_days), mean, count)
        seen, heard = (rows[f"{m}_embedding"].is_valid().to_numpy() for m in ("video", "audio"))
        return [
            self._one(
                X[i : i + 1],
                bool(seen[i]),
                bool(heard[i]),
                rows["transcript"][i].as_py(),
                mean[i],
                horizon_days,
            )
            for i in range(n)
        ]

    def _one(
        self, x: np.ndarray, seen: bool, heard: bool, transcript: str | None, history: float, horizon: float
    ) -> Forecast:
        which = "main" if seen or heard or not self.head["needs_media"] else "metadata"
        if which not in self.models:
            raise UserError("this predictor was trained on videos and has no model for a draft without one.")
        spec = self.head["models"][which]
        log_views = float(self.models[which].predict(x[:, [self.place[c] for c in spec["columns"]]])[0])
        half = spec["half_width"]
        quantiles = self.head["training"]["log_views_quantiles"]
        notes = []
        if "log_horizon_days" not in spec["columns"]:
            notes.append("the horizon changes nothing: this model does not see the age of the counts")
        for block in ("picture", "sound"):
            if which == "main" and not any(c.startswith((block, f"mask_{block}")) for c in spec["columns"]):
                notes.append(f"the {block} changes nothing: this model does not look at it")
        if half is None:
            notes.append("no interval: too few validation videos to calibrate one")
        missing = [
            name for name, there in (("picture", seen), ("sound", heard), ("speech", transcript)) if not there
        ]
        return Forecast(
            views=_views(log_views),
            low=None if half is None else _views(log_views - half),
            high=None if half is None else _views(log_views + half),
            coverage=COVERAGE,
            log_views=log_views,
            percentile=round(100 * float(np.interp(log_views, quantiles, QUANTILES)), 1),
            horizon_days=horizon,
            model=spec["name"],
            baselines={
                "train mean": _views(self.history.mean),
                "channel's earlier videos": None if np.isnan(history) else _views(float(history)),
            },
            missing=missing,
            outside=self._outside(x[0], spec["columns"]),
            notes=notes,
            quality=self.head["quality"][which],
        )

    def _outside(self, x: np.ndarray, columns: list[str]) -> list[str]:
        """Features the model uses whose value no training video came near."""
        found = []
        for name, (low, high) in self.head["training"]["ranges"].items():
            value, slack = float(x[self.place[name]]), SLACK * (high - low)
            if name in columns and not np.isnan(value) and not low - slack <= value <= high + slack:
                found.append(f"{name} is {value:.3g}, training had {low:.3g} to {high:.3g}")
        return found


def _views(log_views: float) -> float:
    return float(np.expm1(np.clip(log_views, 0.0, 30.0)))  # 30: 10¹³ views, more than there are viewers


def draft_rows(values: Mapping[str, Any], embedded: pa.Table | None = None) -> pa.Table:
    """A one-row table of schema ROW: facts of the draft by videos column, vectors and signals of `embedded`
    (embeddings columns, one row), None for a draft without media. Unknown names raise ValueError."""
    unknown = set(values) - set(FACTS)
    if unknown:
        raise ValueError(f"not columns known before publication: {sorted(unknown)}")
    row = dict.fromkeys(ROW.names) | dict(values)
    if embedded is not None:
        row |= {n: embedded[n][0].as_py() for n in (*MADE, "status")}
        row["transcript"] = embedded["transcript"][0].as_py() or row["transcript"]
    return pa.Table.from_pylist([row], schema=ROW)


def save(
    space: Workspace,
    folder: str,
    matrix: Matrix,
    population: Population,
    chosen: Candidate,
    metadata: Candidate | None,
    facts: dict[str, Any],
) -> str:
    """Writes the predictor under `folder` and returns its id (hash of everything in it).

    metadata: the model for drafts without media, when `chosen` needs media. facts: run, embedding settings,
    measured quality; kept as they are.
    """
    models: dict[str, Any] = {}
    kept: dict[str, Model] = {}
    for name, one in (("main", chosen), ("metadata", metadata)):
        if one is None or one.model is None:
            continue
        files = one.model.files()
        for file, data in files.items():
            space.write_bytes(f"{folder}/{name}/{file}", data)
        kept[name] = one.model
        half = conformal_half_width(residuals(matrix, population, one), COVERAGE)
        models[name] = {
            "name": one.name, "family": one.family, "input": one.input, "columns": list(one.columns),
            "half_width": half, "files": sorted(files),
        }  # fmt: skip
    train = matrix.part == "train"
    head = {
        "format": FORMAT,
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "profile": matrix.profile,
        "encoders": matrix.encoders,
        "dims": asdict(matrix.dims),
        "needs_media": population.name == "with_media",
        "models": models,
        "training": {
            "videos": int(train.sum()),
            "channels": len({c for c in matrix.channel_id[train] if c is not None}),
            "published": [str(t) for t in _span(matrix.published_at[train])],
            "horizon_days": _summary(matrix.horizon_days[train]),
            "log_views_quantiles": np.quantile(matrix.y[train], QUANTILES).tolist(),
            "ranges": _ranges(matrix, train),
        },
        **facts,
    }
    history = matrix.history.as_dict()
    space.write_json(f"{folder}/history.json", history)
    head["id"] = _identity(json.loads(json.dumps(head)), history, kept)
    space.write_json(f"{folder}/predictor.json", head)  # last: it makes the folder a predictor
    return str(head["id"])


def load(space: Workspace, folder: str) -> Predictor:
    """The predictor under `folder`. UserError when absent, damaged, or of a newer format.

    The files are somebody's input: names, sizes and columns are checked before anything is made of them.
    """
    if not space.exists(f"{folder}/predictor.json"):
        raise UserError(
            f"{space.root} has no predictor at {folder}: run `vvp tune` and `vvp evaluate` first."
        )
    try:
        head = space.read_json(f"{folder}/predictor.json")
        if head["format"] != FORMAT:
            raise UserError(f"this predictor has format {head['format']}; this vvp reads format {FORMAT}.")
        history = space.read_json(f"{folder}/history.json")
        _check(head)
        models = {
            name: load_model({f: space.read_bytes(f"{folder}/{name}/{f}") for f in spec["files"]})
            for name, spec in head["models"].items()
        }
        if _identity(head, history, models) != head["id"]:
            raise UserError(
                f"the predictor at {space.uri(folder)} is not the one its id names: a file was changed."
            )
        return Predictor(head, ChannelHistory.from_dict(history), models)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"the predictor at {space.uri(folder)} is damaged ({type(error).__name__}: {error})."
        ) from error


def _check(head: dict[str, Any]) -> None:
    """ValueError or KeyError unless the head says all that `predict` will ask, in bounds."""
    if any(type(n) is not int or not 0 <= n <= MAX_DIM for n in head["dims"].values()):
        raise ValueError("dims out of bounds")
    columns = {column.name for column in layout(Dims(**head["dims"]))}
    if "main" not in head["models"] or not set(head["models"]) <= {"main", "metadata"}:
        raise ValueError("models other than main and metadata")
    for name, spec in head["models"].items():
        if not set(spec["files"]) <= {JSON_FILE, TENSOR_FILE, TEXT_FILE}:
            raise ValueError("a file that is no model's")
        if not set(spec["columns"]) <= columns:
            raise ValueError("a column that there is not")
        if spec["half_width"] is not None and not 0 <= float(spec["half_width"]) < 100:
            raise ValueError("an interval out of bounds")
        head["quality"][name]["verdict"]
    for name in (*head["training"]["ranges"],):
        if name not in columns:
            raise ValueError("a range of a column that there is not")
    for key in ("profile", "encoders", "speech", "decode"):
        head["embedding"][key]


def _identity(head: dict[str, Any], history: dict[str, Any], models: Mapping[str, Model]) -> str:
    """16 hex of everything a predictor is made of. It finds damage; who can write it can forge it."""
    rest = {k: v for k, v in head.items() if k != "id"}
    digest = hashlib.sha256(json.dumps([rest, history], sort_keys=True).encode())
    for name in sorted(models):
        for file, data in sorted(models[name].files().items()):
            digest.update(file.encode() + data)
    return digest.hexdigest()[:16]


def _span(times: np.ndarray) -> list[np.datetime64]:
    known = times[~np.isnat(times)]
    return [known.min(), known.max()] if len(known) else []


def _summary(values: np.ndarray) -> dict[str, float] | None:
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    return {"min": float(known.min()), "median": float(np.median(known)), "max": float(known.max())}


def _ranges(matrix: Matrix, train: np.ndarray) -> dict[str, list[float]]:
    """Least and greatest training value of every feature (embeddings have no range worth naming)."""
    return {
        c.name: [float(np.nanmin(matrix.X[train, i])), float(np.nanmax(matrix.X[train, i]))]
        for i, c in enumerate(matrix.columns)
        if c.kind == FEATURE
    }
