"""videos/ → embeddings/, on Ray Data: decode → a stage per encoder (video, audio, transcribe, text) → write.

Every stage is its own operator with its own actor pool, so that an accelerator never waits for a decoder
inside its own actor; blocks are a few clips, so memory stays flat whatever the length of the table.
Resume is ours, by content (resume.py): Ray's checkpoint knows ids only and cannot see a changed file.
Not known here: how a clip is decoded or encoded (media/, encoders/), how a cluster is reached (jobs/).
"""

import json
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError

from vvp.embed.losses import lost, mendable, settle
from vvp.embed.pools import DECODE, WRITE_CPUS, Pool, Request, plan
from vvp.embed.resume import outcome_counts, pending, refuse_other_encoders, tidy
from vvp.embed.settings import EmbedSettings, EmbedSummary, Progress
from vvp.embed.stages import FRAMES, WAVEFORM, Decode, Encode, Transcribe, Write
from vvp.embed.timing import Timed, spent
from vvp.encoders.profiles import TRANSCRIBE, Profile
from vvp.errors import VvpError
from vvp.paths import EMBED_RECIPE
from vvp.schema import FAILED, TABLES, modality
from vvp.workspace import Workspace

# Ray retries a task this often when its actor dies. That is enough for a killed worker. When a node vanishes,
# the retries run out, and losses.py starts the run again. Ray's own default is no limit.
TASK_RETRIES = 5
MOST_DEATHS = 3  # clips in a row that each kill their worker: then the clips are hardly at fault
STALL_S = 300.0  # without any progress the run ends after this time, or after a block's time limit if longer


def embed(
    space: Workspace, profile: Profile, settings: EmbedSettings, progress: Progress | None = None
) -> EmbedSummary:
    """Embeds what is missing or changed; ray must be initialised. progress(done, total, outcomes so far).

    Raises UserError for an empty workspace, absent weights or vectors of another profile, and PlanError
    when the cluster cannot hold the pools; nothing has started then.
    """
    if not settings.transcribe:
        profile = replace(profile, transcriber=None)
    labels = profile.labels(settings.models)
    encoders = {modality: labels[modality] for modality in profile.encoders}
    if not settings.replace:
        refuse_other_encoders(space, encoders)
    content = {k: v for k, v in asdict(settings.decode).items() if k not in ("timeout_s", "memory_gb")}
    recipe = {
        "profile": profile.name,
        "dims": profile.dims,
        "encoders": encoders,
        "speech": labels.get("transcriber"),
        "decode": content,
    }
    todo, skipped = pending(
        space, json.dumps(recipe), retry_failed=settings.retry_failed, limit=settings.limit
    )
    run = _Run(space, profile, labels, settings, todo, progress or (lambda done, total, outcomes: None))
    started = time.monotonic()
    try:
        run.finish()
    except RayError as error:
        mended = mendable(error)
        if mended is None:
            raise
        raise mended from None
    outcomes, failed, pools = run.outcomes, run.failed, run.pools
    tidy(space)
    if settings.limit is None or len(todo) < settings.limit or not space.exists(EMBED_RECIPE):
        # Written only after a complete pass: predict and serve embed drafts by it.
        space.write_json(EMBED_RECIPE, recipe)
    seconds = time.monotonic() - started
    return EmbedSummary(
        profile=profile.name,
        encoders=encoders,
        videos=skipped + len(todo),
        done=outcomes.total(),
        skipped=skipped,
        by_status=dict(outcomes),
        failed_by_kind=dict(failed),
        table=outcome_counts(space),
        seconds=round(seconds, 2),
        clips_per_second=round(outcomes.total() / seconds, 3) if len(todo) else 0.0,
        pools={stage: asdict(pool) for stage, pool in pools.items()},
        notes=sorted(set(run.grounded.values())),
        spent={stage: round(seconds, 3) for stage, seconds in run.spent.items()},
    )


