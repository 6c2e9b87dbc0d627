"""What each operator of the embed graph does to a batch of rows. Plain callables: a test calls them directly.

Rows travel as Arrow tables (plain lists, raw bytes for frames and waveform), because a None in a numpy
column would be pickled into Parquet. A stage never drops a row: what goes wrong is written into it.
Not known here: Ray, pools, or which rows are still to do.
"""

import hashlib
import time
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.embed import timing
from vvp.encoders.base import Encoder, Weights
from vvp.encoders.minilm import metadata_text
from vvp.encoders.profiles import TRANSCRIBE, Profile, label
from vvp.errors import WeightsError
from vvp.media.decode import Clip, DecodeSettings, decode
from vvp.media.sandbox import Decoder, Sandbox
from vvp.schema import MODALITIES, OK, PARTIAL, SIGNALS, TABLES
from vvp.schema import modality as find_modality
from vvp.workspace import Workspace

HEADS = TABLES["embeddings"]
FRAMES = pa.field("frames", pa.large_binary())  # uint8, C order, the shape in DecodeSettings; null: none
WAVEFORM = pa.field("waveform", pa.large_binary())  # float32, mono, 16 kHz; null: none


class Decode:
    """Adds frames, waveform, signals and status. Its child process decodes the next clip meanwhile."""

    def __init__(
        self, settings: DecodeSettings, decoder: Decoder = decode, scratch: str | None = None
    ) -> None:
        self.sandbox = Sandbox(settings, decoder, scratch)

    def __call__(self, batch: pa.Table) -> pa.Table:
        waiting = [None if p is None else self.sandbox.submit(p) for p in batch["media_path"].to_pylist()]
        clips = [None if w is None else w.result() for w in waiting]
        for name, column in _clip_columns(clips).items():
            batch = batch.append_column(name, column)
        return batch


def _clip_columns(clips: Sequence[Clip | None]) -> dict[str | pa.Field, pa.Array]:
    """Arrow columns of clips; None is a post without media, which is whole as it stands."""

    def column(name: str, values: list[Any]) -> pa.Array:
        return pa.array(values, HEADS.field(name).type)

    raw = [(c.frames, c.waveform) if c else (None, None) for c in clips]
    return {
        FRAMES: pa.array([None if f is None else f.tobytes() for f, _ in raw], FRAMES.type),
        WAVEFORM: pa.array([None if w is None else w.tobytes() for _, w in raw], WAVEFORM.type),
        "status": column("status", [c.status if c else OK for c in clips]),
        "error_kind": column("error_kind", [c.error_kind if c else None for c in clips]),
        "error_detail": column("error_detail", [c.error_detail if c else None for c in clips]),
        "decoded_duration_s": column("decoded_duration_s", [c.duration_s if c else None for c in clips]),
        "decoded_aspect": column("decoded_aspect", [c.aspect if c else None for c in clips]),
        "decoder": column("decoder", [c.decoder if c else None for c in clips]),
        **{s: column(s, [c.signals.get(s) if c else None for c in clips]) for s in SIGNALS},
    }


