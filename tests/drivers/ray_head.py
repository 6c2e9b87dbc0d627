"""A real Ray head with token authentication, in processes, ports and a home folder of its own.

It must meet neither the Ray that the test session runs in this machine nor one of its user's, so it is
ended by its own process group and never by `ray stop`, which ends every Ray there is.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError

START_S = 90.0


@dataclass(frozen=True, kw_only=True)
class Head:
    url: str
    token: str
    temporary: Path  # Ray's --temp-dir
    environment: dict[str, str]  # of a person who has the token in ~/.ray and set nothing else

    def vvp(
        self, *arguments: str, code: Path | None = None, more: dict[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """`vvp --on URL ARGUMENTS` as its user runs it; code: another checkout; more: further environment."""
        environment = self.environment | (more or {}) | ({"PYTHONPATH": str(code)} if code else {})
        return subprocess.run(
            [sys.executable, "-m", "jobs", "--on", self.url, *arguments],
            env=environment,
            cwd=code or Path(__file__).parents[2],
            capture_output=True,
            text=True,
            timeout=180,
        )

    def ask(self, path: str) -> bytes:
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=30) as reply:
            return bytes(reply.read())


@contextmanager
def started() -> Iterator[Head]:
    # Short: the sockets that Ray makes below it have at most 107 characters.
    root = Path(tempfile.mkdtemp(prefix="vvp-"))
    binaries = Path(sys.executable).parent
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_") and k != "PYTHONPATH"}
    environment |= {
        "HOME": str(root),
        "PATH": f"{binaries}{os.pathsep}{environment['PATH']}",  # the job's `python`
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    ray = str(binaries / "ray")
    subprocess.run([ray, "get-auth-token", "--generate"], env=environment, check=True, capture_output=True)
    port, dashboard, client, agent = _free_ports(4)
    command = [
        ray, "start", "--head", "--block", "--num-cpus", "2", "--include-dashboard", "true",
        "--port", str(port), "--dashboard-host", "127.0.0.1", "--dashboard-port", str(dashboard),
        "--ray-client-server-port", str(client), "--dashboard-agent-listen-port", str(agent),
        "--temp-dir", str(root / "ray"), "--object-store-memory", "150000000",
    ]  # fmt: skip
    with open(root / "head.log", "w") as log:
        process = subprocess.Popen(
            command,
            env=environment | {"RAY_AUTH_MODE": "token"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        head = Head(
            url=f"http://127.0.0.1:{dashboard}",
            token=(root / ".ray" / "auth_token").read_text(),
            temporary=root / "ray",
            environment=environment,
        )
        _wait(head, process, root / "head.log")
        yield head
    finally:
        # Everything that it started is of its group; asked kindly it takes a quarter of a minute to go.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(root, ignore_errors=True)


def _wait(head: Head, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the head takes jobs: its dashboard answers before its agent, which starts them, is there."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            head.ask("/api/jobs/")
            return
        except (HTTPError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the head did not come up: {log.read_text()[-2000:]}")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
