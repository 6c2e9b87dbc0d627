"""KMeans over K and seeds: what stands apart is found, what does not is said not to; here or as Ray tasks."""

import numpy as np
import pytest

from jobs.explore import ray_tasks
from vvp.dataset.fuse import Dims
from vvp.dataset.reduction import reduce
from vvp.explore import clusters
from vvp.explore.parallel import one_by_one

DIMS = Dims({"video": 30, "audio": 20, "text": 10})


def reduced(rows: np.ndarray) -> np.ndarray:
    fused = np.concatenate([rows, np.ones((len(rows), 2))], axis=1).astype(np.float32)
    return reduce(fused, DIMS).transform(fused)


def swept(rows: np.ndarray) -> tuple[dict, np.ndarray]:
    places = reduced(rows)
    todo = clusters.jobs(places)
    assert not isinstance(todo, str), todo
    few = [job for job in todo if job.k <= 6 and job.turn < 3]
    return clusters.try_every_k(clusters.cloud(places, 0), few, one_by_one)


def planted(n: int, kinds: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 60)) + (rng.normal(size=(kinds, 60)) * 2)[np.arange(n) % kinds]


@pytest.mark.parametrize("kinds", [2, 4])
def test_planted_clusters_are_found(kinds: int) -> None:
    found, centres = swept(planted(120, kinds))
    assert found["best"] == kinds and found["separates"] and len(centres) == kinds
    at = found["k"].index(kinds)
    assert found["silhouette_low"][at] <= found["silhouette"][at] <= found["silhouette_high"][at]
    assert found["silhouette_low"][at] > found["shuffled_high"][at]
    assert found["inertia"] == sorted(found["inertia"], reverse=True)
    assert f"{kinds} clusters stand apart" in found["sentence"]


@pytest.mark.parametrize("seed", range(3))
def test_one_cloud_is_one_cloud(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, _ = swept(rng.normal(size=(120, 60)) * np.arange(1, 61) ** -0.7)
    assert not found["separates"]
    assert found["sentence"].startswith("No number of clusters up to 6 separates the videos")


@pytest.mark.parametrize("kinds", [2, 3])
def test_shuffled_columns_are_one_cloud_as_spread_out_as_before(kinds: int) -> None:
    rows = reduced(planted(150, kinds))
    mixed = clusters.shuffle(rows, 0)
    assert np.allclose(mixed.mean(axis=0), rows.mean(axis=0), atol=1e-4)
    assert np.allclose(mixed.std(axis=0), rows.std(axis=0), rtol=0.25)
    todo = [job for job in clusters.jobs(mixed) if isinstance(job, clusters.Job) and job.k <= 4]
    found, _ = clusters.try_every_k(clusters.cloud(mixed, 0), todo, one_by_one)
    assert not found["separates"]


def test_a_few_odd_videos_are_no_cluster() -> None:
    rows = np.random.default_rng(0).normal(size=(150, 60))
    rows[:2] += 20
    found, _ = swept(rows)
    assert found["best"] == 2 and found["silhouette"][0] > 0.3
    assert not found["separates"]
    assert "unlike all others" in found["sentence"]


def test_a_few_odd_videos_hide_no_clusters() -> None:
    rows = planted(150, 3)
    rows[:2] += 40 * rows.std()
    found, _ = swept(rows)
    assert found["silhouette"][0] > found["silhouette"][found["k"].index(found["best"])]
    assert found["separates"] and found["best"] in (3, 4, 5) and not found["odd"]


def test_mini_batches_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "WHOLE", 100)
    found, _ = swept(planted(400, 4))
    assert found["best"] == 4 and found["separates"] and "mini-batch" in found["rule"]


@pytest.mark.parametrize(("rows", "said"), [(9, "too few"), (40, "Only 1 of 40")])
def test_too_little_says_why(rows: int, said: str) -> None:
    places = np.zeros((rows, 3), np.float32)
    assert said in clusters.jobs(places)


def test_k_is_held_to_a_fifth_of_the_rows() -> None:
    todo = clusters.jobs(np.random.default_rng(0).normal(size=(17, 3)).astype(np.float32))
    assert {job.k for job in todo} == {2, 3}


def test_agreement_leaves_noise_out_and_says_when_there_is_none() -> None:
    one = np.array([0, 0, 0, 1, 1, 1, 1], np.int32)
    assert clusters.agreement(one, np.array([1, 1, 1, 0, 0, 0, -1]))["adjusted_rand"] == 1.0
    assert clusters.agreement(one, np.array([1, 1, 1, 0, 0, 0, -1]))["rows"] == 6
    assert "found 1 cluster." in clusters.agreement(one, np.zeros(7, int))["unavailable"]
    assert "no clusters" in clusters.agreement(one, np.full(7, -1))["unavailable"]


def test_ray_tasks_give_what_one_process_gives(ray_session: None) -> None:
    places = reduced(planted(60, 3))
    todo = clusters.jobs(places)
    assert not isinstance(todo, str)
    shared = clusters.cloud(places, 0)
    for here, there in zip(
        one_by_one(clusters.cut, shared, todo[:10]), ray_tasks(clusters.cut, shared, todo[:10]), strict=True
    ):
        assert here.job == there.job
        assert here.silhouette == pytest.approx(there.silhouette)
        assert np.allclose(here.centres, there.centres, atol=1e-5)
