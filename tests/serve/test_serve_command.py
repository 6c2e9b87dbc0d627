"""`vvp serve` itself: what it refuses before it starts, and (slow) a whole life from start to a signal."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from clips import textured, tone, write
from conftest import free_port
from learn_tables import learn
from serve_world import fill

from jobs.cli import run
from serve.config import AppArgs, on_this_machine
from vvp.encoders.profiles import PROFILES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = fill(tmp_path_factory.mktemp("command") / "workspace", PROFILES["offline"], n=60)
    learn(made, "default")
    return made


def _sentence(capsys: pytest.CaptureFixture[str], *arguments: str, before: tuple[str, ...] = ()) -> str:
    assert run([*before, "serve", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1
    return err


def test_wrong_places_are_refused_in_a_sentence(
    space: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "is no workspace yet" in _sentence(capsys, "-w", str(tmp_path))
    assert "no predictor at runs/other/views/predictor" in _sentence(
        capsys, "-w", space.root, "--name", "other"
    )
    assert "begin with no dot" in _sentence(capsys, "-w", space.root, "--name", "../default")
    assert "cannot listen on" in _sentence(capsys, "-w", space.root, "--host", "no.such.host.invalid")
    on = _sentence(capsys, "-w", space.root, before=("--on", "http://127.0.0.1:1"))
    assert "serve deploy" in on
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert "Address already in use" in _sentence(capsys, "-w", space.root, "--port", port)


@pytest.mark.parametrize("cpus, gpus", [(1, 0), (2, 0), (4, 0), (16, 0), (64, 4)])
def test_the_plan_fits_the_machine(cpus: int, gpus: int) -> None:
    args = AppArgs(workspace="ws", **on_this_machine(cpus, gpus, memory_gb=1000))
    assert args.layout == ("fused" if cpus <= 8 and not gpus else "staged")
    assert args.layout == "staged" or args.stage("ingress").max_replicas == cpus
    stages = [args.stage(name) for name in args.stages]
    assert sum(s.num_cpus * s.max_replicas for s in stages) <= cpus + 1e-6
    assert sum(s.num_gpus for s in stages) <= max(gpus, 0) and (gpus == 0) == (
        args.stage("video").num_gpus == 0
    )
    assert all(s.min_replicas <= s.max_replicas for s in stages)


def test_a_stage_that_cannot_use_the_gpu_stays_on_the_cpus() -> None:
    stages = on_this_machine(16, 1, memory_gb=1000, on_cpu={"transcribe"})["stages"]
    assert stages["transcribe"].num_gpus == 0 and stages["transcribe"].max_replicas == 4
    assert stages["video"].num_gpus > 0


def test_copies_of_models_are_as_many_as_fit_into_memory() -> None:
    for memory_gb, copies in ((1, 1), (8, 1), (10, 2), (14, 3), (1000, 4)):
        stages = on_this_machine(4, 0, memory_gb, "staged")["stages"]
        assert (stages["video"].max_replicas, stages["audio"].max_replicas) == (copies, copies), memory_gb


def test_the_cluster_files_hold_what_the_builder_takes() -> None:
    for file, config in (
        ("serve.yaml", yaml.safe_load((ROOT / "serve/serve.yaml").read_text())),
        ("rayservice.yaml", _inside(yaml.safe_load((ROOT / "serve/rayservice.yaml").read_text()))),
    ):
        from ray.serve.schema import ServeDeploySchema

        from serve.config import Limits, PredictorAt

        [app] = ServeDeploySchema.model_validate(config).applications
        args = AppArgs.model_validate(app.args)
        assert app.import_path == "serve.app:build", file
        told = {d.name: d.user_config for d in app.deployments}
        assert set(told) == {"Forecaster", "Ingress"}
        assert PredictorAt.model_validate(told["Forecaster"]) == args.predictor
        assert Limits.model_validate(told["Ingress"]) == args.limits


def _inside(service: dict[str, Any]) -> Any:
    return yaml.safe_load(service["spec"]["serveConfigV2"])


def _started(space: Any, port: int, *options: str) -> "subprocess.Popen[str]":
    """`vvp serve` as a script's background starts it: there SIGINT is ignored."""
    return subprocess.Popen(
        [sys.executable, "-m", "jobs", "serve", "-w", space.root, "--port", str(port), "--json", *options],
        cwd=ROOT, env={**os.environ, "VVP_API_KEY": "s3cret", "RAY_ADDRESS": ""}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )  # fmt: skip


