"""A workspace with small generated clips."""

import hashlib
from pathlib import Path

import clips
import numpy as np
import pyarrow as pa

from vvp.schema import TABLES
from vvp.workspace import Workspace


def clip(folder: Path, name: str, colour: tuple[int, int, int] = (0, 90, 200), sound: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    image = np.full((96, 64, 3), colour, np.uint8)
    path = folder / f"{name}.mp4"
    clips.write(path, [image] * 12, fps=12, sound=clips.tone(1.0, 16_000) if sound else None, rate=16_000)
    return path


def videos(*paths: Path | None, title: str = "a title") -> pa.Table:
    """A videos table, one row per path; None: a post without media."""
    rows = []
    for number, path in enumerate(paths):
        there = path is not None and path.exists()
        rows.append(
            {
                "video_id": path.stem if path else f"post{number}",
                "title": title,
                "media_path": str(path) if path else None,
                "media_sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path and there else None,
            }
        )
    return pa.Table.from_pylist(rows, schema=TABLES["videos"])


def workspace(root: Path, *paths: Path | None) -> Workspace:
    space = Workspace(root)
    space.append("videos", videos(*paths))
    return space


def rows_of(space: Workspace) -> dict[str, dict]:
    """Rows by id, read from the files themselves: fails when a video stands twice."""
    found = space.read("embeddings").to_pylist()
    assert len(found) == len({r["video_id"] for r in found}), "a video stands in the table twice"
    return {r["video_id"]: r for r in found}
