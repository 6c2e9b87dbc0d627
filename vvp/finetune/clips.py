"""The cache of clips that networks learn from: one file of frames and one of sound a video, and an index.

    clips/settings.json             how they were made
    clips/index/*.parquet           one row per video: status, shapes, hashes; the newest counts
    clips/KEY.frames.npy            uint8 (T, h, w, 3)
    clips/KEY.mel.npy               float16 (S, 64), absent without sound
A key is the hash of the media's bytes and of the settings: what changed has another key and is made anew.
Files are memory-mapped, so a workspace with clips lies on a disk that every machine of a run sees.
Not known here: Ray (caching.py), windows of clips (windows.py).
"""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.fs as pafs

from vvp import parquet
from vvp.errors import UserError
from vvp.finetune.decoding import MEL_BINS, ClipSettings
from vvp.media.decode import Clip
from vvp.paths import CLIPS_FACTS, CLIPS_INDEX, clip_frames, clip_mel
from vvp.schema import FAILED
from vvp.workspace import Workspace

INDEX = pa.schema(
    [
        ("video_id", pa.string()), ("key", pa.string()), ("status", pa.string()),
        ("error_kind", pa.string()), ("error_detail", pa.string()), ("frames", pa.int32()),
        ("height", pa.int32()), ("width", pa.int32()), ("source_frames", pa.int32()),
        ("mel", pa.int32()), ("frames_sha256", pa.string()), ("mel_sha256", pa.string()),
        ("made_ns", pa.int64()),
    ]
)  # fmt: skip
AGAIN = "delete the folder clips/, and run `vvp clips` again"


@dataclass(frozen=True)
class CachedClip:
    """A row of the index whose picture is there."""

    video_id: str
    key: str
    frames: int
    height: int
    width: int
    source_frames: int
    mel: int  # columns; 0: no sound


def recipe(settings: ClipSettings) -> dict[str, Any]:
    """What the content of a cached clip depends on."""
    wanted = ("size", "fps", "length_s")
    return {name: asdict(settings)[name] for name in wanted}


def local_only(space: Workspace) -> None:
    """UserError for a workspace that cannot be memory-mapped."""
    if "://" in space.root:
        raise UserError("clips for training are memory-mapped: the workspace must be a folder, not a URI.")


def pending(space: Workspace, settings: ClipSettings, retry_failed: bool = False) -> tuple[pa.Table, int]:
    """(video_id, media_path, key of what is still to make; how many are done). UserError: no media at all."""
    local_only(space)
    videos = space.read("videos", ["video_id", "media_path", "media_sha256"]).to_pylist()
    media = [v for v in videos if v["media_path"] is not None]
    if not media:
        raise UserError(f"none of the {len(videos)} videos of {space.root} has media.")
    text = json.dumps(recipe(settings), sort_keys=True)
    done = {(r["video_id"], r["key"]) for r in rows(space) if not (retry_failed and r["status"] == FAILED)}
    todo = []
    for v in media:
        key = hashlib.sha256(f"{v['media_sha256']} {text}".encode()).hexdigest()[:32]
        if (v["video_id"], key) not in done:
            todo.append({"video_id": v["video_id"], "media_path": v["media_path"], "key": key})
    schema = pa.schema([(name, pa.string()) for name in ("video_id", "media_path", "key")])
    return pa.Table.from_pylist(todo, schema=schema), len(media) - len(todo)


def rows(space: Workspace) -> list[dict[str, Any]]:
    """The newest index row of each video."""
    fs, base = pafs.LocalFileSystem(), f"{space.root}/{CLIPS_INDEX}"
    found = fs.get_file_info(pafs.FileSelector(base, allow_not_found=True))
    newest: dict[str, dict[str, Any]] = {}
    for file in sorted(
        f.base_name for f in found if f.base_name.endswith(".parquet") and f.base_name[0] != "."
    ):
        for row in space.read_file(f"{CLIPS_INDEX}/{file}", INDEX, "clips").to_pylist():
            if row["made_ns"] >= newest.get(row["video_id"], row)["made_ns"]:
                newest[row["video_id"]] = row
    return list(newest.values())


