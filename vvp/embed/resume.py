"""What a rerun of `embed` still has to do, and the table put in order afterwards. Resume is by content.

A row's content key hashes everything its vectors depend on: the media's bytes, the words, the decode
settings and the encoders' weights. A video whose latest row has the same key is done; one whose file,
title, subtitles or encoders changed is embedded anew and its old row superseded.
Not known here: Ray, or how a video is embedded.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from vvp.errors import UserError
from vvp.paths import EMBED_RECIPE
from vvp.schema import FAILED, MODALITIES, OK, TABLES
from vvp.workspace import Workspace

# What the stages need of a videos row.
INPUT_COLUMNS = ["video_id", "title", "description", "tags", "transcript", "transcript_source", "media_path"]
MERGE_ROWS = 4096  # rows of a merged file: about 40 MB of vectors
MERGE_PARTS = 32  # more files than this are merged even when nothing is superseded


def content_key(row: Mapping[str, Any], recipe: str) -> str:
    """Hex key of a videos row under a recipe (encoders and settings, as text)."""
    words = [row["title"], row["description"], row["tags"], row["transcript"], row["transcript_source"]]
    return hashlib.sha256(json.dumps([row["media_sha256"], words, recipe]).encode()).hexdigest()[:32]


def pending(
    space: Workspace, recipe: str, *, retry_failed: bool, limit: int | None = None
) -> tuple[pa.Table, int]:
    """(rows still to embed: INPUT_COLUMNS + content_key, number of videos already done)."""
    videos = space.read("videos", [*INPUT_COLUMNS, "media_sha256"])
    if not len(videos):
        raise UserError(f"{space.root} holds no videos: collect some first.")
    keys = [content_key(row, recipe) for row in videos.to_pylist()]
    done: set[str] = set()
    if space.has("embeddings"):
        rows = space.latest("embeddings", "video_id", "embedded_at", ["content_key", "status"])
        again = {FAILED, "partial"} if retry_failed else set()
        done = {r["video_id"] + r["content_key"] for r in rows.to_pylist() if r["status"] not in again}
    ids = videos["video_id"].to_pylist()
    todo = [i for i, (video_id, key) in enumerate(zip(ids, keys, strict=True)) if video_id + key not in done]
    table = videos.drop_columns(["media_sha256"]).append_column("content_key", pa.array(keys, pa.string()))
    return table.take(pa.array(todo[:limit], pa.int64())), len(ids) - len(todo)


def stale(space: Workspace) -> int:
    """How many embedded videos were made from other content or settings than those of the last whole `embed`:
    a file, title or subtitle collected anew, or a run with other settings that was not finished."""
    if not space.exists(EMBED_RECIPE):
        return 0
    recipe = json.dumps(space.read_json(EMBED_RECIPE))
    videos = space.read("videos", [*INPUT_COLUMNS, "media_sha256"]).to_pylist()
    wanted = {row["video_id"]: content_key(row, recipe) for row in videos}
    rows = space.latest("embeddings", "video_id", "embedded_at", ["content_key"]).to_pylist()
    return sum(wanted.get(r["video_id"], r["content_key"]) != r["content_key"] for r in rows)


def refuse_other_encoders(space: Workspace, encoders: Mapping[str, str]) -> None:
    """UserError when the table holds vectors of other encoders: two profiles never mix.

    encoders: modality → label; a modality that is not among them must not be in the table either.
    """
    if not space.has("embeddings"):
        return
    names = [m.encoder for m in MODALITIES]
    held = space.read("embeddings", names).group_by(names).aggregate([]).to_pylist()
    for row in held:
        if any(row[m.encoder] != encoders.get(m.name) for m in MODALITIES):
            others = ", ".join(row[name] for name in names if row[name] is not None)
            raise UserError(
                f"{space.root} holds vectors of other encoders ({others}); use another workspace, "
                f"or --replace to embed everything anew with {', '.join(encoders.values())}."
            )


def tidy(space: Workspace) -> int:
    """Leaves one row per video in the files themselves and merges small files. Returns rows removed.

    Safe to kill: a merged file is whole before its sources go, and rows that then stand twice are
    resolved by the next call (readers take the latest row of a video in any case).
    """
    space.remove_leftovers("embeddings")
    parts = space.parts("embeddings")
    if not parts:
        return 0
    slim = pa.schema([TABLES["embeddings"].field(name) for name in ("video_id", "embedded_at")])
    latest: dict[str, tuple[int, str, int]] = {}
    sizes: dict[str, int] = {}
    for part in parts:
        rows = space.read_part("embeddings", part, slim)
        times = rows["embedded_at"].cast(pa.int64()).to_pylist()
        for index, video_id in enumerate(rows["video_id"].to_pylist()):
            candidate = (times[index], part, index)
            latest[video_id] = max(latest.get(video_id, candidate), candidate)
        sizes[part] = len(rows)
    keep: dict[str, list[int]] = {part: [] for part in parts}
    for _, part, index in latest.values():
        keep[part].append(index)
    rewrite = {part for part in parts if len(keep[part]) < sizes[part]}
    small = {part for part in parts if sizes[part] < MERGE_ROWS // 2}
    rewrite |= small if len(small) > MERGE_PARTS else set()
    _merge(space, [part for part in parts if part in rewrite], keep)
    return sum(sizes.values()) - len(latest)


def _merge(space: Workspace, parts: list[str], keep: Mapping[str, list[int]]) -> None:
    held: list[pa.Table] = []
    sources: list[str] = []
    for part in parts:
        rows = space.read_part("embeddings", part, TABLES["embeddings"])
        held.append(rows.take(pa.array(sorted(keep[part]), pa.int64())))
        sources.append(part)
        if sum(map(len, held)) >= MERGE_ROWS or part == parts[-1]:
            merged = pa.concat_tables(held)
            if len(merged):
                space.append("embeddings", merged)
            space.remove_parts("embeddings", sources)
            held, sources = [], []


def outcome_counts(space: Workspace) -> dict[str, int]:
    """Videos by status, over the whole table; failed ones by kind as `failed: kind`."""
    rows = space.latest("embeddings", "video_id", "embedded_at", ["status", "error_kind"])
    kinds = pc.fill_null(rows["error_kind"], "").to_pylist()
    counts: dict[str, int] = {}
    for status, kind in zip(rows["status"].to_pylist(), kinds, strict=True):
        label = status if status == OK else f"{status}: {kind}"
        counts[label] = counts.get(label, 0) + 1
    return dict(sorted(counts.items()))
