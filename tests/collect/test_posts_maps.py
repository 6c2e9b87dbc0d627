"""Ready-made maps: recognised by their columns, and never taking what contains the answer."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from collect_tables import save, videos

from vvp.collect.posts import collect_posts
from vvp.collect.presets import PRESETS, TARGETS
from vvp.workspace import Workspace


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def test_no_ready_made_map_takes_what_contains_the_answer() -> None:
    for preset in PRESETS.values():
        assert set(preset.columns) <= set(TARGETS)
        theirs = " ".join(t for options in preset.columns.values() for t in options)
        assert not any(word in theirs for word in ("total", "tier", "rank", "heart", "loops"))


@pytest.mark.parametrize(
    ("preset", "row", "expected"),
    [
        (
            "ytdlp",
            {
                "id": "x",
                "view_count": 5,
                "upload_date": "20240501",
                "extractor": "Youtube:shorts",
                "duration": 9,
            },
            {
                "platform": "youtube",
                "duration_s": 9.0,
                "published_at": datetime(2024, 5, 1, tzinfo=timezone.utc),
            },
        ),
        (
            "tiktok-scraper",
            {
                "id": "x",
                "playCount": 5,
                "createTime": 1700000000,
                "text": "hi",
                "diggCount": 2,
                "authorMeta": {"name": "ann", "fans": 8, "heart": 10**6},
                "hashtags": [{"name": "fyp"}],
                "videoMeta": {"duration": 9, "width": 576},
            },
            {
                "platform": "tiktok",
                "channel_followers": 8,
                "tags": ["fyp"],
                "width": 576,
                "likes": 2,
                "channel_id": "ann",
            },
        ),
        (
            "tiktok-web",
            {
                "id": "x",
                "desc": "hi",
                "createTime": 1700000000,
                "stats": {"playCount": 5, "shareCount": 3},
                "author": {"uniqueId": "ann"},
            },
            {"title": "hi", "shares": 3, "channel_id": "ann"},
        ),
        (
            "tiktok-research",
            {
                "id": "x",
                "view_count": 5,
                "video_description": "hi",
                "create_time": 1700000000,
                "voice_to_text": "said",
            },
            {"transcript": "said", "transcript_source": "creator"},
        ),
        (
            "youtube-trending",
            {
                "video_id": "x",
                "trending_date": "17.14.11",
                "title": "hi",
                "channel_title": "ann",
                "publish_time": "2017-11-13T17:13:01.000Z",
                "tags": '"a b"|"c"',
                "views": 5,
            },
            {
                "platform": "youtube",
                "tags": ["a b", "c"],
                "observed_at": datetime(2017, 11, 14, 23, 59, 59, tzinfo=timezone.utc),
            },
        ),
        (
            "youtube-api",
            {
                "id": "x",
                "statistics": {"viewCount": "5"},
                "contentDetails": {"duration": "PT31S"},
                "snippet": {"publishedAt": "2017-11-13T17:13:01Z", "title": "hi"},
            },
            {"duration_s": 31.0, "title": "hi"},
        ),
        (
            "vvp",
            {"video_id": "x", "views": 5, "tags": ["a"], "channel_videos": 3},
            {"tags": ["a"], "channel_videos": 3},
        ),
    ],
)
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
