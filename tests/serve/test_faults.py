"""What goes wrong in the middle: replicas die, predictors change or break, queues fill, time runs out."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from conftest import replicas
from serve_fakes import film

FILM = film(brightness=120, words="hello")


@contextmanager
def load(app: Any, clients: int = 4) -> Iterator[list[requests.Response]]:
    """Clients that ask without a pause until the block ends; the list is of all that was answered."""
    answers: list[requests.Response] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answers.append(app.post(film=FILM, published_at="2025-05-01"))

    with ThreadPoolExecutor(clients) as pool:
        running = [pool.submit(ask) for _ in range(clients)]
        try:
            while len(answers) < clients:
                time.sleep(0.02)
            yield answers
            wait_for(lambda done=len(answers): len(answers) >= done + 2 * clients)
        finally:
            over.set()
    for one in running:
        one.result()  # raises what the client raised


def wait_for(true: Any, seconds: float = 60) -> None:
    """Polls; the test fails when it does not come true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def kill(deployment: str) -> None:
    for process in replicas(deployment):
        os.kill(process, signal.SIGKILL)


def test_no_accepted_request_is_lost_when_replicas_die(app: Any) -> None:
    with load(app) as answers:
        # A fused Forecaster dies with its ingress, which loses what it holds: see below.
        for deployment in ("Decode", "Video", "Transcribe", *({app.forecaster} - {"Ingress"})):
            kill(deployment)
    assert not {a.text for a in answers if a.status_code != 200}
    assert len({a.json()["log_views"] for a in answers}) == 1


def test_another_predictor_is_taken_under_load_and_a_broken_one_refused(app: Any) -> None:
    with load(app) as answers:
        app.serve_run("other")
        wait_for(lambda: answers[-1].json()["predictor"] == app.predictors["other"])
        forecaster = replicas(app.forecaster)
        app.serve_run("broken")
        wait_for(lambda: app.get("/healthz").json()["refused"] is not None)
        seen = len(answers)
        wait_for(lambda: len(answers) > seen + 8)
    assert not {a.text for a in answers if a.status_code != 200}
    ids = [a.json()["predictor"] for a in answers]
    assert set(ids) == set(app.predictors.values())
    assert set(ids[seen:]) == {app.predictors["other"]}
    health = app.get("/healthz").json()
    assert health["status"] == "ok" and "a file was changed" in health["refused"]
    assert app.get("/v1/predictor").json()["refused"] == health["refused"]
    assert replicas(app.forecaster) == forecaster  # no restart
    app.serve_run("default")
    wait_for(lambda: app.get("/healthz").json()["refused"] is None)


def test_when_all_places_are_taken_it_is_busy(app: Any, tmp_path: Path) -> None:
    app.tell(Ingress={"user_config": {"at_once": 2, "retry_after_s": 7}})
    gate = tmp_path / "gate"

    def hold() -> int:
        """Takes a place, also when the question below was quicker."""
        while (got := app.post(film=film(brightness=1, gate=str(gate))).status_code) == 503:
            time.sleep(0.02)
        return got

    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(hold) for _ in range(2)]
        answers: list[requests.Response] = []

        def refused() -> bool:
            answers.append(app.post(title="a"))
            return answers[-1].status_code == 503

        wait_for(refused)
        gate.touch()
    assert answers[-1].json()["error"]["kind"] == "busy" and answers[-1].headers["Retry-After"] == "7"
    assert [one.result() for one in held] == [200, 200]


def test_what_takes_too_long_is_ended_and_gives_its_place_back(app: Any, tmp_path: Path) -> None:
    app.tell(Ingress={"user_config": {"at_once": 1, "time_s": 1.0}})
    gate = tmp_path / "gate"
    late = app.post(film=film(brightness=1, gate=str(gate)))
    assert late.status_code == 504 and late.json()["error"]["kind"] == "time_limit"
    gate.touch()
    app.tell(Ingress={"user_config": {"at_once": 1}})
    assert app.post(title="a").status_code == 200


def test_too_many_waiting_for_the_decoder_are_refused(app: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    held = film(brightness=1, gate=str(gate))
    app.tell(Decode={"max_queued_requests": 1})
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(app.post, film=held) for _ in range(8)]
        wait_for(lambda: any(w.done() for w in waiting))
        gate.touch()
        statuses = Counter(w.result().status_code for w in waiting)
    assert set(statuses) == {200, 503}


def test_a_decoder_that_dies_is_the_films_fault_and_nobody_elses(app: Any) -> None:
    died = app.post(film=film(crash=True))
    assert died.status_code == 422 and died.json()["error"]["kind"] == "crash"
    assert app.post(film=FILM).status_code == 200


def proxies() -> set[int]:
    """The processes of Serve's proxies, of this session's Ray alone."""
    import ray

    [raylet] = ray._private.worker._global_node.all_processes["raylet"]
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_text(errors="replace")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has just ended
            continue
        if title.startswith("ray::ProxyActor") and int(parent) == raylet.process.pid:
            found.add(int(folder.name))
    return found


def test_an_ingress_that_dies_gives_no_bare_error_and_is_back(app: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    held = film(brightness=1, gate=str(gate))
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(app.post, film=held) for _ in range(3)]
        wait_for(lambda: any(app.scratch.rglob("*")))
        time.sleep(0.5)
        kill("Ingress")
        gate.touch()
        answers = [one.result() for one in waiting]

    def back() -> bool:
        answers.append(app.post(title="a"))
        return answers[-1].status_code == 200

    wait_for(back)
    bare = [(a.status_code, a.text[:200]) for a in answers if a.status_code != 200 and a.text[:1] != "{"]
    assert not bare
    kinds = Counter(a.json()["error"]["kind"] if a.status_code != 200 else "ok" for a in answers)
    assert set(kinds) <= {"ok", "unavailable", "busy"} and kinds["unavailable"], kinds
    assert all(a.headers["Retry-After"] for a in answers if a.status_code != 200)


def test_a_proxy_that_dies_is_replaced(app: Any) -> None:
    before = proxies()
    assert before
    for process in before:
        os.kill(process, signal.SIGKILL)

    def back() -> bool:
        try:
            return app.post(title="a").status_code == 200
        except requests.ConnectionError:
            return False

    killed = time.monotonic()
    wait_for(back)
    print(f"back after {time.monotonic() - killed:.1f} s")
    assert proxies() and not proxies() & before


@pytest.mark.slow
def test_new_replicas_of_everything_under_load(app: Any) -> None:
    """As a redeploy with other code: Serve replaces each replica, the ingress too."""
    with load(app) as answers:
        app.tell(code=1)
        wait_for(lambda done=len(answers): len(answers) > done + 8)
    assert not {a.text for a in answers if a.status_code != 200}
