"""The app's parts by themselves, without Ray Serve: forms, drafts, keys, the Forecaster, rankings."""

import asyncio
import errno
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import ray.serve
from fastapi import FastAPI
from learn_tables import learn
from ray.exceptions import ObjectStoreFullError
from serve_fakes import PROFILE
from serve_world import damage, fill
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from serve import deployments, drafts
from serve.api import make_api
from serve.config import Limits
from serve.drafts import ranked_by
from serve.errors import ApiError, no_room
from serve.forecaster import Forecaster
from serve.ingress import Ingress
from serve.leftovers import sweep
from serve.proxy import Told
from serve.ranking import ranked
from serve.schemas import Draft, ForecastReply, Health, TargetReply
from serve.uploads import Form, lively, read_form
from vvp import api
from vvp.errors import UserError
from vvp.forecast.head import Embedding
from vvp.forecast.predictor import ROW
from vvp.learn.first_points import at_first_points
from vvp.media.decode import DecodeSettings
from vvp.workspace import Workspace

BODY = (
    b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\nZwei\r\nZeilen \xc3\xbc\r\n'
    b'--b\r\nContent-Disposition: form-data; name="none"; filename=""\r\n\r\n\r\n'
    b'--b\r\nContent-Disposition: form-data; name="video"; filename="../x.mp4"\r\n'
    b"Content-Type: video/mp4\r\n\r\n\x00--b\r\n--\r\n\xff\r\n--b--\r\n"
)
KIND = "multipart/form-data; boundary=b"


def _read(body: bytes, step: int = 10**6, kind: str = KIND, **limits: int) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), step):
            yield body[start : start + step]

    form = Form()
    asyncio.run(read_form(form, chunks(), kind, **{"file_bytes": 100, "most_files": 2, **limits}))
    return form


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 10**6])
def test_a_form_is_the_same_however_it_is_cut(step: int) -> None:
    with _read(BODY.replace(b"\x00--b\r\n", b"\x00--c\r\n"), step) as form:
        assert form.texts == {"title": "Zwei\r\nZeilen ü"}
        assert list(form.files) == ["video"]  # a file input that was left empty is none
        with form.files["video"].mapped() as content:
            assert bytes(content) == b"\x00--c\r\n--\r\n\xff" and form.files["video"].size == len(content)


PART = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
BROKEN = [
    (b"", "bad_request"),
    (b"nonsense", "bad_request"),
    (BODY[:-9], "bad_request"),
    (PART % (b"title", b"a"), "bad_request"),
    (PART % (b"title", b"\xff") + b"--b--\r\n", "bad_request"),
    (PART % (b"title", b"a") * 2 + b"--b--\r\n", "bad_request"),
    (PART % (b"", b"a") + b"--b--\r\n", "bad_request"),
    (b"--b\r\n\r\na\r\n--b--\r\n", "bad_request"),
    (b"".join(PART % (b"%d" % i, b"") for i in range(70)) + b"--b--\r\n", "bad_request"),
    (PART % (b"title", b"a" * (2 << 20)) + b"--b--\r\n", "too_large"),
    (b"--b\r\n" + b"X: y\r\n" * 50 + b"\r\n\r\n--b--\r\n", "bad_request"),
]


@pytest.mark.parametrize("body, kind", BROKEN)
def test_what_is_no_whole_form_is_refused(body: bytes, kind: str) -> None:
    with pytest.raises(ApiError) as error:
        _read(body, 4096)
    assert error.value.kind == kind


def test_files_are_counted_and_measured() -> None:
    for limits, kind in (({"file_bytes": 5}, "too_large"), ({"most_files": 1}, "bad_request")):
        with pytest.raises(ApiError) as error:
            _read(BODY.replace(b'filename=""', b'filename="y"'), **limits)
        assert error.value.kind == kind


def test_blank_is_missing_and_tags_come_in_every_dress() -> None:
    draft = Draft.model_validate({"title": " ", "tags": "#a, b\tc,#d  ", "channel_followers": ""})
    assert draft.title is None and draft.channel_followers is None and draft.tags == ["a", "b", "c", "d"]
    assert Draft.model_validate({"tags": " # "}).tags is None
    zoned = Draft.model_validate({"published_at": "2025-01-01T10:00+02:00"}).published_at
    naive = Draft.model_validate({"published_at": "2025-01-01T08:00"}).published_at
    assert zoned == naive
    assert draft.values()["published_at"] is not None  # now


