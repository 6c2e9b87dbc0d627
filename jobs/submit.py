"""`vvp --on URL …`: the same command line as a job on another cluster, with this checkout's code.

Knows nothing of the verbs, and nothing of what the cluster runs on.
"""

import asyncio
import json
import logging
import os
import re
import shlex
import sys
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from aiohttp import ClientError
from ray.job_submission import JobStatus, JobSubmissionClient

import vvp
from jobs import show
from jobs.cluster import ANSWER_S, QUIET
from jobs.signals import heard
from vvp.errors import UserError, VvpError

# A job runs this checkout, not the vvp that the cluster's Python has installed. Only these two folders are
# sent: tables and clips lie in the workspace, which the cluster shares.
CODE = (Path(vvp.__file__).parent, Path(__file__).parent)


def submit(address: str, arguments: list[str]) -> int:
    """Runs `vvp …` as a Ray job at `address` with this code, follows its log, returns its exit code.

    address: the head's dashboard, http://HEAD:8265. UserError when it is none, does not answer or refuses
    the token, and for a workspace that the cluster could not find. VvpError when contact is lost.
    """
    _refuse_relative_workspace(arguments)
    headers = _token_header()
    _refuse_no_head(address, headers)
    # For Ray, these two variables take precedence over the address that was typed.
    os.environ.pop("RAY_ADDRESS", None)
    os.environ.pop("RAY_API_SERVER_ADDRESS", None)
    for name in ("ray", "ray.dashboard.modules.dashboard_sdk", "ray.dashboard.modules.job.sdk"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        client = JobSubmissionClient(address, headers=headers)
        job = client.submit_job(
            # Python searches its working directory first, which may be another checkout on the head.
            entrypoint="cd / && exec " + shlex.join(["python", "-m", "jobs", *arguments]),
            runtime_env={
                "py_modules": [str(folder) for folder in CODE],
                "env_vars": {**QUIET, "PYTHONUNBUFFERED": "1"},
            },
            metadata={"command": shlex.join(["vvp", *arguments])},
        )
    except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:  # requests' are OSErrors
        # Ray's client raises the last three when the answer is not a head's.
        raise UserError(f"cannot submit to {address}: {_reason(error)}") from error
    show.err.print(f"job {job} submitted to {address}", markup=False)
    try:
        asyncio.run(_follow(client, job, _Log("--json" in arguments)))
        while not (status := client.get_job_status(job)).is_terminal():
            time.sleep(0.5)
        info = client.get_job_info(job)
    except KeyboardInterrupt:
        show.err.print(f"the job goes on; stop it with: ray job stop --address {address} {job}", markup=False)
        return 128 + heard()
    except (OSError, RuntimeError, ClientError) as error:
        raise VvpError(
            f"lost contact with {address} ({error}); the job may go on: "
            f"ray job logs --follow --address {address} {job}"
        ) from error
    if status == JobStatus.SUCCEEDED:
        return 0
    code = info.driver_exit_code
    why = info.message if code is None else f"exit code {code}, its log above says why"
    show.err.print(f"job {job} {status.value.lower()}: {why}", markup=False)
    return code if code and code > 0 else 1


def _reason(error: Exception) -> str:
    """One line of what Ray's client raises, which quotes the whole answer: a traceback, or a page of HTML."""
    code = re.search(r"status code (\d+)|^(\d{3}) (?:Client|Server) Error", str(error))
    lines = [line.strip() for line in str(error).splitlines() if line.strip(". ")]
    markup = re.search(r"<(!doctype|html|head|body)\b", str(error), re.IGNORECASE)
    if markup or not lines or isinstance(error, (ValueError, TypeError, KeyError)):
        said = f"it answers {code[1] or code[2]}" if code else "its answer is none of a head's"
        return f"{said}; does something else listen on this port?"
    if code and code[1] and len(lines) > 1:  # a traceback: its last line is the cause
        return f"it answers {code[1]}: {lines[-1]}"
    return lines[0]


async def _follow(client: JobSubmissionClient, job: str, log: "_Log") -> None:
    async for text in client.tail_job_logs(job):
        log.write(text)
    log.close()


class _Log:
    """A job has one stream for all that it prints: it goes to stdout, as it comes.

    With --json the closing object alone goes there, so that another program can read it, and everything
    else to stderr: show.as_json's outermost braces stand on lines of their own.
    """

    def __init__(self, json_alone: bool) -> None:
        self.json_alone, self.inside, self.rest = json_alone, False, ""

    def write(self, text: str) -> None:
        if not self.json_alone:
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        *lines, self.rest = (self.rest + text).split("\n")
        for line in lines:
            self.inside = self.inside or line == "{"
            (sys.stdout if self.inside else sys.stderr).write(line + "\n")
            self.inside = self.inside and line != "}"

    def close(self) -> None:
        sys.stderr.write(self.rest)


def _token_header() -> dict[str, str]:
    """The cluster's token from where Ray looks for it; {} when there is none, or it is switched off.

    Ray sends one only where RAY_AUTH_MODE=token is set, and its clusters ask for one without it.
    """
    if os.environ.get("RAY_AUTH_MODE", "token").lower() != "token":
        return {}
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    token = os.environ.get("RAY_AUTH_TOKEN") or (path.read_text() if path.is_file() else "")
    return {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}


def _refuse_no_head(address: str, headers: dict[str, str]) -> None:
    """One question with a time limit, for Ray's own client waits minutes for a host that drops packets."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise UserError(f"--on {address} is no address of a head's dashboard, such as http://HEAD:8265.")
    try:
        with urlopen(
            Request(f"{address.rstrip('/')}/api/version", headers=headers), timeout=ANSWER_S
        ) as reply:
            version = json.loads(reply.read())
            known = isinstance(version, dict) and "ray_version" in version
    except HTTPError as error:
        if error.code in (401, 403):
            refused = "refuses this token" if headers else "wants a token, and none was found"
            raise UserError(
                f"the cluster at {address} {refused}: put the cluster's own into ~/.ray/auth_token, "
                "or into RAY_AUTH_TOKEN."
            ) from error
        known = False
    except OSError as error:
        raise UserError(f"nothing answers at {address}: {getattr(error, 'reason', error)}.") from error
    except (HTTPException, ValueError):
        known = False
    if not known:
        raise UserError(f"what answers at {address} is no Ray dashboard; its usual port is 8265.")


def _refuse_relative_workspace(arguments: list[str]) -> None:
    for flag, value in zip(arguments, [*arguments[1:], ""], strict=True):
        if flag.startswith("--workspace="):
            flag, value = flag.split("=", 1)
        elif flag.startswith("-w") and flag != "-w":
            flag, value = "-w", flag[2:]
        if flag in ("--workspace", "-w") and "://" not in value and not os.path.isabs(value):
            raise UserError(
                f"--workspace {value} is relative, and a job runs in another folder on another machine: "
                "give an absolute path that the cluster shares, or a URI such as s3://bucket/folder."
            )
