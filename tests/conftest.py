"""What every test shares: one quiet Ray for the whole session, started by the first test that asks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before anything imports ray: Ray reads these once.
os.environ["RAY_AUTH_MODE"] = "disabled"
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

# Ray's workers and the decoder's children import our fakes by name.
ROOT = Path(__file__).parents[1]
os.environ["PYTHONPATH"] = os.pathsep.join(
    str(ROOT / folder) for folder in (".", "benchmarks", "tests/media", "tests/embed")
)


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """Ray with two CPUs in this machine; its workers' output stays in Ray's own log files."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, ignore_reinit_error=True, log_to_driver=False)
    yield
    ray.shutdown()
