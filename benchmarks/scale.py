"""What collect, tune, evaluate and report cost as a collection grows: seconds, CPU-seconds and memory.

Each verb runs as its user would run it, in a process of its own; memory is the most that it and its
children held (proportional set size, looked at four times a second). The tables are made up: `vvp collect
ytdlp` reads n info.json files without media; the others work on n rows with vectors as wide as the offline
profile's.

    python benchmarks/scale.py [--sizes 1000,10000] [--collect 1000,10000,100000] [--families ridge,gbdt]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from common import RESULTS, machine, tree_cpu_s, tree_gb

from vvp.embed.resume import content_key
from vvp.paths import EMBED_RECIPE
from vvp.schema import TABLES
from vvp.workspace import Workspace

DIMS = {"video_embedding": 1280, "audio_embedding": 512, "text_embedding": 768}
START = datetime(2022, 1, 1, tzinfo=timezone.utc)
ROWS = 2000  # of a part of the table of embeddings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="1000,10000")
    parser.add_argument("--collect", default="1000,10000,100000")
    parser.add_argument("--families", default="ridge,gbdt")
    options = parser.parse_args()
    file = RESULTS / "scale.json"
    result: dict[str, Any] = {
        "date": date.today().isoformat(), "machine": machine(), "families": options.families,
        "collect": {}, "rest": {},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        for n in map(int, options.collect.split(",")):
            folder, space = Path(scratch, f"infos{n}"), f"{scratch}/collected{n}"
            infos(folder, n)
            steps = {name: verb("collect", "ytdlp", str(folder), "-w", space) for name in ("first", "again")}
            result["collect"][n] = _said(n, steps)
        for n in map(int, options.sizes.split(",")):
            at = ["-w", tables(Path(scratch, f"space{n}"), n).root]
            tune = verb("tune", "--only", "--trials", "2", "--families", options.families, *at)
            steps = {"tune": tune, "evaluate": verb("evaluate", *at), "report": verb("report", *at)}
            result["rest"][n] = _said(n, steps)
            file.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {file}")


def _said(n: int, steps: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    for name, step in steps.items():
        cost = f"{step['seconds']:8.1f} s {step['cpu_seconds']:8.1f} CPU-s {step['peak_gb']:6.2f} GB"
        print(f"{n:>7} {name:<9} {cost}", flush=True)
    return steps


def verb(*arguments: str) -> dict[str, float]:
    """Runs one to its end. SystemExit with what it said when it fails."""
    started, peak, cpu = time.perf_counter(), 0.0, 0.0
    with tempfile.TemporaryFile("w+") as said:
        command = [sys.executable, "-m", "jobs", "--local", *arguments]
        with subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as running:
            while running.poll() is None:
                peak, cpu = max(peak, tree_gb(running.pid)), max(cpu, tree_cpu_s(running.pid))
                time.sleep(0.25)
        if running.returncode:
            said.seek(0)
            raise SystemExit(f"vvp {' '.join(arguments)}:\n{said.read()[-2000:]}")
    return {"seconds": time.perf_counter() - started, "cpu_seconds": cpu, "peak_gb": peak}


def infos(folder: Path, n: int) -> None:
    """info.json files of the size that yt-dlp writes, without its list of formats."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(n):
        posted = int((START + timedelta(minutes=20 * i)).timestamp())
        facts = {
            "id": f"v{i:07d}", "title": f"Clip {i} of all #tag{i % 50}", "description": "some words " * 30,
            "channel_id": f"c{i % 500}", "channel_follower_count": 1000 + i % 700, "timestamp": posted,
            "epoch": posted + 30 * 86_400, "view_count": int(rng.lognormal(8, 2)) + 1, "like_count": 3,
            "duration": 12.5, "extractor_key": "Youtube", "width": 720, "height": 1280,
        }  # fmt: skip
        (folder / f"v{i:07d}.info.json").write_text(json.dumps(facts))


def tables(root: Path, n: int) -> Workspace:
    """A workspace of n embedded videos of n / 50 channels; log views = channel + picture + noise."""
    rng, space = np.random.default_rng(0), Workspace(root)
    channel = rng.integers(max(4, n // 50), size=n)
    base = rng.normal(8, 1, channel.max() + 1)
    posted = [START + timedelta(hours=float(h)) for h in np.linspace(0, 3 * 365 * 24, n)]
    videos: list[dict[str, Any]] = []
    effect = rng.normal(size=n)
    recipe = {
        "profile": "scale", "speech": None, "decode": {},
        "encoders": {"video": "v@1", "audio": "a@1", "text": "t@1"},
        "dims": {name.removesuffix("_embedding"): size for name, size in DIMS.items()},
    }  # fmt: skip
    space.write_json(EMBED_RECIPE, recipe)
    for i in range(n):
        log_views = base[channel[i]] + effect[i] + rng.normal(0, 0.5)
        facts = {
            "video_id": f"v{i:07d}", "channel_id": f"c{channel[i]}", "title": f"Clip {i} of all #tag{i % 50}",
            "published_at": posted[i], "observed_at": posted[i] + timedelta(days=30), "duration_s": 20.0,
            "channel_followers": int(np.exp(base[channel[i]] + rng.normal())), "source": "posts",
            "views": int(np.exp(log_views)) + 1, "media_sha256": f"sha{i}", "media_path": f"/m/{i}.mp4",
        }  # fmt: skip
        videos.append({c: facts.get(c) for c in TABLES["videos"].names})
    space.replace("videos", pa.Table.from_pylist(videos, schema=TABLES["videos"]))
    keys = [content_key(row, json.dumps(recipe)) for row in videos]
    for first in range(0, n, ROWS):
        rows = range(first, min(n, first + ROWS))
        vectors = {name: rng.normal(size=(len(rows), d)).astype(np.float32) for name, d in DIMS.items()}
        vectors["video_embedding"][:, 0] = effect[rows.start : rows.stop]
        made = [
            {
                "video_id": f"v{i:07d}", "content_key": keys[i], "status": "ok", "profile": "scale",
                "video_encoder": "v@1", "audio_encoder": "a@1", "text_encoder": "t@1", "embedded_at": START,
                **{name: values[i - first] for name, values in vectors.items()},
            }
            for i in rows
        ]  # fmt: skip
        full = [{c: row.get(c) for c in TABLES["embeddings"].names} for row in made]
        space.append("embeddings", pa.Table.from_pylist(full, schema=TABLES["embeddings"]))
    return space


if __name__ == "__main__":
    main()
