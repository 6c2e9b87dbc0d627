"""A made-up workspace for the tests of this folder: kinds of videos planted in the vectors, the words and the
motion, and everything else drawn by chance. No files, no media, no models."""

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.schema import TABLES
from vvp.workspace import Workspace

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
DIMS = {"video": 24, "audio": 16, "text": 12}
THEMES = ("chess", "pasta", "guitar", "tennis", "yoga")


def world(
    n: int = 240, kinds: int = 3, apart: float = 2.5, channels: int = 24, seed: int = 0
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(rows of videos, rows of embeddings); video i is of kind i % kinds. apart 0: one cloud."""
    rng = np.random.default_rng(seed)
    centres = {name: rng.normal(size=(kinds, dim)) * apart for name, dim in DIMS.items()}
    videos, embeddings = [], []
    for i in range(n):
        kind = i % kinds
        posted = START + timedelta(days=i)
        videos.append(
            {
                "video_id": f"v{i:05d}",
                "channel_id": f"c{rng.integers(channels)}",
                "title": f"the {THEMES[kind]} video number {rng.integers(9)} {'🎉' if kind == 0 else ''}",
                "published_at": posted,
                "observed_at": posted + timedelta(days=30),
                "duration_s": float(rng.uniform(5, 60)),
                "views": int(np.exp(rng.normal(8, 1))) + 1,
            }
        )
        vectors = {
            f"{name}_embedding": (centres[name][kind] + rng.normal(size=dim)).astype(np.float32)
            for name, dim in DIMS.items()
        }
        embeddings.append(
            {
                "video_id": f"v{i:05d}",
                "content_key": f"k{i}",
                "status": "ok",
                **vectors,
                "motion_mean": float(rng.normal() + 2 * (kind == 1)),
                "visual_density": float(rng.normal()),
                "profile": "tiny",
                **{f"{name}_encoder": f"{name}@1" for name in DIMS},
                "embedded_at": START,
            }
        )
    return videos, embeddings


def fill(root: Any, videos: list[dict[str, Any]], embeddings: list[dict[str, Any]]) -> Workspace:
    space = Workspace(root)
    for name, rows in (("videos", videos), ("embeddings", embeddings)):
        schema = TABLES[name]
        space.replace(name, pa.Table.from_pylist([{c: r.get(c) for c in schema.names} for r in rows], schema))
    return space
