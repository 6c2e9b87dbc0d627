"""How a driver reaches Ray: it starts it in this machine, or joins the cluster that it runs in.

Not known here: the verbs, and how a command gets onto a cluster (submit.py).
"""

import logging
import math
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Ray reads it when it is imported. Alone on this machine it then listens on the loopback address only; its
# own default is every address, for the metrics, the agents and each worker. What joins a cluster needs those.
if not os.environ.get("RAY_ADDRESS"):
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

import ray  # noqa: E402

from jobs import reaper  # noqa: E402
from vvp.errors import PlanError, UserError

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves the machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # its core warns of every actor with constructor arguments
    "RAY_worker_maximum_startup_concurrency": "8",  # it warns of many actors on few cores: ours are small
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}
ANSWER_S = 15.0  # a head that does not answer in that time is taken for absent


def connect(min_cpus: float = 0, min_gpus: float = 0, wait_s: float = 600, cpus: int | None = None) -> None:
    """Joins the cluster in RAY_ADDRESS (a submitted job has it), else starts Ray here.

    With min_cpus or min_gpus it asks an autoscaling cluster for that much and waits; PlanError when it
    has not come after wait_s. cpus: how many a Ray started here shall have; null: all cores. UserError when
    nobody listens at RAY_ADDRESS.
    """
    if not ray.is_initialized():
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        address = os.environ.get("RAY_ADDRESS")
        _refuse_dead(address)
        with quietly():
            # None: Ray's default, which a cluster that is joined has settled already.
            started: Any = ray.init(
                address or "local",  # and none that somebody else has started here
                num_cpus=None if address else cpus,
                log_to_driver=False,
                logging_level=logging.ERROR,
                include_dashboard=None if address else False,
            )
        if not address:
            _keep_private(started.address_info["session_dir"])
            _reap(os.path.realpath(started.address_info["session_dir"]))
        logging.getLogger("ray.data").setLevel(logging.ERROR)
    if min_cpus or min_gpus:
        _wait_for(min_cpus, min_gpus, wait_s)


def _reap(session: str) -> None:
    """Whatever belongs to that session of Ray ends soon after this process, also when it is killed."""
    if sys.platform != "linux":
        return
    watch = subprocess.Popen(
        [sys.executable, "-I", str(Path(reaper.__file__))],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, cwd="/",
    )  # fmt: skip
    assert watch.stdin is not None
    watch.stdin.write(f"{session}\n".encode())
    watch.stdin.flush()
    _reapers.append(watch)


_reapers: list["subprocess.Popen[bytes]"] = []  # their inputs close with this process


def _keep_private(session: str) -> None:
    """Ray leaves its token, and the folder with its logs and sockets, readable for everybody here."""
    home = Path.home() / ".ray"
    for path, mode in ((Path(session), 0o700), (home, 0o700), (home / "auth_token", 0o600)):
        with suppress(FileNotFoundError, PermissionError):  # not there, or somebody else's
            path.chmod(mode)


def _refuse_dead(address: str | None) -> None:
    """Ray itself tries a dead HOST:PORT for minutes, and then ends the process without a sentence."""
    host, colon, port = (address or "").rpartition(":")
    if not colon or "/" in host or not port.isdigit():
        return  # none, or `auto`, `local`, ray://…: Ray finds out by itself
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_S).close()
    except OSError as error:
        raise UserError(f"RAY_ADDRESS is {address}, and no Ray cluster answers there: {error}.") from error


def _wait_for(min_cpus: float, min_gpus: float, wait_s: float) -> None:
    from ray.autoscaler.sdk import request_resources

    bundles: list[dict[str, float]] = [{"CPU": 1.0}] * math.ceil(min_cpus)
    bundles += [{"GPU": 1.0}] * math.ceil(min_gpus)
    request_resources(bundles=bundles)
    deadline = time.monotonic() + wait_s
    try:
        while True:
            have = ray.cluster_resources()
            if have.get("CPU", 0) >= min_cpus and have.get("GPU", 0) >= min_gpus:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise PlanError(
                    f"after {wait_s:.0f} s the cluster has {have.get('CPU', 0):g} CPU and "
                    f"{have.get('GPU', 0):g} GPU, not the {min_cpus:g} and {min_gpus:g} asked for."
                )
            time.sleep(min(2.0, left))
    finally:
        # The request outlives its driver: left standing it would hold the nodes, and their bill, for ever.
        # From here on the actors themselves keep the nodes that they run on.
        request_resources(bundles=[])


@contextmanager
def quietly() -> Iterator[None]:
    """Ray announces its log level as it starts and reports what it ends itself; what goes wrong is raised."""
    with open(os.devnull, "w") as nowhere:
        kept = []
        for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            kept.append((stream, number, os.dup(number)))
            os.dup2(nowhere.fileno(), number)
        try:
            yield
        finally:
            for stream, number, copy in kept:
                stream.flush()
                os.dup2(copy, number)
                os.close(copy)
