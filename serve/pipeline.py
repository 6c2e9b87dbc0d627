"""A draft through the deployments: decode; picture, sound and (speech → words) side by side; forecast.

What is large (the file, frames, sound) goes through Ray's object store and is owned by the caller, so a
replica that dies takes nothing with it: the call is made again, for a forecast may be made twice.
Not known here: HTTP, limits but the video's length, how a deployment works.
"""

import asyncio
import inspect
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import ray
from grpc.aio import AioRpcError
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle

from serve.deployments import MARKS
from serve.drafts import Submitted
from serve.errors import ApiError
from serve.schemas import Draft
from serve.uploads import File
from vvp.embed.recipe import WORDS
from vvp.embed.stages import FRAMES, WAVEFORM
from vvp.schema import EMBEDDINGS, FAILED, OK, PUBLISH, names

T = TypeVar("T")
Events = asyncio.Queue[dict[str, Any]] | None
TRIES = 6
GONE = (RayActorError, NodeDiedError, ReplicaUnavailableError, ObjectLostError, AioRpcError)
EMBEDDED = (*names(EMBEDDINGS, PUBLISH), *MARKS)


@dataclass(frozen=True)
class Inside:
    """A deployment that is none of its own: each replica of the ingress makes its object, and works on it."""

    make: Callable[[], Any]


class Here:
    """Is called like a DeploymentHandle, and calls an object of this process."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __getattr__(self, name: str) -> "Here":
        return Here(getattr(self.thing, name))

    def remote(self, *arguments: Any) -> "asyncio.Future[Any]":
        async def answer() -> Any:
            found = self.thing(*arguments)
            return await found if inspect.isawaitable(found) else found

        return asyncio.ensure_future(answer())


@dataclass(frozen=True)
class Handles:
    """The deployments. transcribe: null where the predictor was trained without recognised speech; words and
    forecaster: in the fused layout Inside, and Here once they are made."""

    decode: DeploymentHandle
    video: DeploymentHandle
    audio: DeploymentHandle
    words: Any
    forecaster: Any
    transcribe: DeploymentHandle | None

    def direct(self) -> "Handles":
        """The same, where what is small takes the shortest way: none to what is Inside, else straight to the
        replica, by gRPC, which takes half the time of a call through Ray's task queue. What is large travels
        through the object store."""

        def near(one: Any) -> Any:
            return Here(one.make()) if isinstance(one, Inside) else one.options(_by_reference=False)

        return replace(self, words=near(self.words), forecaster=near(self.forecaster))

    async def ready(self) -> None:
        """Returns when each of them has a replica that answers."""
        encoders = [self.decode, self.video, self.audio, self.words]
        every = encoders if self.transcribe is None else [*encoders, self.transcribe]
        await side_by_side(*(call(one.ready) for one in every))


@dataclass(frozen=True)
class Steps:
    """What is done for drafts that share a video (or have none), and how long it took.

    drafts: places in the request; events: told of each start and end; null: nobody is.
    """

    drafts: Sequence[int]
    events: Events = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._tell({"stage": name, "state": "started"})
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 4)
        self._tell({"stage": name, "state": "done", "seconds": self.seconds[name]})

    def _tell(self, event: dict[str, Any]) -> None:
        if self.events is not None:
            self.events.put_nowait({**event, "drafts": list(self.drafts)})


def by_video(submitted: Sequence[Submitted], events: Events) -> list[Steps]:
    """The drafts of a request, those that share a video together: they have its steps in common."""
    places: dict[int, list[int]] = {}
    for i, one in enumerate(submitted):
        places.setdefault(id(one.video), []).append(i)
    return [Steps(some, events) for some in places.values()]


async def call(handle: Any, *arguments: Any) -> Any:
    """The answer of a deployment (or of what is Here), asked again when its replica dies. BackPressureError:
    its queue is full.

    ApiError unavailable after TRIES deaths: an input that kills whoever takes it must end somewhere.
    """
    for attempt in range(TRIES):
        response = handle.remote(*arguments)
        try:
            return await response
        except (*GONE, BackPressureError) as error:
            # A full queue rejects new requests. A retry was accepted before its replica died, so it waits
            # instead.
            if isinstance(error, BackPressureError) and attempt == 0:
                raise
            await asyncio.sleep(min(2.0, 0.1 * 2**attempt))
        except asyncio.CancelledError:
            response.cancel()
            raise
    raise ApiError("unavailable", "A part of the service failed again and again; try later.")


async def side_by_side(*work: Coroutine[Any, Any, T]) -> list[T]:
    """The results in order. When one raises, or the whole is cancelled, none of the others goes on."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def embed(
    to: Handles, drafts: Sequence[Draft], media: File | None, longest_s: float, steps: Steps
) -> list[dict[str, Any]]:
    """A row with the columns EMBEDDED for each draft, as `vvp embed` would make it. media: the video they
    share, which is decoded, looked at and listened to once; null: they have none.

    ApiError with the media's error_kind (or too_long) when it gives nothing.
    """
    clip: dict[str, Any] = dict.fromkeys(EMBEDDED) | {"status": OK}
    picture = sound = None
    if media is not None:
        with steps.step("decode"):
            found = await _decoded(to.decode, media, longest_s)
        facts = found.drop_columns([FRAMES.name, WAVEFORM.name]).to_pylist()[0]
        clip |= {k: v for k, v in facts.items() if k in clip}
        if clip["status"] == FAILED:
            raise ApiError(clip["error_kind"], f"The video cannot be used: {clip['error_detail']}.")
        picture, sound = (_shared(found, raw.name) for raw in (FRAMES, WAVEFORM))
    marks = {k: clip[k] for k in MARKS}
    with steps.step("encode"):
        [seen], [heard], words = await side_by_side(
            _vector(to.video, picture), _vector(to.audio, sound), _words(to, drafts, marks, sound, steps)
        )
    return [_row(clip, (seen, heard, one)) for one in words]


