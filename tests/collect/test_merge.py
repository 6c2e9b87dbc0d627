"""Two accounts of one video: who wins, and that collecting again changes nothing."""

import random
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from vvp.collect.merge import Row, blank, changed, combine, label_issue, other_video

NOON = datetime(2024, 5, 1, 12, tzinfo=timezone.utc)
LATER = NOON + timedelta(days=3)


def row(source: str = "posts", **values: object) -> Row:
    return blank(video_id="v", source=source, **values)


def test_the_later_observation_wins_even_when_smaller() -> None:
    old, new = row(views=100, likes=9, observed_at=NOON), row(views=90, likes=8, observed_at=LATER)
    for merged in (combine(old, new, True), combine(new, old, True)):
        assert (merged["views"], merged["likes"], merged["observed_at"]) == (90, 8, LATER)


@pytest.mark.parametrize("time", [None, NOON])
def test_without_two_times_the_larger_count_wins_whole(time: datetime | None) -> None:
    small, large = row(views=90, likes=50, observed_at=time), row(views=100, likes=9)
    for merged in (combine(small, large, True), combine(large, small, True)):
        assert (merged["views"], merged["likes"], merged["observed_at"]) == (100, 9, None)


def test_a_measurement_beats_a_hidden_count() -> None:
    for hidden in (None, 0, -1):
        merged = combine(row(views=100, observed_at=NOON), row(views=hidden, observed_at=LATER), True)
        assert (merged["views"], merged["observed_at"]) == (100, NOON)


def test_media_from_one_and_counts_from_the_other(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    media = {"media_path": str(tmp_path / "a.mp4"), "media_bytes": 1, "media_sha256": "00"}
    video, post = (
        row("ytdlp", title="long", observed_at=NOON, **media),
        row(title="cut", views=5, observed_at=LATER),
    )
    for merged in (combine(video, post, True), combine(post, video, True)):
        assert merged["media_path"] == media["media_path"] and merged["views"] == 5
        assert merged["title"] == "long" and merged["source"] == "ytdlp"


def test_facts_without_times_go_by_source_then_run() -> None:
    assert combine(row("ytdlp", title="a"), row("posts", title="b"), True)["title"] == "a"
    assert combine(row("posts", title="a"), row("posts", title="b"), True)["title"] == "b"
    assert combine(row("posts", title="a"), row("posts", title="b"), False)["title"] == "a"
    assert combine(row("posts", title="a"), row("posts"), True)["title"] == "a"


def test_the_creators_words_stay() -> None:
    creator = row("ytdlp", transcript="hers", transcript_source="creator")
    automatic = row("ytdlp", transcript="its", transcript_source="automatic")
    assert combine(creator, automatic, True)["transcript"] == "hers"
    assert combine(automatic, creator, False)["transcript_source"] == "creator"


def test_media_moves_only_when_the_old_file_is_gone(tmp_path: Path) -> None:
    (tmp_path / "old.mp4").write_bytes(b"x")
    old = row(media_path=str(tmp_path / "old.mp4"), media_sha256="1")
    new = row(media_path="/elsewhere/new.mp4", media_sha256="2")
    assert combine(old, new, True)["media_sha256"] == "1"
    (tmp_path / "old.mp4").unlink()
    assert combine(old, new, True)["media_sha256"] == "2"
    assert combine(old, old | {"media_sha256": "3"}, True)["media_sha256"] == "3"


def test_label_issues_in_order() -> None:
    cases = {
        (None, 5): "views_missing",
        (0, 0): "views_zero",
        (-1, 0): "views_negative",
        (5, 6): "likes_above_views",
    }
    for (views, likes), issue in cases.items():
        assert label_issue(row(views=views, likes=likes)) == issue
    assert label_issue(row(views=5, likes=5)) is None and label_issue(row(views=5)) is None


def test_one_id_on_two_platforms_is_two_videos() -> None:
    assert other_video(row(platform="vine"), row(platform="tiktok"))
    assert not other_video(row(platform="vine"), row())


def some_row(rng: random.Random, source: str) -> Row:
    def pick(*values: object) -> object:
        return rng.choice([None, *values])

    words = pick("one", "two")
    return row(
        source,
        title=pick("a", "b"), tags=pick(["x"], ["y"]), duration_s=pick(1.0, 2.0),
        observed_at=pick(NOON, LATER), views=pick(0, 10, 20, 30), likes=pick(1, 2), shares=pick(3),
        channel_followers=pick(7, 8),
        transcript=words, transcript_source=words and rng.choice(["creator", "automatic"]),
    )  # fmt: skip


def test_collecting_again_changes_nothing_whatever_the_accounts() -> None:
    rng = random.Random(0)
    for _ in range(6_000):
        ours, theirs = some_row(rng, "ytdlp"), some_row(rng, "posts")
        first, second = (ours, theirs) if rng.random() < 0.5 else (theirs, ours)
        once = combine(first, second, True)
        again = combine(once, second, True)
        assert not changed(once, again), (first, second)
        assert not changed(once, combine(once, first, True)), (first, second)


def test_counts_do_not_depend_on_the_order() -> None:
    rng = random.Random(1)
    for _ in range(5_000):
        a, b = some_row(rng, "ytdlp"), some_row(rng, "posts")
        one, other = combine(a, b, True), combine(b, a, True)
        assert not changed(one, other), (a, b)