def _nothing_left(session: int) -> bool:
    """Whether Ray's servers and workers, which stay in that session, are gone, at the latest when the reaper
    has been: it ends those of a Ray that was still starting."""
    end = time.monotonic() + 30
    while left := _members(session):
        if time.monotonic() > end:
            raise AssertionError(f"still there: {left}")
        time.sleep(0.2)
    return True


def _members(session: int) -> list[str]:
    """Commands of its processes; one that has ended has none."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                found.append((folder / "cmdline").read_text(errors="replace").replace("\0", " ").strip())
    return [command for command in found if command]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_from_start_to_the_signal(space: Any, tmp_path: Path, number: int) -> None:
    port, key = free_port(), {"X-API-Key": "s3cret"}
    clip = write(tmp_path / "a.mp4", [textured(640, 360, i // 9) for i in range(300)], sound=tone(10, 44_100))
    with _started(space, port) as process, ThreadPoolExecutor(1) as beside:
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.stderr.read()
        said = json.loads("".join(lines))
        assert said["address"] == f"http://127.0.0.1:{port}" and said["api_key"] is True
        assert requests.get(f"{said['address']}/v1/predictor", timeout=60).status_code == 401
        known = requests.get(f"{said['address']}/v1/predictor", headers=key, timeout=60).json()
        assert known["id"] == said["predictor"]

        def ask(film: bytes) -> requests.Response:
            where = f"{said['address']}/v1/forecasts"
            return requests.post(where, files={"video": ("a.mp4", film)}, headers=key, timeout=60)

        in_work = beside.submit(ask, Path(clip).read_bytes())
        time.sleep(0.3)
        process.send_signal(number)
        while (line := process.stderr.readline()) and "answered first: 1" not in line:
            pass
        assert line, "the request in work was not waited for"
        late = ask(b"too late")
        assert late.status_code == 503 and late.json()["error"]["kind"] == "unavailable"
        assert in_work.result().status_code == 200
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err and out == ""
    assert "requests: 2 ok, 1 unauthorized, 1 unavailable; ending" in err
    assert _nothing_left(process.pid)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 4])  # Ray runs; the models load
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_models_load_ends_it(space: Any, number: int, seconds: float) -> None:
    with _started(space, free_port()) as process:
        while "starting (models are loaded)" not in (line := process.stderr.readline()):
            assert line, "it did not start"
        time.sleep(seconds)
        process.send_signal(number)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err, err
    assert "interrupted while starting" in err
    assert _nothing_left(process.pid)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 3, 6])  # imports; the predictor is read; Ray starts
def test_a_signal_before_anything_runs_ends_it(space: Any, seconds: float) -> None:
    with _started(space, free_port()) as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    told = {0: "interrupted while starting", 143: "stopped by SIGTERM", -15: ""}  # -15: Python itself starts
    assert told[process.returncode] in err and "Traceback" not in err, err
    assert _nothing_left(process.pid)


BROKEN = """
import serve.app as app
from ray import serve

@serve.deployment
class Ingress:
    def __init__(self):
        raise FileNotFoundError(2, "No such file or directory", "/weights/gone.bin")

app.build = lambda args: Ingress.bind()
from jobs.cli import main
main()
"""


@pytest.mark.slow  # Serve tries a replica several times
def test_why_a_replica_did_not_start_is_the_last_line(space: Any) -> None:
    command = [sys.executable, "-c", BROKEN, "--local", "serve", "-w", space.root, "--port", str(free_port())]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    *_, last = done.stderr.splitlines()
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert last.startswith("vvp: the app did not start: FileNotFoundError: ") and "/weights/gone.bin" in last
