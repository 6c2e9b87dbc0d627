"""Every table's columns: type, unit, what null means, and when the value becomes known.

`known` is what keeps the future out of the features (features.py takes PUBLISH and, separately, COUNTER):
  ID       names or locates a row, says nothing about the video
  PUBLISH  known the moment the video is posted
  COUNTER  a channel total read when the row was collected, usually after posting: it may contain the
           video's own success, so every result is given with and without it
  AFTER    happens after publication; labels.py alone reads it
Not known here: where the tables live (workspace.py) and what is done with them.
"""

from dataclasses import dataclass

import pyarrow as pa

ID, PUBLISH, COUNTER, AFTER = "id", "publish", "counter", "after"
TIME = pa.timestamp("us", tz="UTC")
VECTOR = pa.list_(pa.float32())


@dataclass(frozen=True)
class Column:
    name: str
    type: pa.DataType
    known: str
    doc: str


FRAMES, WAVEFORM, WORDS = "frames", "waveform", "words"  # what an encoder takes (encoders/base.py)


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One vector of a video: who makes it, where it is kept, and what models see of it."""

    name: str
    """its key in a profile's encoders; its columns of embeddings/ and its stage of `embed` have this name"""
    input: str
    """frames | waveform | words: what its encoder takes"""
    block: str
    """block of the design matrix, picture | sound | words; several modalities may share one"""
    stem: str
    """its columns of the design matrix are STEM_0000, STEM_0001, …"""
    mask: str | None
    """column of the design matrix, 1 where the vector is there; None: every video has the vector"""
    doc: str
    """length of the vector, and what null means"""

    @property
    def vector(self) -> str:
        """Column of embeddings/: the vector."""
        return f"{self.name}_embedding"

    @property
    def encoder(self) -> str:
        """Column of embeddings/: the encoder's name and the hash of its weights."""
        return f"{self.name}_encoder"


# The order is that of the fused vector. A further row goes to the end: saved reductions count by place. A
# profile that has no encoder of a modality has neither its vector nor its mask (dataset/fuse.py).
MODALITIES = (
    Modality(
        name="video", input=FRAMES, block="picture", stem="picture", mask="mask_picture",
        doc="the profile's video dim; null: no picture",
    ),
    Modality(
        name="audio", input=WAVEFORM, block="sound", stem="sound", mask="mask_sound",
        doc="the profile's audio dim; null: no sound",
    ),
    Modality(
        name="text", input=WORDS, block="words", stem="words", mask=None,
        doc="metadata ‖ transcript (0 without one)",
    ),
)  # fmt: skip
BLOCKS = tuple(dict.fromkeys(m.block for m in MODALITIES))


def modality(name: str) -> Modality:
    """The row of that name. ValueError when there is none."""
    for row in MODALITIES:
        if row.name == name:
            return row
    raise ValueError(f"there is no modality {name!r}: there are {', '.join(m.name for m in MODALITIES)}")


def of_block(block: str) -> tuple[Modality, ...]:
    """The modalities of a block, in order."""
    return tuple(m for m in MODALITIES if m.block == block)


