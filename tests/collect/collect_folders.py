"""Small yt-dlp folders for the tests of collect."""

import json
from pathlib import Path
from typing import Any

from vvp.collect.summary import CollectSummary
from vvp.workspace import Workspace

CREATOR = "1\n00:00:00,000 --> 00:00:01,000\nNo!\n\n2\n00:00:01,000 --> 00:00:02,000\n<i>No!</i>\n"


def info(**more: Any) -> dict[str, Any]:
    return {
        "id": "vid00000001",
        "title": "Tea #cozy",
        "description": "",
        "tags": [],
        "timestamp": 1700000000,
        "epoch": 1701000000,
        "duration": 12.5,
        "width": 576,
        "height": 1024,
        "view_count": 1000,
        "like_count": 50,
        "comment_count": 3,
        "repost_count": 1,
        "channel_id": "UC1",
        "uploader_id": "@me",
        "channel_follower_count": 77,
        "extractor": "youtube",
        "extractor_key": "Youtube",
        "ext": "mp4",
    } | more


def put(folder: Path, name: str, content: Any = b"media") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict | list):
        content = json.dumps(content)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def rows(space: Workspace) -> dict[str, dict[str, Any]]:
    return {row["video_id"]: row for row in space.read("videos").to_pylist()}


def outcome(summary: CollectSummary) -> tuple[int, int, int, int]:
    parts = summary.added, summary.updated, summary.already_known, sum(summary.set_aside.values())
    assert sum(parts) == summary.found
    return parts
