"""yt-dlp folders: any output template, odd and broken json, reruns."""

import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from collect_folders import CREATOR, info, outcome, put, rows

from vvp.collect.ytdlp import collect_ytdlp
from vvp.errors import UserError
from vvp.workspace import Workspace

SHORTS = Path(__file__).parents[3] / "shared" / "data" / "shorts"


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


def test_a_row_holds_what_the_json_says(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info())
    media = put(box, "a.mp4", b"12345")
    assert outcome(collect_ytdlp(box, space)) == (1, 0, 0, 0)
    row = rows(space)["vid00000001"]
    assert row["published_at"] == datetime.fromtimestamp(1700000000, timezone.utc)
    assert row["observed_at"] == datetime.fromtimestamp(1701000000, timezone.utc)
    assert (row["views"], row["likes"], row["comments"], row["shares"]) == (1000, 50, 3, 1)
    assert (row["platform"], row["channel_id"], row["channel_followers"]) == ("youtube", "UC1", 77)
    assert (row["title"], row["description"], row["tags"]) == ("Tea #cozy", None, ["cozy"])
    assert (row["media_path"], row["media_bytes"]) == (str(media), 5)
    assert row["media_sha256"] == hashlib.sha256(b"12345").hexdigest()
    assert row["label_issue"] is None and row["source"] == "ytdlp" and row["collected_at"] is not None


def test_a_lone_upload_date_and_uploader(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info(timestamp=None, upload_date="20231114", channel_id=None, epoch=None))
    summary = collect_ytdlp(box, space)
    row = rows(space)["vid00000001"]
    assert row["published_at"] == datetime(2023, 11, 14, tzinfo=timezone.utc)
    assert row["channel_id"] == "@me" and row["media_path"] is None
    assert (summary.without_media, summary.without_observed_at) == (1, 1)


@pytest.mark.parametrize(
    ("json_name", "media_name", "more"),
    [
        ("Tea [vid00000001].info.json", "Tea [vid00000001].webm", {}),
        ("2023/ch/v1.0. what?!.info.json", "2023/ch/v1.0. what?!.mkv", {}),
        ("猫 🐈 カフェ.info.json", "猫 🐈 カフェ.mp4", {}),
        ("clip.mp4.info.json", "clip.mp4", {}),
        ("meta/Tea.info.json", "media/Tea.MP4", {}),
        ("meta/x.info.json", "media/Tea [vid00000001].mp4", {}),
        ("meta/x.info.json", "vid00000001.mp4", {}),
        ("x.info.json", "y.mp4", {"_filename": "/home/other/y.mp4"}),
        ("x.info.json", "y.mp4", {"requested_downloads": [{"filepath": "C:\\v\\y.mp4"}]}),
        ("sound.info.json", "sound.m4a", {"ext": "m4a"}),
    ],
)
def test_media_is_found_under_any_template(
    box: Path, space: Workspace, json_name: str, media_name: str, more: dict[str, Any]
) -> None:
    put(box, json_name, info(**more))
    media = put(box, media_name)
    summary = collect_ytdlp(box, space)
    assert rows(space)["vid00000001"]["media_path"] == str(media)
    assert summary.notes == {}


def test_names_that_begin_alike_do_not_mix(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info(id="one"))
    put(box, "a.b.info.json", info(id="two"))
    put(box, "a.b.mp4", b"two")
    put(box, "a.b.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nsecond\n")
    put(box, "other/a.info.json", info(id="three"))
    put(box, "other/a.mp4", b"three")
    collect_ytdlp(box, space)
    found = rows(space)
    assert found["one"]["media_path"] is None and found["one"]["transcript"] is None
    assert found["two"]["media_path"].endswith("a.b.mp4") and found["two"]["transcript"] == "second"
    assert found["three"]["media_path"].endswith("other/a.mp4")


def test_of_two_formats_the_one_the_json_names(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info(ext="webm"))
    put(box, "a.mp4")
    chosen = put(box, "a.webm")
    put(box, "a.webm.part")
    assert collect_ytdlp(box, space).notes == {}
    assert rows(space)["vid00000001"]["media_path"] == str(chosen)


def test_what_is_no_video_is_counted(box: Path, space: Workspace) -> None:
    put(box, "good.info.json", info())
    put(box, "list.info.json", {"_type": "playlist", "id": "PL", "entries": []})
    put(box, "broken.info.json", '{"id": "x", ')
    put(box, "bytes.info.json", b"\xff\xfe\x00")
    put(box, "array.info.json", [1])
    put(box, "deep.info.json", "[" * 100_000)
    put(box, "anonymous.info.json", {"title": "no id"})
    put(box, "stray.mp4")
    put(box, "parts.info.json", info(id="parts"))
    put(box, "parts.f137.mp4")
    put(box, "parts.f140.m4a")
    for _ in range(2):
        summary = collect_ytdlp(box, space)
        assert summary.set_aside == {"unreadable": 4, "no_id": 1}
        assert summary.notes == {"playlists": 1, "media_without_info": 1, "unmerged_formats": 1}
        assert space.read("set_aside").num_rows == 5
        assert outcome(summary)[3] == 5
    labels = [label for label, _, _ in summary.lines()]
    assert "set aside: unreadable" in labels and "media without info" in labels
    json.dumps(summary.as_dict())