@pytest.mark.parametrize(
    "given",
    ["", "[", "{}", "[{}]", json.dumps([{"title": "a"}] * 11), "[" * 100_000, '[{"title":"a"},{"video":"v"}]',
     '[{"title":"a","video":"v"},{"title":"b","video":"w"}]', '[{"title":"a"},3]', "[NaN,NaN]"],
)  # fmt: skip
def test_a_ranking_needs_two_to_ten_drafts_and_their_files(given: str) -> None:
    with pytest.raises(ApiError) as error:
        drafts.several(Form(texts={"drafts": given}))
    assert error.value.kind == "bad_request"


class Acting:
    """What api.py needs of an Ingress, with a key and nothing behind it."""

    scratch = hosts = None
    closing = False
    bounds = Limits()
    ended_as: list[tuple[str, str]]

    def __init__(self, key: str | None) -> None:
        self.key_sha256 = key and sha256(key.encode()).hexdigest()
        self.ended_as = []
        self.uploads: Counter[str] = Counter()

    admit, place, at_work = Ingress.admit, Ingress.place, 0
    uploading, _refuse_when_full = Ingress.uploading, Ingress._refuse_when_full

    async def predictor(self) -> Any:
        raise ZeroDivisionError("a secret title")

    async def health(self) -> Health:
        return Health(status="ok", predictor="p", refused=None)

    def ended(self, route: str, outcome: str, seconds: float) -> None:
        self.ended_as.append((route, outcome))


def test_with_a_key_every_call_of_the_api_needs_it_and_the_page_does_not() -> None:
    acting = Acting("s3cret")
    client = TestClient(make_api(acting))
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": "s3cre"}, {"X-API-Key": "s3cret "[::-1]}):
        for path, call in (("/v1/predictor", client.get), ("/v1/forecasts", client.post)):
            got = call(path, headers=headers)
            assert (got.status_code, got.json()["error"]["kind"]) == (401, "unauthorized")
    assert client.post("/v1/rankings", headers={"X-API-Key": "s3cret"}).status_code == 415
    assert client.get("/healthz").status_code == client.get("/").status_code == 200
    assert acting.ended_as[0] == ("/v1/predictor", "unauthorized")
    assert TestClient(make_api(Acting(None))).post("/v1/forecasts").status_code == 415


def test_a_key_of_any_letters_is_taken_as_the_environment_holds_it() -> None:
    client = TestClient(make_api(Acting("schlüssel🗝")))
    sent = {"X-API-Key": "schlüssel🗝".encode()}
    assert client.post("/v1/rankings", headers=sent).status_code == 415
    assert client.post("/v1/rankings", headers={"X-API-Key": "schlüssel".encode()}).status_code == 401


def test_a_full_disk_is_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("wb")  # noqa: SIM115 - the form closes it
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: full)
    acting = Acting(None)
    got = TestClient(make_api(acting)).post(
        "/v1/forecasts", files={"video": ("a.mp4", b"0" * 90_000, "video/mp4")}
    )
    assert (got.status_code, got.json()["error"]["kind"]) == (503, "unavailable")
    assert acting.ended_as == [("/v1/forecasts", "unavailable")] and acting.at_work == 0


def test_what_is_full_is_known_from_another_process_too(ray_session: None) -> None:
    @ray.remote(max_retries=0)
    def fill(number: int) -> None:
        raise OSError(number, "as it was told")

    for number, full in ((errno.ENOSPC, True), (errno.EACCES, False)):
        with pytest.raises(OSError) as error:
            ray.get(fill.remote(number))
        assert no_room(error.value) is full
    assert no_room(ObjectStoreFullError()) and not no_room(ValueError())


class Slow:
    """Acts as a stage of words whose passes take a while. "Vector": the title's length, the batch's size."""

    settings = DecodeSettings()

    def __call__(self, rows: pa.Table) -> pa.Table:
        time.sleep(0.2)
        vectors = pa.array([[float(len(title)), float(len(rows))] for title in rows["title"].to_pylist()])
        return rows.append_column("text_embedding", vectors)


