"""A disk that fills, and a driver that is killed, in the middle of `tune` and `evaluate`."""

import contextlib
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from learn_tables import fill, fresh, world
from test_private import of_this_ray

from jobs.cli import run
from vvp.learn.first_points import at_first_points
from vvp.learn.tuning import tune
from vvp.workspace import Workspace

TUNE = ["tune", "--families", "ridge", "--trials", "2", "--only"]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB, which only root can make."""
    place = tmp_path / "disk"
    place.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(made, capture_output=True).returncode:
        pytest.skip("a small disk cannot be made here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def full(disk: Path, left: int) -> Path:
    """A file that takes all room but `left` bytes; delete it to make room."""
    ballast = disk / "ballast"
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    ballast.write_bytes(b"x" * (free - left))
    return ballast


def leftovers(space: Workspace) -> list[Path]:
    return [path for path in Path(space.root).rglob("*.tmp*") if path.is_file()]


def command(space: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "jobs", "--local", *arguments, "-w", space.root], text=True,
        capture_output=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip


@pytest.mark.parametrize("left", [0, 8_192, 65_536])
def test_evaluate_on_a_full_disk(disk: Path, capsys: pytest.CaptureFixture[str], left: int) -> None:
    space = fresh(fill(disk / "w", *world(80)))
    tune(space, at_first_points(["ridge"]), others=False)
    ballast = full(disk, left)
    assert run(["evaluate", "--resamples", "100", "-w", space.root]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("vvp: cannot write ") and line.endswith("Make room, and run it again."), line
    assert not leftovers(space)
    ballast.unlink()
    assert run(["evaluate", "--resamples", "100", "-w", space.root]) == 0
    assert space.exists("runs/default/views/predictor/predictor.json")


@pytest.mark.slow  # starts Ray three times
@pytest.mark.timeout(900)
def test_tune_on_a_full_disk(disk: Path) -> None:
    space = fresh(fill(disk / "w", *world(80)))
    for left in (0, 100_000):
        ballast = full(disk, left)
        done = command(space, *TUNE)
        *_, line = done.stderr.splitlines()
        assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2000:]
        assert line.startswith("vvp: ") and "No space left on device" in line, line
        assert not leftovers(space)
        ballast.unlink()
    done = command(space, *TUNE)
    assert done.returncode == 0, done.stderr[-2000:]
    assert space.exists("runs/default/views/run.json")


@pytest.mark.slow  # starts Ray
@pytest.mark.timeout(600)
def test_embed_on_a_disk_that_fills_is_one_sentence(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("video_id,views,title\na,1,one\nb,2,two\n")
    assert run(["collect", "posts", str(tmp_path / "p.csv"), "-w", str(disk / "w")]) == 0
    space = Workspace(disk / "w")
    ballast = full(disk, 12_288)
    done = command(space, "embed")
    *before, line = done.stderr.splitlines()
    assert done.returncode == 2 and line.startswith("vvp: cannot write "), done.stderr[-2000:]
    assert all(each.startswith("embed: ") for each in before), before
    assert not leftovers(space)
    ballast.unlink()


@pytest.mark.slow  # waits for what a killed driver leaves
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_tune_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    space = fresh(fill(tmp_path / "w", *world(120)))
    mark = uuid.uuid4().hex
    for wait_s in (0.0, 1.0, 3.0):
        driver = subprocess.Popen(
            [sys.executable, "-m", "jobs", "--local", "tune", "--trials", "6", "--only", "-w", space.root],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2],
            env={**os.environ, "VVP_TEST_MARK": mark},
        )  # fmt: skip
        while not any("raylet" in title for title in of_this_ray(mark)):
            assert driver.poll() is None, "it ended by itself"
            time.sleep(0.2)
        time.sleep(wait_s)
        driver.kill()
        driver.wait()
        end = time.monotonic() + 10
        while (left := of_this_ray(mark)) and time.monotonic() < end:
            time.sleep(0.2)
        assert not left, (wait_s, left)
    with contextlib.suppress(FileNotFoundError):
        assert not leftovers(space)
    done = command(space, "tune", "--trials", "6", "--only")
    assert done.returncode == 0, done.stderr[-2000:]
