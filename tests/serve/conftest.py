"""One app for the tests of this folder: real Ray Serve, fake encoders, a predictor that is fast to make."""

import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from page_visit import clip, visit  # noqa: F401 - fixtures of the page's tests

from serve.config import SWITCHES
from serve.proxy import SETTINGS

# The switches are for Ray's processes alone. This one may have them from the process that started it.
for switch in SWITCHES | SETTINGS:
    os.environ.pop(switch, None)

from ray.serve.context import _get_global_client  # noqa: E402
from ray.serve.schema import ServeDeploySchema  # noqa: E402

HERE = Path(__file__).parent
START_S = 180.0
IN_BOTH = ("test_app", "test_faults", "test_limits")
QUICK = ("test_a_title_alone_gets_a_whole_forecast", "test_a_video_gets_the_number_that_offline_gives")
os.environ["PYTHONPATH"] = f"{os.environ['PYTHONPATH']}{os.pathsep}{HERE}"  # before Ray starts
os.environ.update(SWITCHES | SETTINGS)  # as `vvp serve` does


@dataclass
class App:
    """The app that runs: where it is, what it was told, how to tell it something else."""

    url: str
    space: Any
    scratch: Path
    predictors: dict[str, str]  # run → predictor id
    layout: str
    told: Any = None

    def tell(self, code: int = 0, **changes: dict[str, Any]) -> None:
        """Deploys it as `serve deploy` would, with these changes (deployment → options) to how it started.

        code: another number stands for other code, so that every replica is replaced.
        """
        deployments = [{"name": name, **options} for name, options in changes.items()]
        if (code, deployments) == self.told:
            return
        args = {
            "workspace": self.space.root, "scratch": str(self.scratch), "threads": 1 + code,
            "layout": self.layout,
        }  # fmt: skip
        app = {
            "name": "default",
            "import_path": "serve_fake_app:build",
            "args": args,
            "deployments": deployments,
        }
        client = _get_global_client()
        client.deploy_apps(ServeDeploySchema(applications=[app]))
        _wait_until_running(client)
        self.told = (code, deployments)

    def serve_run(self, name: str) -> None:
        """Tells the forecaster to take the predictor of that run, by user_config."""
        at = {"workspace": self.space.root, "name": name}
        if self.layout == "fused":
            self.tell(Ingress={"user_config": {"predictor": at}})
        else:
            self.tell(Forecaster={"user_config": at})

    @property
    def forecaster(self) -> str:
        """The deployment that forecasts."""
        return "Ingress" if self.layout == "fused" else "Forecaster"

    def post(
        self, path: str = "/v1/forecasts", film: bytes | None = None, **fields: Any
    ) -> requests.Response:
        files = {"video": ("draft.mp4", film, "video/mp4")} if film is not None else {"none": ("", b"")}
        return requests.post(self.url + path, data=fields, files=files, timeout=60)

    def get(self, path: str) -> requests.Response:
        return requests.get(self.url + path, timeout=60)


def _wait_until_running(client: Any) -> None:
    """As deploy_apps' own `_blocking`, which gives up after 60 s: too soon for two cores that do more."""
    deadline = time.monotonic() + START_S
    while [one.app_status.status.value for one in client.list_serve_statuses()].count("RUNNING") < 1:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the app does not run after {START_S:g} s")
        time.sleep(0.2)
    client.wait_for_proxies_serving(wait_for_applications_running=True)


def replicas(deployment: str) -> set[int]:
    """The processes of a deployment's replicas, of this session's Ray alone."""
    import ray

    [raylet] = ray._private.worker._global_node.all_processes["raylet"]
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_text(errors="replace")
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        except OSError:  # it has just ended
            continue
        if title.startswith(f"ray::ServeReplica:default:{deployment}") and int(parent) == raylet.process.pid:
            found.add(int(folder.name))
    return found


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="session")
def serve_url(ray_session: None) -> Iterator[str]:
    """Ray Serve on a free port, with no app."""
    from ray import serve

    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    yield f"http://127.0.0.1:{port}"
    serve.shutdown()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The app's tests run on the layout of a laptop, those of IN_BOTH on the other too: the quick ones of
    them in every run."""
    if "running" in metafunc.fixturenames:
        module, name = metafunc.module.__name__, metafunc.definition.name
        staged = pytest.param("staged", marks=() if name in QUICK else pytest.mark.slow)
        layouts = ["fused", *([staged] if module in IN_BOTH else [])]
        metafunc.parametrize("running", layouts, indirect=True, scope="session")


@pytest.fixture(scope="session")
def running(request: pytest.FixtureRequest, serve_url: str, tmp_path_factory: pytest.TempPathFactory) -> App:
    from learn_tables import learn
    from serve_fakes import PROFILE
    from serve_world import damage, fill

    space = fill(tmp_path_factory.mktemp("serve") / "workspace", PROFILE)
    predictors = {name: learn(space, name) for name in ("default", "other")}
    damage(space, "broken", of="default")
    made = App(serve_url, space, tmp_path_factory.mktemp("scratch"), predictors, request.param)
    made.tell()
    return made


@pytest.fixture
def app(running: App) -> App:
    """The app as it was at the start, whatever the test before told it."""
    running.tell()
    return running


@pytest.fixture
def app_url(app: App) -> str:
    """Its address, for a browser."""
    return app.url
