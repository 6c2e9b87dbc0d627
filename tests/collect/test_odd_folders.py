"""Folders of downloads as they really lie on disks: odd names, halves, chapters, streams, links."""

import json
import shutil
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from collect_folders import info, put, rows

from vvp.collect.subtitles import words_of
from vvp.collect.ytdlp import collect_ytdlp
from vvp.workspace import Workspace

INPUTS = Path(__file__).parents[3] / "shared" / "data" / "inputs"

SUBTITLES = {
    "ass_tags.srt": (
        '1\n00:00:00,000 --> 00:00:01,000\n{\\an8}<font color="#fff">Hello</font> there\n\n'
        "2\n00:00:01,000 --> 00:00:02,000\n<i>General</i> {\\i1}words{\\i0}\\Nnext\n",
        "Hello there General words next",
    ),
    "grow.vtt": (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nso\n\n00:00:01.000 --> 00:00:02.000\nso today\n\n"
        "00:00:02.000 --> 00:00:03.000\nso today we cook eggs\n",
        None,
    ),
    "no_numbers.srt": ("00:00:00,000 --> 00:00:01,000\nno numbers\n", None),
    "space.srt": ("1 \n00:00:00,000  -->  00:00:01,000 \ntrailing space\n", "trailing space"),
    "nohead.vtt": ("00:00:00.000 --> 00:00:01.000\nno header\n", "no header"),
    "tight.srt": ("1\n00:00:00,000 --> 00:00:01,000\na\n2\n00:00:01,000 --> 00:00:02,000\nb\n", "a b"),
    "less.vtt": ("WEBVTT\n\nNOTE no\n\n00:00.000 --> 00:01.000\nI <3 you\n", "I <3 you"),
    "a.json3": (
        '{"events": [{"segs": [{"utf8": "hello "}, {"utf8": "json"}]}, {"tStartMs": 1}]}',
        "hello json",
    ),
    "b.ttml": ("<tt><body><div><p begin='0s'>hello<br/>ttml</p></div></body></tt>", "hello ttml"),
    "c.srv3": ("<timedtext><body><p t='0' d='5'>hello srv3</p></body></timedtext>", "hello srv3"),
    "d.ass": ("[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,hello, {\\b1}ass\n", "hello, ass"),
    "e.lrc": ("[ar:me]\n[00:00.00]hello lrc\n", "hello lrc"),
}


@pytest.mark.parametrize("name", SUBTITLES)
def test_subtitles_are_read_without_their_marks(tmp_path: Path, name: str) -> None:
    text, words = SUBTITLES[name]
    expected = (
        words or {"grow.vtt": "so so today so today we cook eggs", "no_numbers.srt": "no numbers"}[name]
    )
    if name == "grow.vtt":
        text += "\n00:00:03.000 --> 00:00:04.000\nso today we cook eggs now\n"
        expected = "so today we cook eggs now"
    assert words_of(put(tmp_path, name, text)) == expected


