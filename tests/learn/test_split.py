"""Copies never straddle, the embargo holds, channels stay whole; saved once and remade only when due."""

import resource
import time
from datetime import timedelta

import numpy as np
import pytest
from learn_tables import START, fill, table, world

from vvp.dataset.channels import channel_codes
from vvp.dataset.duplicates import duplicate_groups
from vvp.dataset.labels import moments
from vvp.dataset.split_rules import USED, Labelled, SplitSettings, by_chance, by_time, by_unit
from vvp.dataset.splits import SPLITS, load_or_make, make_splits
from vvp.errors import UserError


def tables(videos, embeddings):
    return table("videos", videos), table("embeddings", embeddings)


def share(parts, part):
    return float((parts == part).mean())


def sides(parts, groups):
    """For each group, how many of train, validation and test it is in."""
    return [len({p for p in parts[groups == g] if p in USED}) for g in np.unique(groups)]


# --- copies ------------------------------------------------------------------------------------------
def test_copies_are_found_by_bytes_by_picture_and_by_words():
    videos, embeddings = world(60, media=1.0)
    videos[9]["media_sha256"] = videos[3]["media_sha256"]
    near = embeddings[4]["video_embedding"] + np.random.default_rng(0).normal(0, 0.01, 12)
    embeddings[40].update(video_embedding=near, audio_embedding=embeddings[4]["audio_embedding"])
    embeddings[41].update(
        video_embedding=near, audio_embedding=-embeddings[4]["audio_embedding"]
    )  # other song
    embeddings[7 * 6].update(video_embedding=near * 2, audio_embedding=None)  # scaled, and silent
    embeddings[50]["video_embedding"] = None
    for i in (50, 51):
        videos[i].update(title="The very same four words", channel_id="c1")
    videos[52].update(title="the  VERY same four words", channel_id="c2")  # another channel
    groups = duplicate_groups(*tables(videos, embeddings), 0.995)
    together = {frozenset(np.flatnonzero(groups == g)) for g in groups if (groups == g).sum() > 1}
    # 41 differs from 4 and 40 by ear, but 42 has no sound and matches both: copies of copies are one group.
    assert together == {frozenset({3, 9}), frozenset({4, 40, 41, 42}), frozenset({50, 51})}


def test_short_titles_and_titles_of_videos_with_pictures_make_no_copies():
    videos, embeddings = world(40)
    for v in videos[:10]:
        v.update(title="part 2", channel_id="c1")
    embeddings[0]["video_embedding"] = None
    for v in videos[20:30]:
        v.update(title="the same long series title", channel_id="c1")
    assert len(np.unique(duplicate_groups(*tables(videos, embeddings), 0.995))) == 40


@pytest.mark.parametrize("seed", range(4))
def test_the_search_by_tiles_misses_no_pair(seed, monkeypatch):
    """Against all pairs at once, with small tiles and a sketch of fewer dimensions than the vectors."""
    monkeypatch.setattr("vvp.dataset.duplicates.TILE", 16)
    monkeypatch.setattr("vvp.dataset.duplicates.SKETCH", 3)
    rng = np.random.default_rng(seed)
    videos, embeddings = world(150, seed=seed)
    for e in embeddings:
        e["audio_embedding"] = None
    for i in rng.integers(0, 150, 40):  # noise from well inside to well outside the threshold
        source = embeddings[rng.integers(150)]["video_embedding"]
        embeddings[i]["video_embedding"] = (source + rng.normal(0, rng.uniform(0, 0.15), 12)).astype(
            np.float32
        )
    x = np.stack([e["video_embedding"] for e in embeddings])
    x = x - x.mean(axis=0)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    groups = duplicate_groups(*tables(videos, embeddings), 0.995)
    i, j = np.nonzero(np.triu(x @ x.T >= 0.995, 1))
    assert len(i) > 5
    expected = channel_codes(np.arange(150))
    for a, b in zip(i, j, strict=True):
        expected[expected == expected[b]] = expected[a]
    pairs = lambda g: g[:, None] == g  # noqa: E731
    np.testing.assert_array_equal(pairs(groups), pairs(expected))