class _Run:
    """One run over `todo`, begun again with the clips that have no row when a part of the cluster dies."""

    def __init__(
        self, space: Workspace, profile: Profile, labels: dict[str, str], settings: EmbedSettings,
        todo: pa.Table, progress: Progress,
    ) -> None:  # fmt: skip
        self.space, self.profile, self.labels, self.settings = space, profile, labels, settings
        self.todo, self.progress = todo, progress
        self.before = self._rows() if len(todo) else {}
        self.outcomes: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.spent: Counter[str] = Counter()
        self.grounded = grounded(profile) if ray.cluster_resources().get("GPU") else {}
        self.pools = self._plan([n["Resources"] for n in ray.nodes() if n["Alive"]])

    def _plan(self, nodes: list[dict[str, Any]]) -> dict[str, Pool]:
        stages = (DECODE, *self.profile.stages)
        asked = self.settings
        request = Request(
            actors=asked.actors,
            gpus_per_actor=asked.gpus_per_actor,
            stages=stages,
            on_cpu=frozenset(self.grounded),
        )
        cluster: Counter[str] = Counter()
        for node in nodes:
            cluster.update(node)  # adds up
        return plan(cluster, nodes, request)

    def finish(self) -> None:
        """VvpError when one clip after the other kills whatever works on it."""
        self.progress(0, len(self.todo), self.outcomes)
        rest, settings = self.todo, self.settings
        while len(rest) and not self._done(rest, settings):
            left = self._left()
            if len(left) == len(rest):  # a clip that kills its encoder shall cost no other clip its row
                if settings.block_rows == 1:
                    self._alone(left)
                    return
                settings = replace(settings, block_rows=1)
            rest = left

    def _done(self, rest: pa.Table, settings: EmbedSettings) -> bool:
        """True when the graph finished. False when a part of Ray died: the pools are then planned anew."""
        try:
            data = graph(rest, self.space.root, self.profile, self.labels, settings, self.pools)
            for rows in _written(data):
                self._count(rows)
                self.spent.update(spent(rows))
                self.progress(self.outcomes.total(), len(self.todo), self.outcomes)
        except Exception as error:
            if not lost(error):
                raise
            self.pools = self._plan(settle())
            return False
        return True

    def _alone(self, rest: pa.Table) -> None:
        """Embeds clip by clip. A clip that kills its worker twice gets a row that says so."""
        deaths = 0
        for index in range(len(rest)):
            clip = rest.slice(index, 1)
            if any(self._done(clip, replace(self.settings, block_rows=1)) for _ in range(2)):
                deaths = 0
                continue
            deaths += 1
            if deaths == MOST_DEATHS:
                raise VvpError(
                    f"whatever works on the clips dies: {deaths} in a row, each by itself and twice. "
                    f"{len(rest) - index} clips are left; the last was {clip['video_id'][0]}."
                )
            detail = {"status": FAILED, "error_kind": "encoder", "error_detail": "it ends what embeds it"}
            write = Write(self.space.root, self.profile.name, self._encoders())
            row = {name: clip[name] for name in clip.column_names}
            row |= {name: pa.array([value]) for name, value in detail.items()}
            columns = [row.get(f.name, pa.nulls(1, f.type)) for f in TABLES["embeddings"]]
            self._count(write(pa.table(columns, names=TABLES["embeddings"].names)))
            self.progress(self.outcomes.total(), len(self.todo), self.outcomes)

    def _encoders(self) -> dict[str, str]:
        return {modality: self.labels[modality] for modality in self.profile.encoders}

    def _count(self, rows: pa.Table) -> None:
        self.outcomes.update(rows["status"].to_pylist())
        self.failed.update(r["error_kind"] for r in rows.to_pylist() if r["status"] == FAILED)

    def _rows(self) -> dict[str, dict[str, Any]]:
        """The newest row of each video, as far as it matters here."""
        if not self.space.has("embeddings"):
            return {}
        names = ["content_key", "status", "error_kind"]
        rows = self.space.latest("embeddings", "video_id", "embedded_at", names).to_pylist()
        return {row["video_id"]: row for row in rows}

    def _left(self) -> pa.Table:
        """The clips that this run has not written yet. Counts again, because the driver missed some rows."""
        now, done = self._rows(), []
        for index, (video, key) in enumerate(
            zip(self.todo["video_id"].to_pylist(), self.todo["content_key"].to_pylist(), strict=True)
        ):
            row = now.get(video)
            if row is not None and row["content_key"] == key and row != self.before.get(video):
                done.append(index)
        self.outcomes, self.failed = Counter(), Counter()
        written = [now[video] for video in self.todo["video_id"].take(pa.array(done, pa.int64())).to_pylist()]
        self._count(pa.Table.from_pylist(written, schema=COUNTED))
        keep = sorted(set(range(len(self.todo))) - set(done))
        return self.todo.take(pa.array(keep, pa.int64()))


COUNTED = pa.schema([("status", pa.string()), ("error_kind", pa.string())])


