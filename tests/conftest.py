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

# Ray's workers and the decoder's children import our fakes by name.
ROOT = Path(__file__).parents[1]
os.environ["PYTHONPATH"] = os.pathsep.join(
    str(ROOT / folder) for folder in (".", "benchmarks", "tests/media", "tests/embed", "tests/learn")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which tests one process runs, where there are several: a file's, and all of tests/serve, whose app
    takes half a minute to start."""
    for item in items:
        folder = item.path.parent
        item.add_marker(pytest.mark.xdist_group("serve" if folder.name == "serve" else str(item.path)))


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
