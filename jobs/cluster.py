"""How a driver reaches Ray: this machine, the cluster it runs in, or another one by `--on`.

Knows nothing of the verbs: it hands the same command line to another head.
"""

import asyncio
import logging
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ray
from ray.job_submission import JobStatus, JobSubmissionClient

import jobs
import vvp
from jobs import show
from vvp.errors import PlanError, UserError

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing leaves the machine
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # its core warns of every actor with constructor arguments
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
}


def connect(min_cpus: float = 0, min_gpus: float = 0, wait_s: float = 600) -> None:
    """Joins the cluster in RAY_ADDRESS (a submitted job has it), else starts Ray here.

    With min_cpus or min_gpus it asks an autoscaling cluster for that much and waits; PlanError when it
    has not come after wait_s.
    """
    if not ray.is_initialized():
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)
        with _without_stderr():
            # None: Ray's default, which a cluster that is joined has settled already.
            dashboard = None if os.environ.get("RAY_ADDRESS") else False
            ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=dashboard)
        logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not (min_cpus or min_gpus):
        return
    from ray.autoscaler.sdk import request_resources

    bundles: list[dict[str, float]] = [{"CPU": 1.0}] * int(min_cpus) + [{"GPU": 1.0}] * int(min_gpus)
    request_resources(bundles=bundles)
    deadline = time.monotonic() + wait_s
    while True:
        have = ray.cluster_resources()
        if have.get("CPU", 0) >= min_cpus and have.get("GPU", 0) >= min_gpus:
            return
        if time.monotonic() > deadline:
            raise PlanError(
                f"after {wait_s:.0f} s the cluster has {have.get('CPU', 0):g} CPU and "
                f"{have.get('GPU', 0):g} GPU, not the {min_cpus:g} and {min_gpus:g} asked for."
            )
        time.sleep(2)


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Ray's core announces its log level there when it starts; what goes wrong is raised, not printed."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def submit(address: str, arguments: list[str]) -> int:
    """Runs `vvp …` as a Ray job at `address` with this code, follows its log, returns its exit code."""
    _refuse_relative_workspace(arguments)
    try:
        client = JobSubmissionClient(address)
        job = client.submit_job(
            entrypoint=shlex.join(["python", "-m", "jobs", *arguments]),
            runtime_env={
                "py_modules": [
                    str(Path(module.__file__).parent) for module in (vvp, jobs) if module.__file__
                ],
                "env_vars": {**QUIET, "PYTHONUNBUFFERED": "1"},
            },
            metadata={"command": shlex.join(["vvp", *arguments])},
        )
    except (ConnectionError, RuntimeError) as error:
        raise UserError(f"cannot submit to {address}: {str(error).strip().splitlines()[0]}") from error
    show.err.print(f"job {job} submitted to {address}", markup=False)
    try:
        asyncio.run(_follow(client, job))
    except KeyboardInterrupt:
        show.err.print(f"the job goes on; stop it with: ray job stop --address {address} {job}", markup=False)
        return 130
    while not (status := client.get_job_status(job)).is_terminal():
        time.sleep(0.5)
    info = client.get_job_info(job)
    if status != JobStatus.SUCCEEDED:
        show.err.print(f"job {job} {status.value.lower()}: {info.message}", markup=False)
        return info.driver_exit_code or 1
    return 0


async def _follow(client: JobSubmissionClient, job: str) -> None:
    async for lines in client.tail_job_logs(job):
        show.out.file.write(lines)
        show.out.file.flush()


def _refuse_relative_workspace(arguments: list[str]) -> None:
    for flag, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if flag.startswith("--workspace="):
            flag, value = flag.split("=", 1)
        if flag in ("--workspace", "-w") and "://" not in value and not os.path.isabs(value):
            raise UserError(
                f"--workspace {value} is relative, and a job runs in another folder on another machine: "
                "give an absolute path that the cluster shares, or a URI such as s3://bucket/folder."
            )