def test_what_comes_while_the_model_works_is_one_batch(serve_url: str) -> None:
    slow = ray.serve.deployment(deployments.Encoder, name="Slow", max_ongoing_requests=64)
    encoder = ray.serve.run(slow.bind("text", (8, 0.0), Slow), name="slow", route_prefix=None)
    try:
        encoder.remote({"title": "to see how long a pass takes"}).result()
        replies = [encoder.remote({"title": "x" * i}) for i in range(12)]
        lengths, sizes = zip(*(one.result()["text_embedding"] for one in replies), strict=True)
    finally:
        ray.serve.delete("slow")
    assert lengths == tuple(range(12))
    assert max(sizes) >= 4, sizes


def test_long_texts_hold_up_no_short_one(serve_url: str) -> None:
    slow = ray.serve.deployment(deployments.Encoder, name="Slow", max_ongoing_requests=64)
    encoder = ray.serve.run(slow.bind("text", (8, 0.0), Slow), name="slow", route_prefix=None)
    try:
        encoder.remote({"title": "to see how long a pass takes"}).result()
        long = [encoder.remote({"title": "x" * 5000}) for _ in range(20)]  # four seconds of work
        started = time.monotonic()
        assert encoder.remote({"title": "short"}).result()["text_embedding"][0] == 5
        waited = time.monotonic() - started
        assert all(one.result()["text_embedding"] == [5000, 1] for one in long), "each by itself"
        worked = time.monotonic() - started
    finally:
        ray.serve.delete("slow")
    assert worked > 3 and waited < worked / 3


def test_whoever_leaves_while_a_long_text_waits_costs_no_pass() -> None:
    passes = 0

    class Counted(Slow):
        def __call__(self, rows: pa.Table) -> pa.Table:
            nonlocal passes
            passes += 1
            return super().__call__(rows)

    async def leave() -> None:
        encoder = deployments.Encoder("text", (8, 0.0), Counted)
        before = passes  # it has proven itself with one row
        asked = [asyncio.create_task(encoder({"title": "x" * 5000})) for _ in range(20)]
        await asyncio.sleep(0.05)
        for task in asked[1:]:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert passes - before == 1 and (await encoder({"title": "y" * 5000}))["text_embedding"] == [5000, 1]

    asyncio.run(leave())


def test_vectors_of_the_words_asked_for_last_are_kept() -> None:
    kept = deployments.Kept(2)
    for i, title in enumerate("abca"):
        if kept.get({"title": title, "status": "ok"}) is None:
            kept.put({"title": title, "status": "ok"}, [float(i)])
    assert [kept.get({"title": title}) for title in "abc"] == [[3.0], None, [2.0]]
    assert kept.get({"title": "a", "transcript": "b"}) is None and len(kept.vectors) == 2
    none = deployments.Kept(0)
    none.put({"title": "a"}, [1.0])
    assert none.get({"title": "a"}) is None


def test_drafts_that_are_forecast_together_get_what_they_get_alone(space: Workspace) -> None:
    learn(space, "first")
    forecaster = Forecaster(Embedding.model_validate(space.read_json("embed.json")))
    forecaster.reconfigure({"workspace": space.root, "name": "first"})
    rng = np.random.default_rng(0)

    def draft(title: str, horizon_days: float | None = None, media: bool = False) -> Any:
        row = dict.fromkeys(ROW.names) | {"status": "ok", "transcript": None}
        for modality in forecaster.current.dims.modalities:
            if media or modality.input == "words":
                length = forecaster.current.dims.lengths[modality.name]
                row[modality.vector] = rng.normal(size=length).tolist()
        return {"title": title, "channel_id": "c1"}, row, horizon_days

    views = "views"
    asked: list[tuple[Any, str]] = [
        ([draft("a")], views), ([draft("b", 20.0), draft("c")], views), ([draft("d", 20.0, True)], views),
        ([draft("e")], views),
    ]  # fmt: skip
    together: list[Any] = forecaster._answers(asked)
    alone: Any
    for some, said in zip(asked, together, strict=True):
        [alone] = forecaster._answers([some])
        for one, other in zip(said["forecasts"], alone["forecasts"], strict=True):
            assert one["log_views"] == pytest.approx(other["log_views"], abs=1e-9)
            assert one["horizon_days"] == other["horizon_days"] and one["nearest"] == other["nearest"]
        assert len(said["beats"]) == len(some[0])
    wrong = ({"colour": "red"}, None, None)
    said = forecaster._answers([([draft("a")], views), ([wrong], views), ([draft("b")], views)])
    assert isinstance(said[1], ValueError) and "forecasts" in said[0] and "forecasts" in said[2]


