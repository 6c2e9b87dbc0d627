"""What stands beside a forecast: the reduction, the share of each block, the neighbours, the odds."""

from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest

from vvp.dataset.fuse import Dims
from vvp.dataset.reduction import Reduction, reduce
from vvp.forecast.contributions import BLOCKS, attribute
from vvp.forecast.neighbours import CARDS, Neighbours, keep

DIMS = Dims({"video": 6, "audio": 5, "text": 4})
RNG = np.random.default_rng(0)


def fused(n: int, seed: int = 0) -> np.ndarray:
    """Blocks of very different size: sound's numbers are a thousand times those of the picture."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, DIMS.fused)).astype(np.float32)
    rows[:, 6:11] *= 1000
    rows[:, -2:] = 1
    return rows


def test_every_block_brings_the_same_variance() -> None:
    rows = fused(300)
    scaled, raw = reduce(rows, DIMS, 14), reduce(rows, DIMS, 14, scaled=False)
    assert scaled.total == pytest.approx(3.0, rel=0.02)
    assert raw.variance[:5].sum() / raw.total > 0.999  # unscaled, the sound is all that is seen
    share = np.square(scaled.components[:, 6:11]) * scaled.variance[:, None]
    assert share.sum() == pytest.approx(scaled.total / 3, rel=0.15)


def test_a_missing_part_pulls_nowhere_and_a_constant_block_is_not_blown_up() -> None:
    rows = fused(200)
    rows[:50, :6], rows[:50, -2] = 0, 0
    found = reduce(rows, DIMS, 14)
    without = np.zeros((1, DIMS.fused), np.float32)
    without[0, 11:15] = found.centre[11:15]
    assert np.abs(found.transform(without)).max() < 1e-5
    rows[:, 11:15] = 0.25
    assert reduce(rows, DIMS, 5).scale[2] == 0


def test_the_reduction_comes_back_as_it_was_and_refuses_damage() -> None:
    rows = fused(60)
    found = reduce(rows, DIMS, 7)
    again = Reduction.from_bytes(found.to_bytes())
    assert np.array_equal(again.transform(rows), found.transform(rows)) and again.kept == found.kept
    with pytest.raises(ValueError, match="centre"):
        Reduction.from_tensors({**found.tensors(), "centre": np.zeros(3, np.float32)})
    with pytest.raises(ValueError, match="expected"):
        found.transform(rows[:, :-1])


def test_blocks_add_up_and_are_shapleys_values() -> None:
    """A model with an interaction, against the definition: mean gain over all orders."""
    blocks = ["picture", "sound", "sound", "words", "timing", "counter", "horizon"]
    weights = RNG.normal(size=7)

    def model(X: np.ndarray) -> np.ndarray:
        return X @ weights + 2.0 * X[:, 0] * X[:, 3] + X[:, 4] * X[:, 5]

    x, background = RNG.normal(size=7).astype(np.float32), RNG.normal(size=(9, 7)).astype(np.float32)
    start, found = attribute(model, x, background, blocks)
    assert start == pytest.approx(model(background).mean())
    assert start + sum(found.values()) == pytest.approx(model(x[None])[0], abs=1e-5)
    columns = {"picture": [0], "sound": [1, 2], "words": [3], "timing": [4, 6], "channel": [5]}
    gains: dict[str, list[float]] = {b: [] for b in BLOCKS}
    for order in permutations(BLOCKS):
        rows = background.copy()
        for block in order:
            before = model(rows).mean()
            rows[:, columns[block]] = x[columns[block]]
            gains[block].append(model(rows).mean() - before)
    for block in BLOCKS:
        assert found[block] == pytest.approx(np.mean(gains[block]), abs=1e-5)


def test_a_block_that_the_model_does_not_look_at_adds_nothing() -> None:
    _, found = attribute(
        lambda X: 3 * X[:, 0], np.ones(1, np.float32), np.zeros((4, 1), np.float32), ["words"]
    )
    assert found == {"picture": 0.0, "sound": 0.0, "words": 3.0, "timing": 0.0, "channel": 0.0}


def neighbours(rows: np.ndarray) -> Neighbours:
    n = len(rows)
    cards = {
        "video_id": [f"v{i}" for i in range(n)], "title": [None, *(f"t{i}" for i in range(1, n))],
        "channel_id": ["c"] * n, "published_at": [None] * n, "log_views": np.log1p(np.arange(n) * 100.0),
    }  # fmt: skip
    fields = [CARDS.field(name) for name in cards]
    return keep(
        rows,
        DIMS,
        pa.table(
            [pa.array(v, f.type) for v, f in zip(cards.values(), fields, strict=True)], pa.schema(fields)
        ),
    )


def test_a_copy_of_a_training_video_finds_it_also_without_its_sound() -> None:
    rows = fused(80, seed=3)
    known = neighbours(rows)
    found = known.nearest(rows[17])
    assert found[0]["video_id"] == "v17" and found[0]["similarity"] == pytest.approx(1, abs=1e-4)
    assert found[0]["views"] == pytest.approx(1700) and len(found) == 5
    assert [f["similarity"] for f in found] == sorted((f["similarity"] for f in found), reverse=True)
    silent = rows[17].copy()
    silent[6:11], silent[-1] = 0, 0
    assert known.nearest(silent)[0]["video_id"] == "v17"


def test_neighbours_come_back_as_they_were_and_must_fit_their_reduction() -> None:
    known, other = neighbours(fused(40)), neighbours(fused(40)[:4])
    again = Neighbours.from_files(known.files())
    assert again.nearest(fused(1, seed=9)[0]) == known.nearest(fused(1, seed=9)[0])
    mixed = known.files() | {"reduction.safetensors": other.files()["reduction.safetensors"]}
    with pytest.raises(ValueError, match="another length"):
        Neighbours.from_files(mixed)
