"""Small made-up tables for the tests of this folder: no files, no media, no models."""

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import assemble, population
from vvp.embed.resume import content_key
from vvp.forecast import keeping
from vvp.learn import candidates, evaluate, evidence
from vvp.learn.first_points import at_first_points
from vvp.learn.intervals import traits
from vvp.learn.rule_errors import Errors
from vvp.learn.tuning import tune
from vvp.paths import EMBED_RECIPE, RunPaths
from vvp.schema import TABLES
from vvp.workspace import Workspace

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
DIMS = {"video_embedding": 12, "audio_embedding": 8, "text_embedding": 6}


def table(name: str, rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(
        [{c: row.get(c) for c in TABLES[name].names} for row in rows], schema=TABLES[name]
    )


def world(n: int = 120, channels: int = 15, seed: int = 0, media: float = 1.0) -> tuple[list, list]:
    """(rows of videos, rows of embeddings): n videos, a day apart, log views = channel + picture + noise."""
    rng = np.random.default_rng(seed)
    base = rng.normal(8, 1, channels)
    videos, embeddings = [], []
    for i in range(n):
        c = int(rng.integers(channels))
        has = bool(rng.random() < media)
        vectors = {name: rng.normal(size=d).astype(np.float32) for name, d in DIMS.items()}
        log_views = base[c] + vectors["video_embedding"][0] + rng.normal(0, 0.5)
        posted = START + timedelta(days=i, hours=float(rng.uniform(0, 12)))
        videos.append(
            {
                "video_id": f"v{i:05d}",
                "channel_id": f"c{c}",
                "title": f"Clip number {i} WOW!",
                "published_at": posted,
                "observed_at": posted + timedelta(days=float(rng.uniform(5, 60))),
                "duration_s": float(rng.uniform(5, 60)),
                "channel_followers": int(np.exp(base[c] + rng.normal())),
                "views": int(np.exp(log_views)) + 1,
                "media_sha256": f"sha{i}" if has else None,
                "media_path": f"/m/{i}.mp4" if has else None,
            }
        )
        embeddings.append(
            {
                "video_id": f"v{i:05d}",
                "content_key": f"k{i}",
                "status": "ok",
                "video_embedding": vectors["video_embedding"] if has else None,
                "audio_embedding": vectors["audio_embedding"] if has and i % 7 else None,
                "text_embedding": vectors["text_embedding"],
                "motion_mean": float(rng.random()) if has else None,
                "profile": "tiny",
                "video_encoder": "v@1",
                "audio_encoder": "a@1",
                "text_encoder": "t@1",
                "embedded_at": START,
            }
        )
    return videos, embeddings


def fill(root: Any, videos: list, embeddings: list) -> Workspace:
    space = Workspace(root)
    space.replace("videos", table("videos", videos))
    if embeddings:
        space.replace("embeddings", table("embeddings", embeddings))
    return space


def fresh(space: Workspace) -> Workspace:
    """The same workspace with its recipe, and with vectors that are of what the videos are now."""
    recipe: dict[str, Any] = {
        "profile": "tiny", "encoders": {}, "speech": None, "decode": {},
        "dims": {name.removesuffix("_embedding"): size for name, size in DIMS.items()},
    }  # fmt: skip
    space.write_json(EMBED_RECIPE, recipe)
    text = json.dumps(recipe)
    keys = {row["video_id"]: content_key(row, text) for row in space.read("videos").to_pylist()}
    rows = space.read("embeddings")
    at = rows.schema.get_field_index("content_key")
    keyed = pa.array([keys[video] for video in rows["video_id"].to_pylist()])
    space.replace("embeddings", rows.set_column(at, "content_key", keyed))
    return space


def learn(space: Workspace, name: str, seed: int = 0, family: str = "ridge") -> str:
    """A predictor (of the family, and metadata alone for words) under runs/NAME, as the verbs save it.

    Its id. Both are taken as proven, so that every block of a forecast and both models can be looked at.
    """
    run = tune(space, at_first_points([family]), name=name, others=False, seed=seed)
    matrix = assemble(space, "time", run.split_settings, embedded_dims(space))
    rows = population(matrix)
    found, _ = candidates.read(space, RunPaths(name).split("time"))
    main, metadata = (next(c for c in found if c.name == wanted) for wanted in (family, "metadata only"))
    choice = evidence.choose(matrix, rows, found, seed)
    held = np.concatenate([block for _, block in evidence.folds(matrix, rows.rows, seed)])
    errors = {
        one.name: Errors(held, matrix.y[held] - one.oof, np.ones(len(held)))
        for one in (main, metadata) if one.oof is not None
    }  # fmt: skip
    proven = [one.model_copy(update={"better": one.candidate == metadata.name}) for one in choice.evidence]
    choice = replace(choice, chosen=main, errors=choice.errors | errors, evidence=proven)
    made = {n: traits.calibrated(matrix, own) for n, own in choice.errors.items()}
    own = evaluate.evaluate_split(matrix, rows, found, choice, made, resamples=100)
    verdict, warnings = evaluate.verdict(own), evaluate.warnings(matrix, own)
    kept = keeping.save(space, RunPaths(name), run, matrix, found, choice, made, own, verdict, warnings, 100)
    return str(kept.id)
