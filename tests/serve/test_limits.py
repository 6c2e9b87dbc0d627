"""What the app does not take, and that nothing of it stays: statuses, kinds, the disk, open files."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from clips import counting, write
from conftest import replicas
from serve_fakes import film

from serve import deployments

SLICE = b"x" * 65_536


def _error(got: requests.Response) -> tuple[int, str]:
    return got.status_code, got.json()["error"]["kind"]


def _held() -> list[str]:
    """Uploads that the Ingress holds open; they have no name on disk."""
    [ingress] = replicas("Ingress")
    found = []
    for entry in Path(f"/proc/{ingress}/fd").iterdir():
        try:
            found.append(os.readlink(entry))
        except FileNotFoundError:
            continue
    return [f for f in found if "scratch" in f]


def _settled(app: Any) -> bool:
    """Nothing in the scratch folder but the replica's own, empty of files, and nothing held open."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        left = [p for p in app.scratch.iterdir() if not p.name.startswith(deployments.FOLDER)]
        left += [p for p in app.scratch.rglob("*") if not p.is_dir()]
        if not left and not _held():
            return True
        time.sleep(0.05)
    return False


def _endless(sent: list[int], limit: int) -> Iterator[bytes]:
    """A form whose file does not end before `limit` bytes; counts what was taken."""
    yield b'--b\r\nContent-Disposition: form-data; name="video"; filename="a.mp4"\r\n\r\n'
    while sent[0] < limit:
        sent[0] += len(SLICE)
        yield SLICE


