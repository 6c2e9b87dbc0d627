"""A verb that SIGTERM ends in the middle says so in one sentence, and exits with 143."""

import subprocess
import sys
from pathlib import Path

import pytest
from learn_tables import fill, world

ROOT = Path(__file__).parents[2]


def _ended(begun: str, *arguments: str) -> str:
    """What the verb said of its end, told to end once it had said `begun`."""
    with subprocess.Popen(
        [sys.executable, "-m", "jobs", "--local", *arguments],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as verb:  # fmt: skip
        while begun not in (line := verb.stderr.readline()):  # type: ignore[union-attr]
            assert line, "it ended by itself"
        verb.terminate()
        out, err = verb.communicate(timeout=120)
    assert verb.returncode == 143 and out == "", err
    [sentence] = [line for line in err.splitlines() if not line.startswith(begun.split(":")[0] + ":")]
    return sentence


def test_generating_clips_ends_by_sigterm(tmp_path: Path) -> None:
    said = _ended("render: 0", "collect", "synthetic", str(tmp_path / "clips"), "-w", str(tmp_path / "w"))
    assert said.startswith("vvp: stopped by SIGTERM; what was written is kept")


@pytest.mark.slow  # it starts a Ray of its own
def test_a_sweep_ends_by_sigterm(tmp_path: Path) -> None:
    space = fill(tmp_path / "w", *world())
    said = _ended("tune: 0", "tune", "-w", space.root, "--trials", "30")
    assert said.startswith("vvp: stopped by SIGTERM; what was written is kept")
