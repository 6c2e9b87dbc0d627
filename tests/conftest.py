"""What tests share: one quiet Ray for the session, and a real browser; each starts when first asked for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before anything imports ray: Ray reads these once.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
# Ray runs its workers at niceness 15; beside a second test process that computes they would hardly run.
os.environ.setdefault("RAY_worker_niceness", "0")

if "PYTEST_XDIST_WORKER" in os.environ:
    # As many test processes as cores: threads of one would only wait for those of the others.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Ray's workers and the decoder's children import our fakes by name.
ROOT = Path(__file__).parents[1]
os.environ["PYTHONPATH"] = os.pathsep.join(
    str(ROOT / folder) for folder in (".", "benchmarks", "tests/media", "tests/embed", "tests/learn")
)


LONGEST = ("serve", "embed", "models", "media", "drivers", "report", "learn")  # folders of tests


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that short ones fill the end, where one process waits."""
    items.sort(key=lambda item: (*LONGEST, item.path.parent.name).index(item.path.parent.name))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Which tests one process runs, where there are several: a file's, and all of tests/serve, whose app
    takes half a minute to start. xdist's own groups do nothing under pytest 9.2 (pytest-xdist #1386)."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::")[0]
            return "serve" if file.startswith("tests/serve/") else file

    return ByFile(config, log)


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """Ray with two CPUs in this machine; its workers' output stays in Ray's own log files."""
    import ray

    # local: another Ray of this machine is never joined.
    ray.init("local", num_cpus=2, include_dashboard=False, ignore_reinit_error=True, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium of this machine, as a playwright Browser; skips where there is none.

    Of the module, not the session: while playwright's sync API is open, this thread counts as inside an
    event loop, and `asyncio.run` refuses to work in whatever test comes next.
    """
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        # Chromium's own sandbox refuses to start as root, which is what CI containers are.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        window = driver.chromium.launch(executable_path=path, args=arguments)
        yield window
        window.close()
