"""What features may see, what they say, and the fused vector's exact shape."""

import numpy as np
import pyarrow as pa
import pytest
from learn_tables import START, table

from vvp.dataset import features
from vvp.dataset.channels import ChannelHistory
from vvp.dataset.columns import INPUTS, design, layout, select
from vvp.dataset.embedded import join
from vvp.dataset.features import FEATURES, SUPPLIED, Feature, check
from vvp.dataset.fuse import Dims, fuse
from vvp.dataset.words import TOPICS, Words
from vvp.errors import UserError
from vvp.schema import AFTER, EMBEDDINGS, VIDEOS, Column

NAMES = [f.name for f in (*FEATURES, *SUPPLIED)]
NOBODY = ChannelHistory(mean=8.0, centre=8.0, k=2.0, times_us={}, log_views={})


def numbers(video, embedding=None):
    rows, _ = join(
        table("videos", [{"video_id": "a", **video}]),
        table("embeddings", [{"video_id": "a", **(embedding or {})}]),
    )
    values = features.compute(rows, np.array([np.nan]), NOBODY)
    return dict(zip(NAMES, values[0], strict=True))


def test_every_feature_reads_what_it_may():
    for feature in FEATURES:
        check(feature)


@pytest.mark.parametrize(
    "column", ["views", "likes", "observed_at", "label_issue", "collected_at", "made_up"]
)
def test_a_feature_of_anything_later_or_foreign_raises(column):
    poisoned = Feature("poison", "words", "", (column,), lambda c: np.zeros(len(c)))
    rows = table("videos", [{"video_id": "a", "views": 5}])
    with pytest.raises(ValueError, match=column):
        features.compute(rows, np.zeros(1), NOBODY, features=(poisoned,))


def test_a_column_added_to_the_schema_as_known_after_is_refused():
    columns = (*VIDEOS, *EMBEDDINGS, Column("shares_day_2", pa.int64(), AFTER, "poison"))
    with pytest.raises(ValueError, match="after"):
        check(Feature("p", "format", "", ("shares_day_2",), len), columns)


def test_counters_stay_in_their_block():
    with pytest.raises(ValueError, match="counter"):
        check(Feature("p", "format", "", ("channel_followers",), len))
    check(Feature("p", "counter", "", ("channel_followers",), len))


def test_what_joins_the_features_holds_no_count():
    rows, _ = join(table("videos", [{"video_id": "a", "views": 9}]), table("embeddings", [{"video_id": "a"}]))
    after = {c.name for c in VIDEOS if c.known == AFTER}
    assert not after & set(rows.column_names)


def test_values():
    found = numbers(
        {
            "title": "HOW to win 3 games? 🎉",
            "description": "abc",
            "tags": ["x", "y"],
            "published_at": START.replace(day=6, hour=6),  # a Monday
            "duration_s": 30.0,
            "width": 576,
            "height": 1024,
            "channel_followers": 99,
        },
        {"transcript": "one two three four", "decoded_duration_s": 8.0, "motion_mean": 0.25},
    )
    assert found["hour_sin"] == pytest.approx(1) and found["hour_cos"] == pytest.approx(0, abs=1e-6)
    assert found["weekday_sin"] == 0 and found["weekday_cos"] == 1
    assert found["title_chars"] == 21 and found["title_words"] == 6
    assert (found["title_question"], found["title_exclamation"]) == (1, 0)
    assert (found["title_digits"], found["title_emoji"]) == (1, 1)
    assert found["title_upper_share"] == pytest.approx(3 / 13)
    assert found["description_chars"] == 3 and found["tags_n"] == 2
    assert found["transcript_words"] == 4 and found["speech_words_per_s"] == 0.5
    assert found["log_duration_s"] == pytest.approx(np.log(9))  # what decodes, not what is stated
    assert found["log_aspect_ratio"] == pytest.approx(np.log(576 / 1024))
    assert found["log_channel_followers"] == pytest.approx(np.log(100))
    assert found["motion_mean"] == 0.25


def test_what_is_missing_is_nan_but_for_the_transcripts_presence():
    found = numbers({"duration_s": 0.0, "channel_followers": -1})
    known = {name: value for name, value in found.items() if np.isfinite(value)}
    assert known == {"has_transcript": 0, "channel_history_log_n": 0}


