"""Who makes a row of a file: a decoder with its sandbox, one encoder per modality, the transcriber.

The stages are offline's own classes (vvp/embed_stages.py); here they get a place on the cluster. Each model
is made and used in one thread of its own, so that the replica's event loop stays free to take requests.
Not known here: HTTP, the order of the steps (pipeline.py), how many replicas there are, forecasts.
"""

import asyncio
import ctypes
import hashlib
import io
import os
import shutil
import tempfile
import threading
import time
import wave
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from math import prod
from typing import Any

import numpy as np
import pyarrow as pa
from ray import serve

from serve.decoding import Within
from serve.leftovers import sweep
from serve.metrics import BatchSizes
from vvp.embed import stages as embed_stages
from vvp.embed.recipe import SCHEMA, WORDS
from vvp.embed.stages import FRAMES, HEADS, WAVEFORM
from vvp.media.audio import RATE
from vvp.media.decode import DecodeSettings
from vvp.media.sandbox import Decoder

batched: Any = serve.batch  # its own type hints know functions only, not methods
RAW = {"video": [FRAMES], "audio": [WAVEFORM], "text": [SCHEMA.field(name) for name in WORDS]}
MARKS = ("status", "error_kind", "error_detail")
SPOKEN = ("transcript", "transcript_source")
FOLDER = "vvp-serve-decode-"
LENGTHS, LONG = ("title", "description", "transcript"), 2000  # characters: some 0.2 s of one core


class OneThread:
    """A thing and the thread that alone touches it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._thing = self._thread.submit(make).result()
        _give_back()

    async def __call__(self, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._thing, *arguments)


def _give_back() -> None:
    """What loading a model took for a while, the C library keeps: 130 MB of Whisper's encoder."""
    with suppress(OSError, AttributeError):  # another C library has no such call
        ctypes.CDLL("libc.so.6").malloc_trim(0)


class Decode:
    """Bytes of a file → its frames, sound and signals, in the sandbox of offline. One file at a time."""

    def __init__(
        self, settings: DecodeSettings, decoder: Decoder, scratch: str | None, longest_s: float
    ) -> None:
        """scratch: see config.AppArgs; longest_s: the first calls' limit."""
        sweep(FOLDER, scratch)
        self.settings, self.decoder = settings, decoder
        self.folder = tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir=scratch)
        self.lock = threading.Lock()
        self.longest_s: float | None = None
        self.stage: embed_stages.Decode | None = None
        self(np.frombuffer(_silence(), np.uint8), longest_s)  # loads what the first film would wait for

    def ready(self) -> bool:
        return True

    def __call__(self, media: np.ndarray, longest_s: float) -> pa.Table:
        """media: uint8 (size,). One row: frames, waveform, status, signals (embed_stages._clip_columns).

        error_kind is also `too_long`. The file lies on this node's disk while it is decoded, no longer.
        """
        with self.lock, tempfile.NamedTemporaryFile(dir=self.folder) as file:
            file.write(media.data)
            file.flush()
            rows = self._within(longest_s)(pa.table({"media_path": [file.name]}))
        return rows.drop_columns(["media_path"])

    def _within(self, longest_s: float) -> embed_stages.Decode:
        """The stage with this limit: its child knows the limit from its start."""
        if self.stage is None or self.longest_s != longest_s:
            if self.stage is not None:
                self.stage.sandbox.close()
            self.stage = embed_stages.Decode(self.settings, Within(longest_s, self.decoder), self.folder)
            self.longest_s = longest_s
        return self.stage

    def __del__(self) -> None:
        if self.stage is not None:
            self.stage.sandbox.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _silence() -> bytes:
    """Half a second of sound, as a file."""
    content = io.BytesIO()
    with wave.open(content, "wb") as sound:
        sound.setparams((1, 2, 16_000, 0, "NONE", ""))
        sound.writeframes(bytes(16_000))
    return content.getvalue()


