"""Ray on one machine is that machine's alone: where it listens, and who may read its folders."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

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


def test_ray_alone_listens_on_the_loopback_address_and_its_folders_are_private(tmp_path: Path) -> None:
    token = tmp_path / ".ray" / "auth_token"
    token.parent.mkdir()
    token.write_text("t" * 64)
    token.chmod(0o644)
    unwanted = ("RAY_ADDRESS", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER")
    environment = {k: v for k, v in os.environ.items() if k not in unwanted} | {"HOME": str(tmp_path)}
    command = [sys.executable, "-c", LOOK]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment,
        cwd=Path(__file__).parents[2],
    ) as driver:  # fmt: skip
        assert driver.stdout is not None and driver.stdin is not None
        listening, session = json.loads(driver.stdout.readline())
        private = [stat.S_IMODE(os.stat(path).st_mode) for path in (session, token.parent, token)]
        driver.stdin.write("\n")
        driver.stdin.flush()
    assert len(listening) > 4
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}
    assert private == [0o700, 0o700, 0o600]
