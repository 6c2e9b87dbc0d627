"""What encoders are given where Ray has a GPU: many clips at once, unless their library cannot use it."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from embed_tables import clip, videos

from vvp.workspace import Workspace

pytestmark = pytest.mark.slow


def test_batches_and_devices(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    one = clip(tmp_path / "clips", "one")
    copies = []
    for number in range(38):
        copies.append(one.with_name(f"c{number:02}.mp4"))
        os.link(one, copies[-1])
    space = Workspace(tmp_path / "ws")
    space.append("videos", videos(*copies))
    driver = Path(__file__).with_name("gpu_driver.py")
    done = subprocess.run(
        [sys.executable, str(driver), str(tmp_path / "ws"), str(calls)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["by_status"] == {"ok": 38} and summary["notes"] == ["sounds stay on the CPUs"]
    assert summary["pools"]["video"]["gpus"] > 0 and summary["pools"]["audio"]["gpus"] == 0

    seen = [path.name.split("-") for path in calls.iterdir()]
    assert {(name, device) for name, device, *_ in seen} == {("picture", "cuda"), ("sound", "cpu")}
    pictures = Counter(int(inputs) for name, _, inputs, _ in seen if name == "picture")
    assert pictures == {16: 2, 6: 1}, "from blocks of 4 clips"
