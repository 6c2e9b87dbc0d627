"""How many actors of each stage, and what share of the machines each gets. Plain arithmetic on dicts.

On CPUs every stage timeshares the same cores: each core holds one actor per heavy stage, so whichever
stage is behind can use them all, and the reservations still add up to no more than the cluster has
(three pools that each want a whole device wait for one another for ever, without a word). With GPUs the
encoders share each of them by the weights below and decoding keeps the CPUs.
Not known here: Ray (embed.py hands in `ray.cluster_resources()` and the nodes), or what a stage does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vvp.encoders.profiles import TRANSCRIBE
from vvp.errors import PlanError, UserError
from vvp.schema import FRAMES, MODALITIES, WAVEFORM, WORDS

DECODE = "decode"
TAKES = {DECODE: DECODE, **{m.name: m.input for m in MODALITIES}, TRANSCRIBE: TRANSCRIBE}
STAGES = tuple(TAKES)
# Share of a GPU that a stage's actors get together, by what they take; with one stage of each they sum to 1,
# so that one GPU holds them all. With more stages all shrink alike.
WEIGHT = {FRAMES: 0.5, WAVEFORM: 0.25, TRANSCRIBE: 0.2, WORDS: 0.05}
GPU_WEIGHT = {stage: WEIGHT[taken] for stage, taken in TAKES.items() if taken in WEIGHT}
# Resident memory of one actor with its model, GB, measured with the `paper` profile in float32 (upper).
RESIDENT_GB = {DECODE: 1.0, FRAMES: 1.2, WAVEFORM: 1.2, TRANSCRIBE: 0.9, WORDS: 0.9}
MEMORY_GB = {stage: RESIDENT_GB[taken] for stage, taken in TAKES.items()}
CPU_SHARE = 0.18  # five stages and the writing on one core stay under 1.0; with more stages see `plan`
WRITE_CPUS = 0.05


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for; every field may be left to the plan."""

    actors: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # stage → (min, max)
    gpus_per_actor: float | None = None  # each encoder actor's share; None: by GPU_WEIGHT
    stages: tuple[str, ...] = STAGES  # those that this run has
    on_cpu: frozenset[str] = frozenset()  # stages whose library cannot use the GPUs


@dataclass(frozen=True, kw_only=True)
class Pool:
    """One stage's actors: `cpus` and `gpus` are Ray reservations per actor, `threads` is what it uses."""

    min_actors: int
    max_actors: int
    cpus: float
    gpus: float
    memory_gb: float
    threads: int


def parse_actors(text: str) -> tuple[int, int]:
    """'4' → (4, 4); '1:8' → (1, 8). UserError for anything else."""
    low, colon, high = text.partition(":")
    try:
        pair = int(low), int(high if colon else low)
    except ValueError:
        pair = (0, 0)
    if not 1 <= pair[0] <= pair[1]:
        raise UserError(f"'{text}' is no number of actors: write N, or MIN:MAX as in 1:8.")
    return pair


def plan(
    cluster: Mapping[str, float], nodes: Sequence[Mapping[str, float]], request: Request
) -> dict[str, Pool]:
    """The pools by stage.

    cluster: total resources ("CPU", "GPU", "memory" in bytes, as Ray names them); nodes: the same of each
    node that is alive. PlanError when the smallest size asked for cannot be placed.
    """
    cpus, gpus = cluster.get("CPU", 0.0), cluster.get("GPU", 0.0)
    if cpus <= 0:
        raise PlanError("the cluster has no CPUs to run on (is it still starting?).")
    if request.gpus_per_actor and gpus <= 0:
        raise PlanError(
            f"{request.gpus_per_actor:g} GPU per actor was asked for, and the cluster has no GPU."
        )
    threads = 1 if cpus <= 4 else 4  # one thread is most efficient; four need fewer copies of a model
    cpu_share = min(CPU_SHARE, (1 - 2 * WRITE_CPUS) / len(request.stages))
    wanting = [stage for stage in request.stages if stage in GPU_WEIGHT and stage not in request.on_cpu]
    crowd = max(1.0, round(sum(GPU_WEIGHT[stage] for stage in wanting), 3))
    pools = {}
    for stage in request.stages:
        on_gpu = gpus > 0 and stage in wanting
        usual = _usual(stage, cpus, gpus if on_gpu else 0, threads)
        if on_gpu and request.gpus_per_actor:
            usual = max(1, int(gpus / request.gpus_per_actor / len(wanting)))
        low, high = request.actors.get(stage, (usual, usual))
        share = 0.0
        if on_gpu:
            # Divided by the smallest number of actors: a pool grows only when GPUs are added.
            share = request.gpus_per_actor or GPU_WEIGHT[stage] / crowd * min(1.0, gpus / low)
            share = share if share >= 1 else int(share * 1000) / 1000  # never round up past the device
        pools[stage] = Pool(
            min_actors=low,
            max_actors=high,
            cpus=0.1 if on_gpu else round(min(cpu_share * threads, cpus * cpu_share / low), 3),
            gpus=share,
            memory_gb=MEMORY_GB[stage],
            threads=threads,
        )
    _must_fit(pools, nodes, cluster)
    return pools


def _usual(stage: str, cpus: float, gpus: float, threads: int) -> int:
    """Actors of a stage when nobody asked: a fixed number. A pool that grows and shrinks by itself loads
    models again and again, which costs more than short runs take (measured: a third of the rate)."""
    if gpus:
        return max(1, round(gpus))
    if stage == DECODE:
        return max(1, int(cpus // 2))  # a clip decodes in less than half the time that encoding it takes
    if TAKES[stage] == WORDS:
        return max(1, int(cpus // 16))  # words take milliseconds
    return max(1, int(cpus // threads))


def _must_fit(
    pools: Mapping[str, Pool], nodes: Sequence[Mapping[str, float]], cluster: Mapping[str, float]
) -> None:
    """First fit of every actor that must start, largest first. PlanError names the stage left over."""
    free = [[n.get("CPU", 0.0), n.get("GPU", 0.0), n.get("memory", float("inf")) / 2**30] for n in nodes]
    ordered = sorted(pools.items(), key=lambda item: (-item[1].gpus, -item[1].cpus))
    for stage, pool in ordered:
        need = (pool.cpus, pool.gpus, pool.memory_gb)
        for number in range(pool.min_actors):
            room = next(
                (n for n in free if all(have + 1e-9 >= want for have, want in zip(n, need, strict=True))),
                None,
            )
            if room is None:
                raise PlanError(
                    f"{pool.min_actors} {stage} actors do not fit: number {number + 1} finds no node with "
                    f"{pool.cpus:g} CPU, {pool.gpus:g} GPU and {need[2]:g} GB of memory left "
                    f"(cluster: {cluster.get('CPU', 0):g} CPU, {cluster.get('GPU', 0):g} GPU, "
                    f"{cluster.get('memory', 0) / 2**30:.0f} GB). Ask for fewer, or add nodes."
                )
            for index, want in enumerate(need):
                room[index] -= want