def _row(clip: dict[str, Any], parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    row = dict(clip)
    for part in parts:
        # The three saw the clip's status; what one of them adds is that its own encoder raised.
        row |= {k: v for k, v in part.items() if k not in MARKS or part["error_kind"] == "encoder"}
    return row


async def _decoded(handle: DeploymentHandle, media: File, longest_s: float) -> pa.Table:
    """The clip's row. What holds the file in the object store ends with this frame."""
    clip: pa.Table = await call(handle, await asyncio.to_thread(_stored, media), longest_s)
    return clip


def _stored(media: File) -> "ray.ObjectRef":
    with media.mapped() as whole:  # closed at once: a map that waits for the garbage collector holds the disk
        return ray.put(np.frombuffer(whole, np.uint8))


async def _vector(handle: DeploymentHandle, raw: "ray.ObjectRef | None") -> list[dict[str, Any]]:
    return [{"error_kind": None} if raw is None else await call(handle, raw)]


async def _words(
    to: Handles, drafts: Sequence[Draft], marks: dict[str, Any], sound: "ray.ObjectRef | None", steps: Steps
) -> list[dict[str, Any]]:
    """The words' vector and the transcript of each draft; those without a transcript share what is heard."""
    heard = None
    if sound is not None and to.transcribe is not None and any(one.transcript is None for one in drafts):
        started = time.monotonic()
        heard = await call(to.transcribe, sound)
        steps.seconds["transcribe"] = round(time.monotonic() - started, 4)

    async def encoded(draft: Draft) -> dict[str, Any]:
        spoken = heard if draft.transcript is None else draft.transcript
        row = {name: getattr(draft, name) for name in WORDS} | {"transcript": spoken, **marks}
        return {**await call(to.words, row), "transcript": spoken}

    return await side_by_side(*(encoded(one) for one in drafts))


def _shared(clip: pa.Table, name: str) -> "ray.ObjectRef | None":
    """One modality of the clip in the object store; null: the clip has none."""
    [row] = clip.select([name, *MARKS]).to_pylist()
    return None if row[name] is None else ray.put(row)