# What a video gathers once it is posted: what targets are made of. A further one needs its column below, its
# names in tables (collect/presets.py), and its target (dataset/targets.py).
COUNTS = ("views", "likes", "comments", "shares")
VIDEOS = (
    Column("video_id", pa.string(), ID, "the platform's id; unique in the table, never null"),
    Column("platform", pa.string(), PUBLISH, "tiktok, youtube, …; null: unknown"),
    Column("channel_id", pa.string(), PUBLISH, "who posts; null: unknown, treated as a channel of its own"),
    Column("title", pa.string(), PUBLISH, "null: none given"),
    Column("description", pa.string(), PUBLISH, "null: none given"),
    Column("tags", pa.list_(pa.string()), PUBLISH, "hashtags without the sign, in order; null: none given"),
    Column("published_at", TIME, PUBLISH, "null: unknown; the row then takes no part in a time split"),
    Column("duration_s", pa.float64(), PUBLISH, "seconds, as platform or header states; null: unknown"),
    Column("width", pa.int32(), PUBLISH, "pixels, upright; null: unknown"),
    Column("height", pa.int32(), PUBLISH, "pixels, upright; null: unknown"),
    Column("transcript", pa.string(), PUBLISH, "spoken words from subtitles; null: no subtitles"),
    Column("transcript_source", pa.string(), PUBLISH, "creator | automatic; null: no subtitles"),
    Column("channel_followers", pa.int64(), COUNTER, "at collection; null: unknown"),
    Column("channel_videos", pa.int64(), COUNTER, "videos of the channel at collection; null: unknown"),
    Column("channel_following", pa.int64(), COUNTER, "accounts the channel follows, likewise; null: unknown"),
    Column("channel_verified", pa.bool_(), COUNTER, "the platform has verified it, likewise; null: unknown"),
    Column("is_ad", pa.bool_(), PUBLISH, "posted as an advertisement; null: unknown"),
    Column("observed_at", TIME, AFTER, "when the counts were read; null: unknown"),
    Column("views", pa.int64(), AFTER, "null: unknown or hidden, never 0 in its place"),
    Column("likes", pa.int64(), AFTER, "null: unknown or hidden"),
    Column("comments", pa.int64(), AFTER, "null: unknown or hidden"),
    Column("shares", pa.int64(), AFTER, "null: unknown or hidden"),
    Column("label_issue", pa.string(), AFTER, "why views cannot be a label (LABEL_ISSUES); null: they can"),
    Column("media_path", pa.string(), ID, "absolute path or URI; null: no media, metadata only"),
    Column("media_bytes", pa.int64(), ID, "null with media_path"),
    Column("media_sha256", pa.string(), ID, "hex, of the whole file; null with media_path"),
    Column("source", pa.string(), ID, "which collector wrote the row: ytdlp, posts, folder"),
    Column("collected_at", TIME, ID, "when this row was last written"),
)

LABEL_ISSUES = {
    "views_missing": "no view count",
    "views_zero": "a count of 0: platforms show 0 for hidden counts, so it is no measurement",
    "views_negative": "a count below 0",
    "too_young": "read too soon after posting (`vvp tune --min-age-days`); judged anew by each run",
    "likes_above_views": "more likes than views: one of the two is wrong and nobody knows which",
}

SET_ASIDE = (
    Column("video_id", pa.string(), ID, "null: the row had none"),
    Column("source", pa.string(), ID, "the collector"),
    Column("origin", pa.string(), ID, "file, or file:line, the row came from"),
    Column("reason", pa.string(), ID, "one of SET_ASIDE_REASONS"),
    Column("detail", pa.string(), ID, "what was found, one line"),
    Column("collected_at", TIME, ID, "when"),
)

SET_ASIDE_REASONS = {
    "no_id": "a row without a video id",
    "unreadable": "a line or an info.json that cannot be read",
    "total_line": "the sum of the posts, not a post",
    "rounded_id": "a spreadsheet or JavaScript rounded the id, and it now stands for several videos",
    "duplicate": "the same id and the same facts once more; the first is kept",
    "contradicting": "the same id with other facts; the later observation (else the larger count) is kept",
}

# Statuses of an embeddings row. `ok`: its media could be decoded, and what decoded was embedded. A clip
# without an audio track and a post without media are ok. So is a clip whose picture decodes but whose sound
# does not, and a file of sound alone: error_kind then says which is missing (sound_undecodable, no_picture).
# `partial`: sound only, because its video stream does not decode; or an encoder raised on one modality.
# `failed`: neither picture nor sound of its media could be read.
OK, PARTIAL, FAILED = "ok", "partial", "failed"

