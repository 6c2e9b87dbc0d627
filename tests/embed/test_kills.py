"""kill -9 in the middle: of a worker, of the decoder's child, of the driver. Every video is there once."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from embed_tables import clip, rows_of

from vvp.schema import TABLES
from vvp.workspace import Workspace

VIDEOS = 40
pytestmark = pytest.mark.slow  # each starts a Ray of its own, one of them twice


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """One small file under many ids: what is embedded does not matter here, how often does."""
    path = clip(tmp_path / "clips", "one")
    found = Workspace(tmp_path / "ws")
    rows = [
        {"video_id": f"v{i:03d}", "title": f"t{i}", "media_path": str(path), "media_sha256": "s"}
        for i in range(VIDEOS)
    ]
    found.append("videos", pa.Table.from_pylist(rows, schema=TABLES["videos"]))
    return found


def start(space: Workspace, *flags: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "embed_driver.py"), space.root, *flags],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
        env={**os.environ, **environment},
    )  # fmt: skip


def lines_until(driver: subprocess.Popen[str], stop: Callable[[list[str]], bool]) -> list[str]:
    """The driver's words until `stop` is true of one of them, or it ends."""
    assert driver.stdout
    seen = []
    for line in driver.stdout:
        seen.append(line.split())
        if stop(seen[-1]):
            break
    return [" ".join(words) for words in seen]


def under_way(words: list[str]) -> bool:
    return words[0].isdigit() and int(words[0]) >= 4


def end_group(driver: subprocess.Popen[Any]) -> None:
    """Ray's own processes are in the driver's group; a dead driver leaves them for a moment."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()


def finish(driver: subprocess.Popen[str]) -> tuple[int, int]:
    """(done, skipped) of a driver that runs to its end."""
    words = lines_until(driver, lambda w: w[0] == "summary")
    assert words and words[-1].startswith("summary"), "the driver ended without a summary"
    assert driver.wait(60) == 0
    return int(words[-1].split()[1]), int(words[-1].split()[2])


def test_sigterm_ends_it_in_a_sentence_and_a_rerun_does_the_rest(space: Workspace) -> None:
    driver = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "embed_driver.py"), space.root, "--signals"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    lines_until(driver, under_way)
    driver.terminate()
    _, said = driver.communicate(timeout=60)
    end_group(driver)
    assert driver.returncode == 143 and "Traceback" not in said and said.count("vvp: ") == 1, said
    assert "stopped by SIGTERM; what was written is kept" in said
    written = len(space.read("embeddings"))
    assert 4 <= written < VIDEOS
    assert finish(start(space)) == (VIDEOS - written, written)


def test_a_killed_driver_is_started_again(space: Workspace) -> None:
    driver = start(space)
    lines_until(driver, under_way)
    os.kill(driver.pid, signal.SIGKILL)
    end_group(driver)
    written = len(space.read("embeddings"))
    assert 4 <= written < VIDEOS, "it was to be killed in the middle"
    again = start(space)
    done, skipped = finish(again)
    end_group(again)
    assert skipped >= written - 2 and done + skipped == VIDEOS
    rows = rows_of(space)
    assert len(rows) == VIDEOS and {r["status"] for r in rows.values()} == {"ok"}
    assert not list(Path(space.root).glob("embeddings/.*")), "no half-written file stays"


def test_a_killed_worker_and_a_killed_decoder_cost_no_row(space: Workspace, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    pids.mkdir()
    driver = start(space, "--mortal", VVP_TEST_PIDS=str(pids))
    lines_until(driver, under_way)
    victim = int(next(pids.iterdir()).name)
    os.kill(victim, signal.SIGKILL)
    for child in decoders(driver.pid):
        os.kill(child, signal.SIGKILL)
    done, _ = finish(driver)
    end_group(driver)
    assert done == VIDEOS
    rows = rows_of(space)
    assert len(rows) == VIDEOS and {r["status"] for r in rows.values()} == {"ok"}
    assert len(list(pids.iterdir())) >= 2, "the killed actor was replaced"


def decoders(driver: int) -> list[int]:
    """The decoders' own processes: descendants of the driver that multiprocessing spawned."""
    parents, commands = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                commands[int(entry.name)] = (entry / "cmdline").read_bytes()
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])

    def under_driver(pid: int) -> bool:
        while pid > 1 and pid != driver:
            pid = parents.get(pid, 0)
        return pid == driver

    found = [pid for pid, command in commands.items() if b"vvp.media.child" in command and under_driver(pid)]
    assert found, "no decoder child was found"
    return found
