"""The whole way from a workspace to an atlas. UMAP compiles for seconds, so one process and few fits."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from explore_tables import DIMS, fill, world
from sklearn.metrics import adjusted_rand_score

from vvp.dataset.fuse import Dims, fuse
from vvp.explore import layout, placer, store
from vvp.explore.collection import Collection, collect
from vvp.explore.explore import Atlas, explore
from vvp.explore.facts import checked
from vvp.workspace import Workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, Collection, Atlas]]:
    """240 videos of three kinds, split by time, explored and written."""
    space = fill(tmp_path_factory.mktemp("map"), *world())
    seen = collect(space, "default")
    atlas = explore(seen)
    store.write(space, atlas)
    yield space, seen, atlas


def kinds(seen: Collection, count: int = 3) -> np.ndarray:
    return np.array([int(video[1:]) % count for video in seen.video_id])


def column(atlas: Atlas, name: str) -> np.ndarray:
    return atlas.points[name].to_numpy()


def test_planted_kinds_are_found_in_every_part(made: tuple[Workspace, Collection, Atlas]) -> None:
    _, seen, atlas = made
    assert atlas.facts["kmeans"]["best"] == 3
    assert atlas.facts["kmeans"]["separates"] is True
    assert set(seen.part) == {"train", "validation", "test", "embargo"}
    for part in ("train", "test"):
        rows = seen.part == part
        assert adjusted_rand_score(kinds(seen)[rows], column(atlas, "cluster")[rows]) == 1.0
    assert atlas.facts["hdbscan"]["clusters"] == 3
    assert atlas.facts["agreement"]["adjusted_rand"] > 0.95


def test_what_is_fitted_is_the_training_part(made: tuple[Workspace, Collection, Atlas]) -> None:
    _, seen, atlas = made
    assert seen.split == "time"
    assert atlas.facts["train_rows"] == int((seen.part == "train").sum()) == atlas.facts["umap"]["fitted_on"]
    other = seen.fused.copy()
    other[seen.part != "train"] *= 100
    changed = explore(Collection(**{**vars(seen), "fused": other}))
    assert atlas.placer is not None and changed.placer is not None
    assert changed.placer.files() == atlas.placer.files()
    for section in ("pca", "umap", "kmeans", "hdbscan"):
        assert changed.facts[section] == atlas.facts[section]


def test_clusters_are_described_by_what_was_planted(made: tuple[Workspace, Collection, Atlas]) -> None:
    _, seen, atlas = made
    moving = {}
    for c in atlas.facts["clusters"]:
        kind = kinds(seen)[column(atlas, "cluster") == c["cluster"]][0]
        planted = [{"🎉", "chess"}, {"pasta"}, {"guitar"}][kind]
        assert {word for word, _ in c["words"][: len(planted)]} == planted
        assert "video" not in [word for word, _ in c["words"]]
        assert {int(video[1:]) % 3 for video in c["central"]} == {kind} and len(c["central"]) == 5
        moving[kind] = c["differences"]["motion_mean"]
        by_chance = c["differences"]["visual_density"]
        assert abs(by_chance["point"]) < 0.6
        assert by_chance["low"] < by_chance["point"] < by_chance["high"]
        assert "audio_rms_mean" not in c["differences"]  # nobody knows it
        assert c["error"] is None and "vvp tune" in c["error_unavailable"]
    assert moving[1]["low"] > 1 and moving[1]["mean"] > moving[1]["rest"]
    assert moving[0]["high"] < 0 and moving[2]["high"] < 0


def test_neighbours_are_kept_more_than_by_chance(made: tuple[Workspace, Collection, Atlas]) -> None:
    facts = made[2].facts["umap"]
    assert facts["n_neighbors"] == layout.neighbours(facts["fitted_on"])
    assert facts["overlap"]["k"] == 15
    assert facts["overlap"]["value"] > 2 * facts["overlap"]["random"]
    assert abs(facts["overlap"]["random"] - 15 / (facts["fitted_on"] - 1)) < 0.05


def test_a_video_placed_as_new_lands_where_training_put_it(made: tuple[Workspace, Collection, Atlas]) -> None:
    space, seen, atlas = made
    saved = placer.load(space)
    train = seen.train
    places = saved.place(seen.fused[train])
    flat = np.stack([column(atlas, "x"), column(atlas, "y")], axis=1)[train]
    assert places.flat is not None and places.cluster is not None and places.density is not None
    assert np.allclose(places.flat, flat, atol=1e-4)
    assert (places.cluster == column(atlas, "cluster")[train]).all()
    assert (places.density == column(atlas, "density_cluster")[train]).all()
    # Without having been there: half of them within a tenth of the map's spread, all on their own island.
    assert saved.chart is not None
    again, _, density = placer.among(saved.chart, places.pca, leave_out=np.arange(len(train)))
    spread = np.sqrt(((flat - flat.mean(axis=0)) ** 2).sum(axis=1).mean())
    off = np.linalg.norm(again - flat, axis=1)
    assert np.median(off) < 0.1 * spread
    assert (density == places.density).mean() > 0.95
    assert atlas.facts["umap"]["placed_again"]["median_share_of_spread"] == pytest.approx(
        np.median(off) / spread, rel=1e-3
    )


def test_one_video_alone_lands_as_in_the_table(made: tuple[Workspace, Collection, Atlas]) -> None:
    space, seen, atlas = made
    saved = placer.load(space)
    for row in (0, 200, 239):
        one = saved.place(seen.fused[row : row + 1])
        assert one.flat is not None and one.cluster is not None
        there = [column(atlas, name)[row] for name in ("x", "y")]
        assert np.allclose(one.flat[0], there, atol=1e-3)
        assert one.cluster[0] == column(atlas, "cluster")[row]


def test_the_rule_is_how_umaps_transform_begins(made: tuple[Workspace, Collection, Atlas]) -> None:
    from scipy.sparse import coo_matrix
    from umap.umap_ import compute_membership_strengths, init_graph_transform, smooth_knn_dist

    _, seen, atlas = made
    assert atlas.placer is not None and atlas.placer.chart is not None
    chart = atlas.placer.chart
    new = atlas.placer.reduction.transform(seen.fused[seen.part == "test"])
    every = np.linalg.norm(new[:, None] - chart.fitted[None], axis=2)
    near = np.argsort(every, axis=1)[:, : chart.k]
    distances = np.take_along_axis(every, near, axis=1).astype(np.float32)
    sigmas, rhos = smooth_knn_dist(distances, float(chart.k), local_connectivity=0.0)
    rows, columns, values, _ = compute_membership_strengths(
        near.astype(np.int32), distances, sigmas, rhos, bipartite=True
    )
    weights = coo_matrix((values, (rows, columns)), shape=every.shape).tocsr()
    flat, _, _ = placer.among(chart, new)
    assert np.allclose(flat, init_graph_transform(weights, chart.flat), atol=1e-3)


def test_files_hold_what_the_atlas_says(made: tuple[Workspace, Collection, Atlas]) -> None:
    space, _, atlas = made
    written = json.loads(space.read_bytes("map/map.json"))
    assert written == json.loads(json.dumps(atlas.facts)) == checked(written)
    assert pq.read_table(io.BytesIO(space.read_bytes("map/points.parquet"))).equals(atlas.points)
    assert atlas.points.num_rows == 240 and atlas.points["x"].null_count == 0
    assert len(atlas.points["pca"][0]) == atlas.facts["pca"]["components"]


def scene(tmp_path: Any, change: Any, **made_of: Any) -> Atlas:
    videos, embeddings = world(**made_of)
    for video, embedding in zip(videos, embeddings, strict=True):
        change(video, embedding)
    return explore(collect(fill(tmp_path, videos, embeddings), "default"))


def test_posts_without_media_have_a_map_of_their_words(tmp_path: Any) -> None:
    atlas = scene(tmp_path, lambda _, e: e.update(video_embedding=None, audio_embedding=None), n=60)
    assert atlas.facts["pca"]["block_share"] == {"picture": 0, "sound": 0, "words": pytest.approx(1)}
    assert atlas.facts["notes"] == [
        "No video has picture: the map is made without.",
        "No video has sound: the map is made without.",
    ]
    assert atlas.facts["kmeans"]["best"] == 3


def test_a_folder_of_bare_files_of_one_channel_is_explored_as_a_whole(tmp_path: Any) -> None:
    bare = {"views": None, "published_at": None, "observed_at": None, "title": None, "channel_id": "me"}
    atlas = scene(tmp_path, lambda v, _: v.update(bare), n=40)
    assert atlas.facts["split"] is None and atlas.facts["train_rows"] == 40
    assert set(column(atlas, "part")) == {"train"}
    notes = " ".join(atlas.facts["notes"])
    assert "0 of 40 videos have a usable view count" in notes and "One channel" in notes
    for c in atlas.facts["clusters"]:
        assert c["words"] == [] and "log_views" not in c["differences"]
        assert c["differences"]["motion_mean"]["low"] is not None


def test_few_different_vectors_crash_nothing(tmp_path: Any) -> None:
    def copy(video: dict[str, Any], embedding: dict[str, Any]) -> None:
        which = int(video["video_id"][1:]) % 2
        for name, dim in DIMS.items():
            embedding[f"{name}_embedding"] = np.full(dim, which, np.float32)

    atlas = scene(tmp_path, copy, n=60)
    assert atlas.facts["kmeans"]["unavailable"].startswith("Only 2 of 60 training videos differ")
    assert atlas.facts["clusters"] == []
    fused = fuse(
        {"video_embedding": [None], "audio_embedding": [None], "text_embedding": [np.zeros(12, np.float32)]},
        Dims(DIMS),
    )
    assert atlas.placer is not None
    assert np.isfinite(atlas.placer.place(fused).flat).all()
