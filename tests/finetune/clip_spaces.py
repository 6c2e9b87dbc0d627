"""Workspaces whose clips are one colour each, in the cache and embedded."""

from pathlib import Path
from typing import Any

import numpy as np

from vvp.finetune import clips
from vvp.media.decode import Clip
from vvp.paths import CLIPS_FACTS
from vvp.workspace import Workspace


def coloured(root: Path, n: int, channels: int = 8, prefix: str = "") -> Workspace:
    """Log views follow the red; the other counts follow the views. prefix: of the ids, so that two
    collections share none."""
    from learn_tables import table, world

    videos, embeddings = world(n, channels=channels)
    space, rng = Workspace(root), np.random.default_rng(len(prefix))
    settings = clips.ClipSettings(size=36, fps=4, length_s=2)
    rows: list[dict[str, Any]] = []
    for row in (*videos, *embeddings):
        for key in ("video_id", "media_sha256"):
            row[key] = row.get(key) and f"{prefix}{row[key]}"
    for i, video in enumerate(videos):
        colour = rng.integers(0, 255, 3)
        video["views"] = int(np.exp(5 + 4 * colour[0] / 255))
        for count, share in (("likes", 0.05), ("comments", 0.01), ("shares", 0.02)):
            video[count] = int(1 + video["views"] * share)
        picture = np.broadcast_to(colour.astype(np.uint8), (8, 36, 36, 3))
        clip = Clip(frames=np.ascontiguousarray(picture), duration_s=48.0, source_frames=8)
        rows.append(clips.write_clip(space, video["video_id"], f"{i:032x}", clip, i))
    clips.write_index(space, rows)
    space.write_json(CLIPS_FACTS, clips.recipe(settings))
    space.replace("videos", table("videos", videos))
    space.append("embeddings", table("embeddings", embeddings))
    return space
