"""Workspaces to report on, made by code: no encoder, no sweep, and a map as `vvp explore` writes them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from learn_tables import fill, fresh, world

from vvp.forecast.judging import judge
from vvp.learn.first_points import at_first_points
from vvp.learn.tuning import tune
from vvp.paths import MAP_FACTS, RunPaths
from vvp.words import visible
from vvp.workspace import Workspace

EVIL = (
    "</script><script>document.title='broken'</script><img src=x onerror=alert(2)> $x^2$ & \"q\" '🎬"
    "\x1b[2J\x07\x9b31m\u202eend\x00"
)
SHOWN = visible(EVIL)


def posts(root: Path, n: int = 120, **changes: Any) -> Workspace:
    """A workspace of `world` without media files; `changes` are set in every row of videos."""
    videos, embeddings = world(n)
    for row in videos:
        row.update({"media_path": None} | changes)
    videos[0]["title"] = EVIL
    return fill(root, videos, embeddings)


def tested(space: Workspace, name: str = "default") -> Workspace:
    """A run of one trial, tuned and evaluated as the verbs do it, and a sweep's table beside it."""
    fresh(space)
    run = tune(space, at_first_points(["ridge"]), name=name)
    for split in run.splits:
        space.write_json(RunPaths(name).trials(split), _trials())
    judge(space, name=name, resamples=100)
    if space.exists(MAP_FACTS):  # as if the map were drawn afterwards
        space.write_json(MAP_FACTS, space.read_json(MAP_FACTS) | {"forecasts_of": run.id})
    return space


def _trials() -> list[dict[str, Any]]:
    return [
        {
            "family": family, "trial": f"{family}-{i:02d}", "input": "full", "params": {}, "point": i,
            "validation": start - 0.05 * i, "seconds": 1.0,
        }
        for family, start in (("ridge", 1.0), ("gbdt", 1.1))
        for i in range(4)
    ]  # fmt: skip


def mapped(space: Workspace, clusters: int = 3) -> Workspace:
    """A map with `clusters` clouds of points in the order of the videos; every section is there."""
    rng = np.random.default_rng(0)
    ids = space.read("videos")["video_id"].to_pylist()
    cluster = np.arange(len(ids)) % clusters
    angle = 2 * np.pi * cluster / clusters
    points = pa.table(
        {
            "video_id": ids,
            "part": ["train"] * len(ids),
            "x": pa.array(5 * np.cos(angle) + rng.normal(size=len(ids)), pa.float32()),
            "y": pa.array(5 * np.sin(angle) + rng.normal(size=len(ids)), pa.float32()),
            "cluster": pa.array(cluster, pa.int32()),
            "density_cluster": pa.array(cluster, pa.int32()),
        }
    )
    sink = io.BytesIO()
    pq.write_table(points, sink)
    space.write_bytes("map/points.parquet", sink.getvalue())
    run = RunPaths("default").run
    of = {"forecasts_of": space.read_json(run)["id"]} if space.exists(run) else {}
    space.write_json("map/map.json", _map(ids, cluster, clusters) | of)
    return space


def _map(ids: list[str], cluster: np.ndarray, clusters: int) -> dict[str, Any]:
    k = list(range(2, 16))
    peak = [0.5 - 0.04 * abs(i - clusters) for i in k]
    curve = (1 - 0.8 ** np.arange(1, 51)).tolist()
    return {
        "format": 1,
        "split": "time",
        "forecasts_of": "r1",
        "rows": len(ids),
        "left_out": {},
        "pca": {
            "components": 50,
            "kept": curve[-1],
            "curve": curve,
            "need_86": 9,
            "need_95": 14,
            "curve_unscaled": [c**0.5 for c in curve],
            "block_share": {"picture": 0.33, "sound": 0.33, "words": 0.34},
            "block_share_unscaled": {"picture": 0.9, "sound": 0.08, "words": 0.02},
            "rule": "Every block has the same total variance.",
        },
        "umap": {
            "rule": "Neighbours: 50, or a quarter of the videos.",
            "overlap": {"k": 15, "value": 0.41, "random": 0.07, "rows": len(ids)},
        },
        "kmeans": {
            "k": k,
            "inertia": [1000.0 / i for i in k],
            "silhouette": peak,
            "silhouette_low": [p - 0.02 for p in peak],
            "silhouette_high": [p + 0.02 for p in peak],
            "shuffled": [0.05] * len(k),
            "best": clusters,
            "separates": True,
            "sentence": "They separate.",
        },
        "hdbscan": {"clusters": clusters, "noise": 0.1},
        "agreement": {"adjusted_rand": 0.9, "rows": len(ids)},
        "clusters": [_cluster(c, [v for v, own in zip(ids, cluster, strict=True) if own == c], len(ids))
                     for c in range(clusters)],
        "notes": [],
    }  # fmt: skip


def _cluster(c: int, own: list[str], n: int) -> dict[str, Any]:
    return {
        "cluster": c,
        "size": len(own),
        "share": len(own) / n,
        "differences": {
            "log_views": {"point": 1.0 - c, "low": 0.6 - c, "high": 1.4 - c, "mean": 9.0, "rest": 8.0},
            "motion_mean": {"point": 0.1, "low": -0.2, "high": 0.4, "mean": 0.5, "rest": 0.4},
        },
        "words": [["<b>chess</b>", 3.1], ["again", 2.0]],
        "central": own[:5],
        "error": {"mae": {"point": 0.5 + 0.1 * c, "low": 0.4, "high": 0.9}, "rows": 8},
        "error_unavailable": None,
    }
