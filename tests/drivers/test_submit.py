"""`--on` before anything is submitted: what is refused, in one sentence and within seconds."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from jobs import cli, cluster, submit
from vvp.errors import UserError


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.run(list(arguments)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("vvp: ")
    return line


@pytest.mark.parametrize(
    "words", [["--workspace", "here"], ["--workspace=here"], ["-w", "./here"], ["-whome"]]
)
def test_a_relative_workspace_is_refused(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert "is relative" in _refused(capsys, "--on", "http://127.0.0.1:1", "embed", *words)


@pytest.mark.parametrize("address", ["127.0.0.1:8265", "ray://127.0.0.1:10001", "auto"])
def test_an_address_that_is_no_url_is_refused(capsys: pytest.CaptureFixture[str], address: str) -> None:
    assert "http://HEAD:8265" in _refused(capsys, "--on", address, "version")


def test_a_closed_port_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert "nothing answers" in _refused(capsys, f"--on=http://127.0.0.1:{port}", "version")


def test_a_host_that_says_nothing_costs_the_time_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submit, "ANSWER_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "nothing answers" in _refused(capsys, "--on", url, "version")


@contextmanager
def _answering(version: tuple[int, bytes], other: tuple[int, bytes]) -> Iterator[str]:
    """The address of a server that answers so to /api/version, and to everything else."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = version if self.path == "/api/version" else other
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


HTML = b"<!DOCTYPE html>\n<html><body>\n<h1>Internal Server Error</h1></body></html>"


@pytest.mark.parametrize(
    "answer", [(200, b"<html>"), (500, HTML), (404, b""), (200, b"5"), (200, b'"words"')]
)
def test_another_web_server_is_told_from_a_head(
    capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes]
) -> None:
    with _answering(answer, answer) as url:
        assert "no Ray dashboard" in _refused(capsys, "--on", url, "version")


TRACEBACK = b'Traceback (most recent call last):\n  File "job_head.py"\nException: No available agent.\n'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, HTML), "it answers 500; does something else listen on this port?"),
        ((500, TRACEBACK), "it answers 500: Exception: No available agent."),
        ((200, HTML), "does something else listen on this port?"),
        ((200, b'{"other": 1}'), "does something else listen on this port?"),
    ],
)
def test_a_head_that_cannot_take_the_job_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes], said: str
) -> None:
    """It says that it is Ray, as a dashboard without its agents does; then Ray shows its whole answer."""
    head = (200, b'{"version": "4", "ray_version": "2.40.0", "ray_commit": ""}')
    with _answering(head, answer) as url:
        line = _refused(capsys, "--on", url, "version")
    assert line.startswith(f"vvp: cannot submit to {url}: ") and said in line and "<" not in line


def test_the_token_is_looked_for_where_ray_looks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert submit._token_header() == {}
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text("home\n")
    assert submit._token_header() == {"Authorization": "Bearer home"}
    (tmp_path / "other").write_text("path")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    assert submit._token_header() == {"Authorization": "Bearer path"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "word")
    assert submit._token_header() == {"Authorization": "Bearer word"}
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert submit._token_header() == {}


def test_of_a_jobs_log_only_the_closing_json_reaches_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    log = submit._Log(json_alone=True)
    text = 'embed: 1 of 2\n{\n "a": {\n  "b": 1\n }\n}\nbye'
    for at in range(0, len(text), 3):  # Ray cuts where it likes
        log.write(text[at : at + 3])
    log.close()
    out, err = capsys.readouterr()
    assert (out, err) == ('{\n "a": {\n  "b": 1\n }\n}\n', "embed: 1 of 2\nbye")


def test_a_dead_ray_address_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(UserError, match="RAY_ADDRESS is 127.0.0.1:1"):
        cluster.connect()
    assert "RAY_ADDRESS" in os.environ


def test_help_is_shown_here_and_submits_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--on", "http://127.0.0.1:1", "embed", "--help"]) == 0
    assert "--retry-failed" in capsys.readouterr().out
