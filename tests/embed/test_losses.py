"""A node that dies costs its blocks; a deadly clip ends somewhere; a full disk is a sentence."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray
from embed_tables import clip, rows_of, workspace
from ray.exceptions import ActorUnavailableError, NodeDiedError, RayTaskError

from vvp.embed.losses import lost, mendable
from vvp.errors import UserError


def run(what: str, root: str) -> str:
    """The last line of the driver's words."""
    driver = Path(__file__).parent / "loss_driver.py"
    command = [sys.executable, str(driver), what, root]
    with tempfile.TemporaryDirectory(prefix="vvp-") as place:  # else other sessions here would join this Ray
        own = {**os.environ, "RAY_TMPDIR": place}
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=own)
    lines = [line for line in done.stdout.splitlines() if line.startswith("summary")]
    assert lines, done.stdout[-2000:] + done.stderr[-2000:]
    return lines[-1]


@pytest.mark.slow  # Ray takes half a minute to call a dead node dead
@pytest.mark.timeout(900)
def test_the_loss_of_one_of_three_nodes_costs_its_blocks_only(tmp_path: Path) -> None:
    paths = [clip(tmp_path / "clips", f"c{i:02d}", colour=(0, 5 * i, 200)) for i in range(30)]
    space = workspace(tmp_path / "ws", *paths)
    assert run("node", space.root) == "summary 30 30 True"
    rows = rows_of(space)
    assert len(rows) == 30 and {row["status"] for row in rows.values()} == {"ok"}


@pytest.mark.slow  # several runs, each starting its actors
@pytest.mark.timeout(900)
def test_a_clip_that_kills_its_encoder_is_a_row_and_the_others_have_theirs(tmp_path: Path) -> None:
    colours = {f"c{i}": (0, 20 * i, 200) for i in range(5)} | {"deadly": (250, 0, 0)}
    paths = [clip(tmp_path / "clips", name, colour=colour) for name, colour in colours.items()]
    space = workspace(tmp_path / "ws", *paths)
    assert run("clip", space.root) == "summary {'ok': 5, 'failed': 1} {'encoder': 1}"
    rows = rows_of(space)
    assert {name for name, row in rows.items() if row["status"] == "ok"} == set(colours) - {"deadly"}
    assert rows["deadly"]["error_kind"] == "encoder" and rows["deadly"]["error_detail"]


def failing(error: Exception) -> None:
    raise error


@pytest.mark.usefixtures("ray_session")
def test_what_ended_a_task_is_told_apart() -> None:
    def raised(error: Exception) -> RayTaskError:
        with pytest.raises(RayTaskError) as caught:
            ray.get(ray.remote(failing).options(num_cpus=0).remote(error))
        return caught.value

    full = raised(OSError(errno.ENOSPC, "No space left on device"))
    assert "No space left" in str(mendable(full)) and isinstance(mendable(full), UserError)
    assert str(mendable(raised(UserError("do this")))) == "do this"
    for error in (full, raised(ValueError("a mistake")), raised(NodeDiedError("gone"))):
        assert not lost(error), "our own code raised"
    assert mendable(raised(ValueError("a mistake"))) is None
    assert lost(NodeDiedError("gone")) and lost(ActorUnavailableError("gone", None))
