"""The builder: arguments in, an application out. `serve deploy` calls it on the cluster, `vvp serve` here.

It reads the predictor's head to learn which encoders are wanted; the predictor itself is the Forecaster's.
Not known here: what a deployment does.
"""

import os
from functools import partial
from hashlib import sha256
from typing import Any

from ray import serve
from ray.serve import Application

from serve.config import INSIDE, STAGES, AppArgs, Limits, Stage, StageName
from serve.deployments import Decode, Encoder, Transcribe
from serve.forecaster import Forecaster
from serve.ingress import Ingress
from serve.pipeline import Handles, Inside
from vvp.embed import stages as embed_stages
from vvp.embed.recipe import Recipe
from vvp.encoders.profiles import Profile
from vvp.errors import UserError
from vvp.forecast import files as predictor_store
from vvp.media.decode import decode
from vvp.media.sandbox import Decoder
from vvp.paths import RunPaths
from vvp.workspace import Workspace

KEY = "VVP_API_KEY"
JSON_LOGS = {"encoding": "JSON", "enable_access_log": False}  # request lines are our own: ingress.ended


def build(args: AppArgs) -> Application:
    """The app of serve.yaml. UserError when there is no whole predictor, or other weights than its own."""
    return make(args)


def make(args: AppArgs, profile: Profile | None = None, decoder: Decoder = decode) -> Application:
    """As `build`. profile, decoder: others than the predictor's and offline's, for tests and benchmarks."""
    known = predictor_store.load(Workspace(args.workspace), RunPaths(args.name).predictor)
    recipe = Recipe.of(known.head.embedding, profile)
    recipe.check(args.models)
    if beside := set(recipe.profile.encoders) - {"video", "audio", "text"}:
        raise UserError(
            f"the app has no encoder for {', '.join(sorted(beside))}: use `vvp predict` with this predictor."
        )
    key = os.environ.get(KEY)

    fused = args.layout == "fused"

    def sized(cls: type, name: StageName) -> Any:
        return _sized(cls, name.capitalize(), args.stage(name), args.limits)

    def placed(cls: type, name: StageName, *arguments: Any, **options: Any) -> Any:
        """A deployment of the class, or the class inside the ingress."""
        if fused and name in INSIDE:
            return Inside(partial(cls, *arguments))
        return sized(cls, name).options(**options).bind(*arguments)

    def encoder(name: StageName, modality: str) -> Any:
        inside = fused and name in INSIDE
        stage = STAGES[name] if inside else args.stage(name)
        make_stage = partial(
            embed_stages.Encode, modality, recipe.profile.encoders[modality], args.models,
            recipe.labels[modality], recipe.decode, _device(stage), 1 if inside else args.threads,
        )  # fmt: skip
        batch = (stage.max_batch_size, stage.batch_wait_s)
        return placed(Encoder, name, modality, batch, make_stage, args.words_kept)

    transcribe = None
    if recipe.profile.transcriber is not None:
        stage = args.stage("transcribe")
        label = recipe.labels["transcriber"]
        transcribe = sized(Transcribe, "transcribe").bind(
            partial(
                embed_stages.Transcribe,
                recipe.profile.transcriber,
                args.models,
                label,
                _device(stage),
                args.threads,
            )
        )
    predictor = args.predictor.model_dump()
    told = args.limits.model_dump() | ({"predictor": predictor} if fused else {})
    return (
        sized(Ingress, "ingress")
        .options(user_config=told)
        .bind(
            Handles(
                decode=sized(Decode, "decode").bind(
                    recipe.decode, decoder, args.scratch, args.limits.duration_s
                ),
                video=encoder("video", "video"),
                audio=encoder("audio", "audio"),
                words=encoder("words", "text"),
                forecaster=placed(Forecaster, "forecaster", known.head.embedding, user_config=predictor),
                transcribe=transcribe,
            ),
            sha256(key.encode()).hexdigest() if key else None,
            args.scratch,
            args.hosts,
            args.predictor,
        )
    )


def _device(stage: Stage) -> str:
    return "cuda" if stage.num_gpus else "cpu"


def _sized(cls: type, name: str, stage: Stage, limits: Limits) -> Any:
    return serve.deployment(
        cls,
        name=name,
        ray_actor_options={"num_cpus": stage.num_cpus, "num_gpus": stage.num_gpus},
        autoscaling_config={
            "min_replicas": stage.min_replicas,
            "max_replicas": stage.max_replicas,
            "target_ongoing_requests": stage.target_ongoing_requests,
        },
        max_ongoing_requests=stage.max_ongoing_requests,
        max_queued_requests=stage.max_queued_requests,
        max_surge_percent=stage.max_surge_percent,
        # A replica that is replaced may finish what it has: Serve's own 20 s would cut it off.
        graceful_shutdown_timeout_s=limits.upload_s + limits.time_s,
        logging_config=JSON_LOGS,
    )