def test_under_a_prefix_the_key_is_asked_for_too() -> None:
    acting = Acting("s3cret")
    outer = FastAPI()
    outer.mount("/below", make_api(acting))
    got = TestClient(outer).post("/below/v1/forecasts")
    assert got.status_code == 401 and acting.ended_as == [("/v1/forecasts", "unauthorized")]


def test_a_mistake_of_ours_is_told_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    got = TestClient(make_api(Acting(None))).get("/v1/predictor")
    assert got.status_code == 500 and got.json()["error"]["kind"] == "internal"
    assert "secret" not in got.text + caplog.text


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return fill(tmp_path_factory.mktemp("parts") / "ws", PROFILE, n=80)


def test_the_forecaster_takes_whole_predictors_only(space: Workspace) -> None:
    first, second = learn(space, "first"), learn(space, "second")
    damage(space, "broken", of="first")
    at = {"workspace": space.root}
    forecaster = Forecaster(Embedding.model_validate(space.read_json("embed.json")))
    for wrong in ({**at, "name": "broken"}, {**at, "name": "absent"}, {**at, "name": "../first"}):
        with pytest.raises((UserError, ValueError)):
            forecaster.reconfigure(wrong)  # with nothing to fall back on it must not start
    forecaster.reconfigure({**at, "name": "first"})
    for wrong in (
        {**at, "name": "broken"}, {**at, "name": "absent"}, {**at, "name": "../first"},
        {**at, "name": "second", "id": first}, {"workspace": "/nowhere"}, {},
    ):  # fmt: skip
        forecaster.reconfigure(wrong)
        assert forecaster.facts()["id"] == first and forecaster.facts()["refused"]
    forecaster.reconfigure({**at, "name": "second", "id": second})
    assert forecaster.facts()["id"] == second and forecaster.facts()["refused"] is None


def test_the_forecaster_orders_by_every_target_that_it_has(space: Workspace) -> None:
    learn(space, "both")
    options = {"name": "both", "target": "likes", "others": False, "families": ["ridge"]}
    api.tune(space.root, sweep_for=at_first_points(["ridge"]), **options)
    api.evaluate(space.root, name="both", target="likes", resamples=100)
    forecaster = Forecaster(Embedding.model_validate(space.read_json("embed.json")))
    forecaster.reconfigure({"workspace": space.root, "name": "both"})
    assert forecaster.facts()["targets"] == ["views", "likes"]
    drafts_ = [({"title": "a", "channel_followers": n}, None, None) for n in (100, 9_000)]
    said: Any
    [said, refused] = forecaster._answers([(drafts_, "likes"), (drafts_, "shares")])
    assert said["strengths"] == [one["targets"]["likes"]["value"] for one in said["forecasts"]]
    assert [row[i] for i, row in enumerate(said["beats"])] == [None, None]
    assert refused["no_target"].startswith("this run does not forecast shares")


def test_a_predictor_of_other_encoders_is_refused(space: Workspace) -> None:
    learn(space, "first")
    recipe = space.read_json("embed.json")
    changed = {**recipe, "encoders": {**recipe["encoders"], "video": "another@000000000000"}}
    other = Forecaster(Embedding.model_validate(changed))
    with pytest.raises(UserError, match="other encoders"):
        other.reconfigure({"workspace": space.root, "name": "first"})


def _reply(log_views: float, standing: str = "better") -> ForecastReply:
    return ForecastReply.model_construct(
        predictor="p", log_views=log_views, views=150.0, quality={"standing": standing}
    )