def fused_of(video, audio, text, dims):
    return fuse({"video_embedding": video, "audio_embedding": audio, "text_embedding": text}, dims)


def test_fused_lengths_are_the_stated_ones():
    assert (
        Dims({"video": 768, "audio": 768, "text": 768}).fused == 2306
        and Dims({"video": 1280, "audio": 512, "text": 768}).fused == 2562
    )
    one = fused_of(
        [np.ones(768)], [None], [np.full(768, 2.0)], Dims({"video": 768, "audio": 768, "text": 768})
    )
    assert one.shape == (1, 2306) and one.dtype == np.float32
    assert (one[0, :768] == 1).all() and (one[0, 768:1536] == 0).all() and (one[0, 1536:2304] == 2).all()
    assert one[0, 2304:].tolist() == [1, 0]


def test_a_table_and_single_videos_give_the_same_fused_rows():
    rng = np.random.default_rng(0)
    dims = Dims({"video": 5, "audio": 4, "text": 3})
    parts = [
        [None if rng.random() < 0.3 else rng.normal(size=d).astype(np.float32) for _ in range(40)]
        for d in (5, 4, 3)
    ]
    columns = [
        pa.chunked_array([pa.array(p[:7], pa.list_(pa.float32())), pa.array(p[7:], pa.list_(pa.float32()))])
        for p in parts
    ]
    together = fused_of(*(c.slice(3) for c in columns), dims)  # a slice: offsets that do not start at 0
    alone = np.concatenate([fused_of([v], [a], [t], dims) for v, a, t in zip(*parts, strict=True)])
    np.testing.assert_array_equal(together, alone[3:])


def test_a_vector_of_another_profile_or_not_finite_is_refused():
    with pytest.raises(ValueError, match="expected"):
        fused_of([np.ones(4)], [None], [None], Dims({"video": 5, "audio": 4, "text": 3}))
    with pytest.raises(ValueError, match="expected"):
        fused_of(
            pa.chunked_array([[[1.0, 2.0], [1.0]]]),
            [None] * 2,
            [None] * 2,
            Dims({"video": 2, "audio": 1, "text": 1}),
        )
    with pytest.raises(ValueError, match="finite"):
        fused_of([np.array([1.0, np.inf])], [None], [None], Dims({"video": 2, "audio": 1, "text": 1}))


def test_design_and_layout_agree_and_inputs_hold_what_they_say():
    dims = Dims({"video": 2, "audio": 3, "text": 4})
    columns = layout(dims)
    rows, _ = join(table("videos", [{"video_id": "a"}]), table("embeddings", [{"video_id": "a"}]))
    X = design(rows, dims, np.array([30.0]), NOBODY, Words.fit([]))
    assert X.shape == (1, len(columns)) and X.dtype == np.float32
    assert X[0, [c.name for c in columns].index("log_horizon_days")] == pytest.approx(np.log(31))
    names = {i: {columns[j].name for j in select(columns, i)} for i in INPUTS}
    assert len(names["full"]) == len(columns) == len({c.name for c in columns})
    assert names["full"] - names["full_without_counters"] == {
        "log_channel_followers", "log_channel_videos", "log_channel_following", "channel_verified",
    }  # fmt: skip
    assert not any(
        n.startswith(("picture", "sound", "mask", "words_0", "topic", "motion")) for n in names["metadata"]
    )
    assert names["sound"] == {
        *("sound_0000", "sound_0001", "sound_0002", "mask_sound"), "audio_rms_mean", "audio_rms_std",
        "log_horizon_days",
    }  # fmt: skip
    assert {n for n in names["words"] if n.startswith("topic_")} == {f"topic_{i:02d}" for i in range(TOPICS)}
    with pytest.raises(UserError, match="no input"):
        select(columns, "smell")


def test_numbers_beyond_what_a_float_holds_exactly_are_no_error():
    """A total of 3.6e17 videos, or a date of the year 1, is odd and not ours to refuse here."""
    videos = table("videos", [{"video_id": "a", "channel_videos": 362_048_550_397_852_224}])
    assert features._log(videos["channel_videos"]) == pytest.approx(np.log(3.62048550397852224e17))
