"""Tables with views at an exact age: the age is a column, and the channel's total is no feature."""

from pathlib import Path

import pyarrow as pa
import pytest

from vvp.collect.posts import collect_posts
from vvp.dataset.features import FEATURES
from vvp.errors import UserError
from vvp.workspace import Workspace

HEAD = (
    "id,title,published_at,channel,channel_subscriber_count,channel_view_count,"
    "horizon_days,horizon_view_count,like_count\n"
)


def collected(root: Path, total: int) -> pa.Table:
    """40 videos at 7 days, the first of them at 30 as well; every total is the views and `total` more."""
    table = root / "posts.csv"
    rows = [(i, 7, 100 * (i + 1)) for i in range(40)] + [(0, 30, 900)]
    lines = (
        f"v{i},clip {i},2026-01-{i % 28 + 1:02d},c{i % 5},50,{views + total},{age},{views},9\n"
        for i, age, views in rows
    )
    table.write_text(HEAD + "".join(lines))
    space = Workspace(root / "ws")
    summary = collect_posts(table, space)
    assert summary.preset == "views-at-age"
    assert not {"channel_view_count", "like_count"} & set(summary.mapping.values())
    return space.read("videos")


def test_the_age_is_a_column_and_a_video_stands_there_once(tmp_path: Path) -> None:
    rows = {row["video_id"]: row for row in collected(tmp_path, 0).to_pylist()}
    assert len(rows) == 40
    ages = {name: (row["observed_at"] - row["published_at"]).days for name, row in rows.items()}
    assert ages["v1"] == 7 and ages["v0"] == 30 and rows["v0"]["views"] == 900
    assert rows["v1"]["likes"] is None  # read at another time than the views


def test_the_channels_total_changes_nothing_that_is_known_before_posting(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    one, other = (collected(tmp_path / name, total) for name, total in (("a", 0), ("b", 10**9)))
    kept = [name for name in one.column_names if name != "collected_at"]
    assert one.select(kept).equals(other.select(kept))
    assert not any("view" in feature.name for feature in FEATURES)


def test_the_total_cannot_be_mapped_by_its_name(tmp_path: Path) -> None:
    table = tmp_path / "posts.csv"
    table.write_text(HEAD + "v,a,2026-01-01,c,5,100,7,10,1\n")
    with pytest.raises(UserError, match="vvp has no column 'channel_view_count'"):
        collect_posts(table, Workspace(tmp_path / "ws"), mapping={"channel_view_count": "channel_view_count"})