# --- the property: nothing straddles, whatever the data ---------------------------------------------
@pytest.mark.parametrize("seed", range(12))
def test_copies_never_straddle(seed):
    rng = np.random.default_rng(seed)
    videos, embeddings = world(int(rng.integers(60, 300)), channels=int(rng.integers(12, 40)), seed=seed)
    n = len(videos)
    for _ in range(n // 5):
        a, b = rng.integers(0, n, 2)
        videos[b]["media_sha256"] = videos[a]["media_sha256"]
    for i in rng.integers(0, n, 5):
        videos[i]["published_at"] = None
    for i in rng.integers(0, n, 5):
        videos[i].update(views=None, label_issue="views_missing")
    for i in rng.integers(0, n, 5):
        videos[i]["channel_id"] = None
    splits = make_splits(*tables(videos, embeddings))
    sha = np.array([v["media_sha256"] for v in videos])
    for name, parts in splits.parts.items():
        assert max(sides(parts, sha)) == 1, name
    assert {"time", "random"} <= set(splits.parts)
    if "channel" in splits.parts:
        ids = np.array([v["channel_id"] or f"null {i}" for i, v in enumerate(videos)])
        assert max(sides(splits.parts["channel"], ids)) == 1
    unlabelled = np.array([v["views"] is None for v in videos])
    for parts in splits.parts.values():
        assert (parts[unlabelled] == "none").all()


def named(n: int) -> np.ndarray:
    return np.array([f"v{i}" for i in range(n)], dtype=object)


def dated(when: np.ndarray, copies: np.ndarray | None = None) -> Labelled:
    return Labelled(named(len(when)), when, np.arange(len(when)) if copies is None else copies)


def of_channels(channel: np.ndarray, copies: np.ndarray) -> Labelled:
    undated = np.full(len(channel), np.datetime64("NaT"))
    return Labelled(named(len(channel)), undated, copies, channel, "channel_id")


# --- by time -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("days", [0.0, 2.0, 9.0, None])
def test_time_runs_one_way_with_the_gap_between(days):
    videos, _ = world(300)
    when = moments(table("videos", videos)["published_at"])
    parts, facts = by_time(dated(when), SplitSettings(embargo_days=days))
    gap = np.timedelta64(int(facts["embargo_days"] * 86_400_000_000), "us")
    assert facts["embargo_days"] == (3 if days is None else days)  # 5 % of 300 days is more than the lag
    for before, after in (("train", "validation"), ("validation", "test")):
        assert when[parts == before].max() < when[parts == after].min()
    assert when[parts == "test"].min() - when[parts == "validation"].max() >= gap
    assert facts["in_gap"] == (parts == "embargo").sum() == 300 - sum((parts == p).sum() for p in USED)
    assert share(parts, "test") == 0.2 and share(parts, "train") <= 0.6


def test_a_later_copy_is_left_out_and_counted():
    videos, _ = world(100)
    when = moments(table("videos", videos)["published_at"])
    copies = np.arange(100)
    copies[[95, 70]] = copies[10]
    copies[99] = copies[98]  # both in test: both stay
    parts, facts = by_time(dated(when, copies), SplitSettings(embargo_days=0))
    assert parts[10] == "train" and parts[95] == parts[70] == "embargo" and facts["later_copies"] == 2
    assert parts[98] == parts[99] == "test"


def test_one_instant_for_all_cannot_be_split_by_time_but_otherwise():
    videos, _ = world(60)
    for v in videos:
        v["published_at"] = START
    splits = make_splits(table("videos", videos))
    assert set(splits.unavailable) == {"time"} and "each part needs 3" in splits.unavailable["time"]
    with pytest.raises(UserError, match="time split cannot be made"):
        splits.part("time")
    assert share(splits.part("random"), "train") == 0.6


# --- by channel, by chance ---------------------------------------------------------------------------
def test_channels_balance_and_no_part_gets_only_the_big_ones():
    rng = np.random.default_rng(0)
    channel = channel_codes(rng.zipf(1.6, 2000) % 300)
    parts, _ = by_unit(of_channels(channel, np.arange(2000)), SplitSettings())
    assert [share(parts, p) for p in USED] == pytest.approx([0.6, 0.2, 0.2], abs=0.01)
    sizes = np.bincount(channel)[channel]
    assert sizes[parts == "test"].max() > 10
    again, _ = by_unit(of_channels(channel, np.arange(2000)), SplitSettings())
    assert (parts == again).all()


def test_channels_that_share_a_copy_go_together():
    channel = np.repeat(np.arange(40), 5)
    copies = np.arange(200)
    copies[150] = copies[0]
    for seed in range(5):
        parts, _ = by_unit(of_channels(channel, copies), SplitSettings(seed=seed))
        assert len(set(parts[(channel == 0) | (channel == 30)])) == 1


@pytest.mark.parametrize("channels", [1, 2])
def test_one_or_two_channels_leave_the_channel_split_out(channels):
    videos, _ = world(60, channels=channels)
    splits = make_splits(table("videos", videos))
    assert f"{channels} channels do not divide" in splits.unavailable["channel"]


def test_a_dominant_channel_leaves_the_channel_split_out():
    videos, _ = world(100, channels=20)
    for v in videos[:90]:
        v["channel_id"] = "big"
    assert "has 9" in make_splits(table("videos", videos)).unavailable["channel"]


def test_the_random_split_is_seeded_and_does_not_favour_big_groups():
    copies = np.concatenate([np.arange(600), np.repeat(np.arange(600, 620), 20)])
    rows = Labelled(named(1000), np.full(1000, np.datetime64("NaT")), copies)
    parts, _ = by_chance(rows, SplitSettings())
    assert [share(parts, p) for p in USED] == pytest.approx([0.6, 0.2, 0.2], abs=0.02)
    big = [share(by_chance(rows, SplitSettings(seed=s))[0][600:], "train") for s in range(20)]
    assert 0.5 < np.mean(big) < 0.7
    assert (by_chance(rows, SplitSettings())[0] == parts).all()


# --- too little, and what is saved -------------------------------------------------------------------
def test_too_few_labels_is_one_sentence_with_the_numbers():
    videos, _ = world(30)
    for v in videos[:12]:
        v["views"] = None
    with pytest.raises(UserError, match="only 18 of 30 videos have a usable view count; a split needs 20"):
        make_splits(table("videos", videos))


def test_a_burst_of_recent_videos_is_not_swallowed_by_the_embargo() -> None:
    """Years of a few old posts, then most of the table in three days: 7 days would leave no validation."""
    old = np.datetime64("2025-01-01") + np.arange(100) * np.timedelta64(10, "D")
    burst = old[-1] + np.arange(900) * np.timedelta64(5, "m")
    when = np.concatenate([old, burst]).astype("datetime64[us]")
    parts, facts = by_time(dated(when), SplitSettings())
    assert 0 < facts["embargo_days"] < 1 and facts["in_gap"] <= 110
    assert (parts == "validation").sum() >= 140


@pytest.mark.parametrize("shares", [{"train": 0.9, "validation": 0.1}, {"train": 0}, {"embargo_days": -1}])
def test_settings_that_make_no_sense(shares):
    with pytest.raises(UserError):
        SplitSettings(**shares)


def test_saved_once_reused_and_remade_when_the_labelled_videos_change(tmp_path):
    videos, embeddings = world(80, channels=20)
    space = fill(tmp_path, videos, embeddings)
    first, origin = load_or_make(space)
    assert origin == "made"
    second, origin = load_or_make(space)
    assert origin == "loaded" and second.facts == first.facts and second.unavailable == first.unavailable
    for name in SPLITS:
        assert (second.part(name) == first.part(name)).all()

    videos[0]["likes"] = 3  # no label, no date, no channel: the splits stand
    fill(tmp_path, videos, embeddings)
    assert load_or_make(space)[1] == "loaded"
    videos[1]["label_issue"] = "likes_above_views"
    fill(tmp_path, videos, embeddings)
    third, origin = load_or_make(space)
    assert origin == "remade" and third.part("random")[1] == "none"
    assert load_or_make(space, SplitSettings(seed=1))[1] == "remade"


def test_an_unavailable_split_is_remembered(tmp_path):
    space = fill(tmp_path, world(60, channels=1)[0], [])
    made, _ = load_or_make(space)
    loaded, origin = load_or_make(space)
    assert origin == "loaded" and loaded.unavailable == made.unavailable
    with pytest.raises(UserError, match="channel split cannot be made"):
        loaded.part("channel")


def test_a_new_unlabelled_video_keeps_its_row_in_loaded_splits(tmp_path):
    videos, embeddings = world(60)
    space = fill(tmp_path, videos, embeddings)
    load_or_make(space)
    videos.insert(0, {"video_id": "new", "published_at": START - timedelta(days=1)})
    fill(tmp_path, videos, embeddings)
    splits, _ = load_or_make(space)
    assert list(splits.video_id) == [v["video_id"] for v in videos] and splits.part("time")[0] == "none"


def test_twenty_thousand_rows_in_bounded_time_and_memory():
    import pyarrow as pa

    n, d = 20_000, 256
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)).astype(np.float32) @ np.diag(1 / np.arange(1, d + 1) ** 0.5).astype(
        np.float32
    )
    x[10_000:12_000] = x[:2_000] + 0.005 * rng.normal(size=(2_000, d)).astype(np.float32)
    x[15_000:18_000] = x[0] + 0.002 * rng.normal(size=(3_000, d)).astype(np.float32)  # one clip, 3,000 times
    rows = {
        "video_id": [f"v{i}" for i in range(n)],
        "channel_id": [f"c{i}" for i in rng.integers(0, 900, n)],
        "title": [f"title {i}" for i in range(n)],
        "published_at": [START + timedelta(minutes=30 * i) for i in range(n)],
        "views": rng.integers(1, 10**6, n).tolist(),
    }
    schema = table("videos", []).schema
    videos = pa.table([pa.array(rows.get(f.name, [None] * n), f.type) for f in schema], schema=schema)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), d).cast(pa.list_(pa.float32()))
    embeddings = pa.table(
        {
            "video_id": rows["video_id"],
            "video_embedding": vectors,
            "audio_embedding": pa.nulls(n, vectors.type),
        }
    )
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    splits = make_splits(videos, embeddings)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert splits.facts["duplicates"] == {"groups": 2000, "videos": 7000}
    assert time.process_time() - start < 30
    assert grown < 400, f"{grown:.0f} MB"  # all pairs at once would take 1,600
