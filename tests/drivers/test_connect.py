"""connect(): waiting for an autoscaling cluster, on a cluster that does not grow."""

import time

import pytest

from jobs import cluster
from jobs.cluster import connect
from vvp.errors import PlanError, VvpError

pytestmark = pytest.mark.usefixtures("ray_session")


def test_what_is_there_already_is_not_waited_for() -> None:
    began = time.monotonic()
    connect(min_cpus=2, wait_s=30)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("cpus", "gpus", "named"), [(64, 0, "not the 64 and 0"), (0, 3, "not the 0 and 3")])
def test_machines_that_do_not_come_are_an_error_after_the_wait(cpus: float, gpus: float, named: str) -> None:
    began = time.monotonic()
    with pytest.raises(PlanError, match=f"the cluster has 2 CPU and 0 GPU, {named} asked for"):
        connect(min_cpus=cpus, min_gpus=gpus, wait_s=0.4)
    assert 0.4 <= time.monotonic() - began < 5


@pytest.mark.parametrize("wanted", [2, 64])
def test_the_request_does_not_outlive_the_wait(monkeypatch: pytest.MonkeyPatch, wanted: float) -> None:
    """A request that stands keeps its nodes, and their bill, after the job."""
    from ray.autoscaler import sdk

    asked: list[int] = []
    monkeypatch.setattr(sdk, "request_resources", lambda bundles: asked.append(len(bundles)))
    try:
        connect(min_cpus=wanted, wait_s=0.1)
    except PlanError:
        assert wanted == 64
    assert asked == [wanted, 0]


def test_a_ray_that_does_not_come_up_in_time_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*arguments: object, **settings: object) -> None:
        raise Exception("The current node timed out during startup. This could happen because ...")

    monkeypatch.setattr(cluster.ray, "init", slow)
    with pytest.raises(VvpError, match="this machine is too busy"):
        cluster._start("local")