ERROR_KINDS = {
    "media_missing": "the file is not there any more",
    "unreadable": "no container that the decoders know, or one damaged beyond opening",
    "no_streams": "opens, but holds neither picture nor sound",
    "no_picture": "sound only: there is no video stream",
    "picture_undecodable": "a video stream from which not one frame decodes",
    "sound_undecodable": "an audio stream from which no sample decodes",
    "timeout": "the decoder passed its time limit and was ended",
    "memory": "the decoder passed its memory limit",
    "crash": "the decoder's process died",
    "decoder": "a decoding library raised what it should not; the detail names the exception and its place",
    "encoder": "the decoded clip made an encoder raise",
}

EMBEDDINGS = (
    Column("video_id", pa.string(), ID, "as in videos; one row per video"),
    Column("content_key", pa.string(), ID, "hash of media, words, encoders and settings: decides on resume"),
    Column("status", pa.string(), ID, "ok | partial | failed"),
    Column("error_kind", pa.string(), ID, "one of ERROR_KINDS; null: nothing is missing"),
    Column("error_detail", pa.string(), ID, "one line for a person; null with error_kind"),
    *(Column(m.vector, VECTOR, PUBLISH, f"float32, {m.doc}") for m in MODALITIES),
    Column("transcript", pa.string(), PUBLISH, "the words used, from subtitles or Whisper; null: none"),
    Column("transcript_source", pa.string(), PUBLISH, "creator | automatic | whisper; null: none"),
    Column("motion_mean", pa.float32(), PUBLISH, "see media/signals.py; null: no picture, or a still"),
    Column("cut_rate_per_min", pa.float32(), PUBLISH, "see media/signals.py; null: no picture, or a still"),
    Column("visual_density", pa.float32(), PUBLISH, "see media/signals.py; null: no picture"),
    Column("audio_rms_mean", pa.float32(), PUBLISH, "see media/signals.py; null: no sound"),
    Column("audio_rms_std", pa.float32(), PUBLISH, "see media/signals.py; null: no sound"),
    Column(
        "decoded_duration_s",
        pa.float32(),
        PUBLISH,
        "seconds that really decode; null: nothing did",
    ),
    Column(
        "decoded_aspect",
        pa.float32(),
        PUBLISH,
        "width / height that really decode, upright; null: no picture",
    ),
    Column("decoder", pa.string(), ID, "decord | pyav: who gave the frames; null: no picture"),
    Column("profile", pa.string(), ID, "which encoders (encoders/profiles.py)"),
    *(Column(m.encoder, pa.string(), ID, "name@first 12 hex of the weights' sha256") for m in MODALITIES),
    Column("embedded_at", TIME, ID, "when; the latest row of a video is the one that counts"),
)

POINTS = (
    Column("video_id", pa.string(), ID, "as in videos; one row per embedded video that has a vector"),
    Column("part", pa.string(), ID, "train | validation | test | embargo | none under the deciding split"),
    Column("x", pa.float32(), PUBLISH, "first dimension of UMAP's plane, no unit; null: no UMAP"),
    Column("y", pa.float32(), PUBLISH, "second dimension; null with x"),
    Column("cluster", pa.int32(), PUBLISH, "KMeans at the best K, from 0; null: no clusters"),
    Column("density_cluster", pa.int32(), PUBLISH, "HDBSCAN, from 0; -1: noise; null with x"),
    Column("pca", VECTOR, PUBLISH, "float32, place in the reduced vectors; null: nothing varies"),
)

SIGNALS = ("motion_mean", "cut_rate_per_min", "visual_density", "audio_rms_mean", "audio_rms_std")


def arrow(columns: tuple[Column, ...]) -> pa.Schema:
    """The Arrow schema of a table; each field carries its docstring and `known` as metadata."""
    return pa.schema([pa.field(c.name, c.type, metadata={"doc": c.doc, "known": c.known}) for c in columns])


def names(columns: tuple[Column, ...], known: str) -> tuple[str, ...]:
    """The names of the columns that become known at `known`."""
    return tuple(c.name for c in columns if c.known == known)


TABLES = {"videos": arrow(VIDEOS), "set_aside": arrow(SET_ASIDE), "embeddings": arrow(EMBEDDINGS)}