def test_values_of_the_wrong_kind_are_null_and_counted(box: Path, space: Workspace) -> None:
    put(
        box,
        "a.info.json",
        info(
            view_count="n/a",
            like_count=True,
            duration="soon",
            width=-1,
            tags=7,
            title="half \ud83d",
            subtitles=[1],
            requested_subtitles="x",
        ),
    )
    summary = collect_ytdlp(box, space)
    row = rows(space)["vid00000001"]
    assert [row[c] for c in ("views", "likes", "duration_s", "width", "tags")] == [None] * 5
    assert summary.unreadable_values == {"tags": 1, "duration_s": 1, "width": 1, "likes": 1}
    assert row["title"] == "half ?" and summary.label_issues == {"views_missing": 1}


@pytest.mark.parametrize(
    ("views", "likes", "issue"),
    [
        (None, 1, "views_missing"),
        (0, 0, "views_zero"),
        (-1, 0, "views_negative"),
        (5, 6, "likes_above_views"),
    ],
)
def test_bad_labels_keep_the_row(box: Path, space: Workspace, views: int, likes: int, issue: str) -> None:
    put(box, "a.info.json", info(view_count=views, like_count=likes))
    assert collect_ytdlp(box, space).label_issues == {issue: 1}
    assert rows(space)["vid00000001"]["label_issue"] == issue


def test_counts_read_before_the_post_have_no_time(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info(epoch=1600000000))
    for _ in range(2):
        assert collect_ytdlp(box, space).observed_too_early == 1
        assert rows(space)["vid00000001"]["observed_at"] is None


def test_a_rerun_adds_only_what_is_new(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info())
    put(box, "a.mp4", b"one")
    collect_ytdlp(box, space)
    before, part = rows(space), space.parts("videos")
    assert outcome(collect_ytdlp(box, space)) == (0, 0, 1, 0)
    assert rows(space) == before and space.parts("videos") == part
    for change in (
        lambda: put(box, "a.mp4", b"two"),
        lambda: put(box, "a.en.srt", CREATOR),
        lambda: put(box, "a.info.json", info(view_count=1500, epoch=1702000000)),
        lambda: put(box, "a.info.json", info(view_count=1400, epoch=1703000000)),
    ):
        change()
        assert outcome(collect_ytdlp(box, space)) == (0, 1, 0, 0)
        assert outcome(collect_ytdlp(box, space)) == (0, 0, 1, 0)
    row = rows(space)["vid00000001"]
    assert (row["views"], row["transcript"]) == (1400, "No! No!")
    assert row["media_sha256"] == hashlib.sha256(b"two").hexdigest()
    put(box, "b.info.json", info(id="b"))
    assert outcome(collect_ytdlp(box, space)) == (1, 0, 1, 0)
    assert not space.has("set_aside")


def test_the_same_id_twice_in_a_folder(box: Path, space: Workspace) -> None:
    put(box, "1.info.json", info())
    put(box, "2.info.json", info())
    put(box, "3.info.json", info(view_count=2000, epoch=1702000000))
    media = put(box, "3.mp4")
    summary = collect_ytdlp(box, space)
    assert summary.set_aside == {"duplicate": 1, "contradicting": 1} and summary.videos == 1
    row = rows(space)["vid00000001"]
    assert row["views"] == 2000 and row["media_path"] == str(media)
    detail = space.read("set_aside").to_pylist()[1]["detail"]
    assert "2000" in detail and "1000" in detail


def test_mistakes_are_told(box: Path, space: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not there"):
        collect_ytdlp(tmp_path / "nowhere", space)
    with pytest.raises(UserError, match="write-info-json"):
        collect_ytdlp(box, space)
    put(box, "a.mp4")
    with pytest.raises(UserError, match="1 media files.*collect folder"):
        collect_ytdlp(box, space)
    with pytest.raises(UserError, match="not a folder"):
        collect_ytdlp(box / "a.mp4", space)
    assert not space.has("videos")


def test_real_shorts(space: Workspace) -> None:
    if not SHORTS.is_dir():
        pytest.skip("shared/data/shorts is not here")
    summary = collect_ytdlp(SHORTS, space)
    assert outcome(summary) == (30, 0, 0, 0)
    assert summary.without_counts == 4 and summary.label_issues == {"views_missing": 4}
    assert (summary.without_media, summary.without_observed_at, summary.notes) == (0, 8, {})
    assert outcome(collect_ytdlp(SHORTS, space)) == (0, 0, 30, 0)
    stated = {
        r["file"]: r["sha256"]
        for r in map(json.loads, (SHORTS / "PROVENANCE.jsonl").read_text().splitlines())
    }
    for row in rows(space).values():
        assert stated[Path(row["media_path"]).name] == row["media_sha256"]
