"""One app for the tests of this folder: real Ray Serve, fake encoders, a predictor that is fast to make.

It reserves no CPU of the session's Ray, so tests of other folders do not notice it.
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
from page_visit import clip, visit  # noqa: F401 - fixtures of the page's tests

HERE = Path(__file__).parent
os.environ["PYTHONPATH"] = f"{os.environ['PYTHONPATH']}{os.pathsep}{HERE}"  # before Ray starts


@dataclass
class App:
    """The app that runs: where it is, what it was told, how to tell it something else."""

    url: str
    space: Any
    scratch: Path
    predictors: dict[str, str]  # run → predictor id
    told: dict[str, Any] = field(default_factory=dict)

    def tell(self, **changes: Any) -> None:
        """Deploys it with these AppArgs; what is not named is as it was at the start."""
        from ray import serve
        from serve_fakes import PROFILE, decode

        from serve.app import make
        from serve.config import STAGES, AppArgs

        stages = {name: stage.model_copy(update={"num_cpus": 0}) for name, stage in STAGES.items()}
        given = {"workspace": self.space.root, "scratch": str(self.scratch), "stages": stages, **changes}
        if given != self.told:
            serve.run(make(AppArgs(**given), PROFILE, decode))
            self.told = given

    def post(
        self, path: str = "/v1/forecasts", film: bytes | None = None, **fields: Any
    ) -> requests.Response:
        files = {"video": ("draft.mp4", film, "video/mp4")} if film is not None else {"none": ("", b"")}
        return requests.post(self.url + path, data=fields, files=files, timeout=60)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=60)


@pytest.fixture(scope="session")
def running(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    from ray import serve
    from serve_fakes import PROFILE
    from serve_world import damage, fill, learn

    space = fill(tmp_path_factory.mktemp("serve") / "workspace", PROFILE)
    predictors = {name: learn(space, name) for name in ("default", "other")}
    damage(space, "broken", of="default")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    scratch = tmp_path_factory.mktemp("scratch")
    made = App(f"http://127.0.0.1:{port}", space, scratch, predictors)
    made.tell()
    yield made
    serve.shutdown()


@pytest.fixture
def app(running: App) -> App:
    """The app as it was at the start, whatever the test before told it."""
    running.tell()
    return running


@pytest.fixture
def app_url(app: App) -> str:
    """Its address, for a browser."""
    return app.url
