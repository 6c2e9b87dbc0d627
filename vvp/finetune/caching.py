"""videos/ → clips/, on Ray Data: decoders that write what they decoded. A rerun makes only what is missing.

Not known here: what is kept of a clip (decoding.py), where it lies (clips.py).
"""

import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import ray
from ray.data import ActorPoolStrategy, DataContext

from vvp.errors import PlanError
from vvp.finetune import clips
from vvp.finetune.decoding import ClipSettings, decode
from vvp.media.sandbox import Sandbox
from vvp.paths import CLIPS_FACTS
from vvp.schema import FAILED
from vvp.workspace import Workspace

BLOCK, RETRIES = 4, 5
CPUS = 0.9  # of one decoding actor; the rest is for whatever feeds it
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, kw_only=True)
class CacheSummary:
    videos: int
    done: int
    skipped: int
    failed: dict[str, int]
    """by error_kind, of this run"""
    bytes: int
    """of all clips that there are"""
    seconds: float


class Write:
    """Decodes a block's clips in a child process and writes them; gives back what became of each."""

    def __init__(self, root: str, settings: ClipSettings) -> None:
        self.space, self.sandbox = Workspace(root), Sandbox(settings, decode)

    def __call__(self, batch: pa.Table) -> pa.Table:
        waiting = [self.sandbox.submit(path) for path in batch["media_path"].to_pylist()]
        made = []
        for row, pending in zip(batch.to_pylist(), waiting, strict=True):
            clip = pending.result()
            made.append(clips.write_clip(self.space, row["video_id"], row["key"], clip, time.time_ns()))
        clips.write_index(self.space, made)
        return pa.Table.from_pylist(made, schema=clips.INDEX).select(["video_id", "status", "error_kind"])


def make(
    space: Workspace, settings: ClipSettings, *, retry_failed: bool = False, progress: Progress | None = None
) -> CacheSummary:
    """Makes the clips that are missing; ray must be initialised. PlanError: the cluster has no CPU."""
    started, tell = time.monotonic(), progress or (lambda done, total, note: None)
    todo, skipped = clips.pending(space, settings, retry_failed)
    space.write_json(CLIPS_FACTS, clips.recipe(settings))
    failed: Counter[str] = Counter()
    done = 0
    tell(0, len(todo), "")
    if len(todo):
        cpus = ray.cluster_resources().get("CPU", 0.0)
        if cpus < CPUS:
            raise PlanError(f"decoding wants {CPUS} CPU, and the cluster has {cpus:g}.")
        for rows in _graph(todo, space.root, settings, int(cpus)):
            done += len(rows)
            failed.update(r["error_kind"] for r in rows.to_pylist() if r["status"] == FAILED)
            tell(done, len(todo), f"{failed.total()} failed" if failed else "")
    size = sum((r["frames"] or 0) * (r["height"] or 0) * (r["width"] or 0) * 3 for r in clips.rows(space))
    return CacheSummary(
        videos=skipped + len(todo), done=done, skipped=skipped, failed=dict(failed), bytes=size,
        seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip


def _graph(todo: pa.Table, root: str, settings: ClipSettings, actors: int) -> Any:
    context = DataContext.get_current()
    context.raise_original_map_exception = True
    context.enable_progress_bars = False
    blocks = [todo.slice(i, BLOCK).combine_chunks() for i in range(0, len(todo), BLOCK)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Ray has no other way yet to limit the retries
        data = ray.data.from_arrow(blocks).map_batches(
            Write,
            fn_constructor_args=(root, settings),
            batch_size=BLOCK,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(min_size=1, max_size=max(1, min(actors, len(blocks)))),
            num_cpus=CPUS,
            max_task_retries=RETRIES,
        )
    return data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
