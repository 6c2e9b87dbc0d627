"""What the app answers, on real Ray Serve with fake encoders."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from clips import counting, tone, write
from serve_fakes import PROFILE, film

from serve.docs import EXAMPLES
from serve.schemas import ForecastReply, Health, PredictorReply, RankingReply
from vvp.embed.recipe import first_row
from vvp.embed.stages import embed_here
from vvp.forecast.files import load
from vvp.forecast.predictor import draft_rows
from vvp.learn.intervals.calibration import ALL
from vvp.media.decode import DecodeSettings
from vvp.paths import RunPaths


def _total(said: dict[str, Any]) -> float:
    return said["starting_point"]["log_views"] + sum(b["log_views"] for b in said["blocks"])


def test_a_title_alone_gets_a_whole_forecast(app: Any) -> None:
    said = app.post(title="Why?", channel_id="c1", channel_followers=900, horizon_days=10).json()
    assert said["predictor"] == app.predictors["default"]
    assert said["interval"]["low"] < said["views"] < said["interval"]["high"]
    assert _total(said) == pytest.approx(said["log_views"], abs=1e-6)
    assert [b["block"] for b in said["blocks"]] == ["picture", "sound", "words", "timing", "channel"]
    assert said["missing"] == ["picture", "sound", "speech"] and said["model"] == "metadata only"
    assert said["baselines"]["channel's earlier videos"] > 0
    assert len(said["nearest"]) == 5 and said["horizon_days"] == pytest.approx(10.14, abs=0.01)
    assert any("asked for 10 days" in note for note in said["notes"]), "training counts are older"
    assert said["seconds"]["decode"] is None and said["seconds"]["forecast"] > 0


def test_a_video_gets_the_number_that_offline_gives(app: Any, tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", counting(20), sound=tone(0.6, 44_100))
    values = {
        "title": "A b", "tags": ["x", "y"], "channel_id": "c2", "channel_followers": 50,
        "published_at": datetime(2025, 4, 1, 18, tzinfo=timezone.utc),
    }  # fmt: skip
    row = embed_here(first_row(values, clip), PROFILE, None, DecodeSettings())
    predictor = load(app.space, RunPaths("default").predictor)
    offline = predictor.predict(draft_rows(values, row.to_pylist()[0]), 20.0)[0]
    online = app.post(
        film=Path(clip).read_bytes(), title="A b", tags="#x, y", channel_id="c2", channel_followers=50,
        published_at="2025-04-01T20:00+02:00", horizon_days=20,
    ).json()  # fmt: skip
    assert online["log_views"] == pytest.approx(offline.log_views, abs=1e-4)
    assert {b["block"]: b["log_views"] for b in online["blocks"]} == pytest.approx(offline.blocks, abs=1e-4)
    assert _total(online) == pytest.approx(online["log_views"], abs=1e-6)
    assert online["missing"] == offline.missing
    assert [n["video_id"] for n in online["nearest"]] == [n["video_id"] for n in offline.nearest]


def test_speech_is_recognised_unless_a_transcript_is_given(app: Any) -> None:
    spoken = film(brightness=100, words="so this happened")
    heard = app.post(film=spoken, title="a", published_at="2025-04-01").json()
    told = app.post(film=spoken, title="a", published_at="2025-04-01", transcript="so this happened").json()
    other = app.post(film=spoken, title="a", published_at="2025-04-01", transcript="no " * 90).json()
    silent = app.post(film=film(brightness=100), title="a", published_at="2025-04-01").json()
    assert heard["missing"] == told["missing"] == []
    assert heard["log_views"] == pytest.approx(told["log_views"], abs=1e-9)
    assert heard["seconds"]["transcribe"] is not None and told["seconds"]["transcribe"] is None
    assert abs(other["log_views"] - told["log_views"]) > 1e-6
    assert silent["missing"] == ["speech"]


def test_stages_are_told_as_they_happen(app: Any) -> None:
    files = {"video": ("a.mp4", film(brightness=90))}
    accept = {"Accept": "application/x-ndjson"}
    with requests.post(
        app.url + "/v1/forecasts", files=files, headers=accept, stream=True, timeout=60
    ) as got:
        lines = [json.loads(line) for line in got.iter_lines()]
    assert got.headers["Content-Type"].startswith("application/x-ndjson")
    told = [(line["stage"], line["state"]) for line in lines[:-1]]
    assert told == [
        ("received", "done"), ("decode", "started"), ("decode", "done"), ("encode", "started"),
        ("encode", "done"), ("forecast", "started"), ("forecast", "done"),
    ]  # fmt: skip
    assert lines[-1]["forecast"]["views"] > 0
    files = {"video": ("a.mp4", film(kind="picture_undecodable"))}
    got = requests.post(app.url + "/v1/forecasts", files=files, headers=accept, timeout=60)
    last = json.loads(got.text.splitlines()[-1])
    assert got.status_code == 200 and last["error"]["kind"] == "picture_undecodable"


def test_a_ranking_puts_the_bright_before_the_dark(app: Any) -> None:
    same = {"title": "a", "channel_id": "c1", "published_at": "2025-05-01"}
    drafts = [{**same, "video": "x"}, {**same, "title": "b", "video": "y"}, {**same, "video": "z"}]
    films = {n: ("f", film(brightness=b)) for n, b in (("x", 20), ("y", 250), ("z", 25))}
    said = requests.post(
        app.url + "/v1/rankings", data={"drafts": json.dumps(drafts)}, files=films, timeout=60
    ).json()
    assert [r["draft"] for r in said["order"]] == [1, 2, 0]
    assert said["order"][0]["title"] == "b" and said["predictor"] == app.predictors["default"]
    first, last = said["pairs"]
    assert (first["better"], first["worse"], last["better"], last["worse"]) == (1, 2, 2, 0)
    calibration = load(app.space, RunPaths("default").predictor).head.models.main.calibration
    n = calibration.pools[ALL].count
    assert first["probability"] == pytest.approx((n + 0.5) / (n + 1)) and not first["too_close_to_call"]
    assert 0.5 <= last["probability"] < 0.8 and last["too_close_to_call"]
    assert "Draft 2 comes first" in said["sentence"]
    assert {len(r["forecast"]["blocks"]) for r in said["order"]} == {5}


def test_a_ranking_by_a_target_that_there_is_not_names_those_there_are(app: Any) -> None:
    data = {"drafts": json.dumps([{"title": "a"}, {"title": "b"}]), "by": "likes"}
    got = requests.post(app.url + "/v1/rankings", data=data, files={"none": ("", b"")}, timeout=60)
    assert got.status_code == 422 and got.json()["error"]["kind"] == "bad_request"
    assert got.json()["error"]["message"] == "This run does not forecast likes; it forecasts views."
    assert (
        requests.post(
            app.url + "/v1/rankings", data={**data, "by": "views"}, files={"none": ("", b"")}, timeout=60
        ).json()["by"]
        == "views"
    )


def test_drafts_that_share_a_video_cost_one_look_at_it(app: Any) -> None:
    same = {"channel_id": "c1", "published_at": "2025-05-01"}
    given = [
        {**same, "title": "a", "video": "x"},
        {**same, "title": "b"},
        {**same, "title": "c", "video": "x"},
    ]
    files = {"x": ("f", film(brightness=90, words="so this happened"))}
    accept = {"Accept": "application/x-ndjson"}
    got = requests.post(
        app.url + "/v1/rankings", data={"drafts": json.dumps(given)}, files=files, headers=accept, timeout=60
    )
    *told, last = [json.loads(line) for line in got.text.splitlines()]
    done = [(line["stage"], line["drafts"]) for line in told[1:] if line["state"] == "done"]
    assert sorted(done[:-1]) == [("decode", [0, 2]), ("encode", [0, 2]), ("encode", [1])]
    assert done[-1] == ("forecast", [0, 1, 2])
    ranked = {one["draft"]: one["forecast"] for one in last["ranking"]["order"]}
    for i, draft in enumerate(given):
        film_of = files["x"][1] if "video" in draft else None
        fields = {k: v for k, v in draft.items() if k != "video"}
        alone = app.post(film=film_of, **fields).json()
        assert ranked[i]["log_views"] == pytest.approx(alone["log_views"], abs=1e-9)
        assert ranked[i]["missing"] == alone["missing"]
        assert {k for k, v in ranked[i]["seconds"].items() if v} == {
            k for k, v in alone["seconds"].items() if v
        }


def test_a_ranking_names_the_draft_that_is_wrong(app: Any) -> None:
    drafts = [{"title": "a"}, {"title": "b", "video": "y"}]
    films = {"y": ("f", film(kind="unreadable"))}
    got = requests.post(
        app.url + "/v1/rankings", data={"drafts": json.dumps(drafts)}, files=films, timeout=60
    )
    assert got.status_code == 422
    error = got.json()["error"]
    assert error["kind"] == "unreadable" and error["message"].startswith("Draft 2: ")


def test_what_the_predictor_is(app: Any) -> None:
    said = app.get("/v1/predictor").json()
    assert said["id"] == app.predictors["default"] and said["model"] == "ridge"
    assert said["trained_on"]["videos"] > 50 and said["trained_on"]["channels"] == 8
    assert said["encoders"]["transcriber"].startswith("fake-speech@")
    assert said["accepts_metadata_only"] is True and said["refused"] is None
    assert said["upload_limits"] == {"bytes": 256 * 2**20, "seconds": 300}
    assert said["quality"]["metrics"]["spearman"]["point"] > 0.5 and len(said["cannot_know"]) >= 4
    health = app.get("/healthz")
    assert health.status_code == 200 and health.json()["predictor"] == said["id"]


def test_pages_are_ours_alone(app: Any) -> None:
    for path in ("/", "/docs", "/static/page.js", "/static/page.css"):
        got = app.get(path)
        assert got.status_code == 200, path
        assert got.headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert "https://" not in got.text.replace("http://www.w3.org/", "") and "//cdn" not in got.text, path
    assert "/v1/rankings" in app.get("/docs").text and f"curl {app.url}/v1/predictor" in app.get("/docs").text
    assert app.get("/nowhere").headers["Content-Security-Policy"].startswith("default-src 'self';")
    for path in ("/static/../app.py", "/static/%2e%2e%2fapp.py", "/nothing", "/static/index.html.bak"):
        got = app.get(path)
        assert got.status_code == 404 and got.json()["error"]["kind"] == "not_found", path
    assert requests.delete(app.url + "/v1/forecasts", timeout=60).status_code == 405


def test_many_at_once_are_one_batch_each_with_its_own_answer(app: Any) -> None:
    bright = [int(b) for b in np.linspace(0, 255, 12)]
    with ThreadPoolExecutor(12) as pool:
        said = list(pool.map(lambda b: app.post(film=film(brightness=b), published_at="2025-05-01"), bright))
    assert [s.status_code for s in said] == [200] * 12
    log_views = [s.json()["log_views"] for s in said]
    assert log_views == sorted(log_views) and log_views[-1] - log_views[0] > 2


def test_metrics_are_counted_and_neither_they_nor_logs_tell_what_was_sent(app: Any) -> None:
    import ray

    secret = "Zyxomma tillyardi"
    app.post(title=secret, film=film(brightness=200, words=secret))
    app.post(title=secret, film=film(kind="unreadable"))
    app.post(title=secret, colour="red")
    app.post(title="a", transcript=secret, horizon_days=-1)
    [node] = ray.nodes()
    address = f"http://127.0.0.1:{node['MetricsExportPort']}/metrics"

    def series(name: str, **tags: str) -> float:
        lines = [line for line in text.splitlines() if line.startswith(f"ray_{name}{{")]
        fitting = [line for line in lines if all(f'{k}="{v}"' in line for k, v in tags.items())]
        return sum(float(line.rsplit(" ", 1)[1]) for line in fitting)

    end = time.monotonic() + 60
    while True:  # Ray's workers report every few seconds
        text = requests.get(address, timeout=60).text
        if series("vvp_requests_total", outcome="bad_request") >= 2:
            break
        assert time.monotonic() < end, "the metrics never came"
        time.sleep(0.5)
    assert series("vvp_requests_total", outcome="ok", route="/v1/forecasts") >= 1
    assert series("vvp_requests_total", outcome="unreadable") >= 1
    assert series("vvp_step_seconds_count", step="decode") >= 1
    assert series("vvp_interval_width_log_views_count") >= 1 and series("vvp_forecasts_total") >= 1
    assert series("vvp_batch_size_count", stage="video") >= 1
    app.tell(Ingress={"user_config": {"upload_mb": -1}})  # an error: it brings the lines before it to disk
    logs = Path(ray._private.worker._global_node.get_logs_dir_path())
    told = [file for file in logs.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    assert not told and secret not in text
    requests_told = [
        json.loads(line)
        for file in (logs / "serve").glob("replica_default_Ingress_*.log")
        for line in file.read_text().splitlines()
    ]
    assert {"vvp_route", "vvp_outcome", "vvp_seconds"} <= set().union(*requests_told)


def test_the_examples_of_the_documentation_are_of_its_models() -> None:
    models = {
        "forecast": ForecastReply,
        "ranking": RankingReply,
        "predictor": PredictorReply,
        "health": Health,
    }
    for name, model in models.items():
        model.model_validate(EXAMPLES[name])
