"""Where a command is started must not matter, and what a machine refuses is one sentence, at once."""

import errno
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs import cluster
from jobs.causes import cause_of, last_error, of_the_machine
from jobs.cluster import SOCKET, SOCKET_LIMIT, _refuse_dead, _refuse_long_folder
from vvp.errors import PlanError, UserError

ROOT = Path(__file__).parents[2]


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    "form", ["127.0.0.1:{port}", "ray://127.0.0.1:{port}", "http://127.0.0.1:{port}", "ray://[::1]:{port}"]
)
def test_a_dead_address_is_said_at_once(form: str) -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match="RAY_ADDRESS is "):
        _refuse_dead(form.format(port=closed_port()))
    assert time.monotonic() - began < 3


def test_auto_means_a_head_that_was_started_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cluster, "HEAD_NOTE", tmp_path / "no note")
    with pytest.raises(UserError, match="RAY_ADDRESS is auto, and no Ray runs here"):
        _refuse_dead("auto")
    with socket.socket() as head:
        head.bind(("127.0.0.1", 0))
        head.listen()
        (tmp_path / "note").write_text(f"127.0.0.1:{head.getsockname()[1]}\n")
        monkeypatch.setattr(cluster, "HEAD_NOTE", tmp_path / "note")
        _refuse_dead("auto")
    with pytest.raises(UserError, match="auto"):
        _refuse_dead("auto")  # it has ended, and its note is still there


def test_a_host_without_a_port_is_tried_at_rays_own() -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.7", 6379))  # bound and not listening: nothing answers there
        except OSError:
            pytest.skip("127.0.0.7:6379 is in use")
        with pytest.raises(UserError, match="no Ray cluster answers there"):
            _refuse_dead("127.0.0.7")


def test_a_folder_too_deep_for_sockets_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    longest = SOCKET_LIMIT - len(SOCKET)
    monkeypatch.setenv("TMPDIR", "/" + "x" * (longest - 1))
    _refuse_long_folder()
    monkeypatch.setenv("TMPDIR", "/" + "x" * longest)
    with pytest.raises(UserError, match="set RAY_TMPDIR"):
        _refuse_long_folder()


def test_the_cause_inside_rays_error_is_what_is_said() -> None:
    class WrappedError(UserError):
        """As Ray raises a worker's error: of its class, its text a traceback, the error itself inside."""

        def __init__(self, cause: Exception) -> None:
            super().__init__("Traceback …")
            self.cause = cause

    inner = UserError("the disk is full.")
    outer = RuntimeError("a block failed")
    outer.__cause__ = WrappedError(inner)
    assert cause_of(outer) is inner
    full = OSError(errno.ENOSPC, "x", "/d/f")
    outer = RuntimeError("a block failed")
    outer.__cause__ = full
    assert of_the_machine(cause_of(outer)) == "/d/f: No space left on device."
    outer = WrappedError(RuntimeError("a block failed"))
    outer.args = ("Traceback …\nvvp.errors.PlanError: too few CPUs.\n\nThe above exception was …",)
    told = cause_of(outer)
    assert isinstance(told, PlanError) and str(told) == "too few CPUs."
    outer = RuntimeError("a block failed")
    outer.__cause__ = WrappedError(
        UserError("the disk is full.\nFailed to apply UDF transform after 1 attempt")
    )
    assert str(cause_of(outer)) == "the disk is full."
    bug = KeyError("x")
    assert cause_of(bug) is bug and of_the_machine(bug) is None
    assert of_the_machine(FileNotFoundError(errno.ENOENT, "x")) is None, "that may be a mistake of ours"


def test_the_last_words_of_a_traceback() -> None:
    text = "The deployment failed 3 times:\nTraceback (most recent call last):\n  File x\n"
    assert last_error(f"{text}builtins.ImportError: no vvp.serve\n\nMore.") == "ImportError: no vvp.serve"
    assert last_error("all is well: so far") is None


def test_stdout_closed_is_one_sentence() -> None:
    command = f'"{sys.executable}" -m jobs version >&-'
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("vvp: stdout is closed") and len(done.stderr.splitlines()) == 1


def test_a_user_whom_no_passwd_file_knows_has_a_name_and_a_home() -> None:
    script = """
import os, pwd
def unknown(number): raise KeyError(number)
pwd.getpwuid = unknown
for name in ("HOME", "USER", "LOGNAME", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
from jobs.cli import _name_the_user
_name_the_user()
import getpass, pathlib
print(getpass.getuser() == str(os.getuid()), pathlib.Path.home().is_dir())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.split() == ["True", "True"], done.stderr


@pytest.mark.slow  # it starts a Ray of its own
def test_a_folder_called_like_the_package_does_not_hide_it_from_workers(tmp_path: Path) -> None:
    for name in ("vvp", "serve", "jobs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('the wrong one')")
    script = f"""
import json, os, sys
sys.path = [{str(ROOT)!r}, *(p for p in sys.path if p)]
from jobs.cluster import connect
connect(cpus=1)
import ray

@ray.remote
def seen():
    import jobs, serve, vvp
    return [each.__file__ for each in (vvp, serve, jobs)]

print(json.dumps([ray.get(seen.remote()), os.getcwd()]))
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment["RAY_ADDRESS"] = "local"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    files, here = json.loads(done.stdout.splitlines()[-1])
    assert files == [str(ROOT / name / "__init__.py") for name in ("vvp", "serve", "jobs")]
    assert here == str(tmp_path), "the command goes on where it was started"