def test_a_ranking_calls_only_what_can_be_told_apart() -> None:
    beats = [[None, 0.9, 0.4], [0.1, None, 0.2], [0.6, 0.8, None]]
    replies = [_reply(5.0), _reply(3.0), _reply(5.1)]
    said = ranked(replies, ["a", "b", None], [5.0, 3.0, 5.1], beats, too_close=0.8)
    assert [(p.better, p.worse, p.too_close_to_call) for p in said.pairs] == [(2, 0, True), (0, 1, False)]
    assert "too close to call" in said.sentence and "60 %" in said.sentence
    clear = ranked(replies[:2], ["a", "b"], [5.0, 3.0], beats, too_close=0.8)
    assert clear.sentence == "Draft 1 comes first: it beats the next, draft 2, with a probability of 90 %."
    unknown = ranked(replies[:2], ["a", "b"], [5.0, 3.0], [[None, None], [None, None]], too_close=0.8)
    assert unknown.pairs[0].too_close_to_call and "no measured errors" in unknown.sentence


def test_a_ranking_obeys_what_evaluation_measured() -> None:
    beats = [[None, 0.95], [0.05, None]]
    useless = ranked(
        [_reply(5.0, "no better"), _reply(3.0, "no better")], ["a", "b"], [5.0, 3.0], beats, too_close=0.8
    )
    assert useless.pairs[0].too_close_to_call and useless.sentence.startswith("Take this order as a hint")
    unproven = "not shown to be better"
    said = ranked(
        [_reply(5.0, unproven), _reply(3.0, unproven)], ["a", "b"], [5.0, 3.0], beats, too_close=0.8
    )
    assert said.sentence.startswith("The model is not shown to beat the simple rule. Draft 1 comes first")
    same = ranked([_reply(5.0, "rule"), _reply(5.0, "rule")], ["a", "b"], [5.0, 5.0], beats, too_close=0.8)
    assert same.sentence.startswith("These drafts cannot be told apart") and "150 for each" in same.sentence


def test_a_ranking_by_another_target_speaks_of_it() -> None:
    def reply(text: str, standing: str) -> ForecastReply:
        likes = TargetReply.model_construct(target="likes", text=text, standing=standing)
        return ForecastReply.model_construct(
            predictor="p",
            log_views=5.0,
            views=150.0,
            quality={"standing": "no better"},
            targets={"likes": likes},
        )

    replies = [reply("20 likes", "better"), reply("90 likes", "better")]
    said = ranked(replies, ["a", "b"], [20.0, 90.0], [[None, 0.1], [0.9, None]], 0.8, "likes")
    assert said.by == "likes" and [one.draft for one in said.order] == [1, 0]
    assert said.sentence.startswith("Draft 2 comes first by likes: it beats the next, draft 1")
    same = ranked([reply("20 likes", "rule")] * 2, ["a", "b"], [20.0, 20.0], [[None] * 2] * 2, 0.8, "likes")
    assert "rule for likes, and the rule forecasts 20 likes for each" in same.sentence


@pytest.mark.parametrize(
    ("by", "wanted"), [(None, "views"), (" ", "views"), ("likes", "likes"), ("fame", None)]
)
def test_a_ranking_is_by_views_unless_another_target_is_named(by: str | None, wanted: str | None) -> None:
    form = Form()
    form.texts |= {} if by is None else {"by": by}
    if wanted is None:
        with pytest.raises(ApiError, match="The field by must be one of views, likes"):
            ranked_by(form)
    else:
        assert ranked_by(form) == wanted


def test_leftovers_of_dead_processes_go_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "pre-999999999-a").mkdir()
    (tmp_path / f"pre-{os.getpid()}-a").mkdir()
    (tmp_path / "pre-x-a").mkdir()
    sweep("pre-", str(tmp_path))
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([f"pre-{os.getpid()}-a", "pre-x-a"])


def _guarded(hosts: list[str] | None) -> TestClient:
    acting = Acting(None)
    acting.hosts = hosts  # type: ignore[assignment]
    return TestClient(make_api(acting), base_url="http://127.0.0.1:8000")


