"""A rerun of collect reads only the media that are new or have changed, and believes no doubtful file."""

import os
import time
from pathlib import Path

import pytest

from vvp.collect import hashes
from vvp.collect.folder import collect_folder
from vvp.collect.hashes import Hashes
from vvp.errors import UserError
from vvp.paths import HASHES
from vvp.workspace import Workspace

OLD = 1_700_000_000


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    for name in "abc":
        (tmp_path / "box" / f"{name}.mp4").write_bytes(name.encode() * 10)
    return tmp_path / "box"


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every file had been written long before it was read: the inode's time cannot be set."""
    monkeypatch.setattr(hashes, "SETTLE_S", -60.0)


def read_again(box: Path, space: Workspace, rehash: bool = False) -> list[str]:
    """The files that a collect opened."""
    opened: list[str] = []
    read = hashes.media_columns

    def noted(path: Path | str) -> dict:
        opened.append(Path(path).name)
        return read(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hashes, "media_columns", noted)
        summary = collect_folder(box, space, rehash=rehash)
    assert summary.notes.get("not_read_again", 0) == 3 - len(opened)
    return sorted(opened)


def test_only_what_changed_is_read_again(box: Path, tmp_path: Path, settled: None) -> None:
    space = Workspace(tmp_path / "w")
    assert read_again(box, space) == ["a.mp4", "b.mp4", "c.mp4"]
    before = space.read("videos").to_pylist()
    assert read_again(box, space) == []
    assert space.read("videos").to_pylist() == before
    (box / "b.mp4").write_bytes(b"another clip")
    assert read_again(box, space) == ["b.mp4"]
    after = {row["video_id"]: row for row in space.read("videos").to_pylist()}
    assert after["file:b"]["media_bytes"] == 12
    assert after["file:b"]["media_sha256"] not in {row["media_sha256"] for row in before}
    assert read_again(box, space, rehash=True) == ["a.mp4", "b.mp4", "c.mp4"]


def test_other_bytes_of_the_same_size_and_date_are_noticed(box: Path, tmp_path: Path, settled: None) -> None:
    """As `cp --preserve` of another version leaves them: only the inode's time tells."""
    space, file = Workspace(tmp_path / "w"), box / "a.mp4"
    os.utime(file, (OLD, OLD))
    collect_folder(box, space)
    file.write_bytes(b"z" * 10)
    os.utime(file, (OLD, OLD))
    assert read_again(box, space) == ["a.mp4"]


def test_a_file_that_was_just_written_is_not_remembered(box: Path, tmp_path: Path) -> None:
    """A second write in the same tick of the clock would leave size and times as they were."""
    space = Workspace(tmp_path / "w")
    assert len(read_again(box, space)) == 3
    assert Hashes.of(space).known == {}
    assert len(read_again(box, space)) == 3


def test_files_that_are_gone_are_forgotten(box: Path, tmp_path: Path, settled: None) -> None:
    space = Workspace(tmp_path / "w")
    collect_folder(box, space)
    (box / "a.mp4").unlink()
    (box / "b.mp4").write_bytes(b"new")
    collect_folder(box, space)
    assert sorted(Path(name).name for name in Hashes.of(space).known) == ["b.mp4", "c.mp4"]


def test_a_damaged_memory_is_said_and_rehash_does_without(box: Path, tmp_path: Path) -> None:
    space = Workspace(tmp_path / "w")
    collect_folder(box, space)
    space.write_bytes(HASHES, b"no parquet" + str(time.time_ns()).encode())
    with pytest.raises(UserError, match="media_hashes"):
        collect_folder(box, space)
    assert len(read_again(box, space, rehash=True)) == 3