@pytest.mark.parametrize("name", ["a.srt", "a.json3", "a.ttml", "a.lrc", "a.ass"])
def test_what_is_no_subtitle_file_is_unreadable(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        words_of(put(tmp_path, name, "junk"))


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    return tmp_path / "box"


def test_names_that_begin_with_a_dot_are_seen_and_what_is_hidden_is_counted(
    box: Path, space: Workspace
) -> None:
    for number, name in enumerate((".hidden title [a]", "...wait for it [b]", "plain [c]")):
        put(box, f"{name}.info.json", info(id="abc"[number]))
        put(box, f"{name}.mp4")
    put(box, "._plain [c].mp4")
    put(box, ".cache/x.mp4")
    summary = collect_ytdlp(box, space)
    assert {key: Path(row["media_path"]).name[0] for key, row in rows(space).items()} == {
        "a": ".",
        "b": ".",
        "c": "p",
    }
    assert summary.notes == {"hidden": 2}


# Files beside ID.info.json; which is the media; what is noted.
HALVES: list[tuple[list[str], str | None, dict[str, int]]] = [
    (["x [x].f137.mp4", "x [x].f140.m4a", "x [x].jpg"], None, {"unmerged_formats": 1}),
    (["x [x].fdash-video=1200.mp4", "x [x].fdash-audio=128.m4a"], None, {"unmerged_formats": 1}),
    (["x [x].mp4.part", "x [x].mp4.ytdl"], None, {"unfinished_downloads": 1}),
    (["x [x].temp.mp4"], None, {"unfinished_downloads": 1}),
    (["x [x].f137.mp4.part-Frag3", "x [x].f140.m4a"], None, {"unfinished_downloads": 1}),
    (["x - 001 Intro [x].mp4", "x - 002 End [x].mp4"], None, {"chapters": 1}),
    (["x - 001 Only chapter [x].mp4"], None, {"chapters": 1}),
    (["x - 001 Intro [x].mp4", "x [x].mp4"], "x [x].mp4", {}),
    (["x [x].gif", "x [x].m4a"], "x [x].m4a", {}),
    (["x [x].gif"], "x [x].gif", {}),
    (["x [x].unknown_video"], "x [x].unknown_video", {}),
]


@pytest.mark.parametrize(("files", "media", "notes"), HALVES, ids=lambda v: str(v)[:30])
def test_only_the_whole_file_is_the_video(
    box: Path, space: Workspace, files: list[str], media: str | None, notes: dict[str, int]
) -> None:
    put(box, "x [x].info.json", info(id="x"))
    for name in files:
        put(box, name)
    summary = collect_ytdlp(box, space)
    found = rows(space)["x"]["media_path"]
    assert (found and Path(found).name) == media
    assert summary.notes == notes


@pytest.mark.parametrize(
    ("more", "views"),
    [
        ({"is_live": True}, None),
        ({"live_status": "is_upcoming"}, None),
        ({"live_status": "post_live", "is_live": False}, None),
        ({"live_status": "was_live"}, 1000),
        ({"live_status": "not_live", "is_live": False}, 1000),
    ],
)
def test_a_stream_that_runs_has_no_label_yet(
    box: Path, space: Workspace, more: dict[str, Any], views: int | None
) -> None:
    put(box, "a.info.json", info(**more))
    summary = collect_ytdlp(box, space)
    row = rows(space)["vid00000001"]
    assert row["views"] == views and (row["label_issue"] is None) == (views is not None)
    assert summary.notes == ({} if views else {"live_streams": 1})


def test_names_from_a_mac_are_the_same_names(box: Path, space: Workspace) -> None:
    apart = unicodedata.normalize("NFD", "café ñandú")
    put(box, f"{unicodedata.normalize('NFC', apart)}.info.json", info(ext="mp4"))
    put(box, f"{apart}.mp4")
    put(box, f"{apart}.en.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nhello there\n")
    collect_ytdlp(box, space)
    row = rows(space)["vid00000001"]
    assert row["media_path"] == str(box / f"{apart}.mp4") and row["transcript"] == "hello there"


def test_folders_behind_links_are_read_once(box: Path, tmp_path: Path, space: Workspace) -> None:
    put(tmp_path / "elsewhere", "v.info.json", info(id="v"))
    put(box, "inside/w.info.json", info(id="w"))
    (box / "more").symlink_to("../elsewhere")
    (box / "again").symlink_to(box / "inside")
    (tmp_path / "elsewhere" / "loop").symlink_to(box)
    summary = collect_ytdlp(box, space)
    assert set(rows(space)) == {"v", "w"} and summary.set_aside == {}


def test_a_folder_for_each_video(box: Path, space: Workspace) -> None:
    for video_id in ("a", "b"):
        put(box, f"{video_id}/info.json", info(id=video_id))
        put(box, f"{video_id}/video.mp4", video_id.encode())
        put(box, f"{video_id}/video.en.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\nhi\n")
    collect_ytdlp(box, space)
    found = rows(space)
    assert {key: row["media_path"] for key, row in found.items()} == {
        key: str(box / key / "video.mp4") for key in ("a", "b")
    }
    assert found["a"]["transcript"] == "hi"


def test_what_instaloader_left(box: Path, space: Workspace) -> None:
    node = {
        "shortcode": "C1a", "taken_at_timestamp": 1700000000, "video_view_count": 900, "video_duration": 9.5,
        "edge_media_preview_like": {"count": 30}, "owner": {"id": "77", "username": "ann"},
        "edge_media_to_caption": {"edges": [{"node": {"text": "tea #cozy"}}]},
    }  # fmt: skip
    put(box, "2023_UTC.json", {"node": node, "instaloader": {"version": "4", "node_type": "Post"}})
    put(box, "2023_UTC.mp4")
    put(box, "notes.json", {"a": 1})
    summary = collect_ytdlp(box, space)
    row = rows(space)["C1a"]
    assert (row["views"], row["likes"], row["channel_id"], row["platform"]) == (900, 30, "77", "instagram")
    assert (row["title"], row["tags"], row["duration_s"]) == ("tea #cozy", ["cozy"], 9.5)
    assert row["media_path"] == str(box / "2023_UTC.mp4") and summary.set_aside == {}


def test_what_gallery_dl_left(box: Path, space: Workspace) -> None:
    facts = {
        "category": "tiktok", "subcategory": "user", "extension": "mp4", "id": "7330111222333444001",
        "desc": "hi #a", "createTime": "1700000000", "stats": {"playCount": 50, "diggCount": 5},
        "author": {"id": "680001", "uniqueId": "ann"}, "video": {"duration": 12},
    }  # fmt: skip
    put(box, "clip 1.mp4.json", facts)
    put(box, "clip 1.mp4")
    collect_ytdlp(box, space)
    row = rows(space)["7330111222333444001"]
    assert (row["views"], row["likes"], row["channel_id"], row["platform"]) == (50, 5, "680001", "tiktok")
    assert row["media_path"] == str(box / "clip 1.mp4") and row["duration_s"] == 12


def test_a_json_with_a_clips_name_and_something_else_in_it_is_let_be(box: Path, space: Workspace) -> None:
    put(box, "a.info.json", info())
    put(box, "a.mp4")
    for name, content in (("a.json", [1]), ("a.mp4.json", {"category": 7})):
        put(box, name, content)
    assert collect_ytdlp(box, space).set_aside == {}


@pytest.mark.skipif(not INPUTS.is_dir(), reason="shared/data/inputs is not here")
def test_the_folders_beside_us(tmp_path: Path) -> None:
    def collected(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        space = Workspace(tmp_path / f"space {name}".replace("/", "_"))
        summary = collect_ytdlp(INPUTS / "ytdlp" / name, space)
        return summary.notes, rows(space)

    notes, found = collected("leading_dot")
    assert len(found) == 3 and all(row["media_path"] for row in found.values())
    notes, found = collected("unmerged_and_chapters")
    assert {key for key, row in found.items() if row["media_path"]} == {"e1", "h1"}
    assert notes == {"unmerged_formats": 2, "unfinished_downloads": 3, "chapters": 2}
    notes, found = collected("live")
    assert {key[-1] for key, row in found.items() if row["views"] is None} == {"1", "2", "4"}
    assert notes == {"live_streams": 3}
    _, found = collected("nfc_and_nfd")
    assert found["abCdEfGhIj1"]["media_path"] and found["abCdEfGhIj1"]["transcript"] == "hello there"
    _, found = collected("subtitle_kinds")
    assert {key: row["transcript"].split()[-1] for key, row in found.items()} == {
        "a1": "json", "b1": "ttml", "c1": "srv3", "d1": "ass", "e1": "lrc",
    }  # fmt: skip
    for name, words in (("grow.vtt", "so today we cook eggs"), ("no_numbers.srt", "no numbers at all")):
        assert words_of(INPUTS / "subtitles" / name) == words
    # The link of `symlinked` travels as a text file: it is made anew.
    shutil.copytree(INPUTS / "ytdlp" / "symlinked" / "elsewhere", tmp_path / "elsewhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "more").symlink_to("../elsewhere")
    space = Workspace(tmp_path / "linked")
    assert collect_ytdlp(tmp_path / "folder", space).added == 1
    assert json.loads(json.dumps(list(rows(space)))) == ["abCdEfGhIj1"]
