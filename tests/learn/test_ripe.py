"""A count read soon after posting is no label; where nothing says when counts were read, the newest post is
the bound, and the counts themselves may show that they were read later."""

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from learn_tables import START, table

from vvp.dataset.labels import issues, read_labels


def posts(ages: list[float], views: Any = 100, observed: bool = True, **columns: Any) -> pa.Table:
    """One post for each age (days before the counts were read)."""
    read = START + timedelta(days=1000)
    rows = [
        {
            "video_id": str(i),
            "channel_id": f"c{i % 9}",
            "published_at": read - timedelta(days=age),
            "observed_at": read if observed else None,
            "views": int(views if np.isscalar(views) else views[i]),
            **{name: values[i] for name, values in columns.items()},
        }
        for i, age in enumerate(ages)
    ]
    return table("videos", rows)


def test_below_the_least_age_a_count_is_left_out_and_counted() -> None:
    bad = ["views_zero"] + [None] * 4
    videos = posts([0.5, 0.5, 2.99, 3.0, 40.0], label_issue=bad)
    labels = read_labels(videos)
    assert labels.known.tolist() == [False, False, False, True, True]
    assert labels.too_young.tolist() == [False, True, True, False, False], "the first has no count anyway"
    assert labels.horizon_days.tolist() == [0.5, 0.5, 2.99, 3.0, 40.0], "the age stays known"
    assert issues(videos, labels) == {"views_zero": 1, "too_young": 2}
    assert labels.age_note is None and not labels.at_least.any()
    assert read_labels(videos, 30).known.sum() == 1


def test_zero_turns_it_off() -> None:
    videos = posts([0.0, 0.01, 40.0])
    labels = read_labels(videos, 0)
    assert labels.known.all() and not labels.too_young.any() and issues(videos, labels) == {}


def test_a_count_whose_age_is_unknown_beside_dated_ones_is_kept() -> None:
    videos = posts([1.0, 10.0, 20.0])
    without = pa.array([None, None, START + timedelta(days=1000)], videos.schema.field("observed_at").type)
    videos = videos.set_column(videos.schema.get_field_index("observed_at"), "observed_at", without)
    labels = read_labels(videos)
    assert labels.known.all() and np.isnan(labels.horizon_days[:2]).all() and not labels.at_least.any()


def test_without_dates_of_counts_the_newest_post_is_the_bound() -> None:
    labels = read_labels(posts([5.0, 6.0, 7.5, 30.0], observed=False))
    assert labels.horizon_days == pytest.approx([0.0, 1.0, 2.5, 25.0])
    assert labels.at_least.all()
    assert labels.too_young.tolist() == [True, True, True, False], "too few to show that they were read later"
    assert labels.age_note is not None and "3 posts within 3 days" in labels.age_note
    assert "newest post" in labels.age_note and "left out" in labels.age_note
    off = read_labels(posts([5.0, 6.0, 7.5, 30.0], observed=False), 0)
    assert off.known.all() and off.age_note is None


def many(low: float, seed: int = 0) -> pa.Table:
    """400 posts over 100 days, and 80 more in the last 3, whose log views are lower by `low`."""
    rng = np.random.default_rng(seed)
    ages = np.concatenate([np.linspace(3.5, 100, 400), np.linspace(0, 2.9, 80)])
    followers = np.exp(rng.normal(10, 1, 480))
    log_views = np.log(followers) - 2 + rng.normal(0, 0.7, 480)
    log_views[400:] -= low
    return posts(
        ages.tolist(), np.exp(log_views) + 1, observed=False,
        channel_followers=[int(n) for n in followers],
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_young_posts_that_are_clearly_lower_are_left_out(seed: int) -> None:
    labels = read_labels(many(1.5, seed))
    assert labels.too_young.sum() == 80 and labels.known.sum() == 400
    assert labels.age_note is not None and "80 posts within 3 days" in labels.age_note
    assert labels.age_note.endswith("are left out")


@pytest.mark.parametrize("seed", range(3))
def test_young_posts_as_high_as_older_ones_are_kept_and_the_note_says_so(seed: int) -> None:
    labels = read_labels(many(0.0, seed))
    assert labels.known.all() and not labels.too_young.any()
    assert labels.age_note is not None and "read later and are kept" in labels.age_note
    assert labels.at_least.all()


def test_young_posts_of_small_channels_are_not_taken_for_young_counts() -> None:
    """At equal followers they are as high as the others: what is lower is the channels."""
    videos = many(0.0)
    followers = videos["channel_followers"].to_numpy().copy()
    views = videos["views"].to_numpy().copy()
    followers[400:], views[400:] = followers[400:] // 8 + 1, views[400:] // 8 + 1
    for name, values in (("channel_followers", followers), ("views", views)):
        at = videos.schema.get_field_index(name)
        videos = videos.set_column(at, name, pa.array(values, videos.schema.field(name).type))
    assert not read_labels(videos).too_young.any()
