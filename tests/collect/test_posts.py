"""Tables of posts: the formats, odd values, broken rows and mistakes."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from collect_tables import Rows, save, videos

from vvp.collect.posts import collect_posts
from vvp.errors import UserError
from vvp.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


THREE: Rows = [
    {
        "id": "7574164297710947604",
        "caption": 'so, "fun" #fyp',
        "post_time": "2025-11-18T20:25:59Z",
        "view_count": "541.2K",
        "like_count": "1,234",
        "author": "ann",
        "duration_s": "00:31",
        "scraped_at": "2025-12-01 (approx; …)",
        "author_followers": 17,
        "author_total_loops": 99,
        "view_tier": "1M+",
    },
    {
        "id": "b",
        "caption": "two\nlines",
        "post_time": "2025-11-18T20:25:59Z",
        "view_count": "7",
        "like_count": "9",
        "author": "ann",
        "duration_s": None,
        "scraped_at": None,
        "author_followers": 17,
        "author_total_loops": 99,
        "view_tier": "1M+",
    },
    {
        "id": "c",
        "caption": None,
        "post_time": None,
        "view_count": "lots",
        "like_count": None,
        "author": None,
        "duration_s": "PT31S",
        "scraped_at": None,
        "author_followers": None,
        "author_total_loops": 99,
        "view_tier": "1M+",
    },
]


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.jsonl", "p.json", "p.parquet"])
def test_the_same_from_every_format(tmp_path: Path, space: Workspace, name: str) -> None:
    file = save(tmp_path / name, THREE, delimiter="\t" if name.endswith("tsv") else ",")
    summary = collect_posts(file, space)
    assert (summary.preset, summary.found, summary.added, summary.without_media) == ("posts", 3, 3, 3)
    a, b, c = videos(space).values()
    assert a["video_id"] == "7574164297710947604"
    assert (a["views"], a["likes"], a["duration_s"], a["channel_followers"]) == (541_200, 1234, 31.0, 17)
    assert (a["title"], a["tags"], a["channel_id"]) == ('so, "fun" #fyp', ["fyp"], "ann")
    assert a["observed_at"] == datetime(2025, 12, 1, 23, 59, 59, tzinfo=timezone.utc)
    assert b["title"] == "two\nlines" and b["label_issue"] == "likes_above_views"
    assert (c["views"], c["title"], c["published_at"], c["label_issue"]) == (
        None,
        None,
        None,
        "views_missing",
    )
    assert summary.unreadable_values == {"views": 1} and "'lots'" in summary.examples["views"]
    assert summary.label_issues == {"likes_above_views": 1, "views_missing": 1}
    assert (summary.without_published_at, summary.without_observed_at) == (1, 2)
    again = collect_posts(file, space)
    assert (again.added, again.updated, again.already_known) == (0, 0, 3)


def test_broken_rows_are_set_aside_with_their_place(tmp_path: Path, space: Workspace) -> None:
    text = "video_id;views;likes\na;1;1\nb;2\nc;3;3\n;4;4\n7.57E+18;5;5\n"
    (tmp_path / "p.csv").write_text(text)
    summary = collect_posts(tmp_path / "p.csv", space)
    assert list(videos(space)) == ["a", "c"] and summary.found == 5
    aside = {Path(r["origin"]).name: r["reason"] for r in space.read("set_aside").to_pylist()}
    assert aside == {"p.csv:3": "unreadable", "p.csv:5": "no_id", "p.csv:6": "no_id"}
    lines = ['{"video_id": "d", "views": 1}', "{broken", "[1]", "", '{"video_id": "e", "views": 2}']
    (tmp_path / "p.jsonl").write_text("\n".join(lines))
    summary = collect_posts(tmp_path / "p.jsonl", space)
    assert summary.set_aside == {"unreadable": 2} and summary.added == 2 and summary.in_workspace == 4


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("p.csv", "", {}, "cannot be read: Empty CSV"),
        ("p.csv", "video_id,views\n", {}, "is empty"),
        ("p.jsonl", "", {}, "is empty"),
        ("p.jsonl", "junk\n", {}, "1 row cannot be read"),
        ("p.json", '{"a": 1, "b": {}}', {}, "no column for video_id and views"),
        ("p.json", '{"items": [{"a": 1}], "posts": [{"a": 1}]}', {}, r"several lists \(items, posts\)"),
        ("p.json", "7", {}, "JSON list"),
        ("p.parquet", "junk", {}, "cannot be read"),
        ("p.xls", "junk", {}, "save it as one of .csv"),
        (
            "p.csv",
            "key,heat\n1,2\n",
            {},
            "no column for video_id and views.*key, heat.*--map video_id=COLUMN",
        ),
        (
            "p.csv",
            "key,heat\n1,2\n",
            {"mapping": {"video_id": "key"}},
            "no column for views: .*--map views=COLUMN",
        ),
        ("p.csv", "id,plays\n1,2\n", {"mapping": {"view": "plays"}}, "no column 'view'; it has video_id"),
        ("p.csv", "id,plays\n1,2\n", {"mapping": {"views": "play"}}, "no column 'play'; it has id, plays"),
        (
            "p.csv",
            "id,plays\n1,2\n",
            {"preset": "tictoc"},
            "no ready-made map 'tictoc'; there are vvp, posts",
        ),
        ("p.csv", "video_id,views\n1,2\n", {"observed_at": "5/6/2024"}, "write it as 2024-05-31"),
        ("p.csv", "video_id,views\n,2\n", {}, "not one of 1 rows has an id in column 'video_id'"),
        ("p.csv", "video_id,views,views\na,2,3\n", {}, "2 columns called 'views'"),
        ("p.csv", "video_id,views\n\udcff,2\n", {}, "UTF-8"),
        ("p.csv", "\udcffv,views\n", {}, "UTF-8"),
        ("p.csv", "\udcff\udcfev,views\n1", {}, "UTF-8"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    tmp_path: Path, space: Workspace, name: str, content: str, options: dict[str, Any], message: str
) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=message):
        collect_posts(tmp_path / name, space, **options)
    assert not space.has("videos")


def test_no_such_table(tmp_path: Path, space: Workspace) -> None:
    for path, message in ((tmp_path / "no.csv", "not there"), (tmp_path, "a folder")):
        with pytest.raises(UserError, match=message):
            collect_posts(path, space)


def test_media_by_uri_is_read_where_it_lies(tmp_path: Path, space: Workspace) -> None:
    (tmp_path / "a.mp4").write_bytes(b"clip")
    uri = (tmp_path / "a.mp4").as_uri()
    rows = [
        {"video_id": "a", "views": 5, "media_path": uri},
        {"video_id": "b", "views": 5, "media_path": uri.replace("a.mp4", "gone.mp4")},
        {"video_id": "c", "views": 5, "media_path": "https://example.org/c.mp4"},
    ]
    summary = collect_posts(save(tmp_path / "p.jsonl", rows), space)
    found = videos(space)
    assert (found["a"]["media_path"], found["a"]["media_bytes"]) == (uri, 4)
    assert found["b"]["media_path"] is None and found["c"]["media_path"] is None
    assert "https://example.org/c.mp4" in summary.examples["media_path"]
