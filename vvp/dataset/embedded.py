"""The embedded videos of a workspace: videos/ joined with the newest row of embeddings/, checked to agree.

explore and forecast need this much and no matrix. No count is read here.
Not known here: features, targets, splits.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.fuse import Dims, length
from vvp.embed.resume import stale
from vvp.errors import UserError
from vvp.paths import EMBED_RECIPE
from vvp.paths import EMBEDDINGS as EMBEDDED
from vvp.paths import VIDEOS as COLLECTED
from vvp.schema import COUNTER, EMBEDDINGS, MODALITIES, PUBLISH, VIDEOS, Modality, names
from vvp.workspace import Workspace

FACTS = tuple(dict.fromkeys((*names(VIDEOS, PUBLISH), *names(VIDEOS, COUNTER))))
MADE = tuple(n for n in names(EMBEDDINGS, PUBLISH) if n not in ("transcript", "transcript_source"))
ENCODERS = tuple(m.encoder for m in MODALITIES)


def read_embedded(space: Workspace) -> tuple[pa.Table, pa.Table]:
    """(videos, the latest embeddings row of each). UserError: nothing is embedded, or what is, is stale."""
    if not space.has(EMBEDDED):
        raise UserError(f"{space.root} has no embeddings yet: run `vvp embed -w {space.root}` first.")
    if behind := stale(space):
        raise UserError(
            f"{behind} videos were embedded from other content or with other settings: run `vvp embed` again."
        )
    return space.read(COLLECTED), space.latest(EMBEDDED, "video_id", "embedded_at")


def embedded_dims(space: Workspace) -> Dims | None:
    """The vectors' lengths as `embed` wrote them down, also for a modality that no video has. None: it has
    written none yet.

    UserError when the file is damaged or of another version.
    """
    if not space.exists(EMBED_RECIPE):
        return None
    try:
        return Dims({name: int(n) for name, n in space.read_json(EMBED_RECIPE)["dims"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{space.uri(EMBED_RECIPE)} is of another version: run `vvp embed` again.") from error


def join(videos: pa.Table, embeddings: pa.Table) -> tuple[pa.Table, np.ndarray]:
    """Two things: a row per embedded video, and int64 (n,), the place of each of these rows in `videos`.

    Holds columns known at publication, counters, vectors and `status`; no count ever. The transcript is the
    one that was embedded (subtitles or Whisper), else the video's own.
    """
    place = {video: row for row, video in enumerate(embeddings["video_id"].to_pylist())}
    ids = videos["video_id"].to_pylist()
    at = np.array([row for row, video in enumerate(ids) if video in place], dtype=np.int64)
    left = videos.select([*FACTS]).take(pa.array(at))
    right = embeddings.take(pa.array([place[ids[row]] for row in at], type=pa.int64()))
    for name in (*MADE, "status"):
        left = left.append_column(right.schema.field(name), right[name])
    spoken = pc.coalesce(right["transcript"], left["transcript"])
    return left.set_column(left.schema.get_field_index("transcript"), "transcript", spoken), at


def provenance(embeddings: pa.Table) -> tuple[str, dict[str, str]]:
    """(profile, encoder per modality). UserError when vectors of two of them stand in one table."""
    found = {}
    for name in ("profile", *ENCODERS):
        values = Counter(v for v in embeddings[name].to_pylist() if v is not None)
        if len(values) > 1:
            shown = ", ".join(f"{value} ({n})" for value, n in values.most_common())
            raise UserError(f"the embeddings come from more than one {name}: {shown}; run `vvp embed` again.")
        found[name] = next(iter(values), "")
    return found["profile"], {name: found[name] for name in ENCODERS if found[name]}


def found_dims(embeddings: pa.Table) -> Dims:
    """The vectors' lengths in the table: 0 where an encoder is named and no video has its vector; a modality
    with neither is left out. UserError when they do not agree."""
    lengths = {m.name: _length(embeddings, m) for m in MODALITIES}
    named = {m.name for m in MODALITIES if embeddings[m.encoder].null_count < len(embeddings)}
    return Dims({name: n for name, n in lengths.items() if n or name in named})


def _length(embeddings: pa.Table, row: Modality) -> int:
    try:
        return length(embeddings[row.vector])
    except ValueError as error:
        raise UserError(
            f"the {row.name} embeddings do not agree ({error}); run `vvp embed` again."
        ) from error
