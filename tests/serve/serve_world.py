"""A workspace with predictors, in seconds: posts whose views follow the brightness of their picture."""

import json
import shutil
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.embed.resume import content_key
from vvp.encoders.profiles import Profile
from vvp.media.decode import DecodeSettings
from vvp.paths import RunPaths
from vvp.schema import TABLES
from vvp.workspace import Workspace

PLAIN = np.array([60.0, 300.0, 10.0, 1.0])  # longest title, longest transcript, most spaces, a constant
START = datetime(2025, 1, 1, tzinfo=timezone.utc)


def fill(root: Path, profile: Profile, n: int = 140, seed: int = 0) -> Workspace:
    """n embedded videos, a day apart; log views = 6 + brightness / 50 + channel + noise of 0.3."""
    rng = np.random.default_rng(seed)
    labels = profile.labels(None)
    settings = {k: v for k, v in asdict(DecodeSettings()).items() if k not in ("timeout_s", "memory_gb")}
    recipe = {
        "profile": profile.name,
        "dims": profile.dims,
        "encoders": {m: labels[m] for m in profile.encoders},
        "speech": labels.get("transcriber"),
        "decode": settings,
    }
    base = rng.normal(0, 0.5, 8)
    videos: list[dict[str, Any]] = []
    embeddings: list[dict[str, Any]] = []
    for i in range(n):
        channel, bright = int(rng.integers(8)), float(rng.uniform(0, 255))
        posted = START + timedelta(days=i, hours=float(rng.uniform(0, 24)))
        row = dict.fromkeys(TABLES["videos"].names) | {
            "video_id": f"v{i:04d}", "channel_id": f"c{channel}", "title": f"Clip {i} <b>of</b> many",
            "published_at": posted, "observed_at": posted + timedelta(days=float(rng.uniform(10, 60))),
            "duration_s": float(rng.uniform(5, 60)), "channel_followers": int(rng.integers(100, 10_000)),
            "views": int(np.exp(6 + bright / 50 + base[channel] + rng.normal(0, 0.3))),
            "likes": int(np.exp(3 + bright / 50 + base[channel] + rng.normal(0, 0.3))),
            "media_sha256": f"sha{i}", "media_path": f"/m/{i}.mp4", "collected_at": START,
        }  # fmt: skip
        videos.append(row)
        vectors = {m: rng.normal(size=d) for m, d in profile.dims.items()}
        vectors["video"][:2] = bright
        if profile.dims["text"] == len(PLAIN):  # what the encoders that cost nothing make of words and sound
            vectors["text"] = rng.uniform(0, 1, len(PLAIN)) * PLAIN
            vectors["audio"] = np.array([0.0, 0.0, 1.0, 1.0])
        embeddings.append(
            dict.fromkeys(TABLES["embeddings"].names)
            | {f"{m}_embedding": v.astype(np.float32) for m, v in vectors.items()}
            | {f"{m}_encoder": labels[m] for m in profile.encoders}
            | {
                "video_id": row["video_id"], "content_key": content_key(row, json.dumps(recipe)),
                "status": "ok", "decoded_duration_s": row["duration_s"], "profile": profile.name,
                "embedded_at": START,
            }
        )  # fmt: skip
    space = Workspace(root)
    space.replace("videos", pa.Table.from_pylist(videos, schema=TABLES["videos"]))
    space.replace("embeddings", pa.Table.from_pylist(embeddings, schema=TABLES["embeddings"]))
    space.write_json("embed.json", recipe)
    return space


def damage(space: Workspace, name: str, of: str) -> None:
    """runs/NAME: the predictor of run `of` with one byte of its model changed."""
    shutil.copytree(Path(space.root) / f"runs/{of}", Path(space.root) / f"runs/{name}")
    [model] = (Path(space.root) / RunPaths(name).predictor / "main").glob("model*.safetensors")
    content = bytearray(model.read_bytes())
    content[-1] ^= 1
    model.write_bytes(content)
