"""A draft through the deployments: decode; picture, sound and (speech → words) side by side; forecast.

What is large (the file, frames, sound) goes through Ray's object store and is owned by the caller, so a
replica that dies takes nothing with it: the call is made again, for a forecast may be made twice.
Not known here: HTTP, limits but the video's length, how a deployment works.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import ray
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError
from ray.serve.exceptions import BackPressureError, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle

from serve.deployments import MARKS
from serve.errors import ApiError
from serve.schemas import Draft
from serve.uploads import File
from vvp.draft import first_row
from vvp.embed_stages import HEADS
from vvp.schema import EMBEDDINGS, FAILED, OK, PUBLISH, names

T = TypeVar("T")
TRIES = 6
GONE = (RayActorError, NodeDiedError, ReplicaUnavailableError, ObjectLostError)
EMBEDDED = pa.schema([HEADS.field(name) for name in (*names(EMBEDDINGS, PUBLISH), *MARKS)])


@dataclass(frozen=True)
class Handles:
    """The deployments. transcribe: null where the predictor was trained without recognised speech."""

    decode: DeploymentHandle
    video: DeploymentHandle
    audio: DeploymentHandle
    words: DeploymentHandle
    forecaster: DeploymentHandle
    transcribe: DeploymentHandle | None

    async def ready(self) -> None:
        """Returns when each of them has a replica that answers."""
        encoders = [self.decode, self.video, self.audio, self.words]
        every = encoders if self.transcribe is None else [*encoders, self.transcribe]
        await side_by_side(*(call(one.ready) for one in every))


@dataclass
class Steps:
    """What a request is doing and how long it took. events: told of each start and end; null: nobody is."""

    events: "asyncio.Queue[dict[str, Any]] | None" = None
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
            self.events.put_nowait(event)


async def call(handle: DeploymentHandle, *arguments: Any) -> Any:
    """The answer of a deployment, asked again when its replica dies. BackPressureError: its queue is full.

    ApiError unavailable after TRIES deaths: an input that kills whoever takes it must end somewhere.
    """
    for attempt in range(TRIES):
        response = handle.remote(*arguments)
        try:
            return await response
        except (*GONE, BackPressureError) as error:
            # A full queue refuses who comes new; who lost a replica was accepted before, and waits.
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


async def embed(to: Handles, draft: Draft, media: File | None, longest_s: float, steps: Steps) -> pa.Table:
    """One row of EMBEDDED, as `vvp embed` would have made it. media: the video; null: none.

    ApiError with the media's error_kind (or too_long) when it gives nothing.
    """
    row: dict[str, Any] = dict.fromkeys(EMBEDDED.names) | {"status": OK}
    words = first_row(draft.values(), None).drop_columns(["media_path"])
    picture = sound = None
    if media is not None:
        with steps.step("decode"):
            clip = await _decoded(to.decode, media, longest_s)
        row |= {k: v for k, v in clip.drop_columns(["frames", "waveform"]).to_pylist()[0].items() if k in row}
        if row["status"] == FAILED:
            raise ApiError(row["error_kind"], f"The video cannot be used: {row['error_detail']}.")
        picture, sound = (_shared(clip, name) for name in ("frames", "waveform"))
    marks = {k: row[k] for k in MARKS}
    with steps.step("encode"):
        found = await side_by_side(
            _vector(to.video, picture), _vector(to.audio, sound), _words(to, words, marks, sound, steps)
        )
    for part in found:
        # The three saw the clip's status; what one of them adds is that its own encoder raised.
        row |= {k: v for k, v in part.items() if k not in MARKS or part["error_kind"] == "encoder"}
    return pa.Table.from_pylist([row], schema=EMBEDDED)


async def _decoded(handle: DeploymentHandle, media: File, longest_s: float) -> pa.Table:
    """The clip's row. What holds the file in the object store ends with this frame."""
    clip: pa.Table = await call(handle, await asyncio.to_thread(_stored, media), longest_s)
    return clip


def _stored(media: File) -> "ray.ObjectRef":
    with media.mapped() as whole:  # closed at once: a map that waits for the garbage collector holds the disk
        return ray.put(np.frombuffer(whole, np.uint8))


async def _vector(handle: DeploymentHandle, raw: "ray.ObjectRef | None") -> dict[str, Any]:
    return {"error_kind": None} if raw is None else _first(await call(handle, raw))


async def _words(
    to: Handles, words: pa.Table, marks: dict[str, Any], sound: "ray.ObjectRef | None", steps: Steps
) -> dict[str, Any]:
    spoken = words["transcript"][0].as_py()
    if spoken is None and sound is not None and to.transcribe is not None:
        started = time.monotonic()
        spoken = await call(to.transcribe, sound)
        steps.seconds["transcribe"] = round(time.monotonic() - started, 4)
        at = words.column_names.index("transcript")
        words = words.set_column(at, "transcript", pa.array([spoken], pa.string()))
    for name, value in marks.items():
        words = words.append_column(name, pa.array([value], pa.string()))
    return {**_first(await call(to.words, words)), "transcript": spoken}


def _shared(clip: pa.Table, name: str) -> "ray.ObjectRef | None":
    """One modality of the clip in the object store; null: the clip has none."""
    return ray.put(clip.select([name, *MARKS])) if clip[name][0].is_valid else None


def _first(table: pa.Table) -> dict[str, Any]:
    return dict(table.to_pylist()[0])
