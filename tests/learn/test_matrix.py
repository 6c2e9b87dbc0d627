"""From a workspace to X and y: no leak has a way in, nothing vanishes uncounted, offline equals online."""

from datetime import timedelta

import numpy as np
import pytest
from learn_tables import START, fill, table, world
from sklearn.linear_model import RidgeCV

from vvp.dataset.columns import INPUTS, design, layout
from vvp.dataset.embedded import join
from vvp.dataset.fuse import Dims
from vvp.dataset.matrix import Matrix, assemble, assemble_whole, population
from vvp.dataset.splits import SplitSettings
from vvp.errors import UserError
from vvp.learn import metrics


def fit(matrix, name="full"):
    """Test rows' log views and the predictions of a Ridge fitted on the training rows."""
    X = matrix.X[:, matrix.select(name)]
    train, test = matrix.rows("train"), matrix.rows("test")
    mean, sd = np.nanmean(X[train], axis=0), np.nanstd(X[train], axis=0) + 1e-9
    X = np.nan_to_num((X - mean) / sd)
    model = RidgeCV(np.logspace(-2, 5, 15)).fit(X[train], matrix.y[train])
    return matrix.y[test], model.predict(X[test]), matrix.channel_id[test]


def test_shapes_names_and_counts(tmp_path):
    videos, embeddings = world(120, media=0.8)
    videos[3].update(views=None, label_issue="views_missing")
    videos[4]["published_at"] = None
    embeddings[5].update(status="failed", video_embedding=None, audio_embedding=None, error_kind="crash")
    without = embeddings.pop(6)
    m = assemble(fill(tmp_path, videos, embeddings))
    n = len(embeddings)
    assert m.X.shape == (n, len(m.columns)) and m.X.dtype == np.float32 and m.y.dtype == np.float64
    assert without["video_id"] not in m.video_id and m.counts["not_embedded"] == 1
    assert (
        len(m.columns) + len(m.dropped)
        == len(layout(Dims({"video": 12, "audio": 8, "text": 6})))
        == m.dims.fused + 48 + 40  # topics, features
    )
    assert (m.counts["failed"], m.counts["without_label"], m.counts["without_date"]) == (1, 1, 1)
    assert m.counts["without_media"] == (~m.has_media).sum() > 5
    assert sum(m.counts[p] for p in ("train", "validation", "test", "embargo", "none")) == n
    assert m.part[3] == m.part[4] == "none" and np.isnan(m.y[3]) and np.isfinite(m.y[4])
    assert m.dropped["log_aspect_ratio"] == "unknown in every training row"
    assert m.dropped["title_exclamation"] == "constant in the training rows"
    assert m.column("log_aspect_ratio") is None
    assert (m.column("mask_picture") == m.has_media).all()
    assert m.encoders == {"video_encoder": "v@1", "audio_encoder": "a@1", "text_encoder": "t@1"}
    assert set(m.groups()) >= {"picture:embedding", "sound:mask", "horizon:feature", "channel:feature"}
    for name in INPUTS:
        assert m.columns[m.select(name)[0]] and len(m.select(name))


def other_counts(videos: list, rows: np.ndarray) -> list:
    """The same videos, these rows with other views."""
    rng = np.random.default_rng(9)
    return [{**v, "views": int(rng.integers(1, 1e9))} if rows[i] else v for i, v in enumerate(videos)]


def changed(before: Matrix, after: Matrix) -> np.ndarray:
    """bool (n, d): where X differs."""
    assert before.columns == after.columns
    return ~((before.X == after.X) | (np.isnan(before.X) & np.isnan(after.X)))


@pytest.mark.parametrize("split", ["time", "random", "channel"])
def test_nothing_after_publication_reaches_x(tmp_path, split):
    """Every count but the views may be anything; views of validation and test rows too, but for history."""
    videos, embeddings = world(200)
    before = assemble(fill(tmp_path / "a", videos, embeddings), split)
    rng = np.random.default_rng(9)
    moved = [
        {**v, "likes": int(rng.integers(1, 9)), "comments": int(rng.integers(1e6)), "shares": 5}
        for v in videos
    ]
    assert not changed(before, assemble(fill(tmp_path / "b", moved, embeddings), split)).any()
    after = assemble(fill(tmp_path / "c", other_counts(moved, before.part != "train"), embeddings), split)
    assert not np.array_equal(before.y, after.y)
    found = changed(before, after)
    if split != "time":  # by chance: history is the training part's; by channel: there is none
        assert not found.any()
        assert (split == "channel") == ("channel" not in {c.block for c in before.columns})
        return
    assert {c.block for c, any_ in zip(before.columns, found.any(axis=0), strict=True) if any_} == {"channel"}
    assert not found[before.part == "train"].any()
    train = before.part == "train"
    assert not changed(before.with_history_of(train), after.with_history_of(train)).any(), "frozen"