def grounded(profile: Profile) -> dict[str, str]:
    """The stages whose library cannot use the cluster's GPUs, with the reason. Asked where a GPU is."""
    classes: dict[str, Any] = {**profile.encoders, TRANSCRIBE: profile.transcriber}
    asked = {stage: cls.not_on_gpu for stage, cls in classes.items() if hasattr(cls, "not_on_gpu")}
    if not asked:
        return {}

    @ray.remote(num_cpus=0, num_gpus=0.001)
    def ask() -> dict[str, str | None]:
        return {stage: reason() for stage, reason in asked.items()}

    return {stage: reason for stage, reason in ray.get(ask.remote()).items() if reason is not None}


def graph(
    todo: pa.Table,
    root: str,
    profile: Profile,
    labels: dict[str, str],
    settings: EmbedSettings,
    pools: dict[str, Pool],
) -> Dataset:
    """The lazy dataset: one row out per row in, of (video_id, status, error_kind), once it is written."""
    context = DataContext.get_current()
    context.raise_original_map_exception = True  # Ray's wrapper hides the error's type
    context.enable_progress_bars = False  # the driver shows its own, one line per run
    # Without this limit Ray waits for ever for actors that died with their node and fit on no other.
    context.execution_no_progress_timeout_s = max(
        STALL_S, 2 * settings.block_rows * settings.decode.timeout_s
    )
    context.issue_detectors_config.detectors = []  # they warn about memory that the plan has reserved
    data: Dataset = ray.data.from_arrow(_blocks(todo, settings))

    def stage(data: Dataset, name: str, cls: type, *arguments: Any, **options: Any) -> Dataset:
        pool = pools[name]
        if name != DECODE:
            arguments = (*arguments, "cuda" if pool.gpus else "cpu", pool.threads)
        with warnings.catch_warnings():
            # Ray deprecates this argument, and has no other way yet to limit the retries.
            warnings.simplefilter("ignore", DeprecationWarning)
            return data.map_batches(
                cls,
                fn_constructor_args=arguments,
                fn_constructor_kwargs=options,
                # A block as it is, but on a GPU, which a few clips leave idle, several put together.
                batch_size=settings.gpu_rows if pool.gpus and settings.block_rows > 1 else None,
                batch_format="pyarrow",
                compute=ActorPoolStrategy(min_size=pool.min_actors, max_size=pool.max_actors),
                num_cpus=pool.cpus,
                num_gpus=pool.gpus or None,
                memory=int(pool.memory_gb * 2**30),
                max_task_retries=TASK_RETRIES,
            )

    data = stage(data, DECODE, _operator(DECODE, Decode), settings.decode, settings.decoder)
    for name in profile.stages:
        if name == TRANSCRIBE:
            speech = (profile.transcriber, settings.models, labels["transcriber"])
            data = stage(data, name, _operator(name, Transcribe), *speech)
        else:
            arguments = (name, profile.encoders[name], settings.models, labels[name], settings.decode)
            data = stage(data, name, _operator(name, Encode), *arguments, drop=_finished(name, profile))
    write = Write(root, profile.name, {m: labels[m] for m in profile.encoders})
    return data.map_batches(write.__call__, batch_size=None, batch_format="pyarrow", num_cpus=WRITE_CPUS)


def _blocks(todo: pa.Table, settings: EmbedSettings) -> list[pa.Table]:
    """Clips, then posts without media. A retry repeats a block, and one clip at a time means one post too."""
    silent = todo["media_path"].is_null()
    text_rows = settings.text_rows if settings.block_rows > 1 else 1
    blocks = []
    for rows, size in (
        (todo.filter(pc.invert(silent)), settings.block_rows), (todo.filter(silent), text_rows)
    ):  # fmt: skip
        blocks += [rows.slice(i, size).combine_chunks() for i in range(0, len(rows), size)]
    return blocks


def _operator(name: str, cls: type) -> type:
    """The stage's class with a clock, under a name of its own, so that `ds.stats()` tells the pools apart."""
    return type(name.capitalize(), (Timed, cls), {"stage": name})


def _finished(name: str, profile: Profile) -> list[str]:
    """The raw columns that no stage after this one wants. Frames are the heaviest column of all."""
    last = [stage for stage in profile.stages if stage != TRANSCRIBE and modality(stage).input == FRAMES.name]
    done = [FRAMES.name] if name in last[-1:] else []
    return [*done, WAVEFORM.name] if name == profile.stages[-1] else done


def _written(data: Dataset) -> Iterator[pa.Table]:
    return iter(data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0))