def test_a_name_that_is_not_the_apps_is_refused() -> None:
    """What a page elsewhere would use that lets its own name point here."""
    client = _guarded(["Draft.Example"])
    taken = ("127.0.0.1:8000", "127.0.0.1", "[::1]:8000", "localhost:9", "draft.example", "192.168.0.7:80")
    refused = (
        "evil.example",
        "127.0.0.1.evil.example:8000",
        "localhost.evil.example",
        "",
        "draft.example@evil",
        "[",
    )
    for path in ("/", "/healthz", "/static/page.css", "/docs", "/openapi.json"):
        for host in taken:
            assert client.get(path, headers={"Host": host}).status_code == 200, (path, host)
        for host in refused:
            got = client.get(path, headers={"Host": host})
            assert (got.status_code, got.json()["error"]["kind"]) == (403, "forbidden"), (path, host)
    assert _guarded(None).get("/healthz", headers={"Host": "evil.example"}).status_code == 200


def test_a_page_of_another_site_posts_nothing() -> None:
    for hosts in (None, ["127.0.0.1"]):
        client = _guarded(hosts)
        own: list[dict[str, str]] = [
            {}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://behind.a.proxy"},
            {"Sec-Fetch-Site": "none"}, {"Origin": "http://127.0.0.1:8000"},
        ]  # fmt: skip
        others = [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "odd")]
        origins = (
            "http://evil.example",
            "null",
            "http://127.0.0.1:8001",
            "http://127.0.0.1:8000.evil.example",
        )
        others += [{"Origin": origin} for origin in origins]
        for path in ("/v1/forecasts", "/v1/rankings"):
            for headers in own:
                assert client.post(path, headers=headers).status_code == 415, headers
            for headers in others:
                assert client.post(path, headers=headers).status_code == 403, headers
        assert client.get("/healthz", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_whoever_asks_for_a_socket_is_answered() -> None:
    with pytest.raises(WebSocketDisconnect), _guarded(None).websocket_connect("/v1/forecasts"):
        pass


def test_an_idle_upload_ends_soon_and_a_slow_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve.uploads.IDLE_S", 0.3)

    async def dripping(chunk: bytes, every_s: float) -> AsyncIterator[bytes]:
        while True:
            yield chunk
            await asyncio.sleep(every_s)

    async def take(body: AsyncIterator[bytes], most: int) -> int:
        taken = 0
        async for chunk in lively(body, 1000):
            taken += len(chunk)
            if taken >= most:
                break
        return taken

    for chunk, every_s in ((b"x", 60.0), (b"x", 0.01)):
        started = time.monotonic()
        with pytest.raises(ApiError) as error:
            asyncio.run(take(dripping(chunk, every_s), 10**6))
        assert error.value.kind == "slow_upload" and time.monotonic() - started < 2
    assert asyncio.run(take(dripping(b"x" * 400, 0.05), 4000)) == 4000


def test_uploads_hold_no_place_and_one_client_not_all_of_them() -> None:
    acting = Acting(None)
    acting.bounds = Limits(at_once=1, uploads=4)
    with acting.uploading("a"), acting.uploading("a"):
        with pytest.raises(ApiError), acting.uploading("a"):
            pass
        with acting.uploading("b"), acting.place(), pytest.raises(ApiError), acting.uploading("c"):
            pass
    assert not acting.uploads and acting.at_work == 0


@pytest.mark.parametrize("harm", ["plain", "raised", "silent", "cancelled", "json", "begun"])
def test_what_serves_proxy_says_itself_becomes_json(harm: str) -> None:
    """Without Serve: a plain error, one that is raised, an error of ours, one in the middle of an answer."""
    ours = {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]}
    bare = {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"text/plain")]}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if harm == "silent":
            return
        if harm == "cancelled":
            raise asyncio.CancelledError
        if harm != "raised":
            await send(bare if harm == "plain" else ours)
            await send({"type": "http.response.body", "body": b"Internal Server Error"})
        if harm in ("raised", "begun"):
            raise RuntimeError("the replica died")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def ask() -> None:
        await Told(app)({"type": "http"}, None, send)

    if harm == "begun":
        with pytest.raises(RuntimeError):
            asyncio.run(ask())
    else:
        asyncio.run(ask())
    assert len(sent) == 2 and sent[0]["status"] == (500 if harm in ("json", "begun") else 503)
    assert (b"unavailable" in sent[1]["body"]) == (harm not in ("json", "begun"))