class Encode:
    """Replaces one modality's raw input by its vector. A clip that makes the encoder raise keeps its row.

    The weights are found where the actor runs (paths differ between machines) and must be `expected`, the
    ones the driver found: otherwise one table would hold vectors of two.
    """

    def __init__(
        self,
        modality: str,
        cls: type[Encoder],
        models: str | None,
        expected: str,
        settings: DecodeSettings,
        device: str,
        threads: int,
        drop: Sequence[str] = (),
    ) -> None:
        """drop: raw columns that no later stage wants."""
        self.modality, self.settings, self.drop = find_modality(modality), settings, list(drop)
        self.encoder = cls(_same_weights(cls, models, expected), device, threads)
        self.proven = False  # True once a clip was encoded: a later failure is then the clip's fault

    def __call__(self, batch: pa.Table) -> pa.Table:
        inputs = self._inputs(batch)
        rows = [i for i, value in enumerate(inputs) if value is not None]
        vectors, errors = self._encode([inputs[i] for i in rows])
        by_row = dict(zip(rows, vectors, strict=True))
        name = self.modality.vector
        column = pa.array([by_row.get(i) for i in range(len(batch))], HEADS.field(name).type)
        batch = batch.append_column(name, column).drop_columns(self.drop)
        return _mark(batch, {rows[i]: text for i, text in errors.items()})

    def _inputs(self, batch: pa.Table) -> list[Any]:
        if self.modality.input == FRAMES.name:
            shape = self.settings.shape
            frames = batch["frames"].combine_chunks()
            return [
                np.frombuffer(f.as_buffer(), np.uint8).reshape(shape) if f.is_valid else None for f in frames
            ]
        if self.modality.input == WAVEFORM.name:
            sounds = batch["waveform"].combine_chunks()
            return [np.frombuffer(w.as_buffer(), np.float32) if w.is_valid else None for w in sounds]
        words = batch.select(["title", "description", "tags", "transcript"]).to_pylist()
        return [(metadata_text(w["title"], w["description"], w["tags"]), w["transcript"]) for w in words]

    def _encode(self, inputs: list[Any]) -> tuple[list[np.ndarray | None], dict[int, str]]:
        """Vectors (None where the encoder raised) and the reasons by position."""
        vectors: list[np.ndarray | None] = []
        errors: dict[int, str] = {}
        step = getattr(self.encoder, "batch_size", 1)
        for start in range(0, len(inputs), step):
            part = inputs[start : start + step]
            try:
                vectors.extend(self.encoder.encode(part))
                self.proven = True
            except (RuntimeError, ValueError, ArithmeticError, MemoryError):
                for index, value in enumerate(part, start):  # one by one, to find the clip that fails
                    vector, reason = self._encode_alone(value)
                    vectors.append(vector)
                    if reason:
                        errors[index] = reason
        return vectors, errors

    def _encode_alone(self, value: Any) -> tuple[np.ndarray | None, str | None]:
        try:
            vector = self.encoder.encode([value])[0]
        except (RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
            if not self.proven:
                raise  # no clip has worked so far: the encoder is at fault, not the clip
            return None, f"{self.encoder.name}: {type(error).__name__}: {str(error).splitlines()[0][:200]}"
        self.proven = True
        return vector, None


def _mark(batch: pa.Table, errors: dict[int, str]) -> pa.Table:
    """Writes an encoder's failures into status, error_kind and error_detail."""
    if not errors:
        return batch
    changed = {"status": PARTIAL, "error_kind": "encoder"}
    for name in ("status", "error_kind", "error_detail"):
        values = batch[name].to_pylist()
        for row, text in errors.items():
            values[row] = changed.get(name, text)
        batch = batch.set_column(batch.column_names.index(name), name, pa.array(values, pa.string()))
    return batch


def _same_weights(cls: Any, models: str | None, expected: str) -> Weights:
    weights: Weights = cls.locate(models)
    if label(cls, weights) != expected:
        raise WeightsError(f"this node has {label(cls, weights)}, the run was started with {expected}.")
    return weights


class Transcribe:
    """Fills `transcript` from speech where a video has sound and no subtitles."""

    def __init__(self, cls: Any, models: str | None, expected: str, device: str, threads: int) -> None:
        self.transcriber = cls(_same_weights(cls, models, expected), device, threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        words = batch["transcript"].to_pylist()
        sources = batch["transcript_source"].to_pylist()
        for row, sound in enumerate(batch["waveform"].combine_chunks()):
            if words[row] is None and sound.is_valid:
                words[row] = self.transcriber.transcribe(np.frombuffer(sound.as_buffer(), np.float32))
                sources[row] = None if words[row] is None else "whisper"
        for name, values in (("transcript", words), ("transcript_source", sources)):
            batch = batch.set_column(batch.column_names.index(name), name, pa.array(values, pa.string()))
        return batch


class Write:
    """Appends finished rows to embeddings/ and passes on what the driver's progress needs."""

    def __init__(self, root: str, profile: str, encoders: dict[str, str]) -> None:
        self.space, self.profile, self.encoders = Workspace(root), profile, encoders

    def __call__(self, batch: pa.Table) -> pa.Table:
        began, now = time.perf_counter(), datetime.now(timezone.utc)
        fixed = {"profile": self.profile, "embedded_at": now}
        fixed |= {m.encoder: self.encoders.get(m.name) for m in MODALITIES}
        batch = nulls(batch, self.encoders)
        columns = [
            pa.array([fixed[f.name]] * len(batch), f.type) if f.name in fixed else batch[f.name].cast(f.type)
            for f in HEADS
        ]
        # The file's name is a hash of its rows. A retried task has the same rows, so it overwrites its file.
        # The ids are hashed as well, because all posts without media and caption share one content key.
        whose = zip(batch["video_id"].to_pylist(), batch["content_key"].to_pylist(), strict=True)
        name = hashlib.sha256(repr(sorted(whose)).encode()).hexdigest()[:32]
        self.space.append("embeddings", pa.table(columns, schema=HEADS), name)
        batch = batch.select(["video_id", "status", "error_kind", *timing.columns(batch)])
        return timing.noted(batch, timing.WRITE, time.perf_counter() - began)


def embed_here(
    rows: pa.Table, profile: Profile, models: str | None, settings: DecodeSettings, threads: int = 1
) -> pa.Table:
    """The same stages one after another in this process: for a single draft, where Ray would only add time.

    rows: schema draft.SCHEMA; comes back with the columns of embeddings/ that the stages make.
    """
    decode = Decode(settings)
    try:
        rows = decode(rows)
    finally:
        decode.sandbox.close()
    for stage in encoders_here(profile, models, settings, threads):
        rows = stage(rows)
    return rows


def encoders_here(
    profile: Profile, models: str | None, settings: DecodeSettings, threads: int = 1
) -> Iterator[Callable[[pa.Table], pa.Table]]:
    """The stages after decoding, in their order, for this process; each is made when it is asked for, so that
    who uses them one by one holds one model at a time."""
    labels = profile.labels(models)
    for name in profile.stages:
        if name != TRANSCRIBE:
            yield Encode(name, profile.encoders[name], models, labels[name], settings, "cpu", threads)
        elif profile.transcriber is not None:
            yield Transcribe(profile.transcriber, models, labels["transcriber"], "cpu", threads)
    yield partial(nulls, encoders=profile.encoders)


def nulls(batch: pa.Table, encoders: Container[str]) -> pa.Table:
    """`batch` with null vectors of the modalities that the profile, so `encoders`, has not."""
    for row in MODALITIES:
        if row.name not in encoders:
            batch = batch.append_column(row.vector, pa.nulls(len(batch), HEADS.field(row.vector).type))
    return batch
