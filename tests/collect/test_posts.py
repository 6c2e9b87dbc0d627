"""Tables of posts: three formats, ready-made maps, odd values, mistakes, and merging with a yt-dlp folder."""

import csv
import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vvp.collect.maps import PRESETS, TARGETS
from vvp.collect.posts import collect_posts
from vvp.collect.ytdlp import collect_ytdlp
from vvp.errors import UserError
from vvp.workspace import Workspace

POSTS = Path(__file__).parents[3] / "shared" / "data" / "posts"
Rows = list[dict[str, Any]]


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def save(path: Path, rows: Rows, names: list[str] | None = None, delimiter: str = ",") -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, names or list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    return path


def videos(space: Workspace) -> dict[str, dict[str, Any]]:
    return {row["video_id"]: row for row in space.read("videos").to_pylist()}


THREE: Rows = [
    {"id": "7574164297710947604", "caption": 'so, "fun" #fyp', "post_time": "2025-11-18T20:25:59Z", "view_count": "541.2K",
     "like_count": "1,234", "author": "ann", "duration_s": "00:31", "scraped_at": "2025-12-01 (approx; …)",
     "author_followers": 17, "author_total_loops": 99, "view_tier": "1M+"},
    {"id": "b", "caption": "two\nlines", "post_time": "2025-11-18T20:25:59Z", "view_count": "7",
     "like_count": "9", "author": "ann", "duration_s": None, "scraped_at": None,
     "author_followers": 17, "author_total_loops": 99, "view_tier": "1M+"},
    {"id": "c", "caption": None, "post_time": None, "view_count": "lots",
     "like_count": None, "author": None, "duration_s": "PT31S", "scraped_at": None,
     "author_followers": None, "author_total_loops": 99, "view_tier": "1M+"},
]  # fmt: skip


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


def test_no_ready_made_map_takes_what_contains_the_answer() -> None:
    for preset in PRESETS.values():
        assert set(preset.columns) <= set(TARGETS)
        theirs = " ".join(t for options in preset.columns.values() for t in options)
        assert not any(word in theirs for word in ("total", "tier", "rank", "heart", "loops"))


