"""Time and memory of `vvp explore` at 1,000, 10,000 and 100,000 videos, and how both grow.

The rows are 2,306 random floats with structure (30 kinds of videos in 40 latent dimensions, and noise),
with titles, channels, dates and views, written as a workspace; then a process of its own does what the
command does. Memory is the proportional set size of that process and all its descendants (Ray's too),
sampled twice a second; "driver" is the greatest resident size of the process itself (getrusage).

    python benchmarks/explore.py [--rows 1000,10000,100000] [--scratch FOLDER]
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from common import RESULTS, machine, tree_gb

from vvp.schema import TABLES
from vvp.workspace import Workspace

DIM, LATENT, KINDS, PER_FILE = 768, 40, 30, 5_000
ONE = "--one"  # the measured process, told where its workspace is


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", default="1000,10000,100000")
    parser.add_argument("--scratch", type=Path, help="where the workspaces are written; default: temporary")
    options = parser.parse_args()
    runs = []
    for rows in map(int, options.rows.split(",")):
        with tempfile.TemporaryDirectory(dir=options.scratch) as root:
            write(Workspace(root), rows)
            runs.append({"rows": rows, **measured(root)})
        _print(runs[-1])
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "runs": runs}
    result["growth"] = [
        {
            "from": a["rows"],
            "to": b["rows"],
            **{f"{key}_times": round(b[key] / a[key], 2) for key in ("seconds", "peak_gb")},
        }
        for a, b in zip(runs, runs[1:], strict=False)
    ]
    for g in result["growth"]:
        print(f"{g['from']:,} → {g['to']:,} rows: time × {g['seconds_times']}, memory × {g['peak_gb_times']}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "explore.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {RESULTS / 'explore.json'}")


def write(space: Workspace, rows: int) -> None:
    """A workspace of `rows` embedded videos, one in twenty without sound."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(KINDS, LATENT)) * 1.5
    mix = rng.normal(size=(3, LATENT, DIM)).astype(np.float32) / np.sqrt(LATENT)
    start = datetime(2025, 1, 1, tzinfo=timezone.utc)
    for first in range(0, rows, PER_FILE):
        n = min(PER_FILE, rows - first)
        kind = rng.integers(KINDS, size=n)
        latent = (centres[kind] + rng.normal(size=(n, LATENT))).astype(np.float32)
        vectors = [latent @ m + rng.normal(0, 0.5, (n, DIM)).astype(np.float32) for m in mix]
        ids = [f"v{first + i:07d}" for i in range(n)]
        posted = [start + timedelta(minutes=first + i) for i in range(n)]
        views = np.exp(rng.normal(8, 1, n) + latent[:, 0]).astype(int) + 1
        signals = {
            name: rng.random(n).astype(np.float32) + kind for name in ("motion_mean", "visual_density")
        }
        video = {
            "video_id": ids,
            "channel_id": [f"c{i}" for i in rng.integers(rows // 20, size=n)],
            "title": [
                f"kind{k} video number{w}" for k, w in zip(kind, rng.integers(500, size=n), strict=True)
            ],
            "published_at": posted,
            "observed_at": [p + timedelta(days=30) for p in posted],
            "duration_s": rng.uniform(5, 60, n),
            "views": views,
        }
        embedding = {
            "video_id": ids,
            "content_key": ids,
            "status": ["ok"] * n,
            "video_embedding": _lists(vectors[0]),
            "audio_embedding": _lists(vectors[1], rng.random(n) < 0.05),
            "text_embedding": _lists(vectors[2]),
            "profile": ["benchmark"] * n,
            **{f"{m}_encoder": ["random@0"] * n for m in ("video", "audio", "text")},
            "embedded_at": posted,
            **signals,
        }
        space.append("videos", _table("videos", video, n))
        space.append("embeddings", _table("embeddings", embedding, n))


def _lists(values: np.ndarray, absent: np.ndarray | None = None) -> pa.ListArray:
    n, dim = values.shape
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * dim)
    mask = None if absent is None else pa.array(absent)
    return pa.ListArray.from_arrays(offsets, pa.array(values.reshape(-1)), mask=mask)


def _table(name: str, columns: dict[str, Any], n: int) -> pa.Table:
    schema = TABLES[name]
    return pa.table(
        [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(n, f.type) for f in schema],
        schema=schema,
    )


def measured(root: str) -> dict[str, Any]:
    """What `one` says of itself, and the peak of its and its descendants' memory."""
    child = subprocess.Popen(
        [sys.executable, __file__, ONE, root], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    peak = 0.0
    while child.poll() is None:
        peak = max(peak, tree_gb(child.pid))
        time.sleep(0.5)
    assert child.stdout is not None
    if child.returncode:
        raise SystemExit(f"the measured process ended with code {child.returncode}")
    return {"peak_gb": round(peak, 2), **json.loads(child.stdout.read().splitlines()[-1])}


def one(root: str) -> None:
    """`vvp explore` on the workspace at `root`; prints seconds by step as JSON."""
    from jobs.cluster import connect
    from jobs.explore import ray_tasks
    from vvp.explore import store
    from vvp.explore.collection import collect
    from vvp.explore.explore import explore

    space = Workspace(root)
    started = time.perf_counter()
    marks = [("Ray", started)]
    connect()
    marks.append(("read, split and fuse", time.perf_counter()))
    seen = collect(space, "default")

    def tell(done: int, of: int, what: str) -> None:
        if what != marks[-1][0]:
            marks.append((what, time.perf_counter()))

    atlas = explore(seen, run_jobs=ray_tasks, tell=tell)
    marks.append(("write", time.perf_counter()))
    store.write(space, atlas)
    ended = time.perf_counter()
    times = [at for _, at in marks[1:]] + [ended]
    steps = {what: round(end - at, 1) for (what, at), end in zip(marks, times, strict=True)}
    facts = atlas.facts
    print(
        json.dumps(
            {
                "seconds": round(ended - started, 1),
                "driver_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
                "steps": steps,
                "train_rows": facts["train_rows"],
                "fitted_on": facts["umap"]["fitted_on"],
                "overlap": facts["umap"]["overlap"],
                "kmeans": facts["kmeans"]["sentence"],
                "hdbscan": facts["hdbscan"],
                "agreement": facts["agreement"],
            }
        )
    )


def _print(run: dict[str, Any]) -> None:
    steps = ", ".join(f"{what} {seconds:.0f}" for what, seconds in run["steps"].items())
    gb = f"{run['peak_gb']:.2f} GB in all, {run['driver_gb']:.2f} GB the driver"
    print(
        f"{run['rows']:>7,} rows: {run['seconds']:.0f} s, {gb};"
        f" UMAP on {run['fitted_on']:,} of {run['train_rows']:,} training rows\n"
        f"         seconds: {steps}\n         {run['kmeans']}",
        flush=True,
    )


if __name__ == "__main__":
    if ONE in sys.argv:
        one(sys.argv[sys.argv.index(ONE) + 1])
    else:
        main()