def write_clip(space: Workspace, video_id: str, key: str, clip: Clip, now_ns: int) -> dict[str, Any]:
    """Writes a decoded clip's arrays; its index row, which is written once they are there."""
    row: dict[str, Any] = dict.fromkeys(INDEX.names)
    row |= {"video_id": video_id, "key": key, "status": clip.status, "made_ns": now_ns}
    row |= {"error_kind": clip.error_kind, "error_detail": clip.error_detail}
    if clip.frames is None:
        return {**row, "status": FAILED}
    count, height, width, _ = clip.frames.shape
    row |= {"frames": count, "height": height, "width": width, "source_frames": clip.source_frames}
    row["frames_sha256"] = _save(space, clip_frames(key), clip.frames)
    row["mel"] = 0
    if clip.waveform is not None:
        row["mel"] = len(clip.waveform)
        row["mel_sha256"] = _save(space, clip_mel(key), clip.waveform.astype(np.float16))
    return row


def write_index(space: Workspace, made: list[dict[str, Any]]) -> None:
    """One more file of the index. Its name is a hash of its rows' keys: a task tried again overwrites it."""
    name = hashlib.sha256(repr(sorted((r["video_id"], r["key"]) for r in made)).encode()).hexdigest()[:32]
    rows = pa.Table.from_pylist(made, schema=INDEX)
    space.write_bytes(f"{CLIPS_INDEX}/{name}.parquet", parquet.written(rows))


def _save(space: Workspace, name: str, array: np.ndarray) -> str:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    data = sink.getvalue()
    space.write_bytes(name, data)
    return hashlib.sha256(data).hexdigest()


class ClipCache:
    """The clips of a workspace, to read. Cheap to send to another process."""

    def __init__(self, space: Workspace, settings: ClipSettings, clips: Mapping[str, CachedClip]) -> None:
        self.space, self.settings, self.clips = space, settings, dict(clips)

    @classmethod
    def open(cls, space: Workspace) -> tuple["ClipCache", dict[str, int]]:
        """(the cache, how many videos failed by error_kind). UserError: there is none, or it is damaged."""
        local_only(space)
        if not space.exists(CLIPS_FACTS):
            raise UserError(f"{space.root} has no clips for training: run `vvp clips -w {space.root}` first.")
        saved = space.read_json(CLIPS_FACTS)
        with space.taken_apart(CLIPS_FACTS, AGAIN):
            settings = ClipSettings(**{k: saved[k] for k in recipe(ClipSettings())})
        found = rows(space)
        good = [r for r in found if r["status"] != FAILED]
        wanted = ("video_id", "key", "frames", "height", "width", "source_frames", "mel")
        with space.taken_apart(CLIPS_INDEX, AGAIN):
            clips = {r["video_id"]: CachedClip(**{k: r[k] for k in wanted}) for r in good}
        return cls(space, settings, clips), dict(Counter(r["error_kind"] for r in found if r not in good))

    def frames(self, video_id: str) -> np.ndarray:
        """uint8 (T, h, w, 3), memory-mapped. UserError when the file is absent or not what the index says."""
        clip = self.clips[video_id]
        shape = (clip.frames, clip.height, clip.width, 3)
        return self._map(clip_frames(clip.key), np.dtype(np.uint8), shape)

    def mel(self, video_id: str) -> np.ndarray | None:
        """float16 (S, 64), memory-mapped; None: no sound. UserError: likewise."""
        clip = self.clips[video_id]
        if not clip.mel:
            return None
        return self._map(clip_mel(clip.key), np.dtype(np.float16), (clip.mel, MEL_BINS))

    def _map(self, name: str, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        try:
            found = np.load(self.space.uri(name), mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.space.uri(name)} is absent or damaged: {AGAIN}.") from error
        if found.dtype != kind or found.shape != shape:
            raise UserError(f"{self.space.uri(name)} is not what the index says: {AGAIN}.")
        return found