def test_too_large_is_noticed_during_the_upload(app: Any) -> None:
    app.tell(Ingress={"user_config": {"upload_mb": 1}})
    address = app.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as client:
        client.sendall(
            b"POST /v1/forecasts HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        for part in _endless([0], 3 << 20):  # its end is never sent
            client.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        answer = b""
        while b"too_large" not in answer:
            assert (more := client.recv(4096)), answer
            answer += more
    assert answer.startswith(b"HTTP/1.1 413")
    assert _settled(app)


def test_what_states_to_be_too_large_is_not_read_at_all(app: Any) -> None:
    app.tell(Ingress={"user_config": {"upload_mb": 1}})
    address = app.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as client:
        client.sendall(
            b"POST /v1/forecasts HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        assert client.recv(4096).startswith(b"HTTP/1.1 413")


def test_too_long_is_refused_before_it_is_decoded(app: Any, tmp_path: Path) -> None:
    app.tell(Ingress={"user_config": {"duration_s": 2}})
    clip = Path(write(tmp_path / "clip.mp4", counting(31), fps=10))
    got = app.post(film=clip.read_bytes())
    assert _error(got) == (413, "too_long") and "3 s" in got.json()["error"]["message"]
    assert _settled(app)
    app.tell(Ingress={"user_config": {"duration_s": 4}})
    assert app.post(film=clip.read_bytes()).status_code == 200


@pytest.mark.parametrize("kind", ["unreadable", "picture_undecodable", "no_streams", "timeout", "memory"])
def test_media_that_give_nothing_say_why_in_the_words_of_the_table(app: Any, kind: str) -> None:
    assert _error(app.post(film=film(kind=kind))) == (422, kind)
    assert _settled(app)


def test_wrong_types_are_415(app: Any) -> None:
    url = app.url + "/v1/forecasts"
    for content, kind in ((b"%PDF", "application/pdf"), (b"\x89PNG", "image/png"), (b"hi", "text/plain")):
        got = requests.post(url, files={"video": ("a.mp4", content, kind)}, timeout=60)
        assert _error(got) == (415, "unsupported_type"), kind
    assert _error(requests.post(url, json={"title": "a"}, timeout=60)) == (415, "unsupported_type")
    assert _error(requests.post(url, timeout=60)) == (415, "unsupported_type")
    assert _error(app.post(film=b"no video at all")) == (422, "unreadable")
    assert _error(app.post(film=b"")) == (422, "unreadable")


WRONG = [
    ({}, "Nothing to forecast"),
    ({"title": "  "}, "Nothing to forecast"),
    ({"title": "a", "channel_followers": "-1"}, "channel_followers"),
    ({"title": "a", "channel_followers": "9" * 30}, "channel_followers"),
    ({"title": "a", "channel_videos": "many"}, "channel_videos"),
    ({"title": "a", "horizon_days": "0.01"}, "horizon_days"),
    ({"title": "a", "horizon_days": "nan"}, "horizon_days"),
    ({"title": "a", "duration_s": "inf"}, "duration_s"),
    ({"title": "a", "published_at": "12/11/2025"}, "published_at"),
    ({"title": "a", "colour": "red"}, "no field colour"),
    ({"title": "a", "video": "http://127.0.0.1/clip.mp4"}, "a link is not fetched"),
    ({"title": "a" * 30_000}, "title"),
]


@pytest.mark.parametrize("fields, said", WRONG)
def test_wrong_fields_are_422_with_a_sentence(app: Any, fields: dict[str, str], said: str) -> None:
    got = app.post(**fields)
    assert _error(got) == (422, "bad_request")
    message = got.json()["error"]["message"]
    assert said in message and message.endswith(".") and "aaaa" not in message


def test_a_client_that_leaves_leaves_nothing(app: Any) -> None:
    app.tell(Ingress={"user_config": {"at_once": 1}})
    address = app.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=60) as client:
        client.sendall(
            b"POST /v1/forecasts HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        )
        for part in _endless([0], 1 << 20):
            client.sendall(part)
        end = time.monotonic() + 30
        while not _held():
            assert time.monotonic() < end, "the upload never arrived"
    assert _settled(app)
    assert app.post(title="a").status_code == 200  # its place is free again


def test_a_client_that_leaves_while_it_is_decoded_leaves_nothing(app: Any, tmp_path: Path) -> None:
    app.tell(Ingress={"user_config": {"at_once": 1}})
    gate = tmp_path / "gate"
    with pytest.raises(requests.ReadTimeout):
        files = {"video": ("a.mp4", film(brightness=1, gate=str(gate)))}
        requests.post(app.url + "/v1/forecasts", files=files, timeout=1)
    gate.touch()
    end = time.monotonic() + 30
    while app.post(title="a").status_code != 200:
        assert time.monotonic() < end, "its place was never given back"
    assert _settled(app)


def test_names_of_files_are_never_paths(app: Any, tmp_path: Path) -> None:
    target = tmp_path / "taken"
    for name in (str(target), f"../../../..{target}", "a/../../b.mp4", "\x00", "con"):
        files = {"video": (name, film(brightness=9), "video/mp4")}
        assert requests.post(app.url + "/v1/forecasts", files=files, timeout=60).status_code in (200, 422)
    assert not target.exists() and _settled(app)


def test_nothing_is_fetched(app: Any) -> None:
    with socket.socket() as trap:
        trap.bind(("127.0.0.1", 0))
        trap.listen()
        trap.settimeout(0.3)
        link = f"http://127.0.0.1:{trap.getsockname()[1]}/clip.mp4"
        assert app.post(title=link, description=link, channel_id=link, transcript=link).status_code == 200
        playlist = f"#EXTM3U\n#EXTINF:1,\n{link}\n".encode()
        assert app.post(film=playlist).status_code == 422
        for name in (link, "media", "/etc/hostname"):
            concat = f"ffconcat version 1.0\nfile {name}\n".encode()
            assert _error(app.post(film=concat)) == (422, "unreadable"), name
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/forecasts"), ("GET", "/healthz"), ("PUT", "/")])
def test_whoever_asks_for_a_websocket_is_answered(app: Any, method: str, path: str) -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\na\r\n--b--\r\n'
        if method == "POST"
        else b""
    )
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address = app.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=30) as client:
        client.sendall(head.encode() + body)
        answer = client.recv(65_536)
    wanted = {"POST": b"HTTP/1.1 422", "GET": b"HTTP/1.1 200", "PUT": b"HTTP/1.1 422"}
    assert answer.startswith(wanted[method]), answer[:300]
    assert method == "GET" or b"no websockets here" in answer


def test_a_time_or_a_boundary_of_great_length_is_refused_before_it_is_parsed(app: Any) -> None:
    late = app.post(title="a", published_at="a" * 500_000)
    assert late.status_code == 422 and "published_at" in late.json()["error"]["message"]
    kind = {"Content-Type": "multipart/form-data; boundary=" + "b" * 300}
    odd = requests.post(f"{app.url}/v1/forecasts", data=b"x", headers=kind, timeout=60)
    assert odd.status_code == 422 and odd.json()["error"]["kind"] == "bad_request"
