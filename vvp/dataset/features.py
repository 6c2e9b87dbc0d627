"""Publish-time features: an allowlist of small functions, each handed only the columns that it declares.

A declared column must be known at publication (schema.PUBLISH); channel counters (schema.COUNTER) may feed
the block `counter` alone, so that every result can be given without them; anything else raises. The
horizon and the channel's history come from labels.py and targets.py and are listed in SUPPLIED.

What is missing is NaN and nothing else. The one indicator of absence is `has_transcript`: whether a video
has words to read is settled when it is posted. That a title, a date or a follower count is missing tells
about the collector, not the video, so there is no indicator of it (picture and sound have fuse.py's masks).
Not known here: time zones (hours are UTC; a source that gives only dates says midnight), or any count.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.channels import ChannelHistory
from vvp.dataset.labels import moments
from vvp.dataset.scales import log_count
from vvp.schema import COUNTER, EMBEDDINGS, PUBLISH, VIDEOS, Column

EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]")

LINK = re.compile(r"https?://|www\.|\b[\w-]+\.(?:com|net|org|tv|be|ly)\b", re.IGNORECASE)
LATIN_END = 0x24F  # last letter of Latin Extended-B


@dataclass(frozen=True)
class Feature:
    """One number per video. `compute` takes the `source` columns (Arrow) and gives float64 (n,)."""

    name: str
    block: str  # picture, sound, words, timing, format, counter; supplied ones: channel, horizon
    doc: str
    source: tuple[str, ...] = ()
    compute: Callable[..., np.ndarray] | None = None


def compute(
    rows: pa.Table,
    horizon_days: np.ndarray,
    history: ChannelHistory,
    features: tuple[Feature, ...] | None = None,
    columns: tuple[Column, ...] = (*VIDEOS, *EMBEDDINGS),
) -> np.ndarray:
    """float32 (n, len(FEATURES) + len(SUPPLIED)), NaN where unknown, in the order FEATURES, SUPPLIED.

    rows: a table with every column that the features declare, channel_id and published_at; horizon_days:
    (n,), NaN unknown. ValueError when a feature declares what it may not read.
    """
    wanted = FEATURES if features is None else features
    for feature in wanted:
        check(feature, columns)
    found = [f.compute(*(rows[c] for c in f.source)) for f in wanted if f.compute is not None]
    return (
        np.column_stack([*found, log_count(horizon_days), from_history(rows, history)])
        .astype(np.float32)
        .reshape(len(rows), -1)
    )


def from_history(rows: pa.Table, history: ChannelHistory) -> np.ndarray:
    """float64 (n, len(HISTORY_FEATURES)): the channel's known videos as of each row's publication."""
    channel = np.array(rows["channel_id"].to_pylist(), dtype=object)
    return history_features(channel, moments(rows["published_at"]), history)


def history_features(channel: np.ndarray, published: np.ndarray, history: ChannelHistory) -> np.ndarray:
    """The same from arrays (n,)."""
    usual, count = history.at(channel, published)
    recent = history.recent(channel, published)
    recent[:, -1] = log_count(recent[:, -1])
    return np.column_stack([usual, log_count(count), recent])


def check(feature: Feature, columns: tuple[Column, ...] = (*VIDEOS, *EMBEDDINGS)) -> None:
    """ValueError unless every column that the feature reads is known when the video is posted."""
    known = {c.name: c.known for c in columns}
    for name in feature.source:
        at = known.get(name, "nowhere in the schema")
        if at != PUBLISH and not (at == COUNTER and feature.block == "counter"):
            raise ValueError(f"feature {feature.name} (block {feature.block}) may not read {name}: {at}")


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    # Not safe: beyond 2⁵³ a number loses digits that no feature needs, and is no error.
    return pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan).to_numpy()


def _log(column: pa.ChunkedArray) -> np.ndarray:
    """log(1 + x); a negative total or length is no measurement: NaN."""
    values = _numbers(column)
    return log_count(np.where(values >= 0, values, np.nan))


def _flag(column: pa.ChunkedArray) -> np.ndarray:
    return _numbers(pc.cast(column, pa.int8()))


def _text(measure: Callable[[str], float]) -> Callable[[pa.ChunkedArray], np.ndarray]:
    def of(column: pa.ChunkedArray) -> np.ndarray:
        return np.array([np.nan if t is None else float(measure(t)) for t in column.to_pylist()])

    return of


def _share(text: str, of: Callable[[str], bool]) -> float:
    letters = [c for c in text if c.isalpha()]
    return sum(map(of, letters)) / len(letters) if letters else float("nan")


def _cycle(wave: Callable[[np.ndarray], np.ndarray], unit: str) -> Callable[[pa.ChunkedArray], np.ndarray]:
    def of(column: pa.ChunkedArray) -> np.ndarray:
        hours = _numbers(pc.cast(pc.cast(column, pa.timestamp("us")), pa.int64())) / 3.6e9
        # 1 January 1970 was a Thursday: three days after the Monday that a week starts with.
        turn = (hours % 24) / 24 if unit == "hour" else ((hours // 24 + 3) % 7) / 7
        return wave(2 * np.pi * turn)

    return of


def _tags(column: pa.ChunkedArray) -> np.ndarray:
    return _numbers(pc.list_value_length(column))


def _has_transcript(column: pa.ChunkedArray) -> np.ndarray:
    return np.array([float(bool(t and t.strip())) for t in column.to_pylist()])


def _seconds(decoded: pa.ChunkedArray, stated: pa.ChunkedArray) -> np.ndarray:
    """Headers lie, so what really decodes comes first. 0 or less is no duration."""
    decoded_s, stated_s = _numbers(decoded), _numbers(stated)
    seconds = np.where(np.isfinite(decoded_s), decoded_s, stated_s)
    return np.where(seconds > 0, seconds, np.nan)


def _words_per_second(
    transcript: pa.ChunkedArray, decoded: pa.ChunkedArray, stated: pa.ChunkedArray
) -> np.ndarray:
    return _text(lambda t: len(t.split()))(transcript) / _seconds(decoded, stated)


def _aspect(decoded: pa.ChunkedArray, width: pa.ChunkedArray, height: pa.ChunkedArray) -> np.ndarray:
    """As with seconds: what decodes comes first, so that a draft without metadata is seen as training was."""
    seen, w, h = _numbers(decoded), _numbers(width), _numbers(height)
    stated = np.where((w > 0) & (h > 0), w, np.nan) / np.where(h > 0, h, 1.0)
    return np.log(np.where(seen > 0, seen, stated))


_DURATION = ("decoded_duration_s", "duration_s")

FEATURES = (
    Feature("hour_sin", "timing", "of the hour of posting, UTC", ("published_at",), _cycle(np.sin, "hour")),
    Feature("hour_cos", "timing", "of the hour of posting, UTC", ("published_at",), _cycle(np.cos, "hour")),
    Feature("weekday_sin", "timing", "of the weekday, UTC", ("published_at",), _cycle(np.sin, "weekday")),
    Feature("weekday_cos", "timing", "of the weekday, UTC", ("published_at",), _cycle(np.cos, "weekday")),
    Feature("title_chars", "words", "characters of the title", ("title",), _text(len)),
    Feature("title_words", "words", "words of the title", ("title",), _text(lambda t: len(t.split()))),
    Feature("title_question", "words", "1: holds a question mark", ("title",), _text(lambda t: "?" in t)),
    Feature("title_exclamation", "words", "1: exclamation mark", ("title",), _text(lambda t: "!" in t)),
    Feature("title_digits", "words", "1: a digit", ("title",), _text(lambda t: any(map(str.isdigit, t)))),
    Feature("title_emoji", "words", "1: an emoji", ("title",), _text(lambda t: bool(EMOJI.search(t)))),
    Feature(
        "title_upper_share",
        "words",
        "capitals among its letters",
        ("title",),
        _text(lambda t: _share(t, str.isupper)),
    ),
    Feature("description_chars", "words", "characters of the description", ("description",), _text(len)),
    Feature("title_mentions", "words", "accounts mentioned", ("title",), _text(lambda t: t.count("@"))),
    Feature("title_link", "words", "1: a web address", ("title",), _text(lambda t: bool(LINK.search(t)))),
    Feature(
        "title_other_script",
        "words",
        "letters outside the Latin alphabet, of all letters",
        ("title",),
        _text(lambda t: _share(t, lambda c: ord(c) > LATIN_END)),
    ),
    Feature("tags_n", "words", "number of hashtags", ("tags",), _tags),
    Feature("has_transcript", "words", "1: there are spoken words to read", ("transcript",), _has_transcript),
    Feature("transcript_words", "words", "words spoken", ("transcript",), _text(lambda t: len(t.split()))),
    Feature(
        "speech_words_per_s",
        "words",
        "words spoken per second of video",
        ("transcript", *_DURATION),
        _words_per_second,
    ),
    Feature("log_duration_s", "format", "log(1 + seconds)", _DURATION, lambda *d: log_count(_seconds(*d))),
    Feature(
        "log_aspect_ratio",
        "format",
        "log(width / height), below 0: upright",
        ("decoded_aspect", "width", "height"),
        _aspect,
    ),
    Feature("motion_mean", "picture", "see media/signals.py", ("motion_mean",), _numbers),
    Feature("cut_rate_per_min", "picture", "see media/signals.py", ("cut_rate_per_min",), _numbers),
    Feature("visual_density", "picture", "see media/signals.py", ("visual_density",), _numbers),
    Feature("audio_rms_mean", "sound", "see media/signals.py", ("audio_rms_mean",), _numbers),
    Feature("audio_rms_std", "sound", "see media/signals.py", ("audio_rms_std",), _numbers),
    Feature(
        "log_channel_followers", "counter", "log(1 + followers) at collection", ("channel_followers",), _log
    ),
    Feature("log_channel_videos", "counter", "log(1 + videos) at collection", ("channel_videos",), _log),
    Feature("log_channel_following", "counter", "log(1 + accounts it follows)", ("channel_following",), _log),
    Feature("channel_verified", "counter", "1: the platform has verified it", ("channel_verified",), _flag),
    Feature("is_ad", "format", "1: an advertisement", ("is_ad",), _flag),
)

HISTORY_FEATURES = (
    Feature("channel_history_mean", "channel", "the channel's usual log views, shrunken (channels.py)"),
    Feature("channel_history_log_n", "channel", "log(1 + how many earlier videos that is)"),
    Feature("channel_recent_mean", "channel", "their mean, recent ones weighing more, shrunken"),
    Feature("channel_last", "channel", "log views of the last of them"),
    Feature("channel_best", "channel", "log views of the best of them"),
    Feature("channel_spread", "channel", "standard deviation of their log views"),
    Feature("channel_trend", "channel", "recent mean less plain mean"),
    Feature("channel_gap", "channel", "log(1 + days since the channel's last post)"),
)

SUPPLIED = (
    Feature("log_horizon_days", "horizon", "log(1 + age of the count in days); chosen at prediction"),
    *HISTORY_FEATURES,
)
