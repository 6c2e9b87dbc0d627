"""The saved placer: the same back, and somebody else's files refused when they do not fit."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from vvp.dataset.fuse import Dims
from vvp.dataset.reduction import reduce
from vvp.errors import UserError
from vvp.explore import placer
from vvp.explore.placer import HEAD, TENSORS, Chart, Placer
from vvp.workspace import Workspace

DIMS = Dims({"video": 8, "audio": 6, "text": 4})
RNG = np.random.default_rng(0)


def fused(n: int) -> np.ndarray:
    return np.concatenate([RNG.normal(size=(n, 18)), np.ones((n, 2))], axis=1).astype(np.float32)


def made(chart: bool = True) -> Placer:
    rows = fused(30)
    reduction = reduce(rows, DIMS, 5)
    pca = reduction.transform(rows)
    laid = Chart(
        fitted=pca,
        wide=RNG.normal(size=(30, 4)).astype(np.float32),
        flat=RNG.normal(size=(30, 2)).astype(np.float32),
        density=RNG.integers(-1, 3, 30).astype(np.int32),
        k=7,
    )
    encoders = {"video_encoder": "v@1"}
    return Placer(
        reduction=reduction, centres=pca[:3], chart=laid if chart else None, profile="tiny", encoders=encoders
    )


def test_the_same_comes_back() -> None:
    one = made()
    other = Placer.from_files(one.files())
    new = fused(9)
    for a, b in zip(vars(one.place(new)).values(), vars(other.place(new)).values(), strict=True):
        assert (a == b).all()
    assert (other.profile, other.encoders) == ("tiny", {"video_encoder": "v@1"})
    assert other.files() == one.files()


def test_without_a_layout_there_is_a_cluster_and_no_place() -> None:
    places = Placer.from_files(made(chart=False).files()).place(fused(4))
    assert places.flat is None and places.density is None
    assert places.cluster is not None and places.cluster.shape == (4,)


def test_strengths_sum_to_one_fall_with_distance_and_reach_their_sum() -> None:
    distances = np.sort(RNG.uniform(0.5, 3, (20, 8)), axis=1)
    weights = placer.strengths(distances)
    assert weights.sum(axis=1) == pytest.approx(np.ones(20))
    assert (np.diff(weights, axis=1) <= 0).all()
    sigma = (distances[:, 1] - distances[:, 0]) / np.log(weights[:, 0] / weights[:, 1])
    assert np.exp(-distances[:, 1:] / sigma[:, None]).sum(axis=1) == pytest.approx(np.full(20, np.log2(8)))


def test_a_copy_takes_the_place_of_what_it_copies() -> None:
    one = made()
    assert one.chart is not None
    flat, _, density = placer.among(one.chart, one.chart.fitted)
    assert np.allclose(flat, one.chart.flat, atol=1e-6)
    assert (density == one.chart.density).all()
    all_alike = Chart(**{**vars(one.chart), "fitted": np.zeros_like(one.chart.fitted)})
    assert np.isfinite(placer.among(all_alike, one.chart.fitted * 0)[0]).all()


def head(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        value = json.loads(files[HEAD])
        change(value)
        files[HEAD] = json.dumps(value).encode()

    return apply


def tensor(name: str, value: Any) -> Callable[[dict[str, bytes]], None]:
    def apply(files: dict[str, bytes]) -> None:
        tensors = load(files[TENSORS])
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value(tensors[name])
        files[TENSORS] = save({k: np.ascontiguousarray(v) for k, v in tensors.items()})

    return apply


@pytest.mark.parametrize(
    "harm",
    [
        lambda files: files.update({HEAD: b"{"}),
        lambda files: files.update({HEAD: b"[]"}),
        lambda files: files.update({TENSORS: files[TENSORS][:-9]}),
        head(lambda h: h.update(format=2)),
        head(lambda h: h.update(k=31)),
        head(lambda h: h.update(k=True)),
        head(lambda h: h.update(k="7")),
        head(lambda h: h.update(encoders=None)),
        tensor("fitted", None),
        tensor("centres", lambda v: v[:, :3]),
        tensor("centres", lambda v: v[:0]),
        tensor("flat", lambda v: v[:, :1]),
        tensor("flat", lambda v: v * np.float32(np.nan)),
        tensor("wide", lambda v: v[:-1]),
        tensor("density", lambda v: v[:-1]),
        tensor("density", lambda v: v.astype(np.float32)),
        tensor("density", lambda v: v[:, None]),
        tensor("fitted", lambda v: v.astype(np.float64)),
        tensor("reduction.dims", lambda v: v * -1),
        tensor("reduction.components", lambda v: v[:, 1:]),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Any, harm: Callable[[dict[str, bytes]], Any]) -> None:
    space = Workspace(tmp_path)
    files = made().files()
    harm(files)
    for name, data in files.items():
        space.write_bytes(f"map/{name}", data)
    with pytest.raises(UserError, match="damaged"):
        placer.load(space)


def test_no_map_is_the_users_to_mend(tmp_path: Any) -> None:
    with pytest.raises(UserError, match="vvp explore"):
        placer.load(Workspace(tmp_path))