class Encoder:
    """One modality: rows with frames, waveform or words → the same rows' vectors, batched as they come."""

    def __init__(
        self,
        modality: str,
        batch: tuple[int, float],
        make: Callable[[], embed_stages.Encode],
        words_kept: int = 0,
    ) -> None:
        """batch: (most rows at once, seconds to wait for more); words_kept: see config.AppArgs."""
        self.kept = Kept(words_kept if modality == "text" else 0)
        self.schema = pa.schema([*RAW[modality], *(HEADS.field(name) for name in MARKS)])
        self.made = [f"{modality}_embedding", *MARKS]

        def proven() -> embed_stages.Encode:
            """The stage after a first row of zeros: were that a clip that breaks the encoder, the stage would
            take the encoder for broken."""
            stage = make()
            zeros = {"frames": bytes(prod(stage.settings.shape)), "waveform": bytes(4 * RATE), "title": "0"}
            stage(pa.Table.from_pylist([zeros], schema=self.schema))
            return stage

        self.stage = OneThread(proven)
        self.sizes = BatchSizes(modality)
        # One long text at a time, by itself: between two of them whatever else waits has its turn, and who
        # leaves while it waits here costs nothing.
        self.long = asyncio.Semaphore(1)
        self.wait_s, self.free_at = batch[1], 0.0  # free_at: when the pass that runs should be over
        self.last = (1, 0.0)  # rows of the pass before, seconds
        self._together.set_max_batch_size(batch[0])

    async def ready(self) -> bool:
        return True

    async def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """row: RAW of the modality, and MARKS. Its vector, and MARKS, changed where the encoder raised.

        Plain values, not Arrow: of a table with one row, packing each column costs more than all the rest.
        """
        if (vector := self.kept.get(row)) is not None:
            return {self.made[0]: vector, **{name: row.get(name) for name in MARKS}}
        done = await self._encoded(row)
        if done["error_kind"] is None:
            self.kept.put(row, done[self.made[0]])
        return done

    async def _encoded(self, row: dict[str, Any]) -> dict[str, Any]:
        if sum(len(row.get(name) or "") for name in LENGTHS) > LONG:
            async with self.long:
                [alone] = await self._pass([row])
            return alone
        # Serve closes a batch when its wait expires, even if the model is busy; wait until it is free so that
        # the batch can grow.
        self._together.set_batch_wait_timeout_s(max(self.wait_s, self.free_at - time.monotonic()))
        done: dict[str, Any] = await self._together(row)
        return done

    @batched
    async def _together(self, rows: list[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        self.sizes.add(len(rows))
        started, (before, seconds) = time.monotonic(), self.last
        # Rather too early than too late: a batch that is closed waits for the model, an open one does not.
        self.free_at = started + seconds * min(1.0, len(rows) / before)
        made = await self._pass(rows)
        self.last, self.free_at = (len(rows), time.monotonic() - started), 0.0
        return made

    async def _pass(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        done = await self.stage(pa.Table.from_pylist(rows, schema=self.schema))
        made: list[dict[str, Any]] = done.select(self.made).to_pylist()
        return made


class Kept:
    """Vectors of the words asked for last, by a hash of the words; those asked for longest ago go first."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.vectors: OrderedDict[bytes, np.ndarray] = OrderedDict()

    def get(self, row: dict[str, Any]) -> list[float] | None:
        if (key := self._key(row)) not in self.vectors:
            return None
        self.vectors.move_to_end(key)
        vector: list[float] = self.vectors[key].tolist()
        return vector

    def put(self, row: dict[str, Any], vector: list[float]) -> None:
        if self.most:
            self.vectors[self._key(row)] = np.array(vector, np.float32)
        while len(self.vectors) > self.most:
            self.vectors.popitem(last=False)

    def _key(self, row: dict[str, Any]) -> bytes:
        """Of the words alone: which draft they came from does not matter, and they are not kept."""
        return hashlib.sha256(repr([row.get(name) for name in WORDS]).encode()).digest()


class Transcribe:
    """A sound → the words spoken in it."""

    def __init__(self, make: Callable[[], embed_stages.Transcribe]) -> None:
        self.stage = OneThread(make)

    async def ready(self) -> bool:
        return True

    async def __call__(self, row: dict[str, Any]) -> str | None:
        """row: as for the sound's Encoder. Null: no speech was found."""
        sound, nothing = pa.array([row["waveform"]], WAVEFORM.type), pa.nulls(1, pa.string())
        rows = pa.table([sound, nothing, nothing], [WAVEFORM.name, *SPOKEN])
        words: str | None = (await self.stage(rows))["transcript"][0].as_py()
        return words
