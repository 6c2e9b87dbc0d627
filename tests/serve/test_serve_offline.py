"""With the real encoders of the offline profile, the app gives the number that `vvp predict` gives."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import requests
from clips import textured, tone, write
from learn_tables import learn
from serve_world import fill

from jobs.cli import run
from serve.app import build
from serve.config import FUSED, STAGES, AppArgs
from vvp.encoders.profiles import PROFILES

DRAFT = {
    "title": "Three things nobody tells you #shorts", "channel_id": "c3", "published_at": "2025-05-05T18:00",
}  # fmt: skip


@pytest.fixture
def space(tmp_path: Path) -> Any:
    made = fill(tmp_path / "workspace", PROFILES["offline"], n=60)
    learn(made, "default")
    return made


@pytest.fixture
def app_url(request: pytest.FixtureRequest, serve_url: str, space: Any) -> Any:
    from ray import serve

    stages = FUSED if request.param == "fused" else STAGES
    free = {name: stage.model_copy(update={"num_cpus": 0}) for name, stage in stages.items()}
    args = AppArgs(workspace=space.root, stages=free, layout=request.param)
    serve.run(build(args), name="real", route_prefix="/real")
    yield f"{serve_url}/real"
    serve.delete("real", _blocking=False)


@pytest.mark.parametrize("app_url", ["fused", "staged"], indirect=True)
@pytest.mark.slow  # every encoder is loaded twice: by the app and by `vvp predict`
def test_online_and_offline_are_one(
    app_url: str, space: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write(tmp_path / "a.mp4", [textured(320, 180, i // 9) for i in range(45)], sound=tone(1.5, 44_100))
    online: list[dict[str, Any]] = []

    def ask() -> None:
        for files in ({"video": ("a.mp4", Path(clip).read_bytes())}, {"none": ("", b"")}):
            got = requests.post(f"{app_url}/v1/forecasts", data=DRAFT, files=files, timeout=120)
            online.append(got.json())

    asking = threading.Thread(target=ask)
    asking.start()  # meanwhile the same offline
    words = ["--title", DRAFT["title"], "--channel", "c3", "--published-at", DRAFT["published_at"], "--json"]
    capsys.readouterr()
    offline = []
    for video in ([clip], []):
        assert run(["predict", *video, "--workspace", space.root, *words]) == 0
        offline.append(json.loads(capsys.readouterr().out))
    asking.join()
    for on, off in zip(online, offline, strict=True):
        assert on["log_views"] == pytest.approx(off["log_views"], abs=1e-4)
        assert {b["block"]: b["log_views"] for b in on["blocks"]} == pytest.approx(off["blocks"], abs=1e-4)
        assert on["interval"]["low"] == pytest.approx(off["low"], rel=1e-4)
        assert (on["missing"], on["model"], on["predictor"]) == (
            off["missing"], off["model"], off["predictor"],
        )  # fmt: skip
        assert [n["video_id"] for n in on["nearest"]] == [n["video_id"] for n in off["nearest"]]
    assert online[0]["missing"] == ["speech"] and abs(online[0]["blocks"][0]["log_views"]) > 1e-3