@pytest.mark.parametrize("lag", [0.0, 3.0, 20.0])
def test_in_time_a_count_reaches_later_rows_once_it_is_known(tmp_path, lag):
    """Online: the count of a validation row reaches rows of its channel posted more than `lag` days later."""
    videos, embeddings = world(200, channels=6)
    settings = SplitSettings(lag_days=lag)
    before = assemble(fill(tmp_path / "a", videos, embeddings), settings=settings)
    days = (before.published_at - before.published_at[0]).astype(float) / 86_400e6
    one = int(before.rows("validation")[3])
    moved = other_counts(videos, np.arange(200) == one)
    found = changed(before, assemble(fill(tmp_path / "b", moved, embeddings), settings=settings)).any(axis=1)
    may = (before.channel_id == before.channel_id[one]) & (days > days[one] + lag)
    assert may.any() and np.array_equal(found, may)
    n = np.expm1(before.column("channel_history_log_n"))
    for row in before.rows("test"):
        known = (before.channel_id == before.channel_id[row]) & (days < days[row] - lag)
        assert n[row] == pytest.approx(known.sum(), rel=1e-4)


def test_training_views_reach_x_through_history_alone(tmp_path):
    videos, embeddings = world(120)
    before = assemble(fill(tmp_path / "a", videos, embeddings))
    for v in videos:
        v["views"] = v["views"] * 3 + 1
    found = changed(before, assemble(fill(tmp_path / "b", videos, embeddings))).any(axis=0)
    names = {c.name for c, moved in zip(before.columns, found, strict=True) if moved}
    must = {"channel_history_mean", "channel_recent_mean", "channel_last", "channel_best"}
    assert must <= names <= must | {"channel_spread", "channel_trend"}


@pytest.mark.parametrize("split", ["time", "random", "channel"])
def test_the_planted_signal_is_found_and_shuffled_labels_are_not(tmp_path, split):
    videos, embeddings = world(400, channels=40)
    y, p, channel = fit(assemble(fill(tmp_path / "a", videos, embeddings), split))
    assert metrics.bootstrap(y, {"m": p}, channel, n=200)["m"]["spearman"].low > 0.2

    views = np.random.default_rng(0).permutation([v["views"] for v in videos])
    for v, count in zip(videos, views.tolist(), strict=True):
        v["views"] = count
    y, p, channel = fit(assemble(fill(tmp_path / "b", videos, embeddings), split))
    found = metrics.bootstrap(y, {"m": p}, channel, n=200)["m"]
    assert found["r2"].point < 0.05
    assert found["spearman"].point is None or found["spearman"].low < 0 < found["spearman"].high


def test_the_row_of_one_video_is_the_row_of_the_table(tmp_path):
    """What the predictor does: a table of one row, the same join and design, the kept columns."""
    videos, embeddings = world(80, media=0.7)
    m = assemble(fill(tmp_path, videos, embeddings))
    kept = {c.name for c in m.columns}
    keep = [i for i, c in enumerate(layout(m.dims)) if c.name in kept]
    for i in (0, 11, 79):
        rows, _ = join(table("videos", [videos[i]]), table("embeddings", [embeddings[i]]))
        one = design(rows, m.dims, m.horizon_days[i : i + 1], m.history, m.words)[:, keep]
        np.testing.assert_allclose(one[0], m.X[i], rtol=1e-5, atol=1e-6)


def test_the_newest_row_of_a_video_counts(tmp_path):
    videos, embeddings = world(40)
    again = {**embeddings[0], "embedded_at": START + timedelta(days=1), "motion_mean": 0.125}
    m = assemble(fill(tmp_path, videos, [*embeddings, again]), "random")
    assert len(m.video_id) == 40 and m.column("motion_mean")[0] == 0.125


