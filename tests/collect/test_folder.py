"""Bare media: ids that last, and that give way to real ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from vvp.collect.folder import collect_folder
from vvp.collect.posts import collect_posts
from vvp.collect.ytdlp import collect_ytdlp
from vvp.errors import UserError
from vvp.workspace import Workspace


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def ids(space: Workspace) -> dict[str, Any]:
    rows = space.read("videos").to_pylist()
    return {row["video_id"]: Path(row["media_path"]).name for row in rows}


def test_every_media_file_is_a_row_without_facts(tmp_path: Path) -> None:
    box, space = tmp_path / "box", Workspace(tmp_path / "space")
    for name in ("a.mp4", "sub/ü b.MOV", "sub/c.gif", "notes.txt", ".hidden.mp4", "d.mp4.part"):
        put(box, name, name.encode())
    summary = collect_folder(box, space)
    assert set(ids(space)) == {"file:a", "file:sub/ü b", "file:sub/c"}
    assert (summary.added, summary.without_counts, summary.without_published_at) == (3, 3, 3)
    row = space.read("videos").to_pylist()[0]
    assert row["title"] is None and row["label_issue"] == "views_missing"
    assert collect_folder(box, space).already_known == 3


def test_ids_stay_and_are_unique(tmp_path: Path) -> None:
    box, other, space = tmp_path / "box", tmp_path / "other", Workspace(tmp_path / "space")
    put(box, "a.mp4", b"1")
    collect_folder(box, space)
    put(box, "a.avi", b"2")  # sorts before a.mp4, whose id must not move
    for _ in range(2):
        collect_folder(box, space)
        assert ids(space) == {"file:a": "a.mp4", "file:a.avi": "a.avi"}
    put(other, "a.mp4", b"3")
    put(other, "a.avi", b"4")
    for _ in range(2):
        collect_folder(other, space)
        assert len(ids(space)) == 4
    assert "file:a.mp4" in ids(space)


def test_a_moved_folder_is_the_same_videos(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    put(tmp_path / "old", "a.mp4", b"1")
    collect_folder(tmp_path / "old", space)
    (tmp_path / "old").rename(tmp_path / "new")
    assert collect_folder(tmp_path / "new", space).updated == 1
    [row] = space.read("videos").to_pylist()
    assert row["media_path"] == str(tmp_path / "new" / "a.mp4")


@pytest.mark.parametrize("bare_first", [True, False])
def test_one_file_is_one_video_whoever_collects_it(tmp_path: Path, bare_first: bool) -> None:
    box, space = tmp_path / "box", Workspace(tmp_path / "space")
    put(box, "a.mp4", b"1")
    put(box, "a.info.json", json.dumps({"id": "real", "view_count": 5}).encode())
    order = [collect_folder, collect_ytdlp] if bare_first else [collect_ytdlp, collect_folder]
    first, second = (collect(box, space) for collect in order)
    assert first.added == 1
    assert (second.updated, second.already_known) == ((1, 0) if bare_first else (0, 1))
    assert ids(space) == {"real": "a.mp4"}
    assert collect_folder(box, space).notes == {"media_with_info": 1}


def test_mistakes_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="0 files and no media"):
        collect_folder(tmp_path, Workspace(tmp_path / "space"))
    with pytest.raises(UserError, match="no local folder"):
        collect_folder("s3://bucket/videos", Workspace(tmp_path / "space"))
    with pytest.raises(UserError, match="~nobody is not there"):
        collect_folder("~nobody", Workspace(tmp_path / "space"))


def test_two_posts_may_share_a_file(tmp_path: Path) -> None:
    space = Workspace(tmp_path / "space")
    put(tmp_path, "a.mp4", b"1")
    collect_folder(tmp_path, space)
    put(tmp_path, "p.csv", b"video_id,views,media_path\nx,1,a.mp4\ny,2,a.mp4\n")
    summary = collect_posts(tmp_path / "p.csv", space)
    assert (summary.updated, summary.added, set(ids(space))) == (1, 1, {"x", "y"})
