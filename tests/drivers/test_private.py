"""Ray on one machine is that machine's alone: where it listens, and who may read its folders."""

import contextlib
import json
import os
import stat
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

LOOK = """
import json, sys, time
from pathlib import Path
from jobs.cluster import connect
import psutil  # Ray brings it
connect(cpus=1)
import ray
ray.get(ray.remote(lambda: 1).remote())
time.sleep(1)
me = psutil.Process()
listening = []
for process in [me, *me.children(recursive=True)]:
    try:
        listening += [one.laddr.ip for one in process.net_connections("tcp") if one.status == "LISTEN"]
    except psutil.Error:
        continue
print(json.dumps([listening, ray._private.worker._global_node.get_session_dir_path()]))
sys.stdout.flush()
input()
ray.shutdown()
"""


def of_this_ray(mark: str) -> list[str]:
    """Titles of processes that carry the mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " ")[:80])
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_ray_alone_is_private_and_ends_with_a_killed_driver(tmp_path: Path) -> None:
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("t" * 64)
    token.chmod(0o644)
    unwanted = ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted} | {"HOME": str(tmp_path)}
    mark = uuid.uuid4().hex
    environment["VVP_TEST_MARK"] = mark
    command = [sys.executable, "-c", LOOK]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment,
        cwd=Path(__file__).parents[2],
    ) as driver:  # fmt: skip
        assert driver.stdout is not None and driver.stdin is not None
        listening, session = json.loads(driver.stdout.readline())
        private = [stat.S_IMODE(os.stat(path).st_mode) for path in (session, token.parent, token)]
        assert len(of_this_ray(mark)) > 4
        driver.kill()
    assert len(listening) > 4
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}
    assert private == [0o700, 0o700, 0o600]
    end = time.monotonic() + 10
    while (left := of_this_ray(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left