@pytest.mark.parametrize(
    ("preset", "row", "expected"),
    [
        ("ytdlp", {"id": "x", "view_count": 5, "upload_date": "20240501", "extractor": "Youtube:shorts", "duration": 9},
         {"platform": "youtube", "duration_s": 9.0, "published_at": datetime(2024, 5, 1, tzinfo=timezone.utc)}),
        ("tiktok-scraper", {"id": "x", "playCount": 5, "createTime": 1700000000, "text": "hi", "diggCount": 2,
                            "authorMeta": {"name": "ann", "fans": 8, "heart": 10**6}, "hashtags": [{"name": "fyp"}],
                            "videoMeta": {"duration": 9, "width": 576}},
         {"platform": "tiktok", "channel_followers": 8, "tags": ["fyp"], "width": 576, "likes": 2, "channel_id": "ann"}),
        ("tiktok-web", {"id": "x", "desc": "hi", "createTime": 1700000000, "stats": {"playCount": 5, "shareCount": 3},
                        "author": {"uniqueId": "ann"}}, {"title": "hi", "shares": 3, "channel_id": "ann"}),
        ("tiktok-research", {"id": "x", "view_count": 5, "video_description": "hi", "create_time": 1700000000,
                             "voice_to_text": "said"}, {"transcript": "said", "transcript_source": "creator"}),
        ("youtube-trending", {"video_id": "x", "trending_date": "17.14.11", "title": "hi", "channel_title": "ann",
                              "publish_time": "2017-11-13T17:13:01.000Z", "tags": '"a b"|"c"', "views": 5},
         {"platform": "youtube", "tags": ["a b", "c"],
          "observed_at": datetime(2017, 11, 14, 23, 59, 59, tzinfo=timezone.utc)}),
        ("youtube-api", {"id": "x", "statistics": {"viewCount": "5"}, "contentDetails": {"duration": "PT31S"},
                         "snippet": {"publishedAt": "2017-11-13T17:13:01Z", "title": "hi"}},
         {"duration_s": 31.0, "title": "hi"}),
        ("vvp", {"video_id": "x", "views": 5, "tags": ["a"], "channel_videos": 3}, {"tags": ["a"], "channel_videos": 3}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["p.jsonl", "p.parquet"])
def test_ready_made_maps_are_recognised(
    tmp_path: Path, space: Workspace, preset: str, row: dict[str, Any], expected: dict[str, Any], name: str
) -> None:
    summary = collect_posts(save(tmp_path / name, [row]), space)
    assert summary.preset == preset and summary.mapping["views"] and not summary.unreadable_values
    found = videos(space)["x"]
    assert found["views"] == 5
    assert {key: found[key] for key in expected} == expected


def test_the_users_map_goes_over_the_preset(tmp_path: Path, space: Workspace) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "a.mp4").write_bytes(b"x")
    row = {"id": "a", "view_count": 1, "caption": "x", "post_time": None, "plays": "2M", "clip": "m/a.mp4"}
    file = save(tmp_path / "p.csv", [row, row | {"id": "b", "clip": "m/gone.mp4"}])
    mapping = {"views": "plays", "media": "clip"}
    summary = collect_posts(file, space, mapping, observed_at="2024-05-31")
    assert summary.mapping["views"] == "plays" and summary.notes == {"media_not_found": 1}
    row = videos(space)["a"]
    assert (row["views"], row["media_bytes"], row["media_path"]) == (
        2_000_000,
        1,
        str(tmp_path / "m" / "a.mp4"),
    )
    assert row["observed_at"] == datetime(2024, 5, 31, 23, 59, 59, tzinfo=timezone.utc)


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


def test_contradictions_within_a_file(tmp_path: Path, space: Workspace) -> None:
    base = {"video_id": "a", "views": 10, "likes": 1, "observed_at": None, "title": "t"}
    later = base | {"views": 8, "observed_at": "2024-05-02"}
    rows = [base | {"observed_at": "2024-05-01"}, base, later, {**base, "video_id": "b", "views": 10},
            {**base, "video_id": "b", "views": 30, "title": None}, {**base, "video_id": "b", "views": 20}]  # fmt: skip
    for _ in range(2):
        summary = collect_posts(save(tmp_path / "p.jsonl", rows), space)
        assert summary.set_aside == {"duplicate": 1, "contradicting": 3}
        found = videos(space)
        assert (found["a"]["views"], found["b"]["views"], found["b"]["title"]) == (8, 30, "t")
        assert space.read("set_aside").num_rows == 4
    assert summary.already_known == 2


def test_contradictions_across_files_are_shown_once(tmp_path: Path, space: Workspace) -> None:
    collect_posts(save(tmp_path / "1.jsonl", [{"video_id": "a", "views": 10}]), space)
    small = save(tmp_path / "2.jsonl", [{"video_id": "a", "views": 5}])
    for _ in range(2):
        summary = collect_posts(small, space)
        assert (summary.already_known, summary.overruled, summary.set_aside) == (1, 1, {})
        assert space.read("set_aside").num_rows == 1 and videos(space)["a"]["views"] == 10
    summary = collect_posts(save(tmp_path / "3.jsonl", [{"video_id": "a", "views": 50}]), space)
    assert (summary.updated, summary.overruled) == (1, 0)


def test_one_id_on_two_platforms_is_set_aside(tmp_path: Path, space: Workspace) -> None:
    rows = [{"video_id": "a", "views": 10, "platform": "vine"}]
    collect_posts(save(tmp_path / "1.jsonl", rows), space)
    summary = collect_posts(
        save(tmp_path / "2.jsonl", [rows[0] | {"platform": "tiktok", "views": 99}]), space
    )
    assert summary.set_aside == {"contradicting": 1} and summary.videos == 0
    assert videos(space)["a"]["views"] == 10


@pytest.mark.parametrize("table_first", [True, False])
def test_a_table_and_a_folder_make_one_row(tmp_path: Path, space: Workspace, table_first: bool) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "a.mp4").write_bytes(b"x")
    facts = {"id": "a", "view_count": 10, "epoch": 1700000000, "extractor": "tiktok", "title": "whole title"}
    (box / "a.info.json").write_text(json.dumps(facts))
    table = save(tmp_path / "p.jsonl", [{"video_id": "a", "views": 90, "observed_at": 1710000000, "title": "who",
                                         "channel_id": "ann"}])  # fmt: skip
    steps = [lambda: collect_posts(table, space), lambda: collect_ytdlp(box, space)]
    if not table_first:
        steps.reverse()
    assert [(s.added, s.updated) for s in (step() for step in steps)] == [(1, 0), (0, 1)]
    row = videos(space)["a"]
    assert (row["views"], row["title"], row["channel_id"], row["source"]) == (
        90,
        "whole title",
        "ann",
        "ytdlp",
    )
    assert row["media_path"] == str(box / "a.mp4") and row["observed_at"].year == 2024
    assert [s.already_known for s in (step() for step in steps)] == [1, 1]
    assert not space.has("set_aside")


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("p.csv", "", {}, "cannot be read: Empty CSV"),
        ("p.csv", "video_id,views\n", {}, "is empty"),
        ("p.jsonl", "", {}, "is empty"),
        ("p.jsonl", "junk\n", {}, "1 rows cannot be read"),
        ("p.json", '{"a": 1, "b": {}}', {}, "JSON list"),
        ("p.parquet", "junk", {}, "cannot be read"),
        ("p.xlsx", "junk", {}, "save it as one of .csv"),
        (
            "p.csv",
            "id,plays\n1,2\n",
            {},
            "no column for video_id and views.*id, plays.*--map video_id=COLUMN",
        ),
        (
            "p.csv",
            "id,plays\n1,2\n",
            {"mapping": {"video_id": "id"}},
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
        ("p.csv", "\udcff\udcfev,views\n", {}, "UTF-8"),
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


def test_a_hundred_thousand_rows_take_seconds(tmp_path: Path, space: Workspace) -> None:
    count = 100_000
    table = pa.table(
        {
            "video_id": [str(n) for n in range(count)], "views": [f"{n / 10}K" for n in range(count)],
            "title": [f"clip {n} #tag{n % 99}" for n in range(count)], "likes": list(range(count)),
            "published_at": ["2024-05-01T10:00:00Z"] * count,
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "p.parquet")
    start = time.perf_counter()
    assert collect_posts(tmp_path / "p.parquet", space).added == count
    assert time.perf_counter() - start < 60


@pytest.mark.parametrize(
    ("name", "found", "added", "aside", "zero"),
    [
        ("tiktok_formats_dev", 1270, 1225, {"duplicate": 45}, {"views_zero": 1}),
        ("vine_nus_dev", 5111, 5111, {}, {}),
        ("tiktok_trending_dec2020", 1000, 1000, {}, {}),
    ],
)
def test_real_tables(
    space: Workspace, name: str, found: int, added: int, aside: dict[str, int], zero: dict[str, int]
) -> None:
    if not POSTS.is_dir():
        pytest.skip("shared/data/posts is not here")
    summary = collect_posts(POSTS / f"{name}.jsonl", space)
    assert (summary.preset, summary.found, summary.added) == ("posts", found, added)
    assert (summary.set_aside, summary.label_issues, summary.unreadable_values) == (aside, zero, {})
    assert summary.without_published_at == 0 and "author_total_loops" not in summary.mapping.values()
