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
import uuid
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Where `ray start` notes the head that it started on this machine.
TEMPORARY = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
HEAD_NOTE = Path(TEMPORARY) / "ray/ray_current_cluster"

# Ray reads it when it is imported. A Ray alone on this machine then listens on the loopback address only. By
# default its metrics, agents and workers listen on every address, which only a member of a cluster needs.
if os.environ.get("RAY_ADDRESS") in (None, "", "local") and not HEAD_NOTE.exists():
    os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

import ray  # noqa: E402

import vvp  # noqa: E402
from jobs import reaper, show, signals  # noqa: E402
from vvp.errors import PlanError, UserError, VvpError  # noqa: E402

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves the machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # Ray's core warns about every actor with constructor arguments
    "RAY_worker_maximum_startup_concurrency": "8",  # it warns about many actors on few cores; vvp's are small
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}
ANSWER_S = 15.0  # a head that does not answer within this counts as absent
RAY_PORTS = {"ray": "10001", "": "6379"}  # where a head listens if the address does not say
SOCKET = "/ray/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"
LOCAL, AUTO = "local", "auto"
SOCKET_LIMIT = 107  # bytes, on Linux


TOO_SLOW = "timed out during startup"


def connect(min_cpus: float = 0, min_gpus: float = 0, wait_s: float = 600, cpus: int | None = None) -> None:
    """Joins the cluster in RAY_ADDRESS (a submitted job has it), else one that runs on this machine, and says
    so; else starts Ray here, as it does for RAY_ADDRESS=local and where `cpus` are asked for.

    With min_cpus or min_gpus it asks an autoscaling cluster for that much and waits; PlanError when it
    has not come after wait_s. cpus: how many a Ray started here shall have; null: all cores. UserError when
    nobody listens at RAY_ADDRESS.
    """
    if not ray.is_initialized():
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        address = os.environ.get("RAY_ADDRESS")
        _refuse_dead(address)
        if address == LOCAL or (not address and cpus is not None) or not _joined(address):
            _refuse_long_folder()
            with _reaped() as tell:
                session = _start(LOCAL, num_cpus=cpus, include_dashboard=False).address_info["session_dir"]
                tell(os.path.realpath(session))
            _keep_private(session)
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)  # what goes wrong is raised
        # It warns of pools larger than a small collection can feed, with a line of its own source.
        warnings.filterwarnings("ignore", category=UserWarning, module=r"ray\.data\._internal\.execution")
    if min_cpus or min_gpus:
        _wait_for(min_cpus, min_gpus, wait_s)


def _joined(address: str | None) -> bool:
    """Joins the Ray of RAY_ADDRESS, else the one that `ray start` started on this machine; False where there
    is none. UserError: it does not answer."""
    if not address and not _head_here():
        return False
    try:
        _start(address)
    except ConnectionError as error:
        raise UserError(f"no Ray cluster answers at {address or 'the head of this machine'}.") from error
    if not address:
        show.err.print("joining the Ray that runs on this machine; `vvp --local …` starts one of its own")
    return True


def _head_here() -> bool:
    """Whether a head answers that `ray start` started on this machine: ray.init() joins it unasked."""
    with suppress(OSError, UserError):
        _refuse_dead(HEAD_NOTE.read_text().strip())
        return True
    return False


def _start(address: str | None, **settings: Any) -> Any:
    """What ray.init gives back: where the session lies. VvpError: it did not come up in Ray's own time."""
    try:
        with signals.kept(), quietly(), _from_the_packages():
            return ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **settings)
    except Exception as error:  # Ray has no class for it
        if TOO_SLOW in str(error):
            raise VvpError("Ray did not start in time: this machine is too busy. Try again.") from error
        raise


def disconnect() -> None:
    """Ends a Ray that was started here, or leaves the cluster; whatever was under way there ends."""
    with quietly():
        ray.shutdown()


@contextmanager
def _from_the_packages() -> Iterator[None]:
    """Ray puts the current folder first on its workers' path: a folder called `vvp` or `serve` in it, such as
    a clone, would hide the packages. So Ray starts from where they lie."""
    here = os.getcwd()
    os.chdir(Path(vvp.__file__).parents[1])
    try:
        yield
    finally:
        os.chdir(here)


def _refuse_long_folder() -> None:
    """UserError where Ray's sockets would have a longer name than the system allows."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    longest = len(os.fsencode(folder)) + len(SOCKET)
    if longest > SOCKET_LIMIT:
        raise UserError(
            f"the folder for Ray's sockets has too long a name ({folder}): set RAY_TMPDIR to a shorter one."
        )


@contextmanager
def _reaped() -> Iterator[Callable[[str], None]]:
    """Around the start of Ray. Whatever it starts ends soon after this process, also when that is killed, and
    be it in the middle of the start. What is yielded takes the session's folder."""
    if sys.platform != "linux":
        yield lambda session: None
        return
    watch = subprocess.Popen(
        [sys.executable, "-I", str(Path(reaper.__file__))],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True, cwd="/",
    )  # fmt: skip
    _reapers.append(watch)

    def tell(line: str) -> None:
        assert watch.stdin is not None
        watch.stdin.write(f"{line}\n".encode())
        watch.stdin.flush()

    mark = uuid.uuid4().hex
    tell(mark)
    os.environ[reaper.MARK] = mark
    try:
        yield tell
    except KeyboardInterrupt:
        # In the middle of the start: Ray's servers end with us, but their agents stay, known by the session.
        sessions: set[str] = set()
        reaper.of(mark, sessions)
        for session in sessions:
            tell(session)
        raise
    finally:
        del os.environ[reaper.MARK]  # what this process starts by itself is none of Ray's


_reapers: list["subprocess.Popen[bytes]"] = []  # each ends when this process closes its input


def _keep_private(session: str) -> None:
    """Ray leaves its token, and the folder with its logs and sockets, readable for everybody here."""
    home = Path.home() / ".ray"
    for path, mode in ((Path(session), 0o700), (home, 0o700), (home / "auth_token", 0o600)):
        with suppress(FileNotFoundError, PermissionError):  # not there, or somebody else's
            path.chmod(mode)


def _refuse_dead(address: str | None) -> None:
    """Ray itself tries a dead address for minutes, and then ends the process without a sentence.

    `auto` is the head that `ray start` started here. Ray would also take any other Ray of this machine,
    though it may end at any moment.
    """
    if not address or address == LOCAL:
        return
    if address == AUTO:
        if not _head_here():
            raise UserError("RAY_ADDRESS is auto, and no Ray runs here: start one with `ray start --head`.")
        return
    scheme, _, place = address.rpartition("://")
    if scheme in ("http", "https"):
        raise UserError(
            f"RAY_ADDRESS is {address}, the address for jobs: use `vvp --on {address} …`, or HOST:6379 here."
        )
    host, colon, port = place.partition("/")[0].rpartition(":")
    if not colon or not port.isdigit():
        host, port = place, RAY_PORTS.get(scheme, "6379")
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
        # The request outlives its driver, and would keep (and bill) the nodes for ever. From here on the
        # actors keep the nodes that they run on.
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