def test_models_are_compared_on_videos_with_media_where_there_are_enough(tmp_path):
    m = assemble(fill(tmp_path / "a", *world(120, media=0.6)))
    found = population(m)
    assert found.name == "with_media" and not (found.rows & ~m.has_media).any()
    assert (
        sum(found.left_out.values()) == (np.isin(m.part, ["train", "validation", "test"]) & ~found.rows).sum()
    )
    assert str(sum(found.left_out.values())) in found.sentence

    few = assemble(fill(tmp_path / "b", *world(120, media=0.1)))
    assert population(few).name == "all" and sum(population(few).left_out.values()) == 0

    settings = SplitSettings(embargo_days=1.5)  # one row before the test
    small = assemble(fill(tmp_path / "c", *world(20)), settings=settings)
    assert population(small).name == "with_media" and population(small).rows.sum() < 20


def test_posts_without_any_media_still_make_a_matrix(tmp_path):
    m = assemble(fill(tmp_path, *world(100, media=0.0)))
    assert (
        m.dims == Dims({"video": 0, "audio": 0, "text": 6})
        and population(m).name == "all"
        and not m.has_media.any()
    )
    assert len(m.select("words")) > 6 and m.dropped["mask_picture"].startswith("constant")
    given = assemble(fill(tmp_path, *world(100, media=0.0)), dims=Dims({"video": 12, "audio": 8, "text": 6}))
    assert given.dims.fused == 28 and given.columns == m.columns


def test_what_the_user_can_mend_is_said(tmp_path):
    videos, embeddings = world(60)
    with pytest.raises(UserError, match="run `vvp embed"):
        assemble(fill(tmp_path / "a", videos, []))
    mixed = [*embeddings[:40], *({**e, "profile": "other"} for e in embeddings[40:])]
    with pytest.raises(UserError, match=r"more than one profile: tiny \(40\), other \(20\)"):
        assemble(fill(tmp_path / "b", videos, mixed))
    embeddings[0]["video_embedding"] = np.zeros(5, np.float32)
    with pytest.raises(UserError, match="do not agree"):
        assemble(fill(tmp_path / "c", videos, embeddings))
    few, vectors = world(15)
    with pytest.raises(UserError, match="a split needs 20"):
        assemble(fill(tmp_path / "d", few, vectors))
    one, vectors = world(60, channels=1)
    with pytest.raises(UserError, match="channel split cannot be made"):
        assemble(fill(tmp_path / "e", one, vectors), "channel")
    with pytest.raises(UserError, match="no split called day"):
        assemble(fill(tmp_path / "e", one, vectors), "day")


def test_the_three_splits_share_one_file(tmp_path):
    space = fill(tmp_path, *world(120, channels=30))
    found = [assemble(space, s, SplitSettings(seed=2)).splits_origin for s in ("time", "channel", "random")]
    assert found == ["made", "loaded", "loaded"]


def test_a_matrix_of_everything_keeps_every_column_and_trains_on_every_label(tmp_path):
    videos, embeddings = world(120)
    videos[3].update(views=None, label_issue="views_missing")
    space = fill(tmp_path, videos, embeddings)
    whole, part = assemble_whole(space), assemble(space)
    assert [c.name for c in whole.columns] == [c.name for c in layout(whole.dims)] and not whole.dropped
    assert (whole.part == "train").sum() == 119 and whole.part[3] == "none"
    same = whole.only(part.column_names)
    assert same.column_names == part.column_names and same.X.shape == part.X.shape
    backwards = part.column_names[::-1]
    np.testing.assert_array_equal(whole.only(backwards).X, same.X[:, ::-1])
    with pytest.raises(KeyError):
        whole.only(["no such column"])


def test_counts_that_were_read_too_soon_are_left_out_and_counted(tmp_path):
    videos, embeddings = world(120)
    for i in range(0, 120, 10):
        videos[i]["observed_at"] = videos[i]["published_at"] + timedelta(days=1)
    space = fill(tmp_path, videos, embeddings)
    m = assemble(space)
    assert m.counts["too_young"] == m.counts["without_label"] == 12 and (m.part[::10] == "none").all()
    off = assemble(space, settings=SplitSettings(min_age_days=0))
    assert off.counts["too_young"] == 0 and np.isfinite(off.y).all() and off.lag_days == 0
