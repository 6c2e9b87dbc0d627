"""A reader that has gone is told from a failure."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("arguments", [["--version"], ["collect", "--help"]])
def test_a_closed_pipe_is_141_without_a_traceback(arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "jobs", *arguments], stdout=write, stderr=subprocess.PIPE
        )
    finally:
        os.close(write)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr
