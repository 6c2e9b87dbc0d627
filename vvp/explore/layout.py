"""UMAP of the reduced vectors (McInnes, Healy & Melville 2018), and how much of their neighbourhoods it
keeps.

Twice on the same neighbours: to 15 dimensions for density clusters, to 2 for the picture. Neighbours are
exact, so the same rows and seed give the same layout.
Not known here: how a video outside the fitting sample is placed (placer.py), clusters, files.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

PLACED_BY = 10  # neighbours that place a video; fewer than UMAP uses, which pulls it less to the middle
FITTED = 10_000  # rows at most that UMAP is fitted on; the others are placed among them
MIN_ROWS = 10  # fewer rows have no meaningful layout
NEIGHBOURS, MIN_DIST, WIDE, FLAT = 50, 0.1, 15, 2
OVERLAP_K, OVERLAP_ROWS = 15, 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """The m rows of the fitting sample and the k nearest of each, itself first."""

    places: np.ndarray  # float32 (m, components)
    nearest: np.ndarray  # int32 (m, k)
    distances: np.ndarray  # float32 (m, k)
    seed: int

    @property
    def k(self) -> int:
        """UMAP's n_neighbors."""
        return self.nearest.shape[1]


def neighbours(m: int) -> int:
    """n_neighbors for m rows: a quarter of them, between 5 and 50."""
    return min(NEIGHBOURS, max(5, m // 4))


def placed_by(m: int) -> int:
    """Neighbours that place a video among m fitted ones."""
    return min(PLACED_BY, neighbours(m))


def wide(m: int) -> int:
    """Dimensions of the wide layout for m rows: a third of them, at most 15."""
    return min(WIDE, m // 3)


def rule(m: int, of: int) -> str:
    """One sentence: what UMAP was fitted on and with which settings."""
    drawn = f"all {m:,} training videos" if m == of else f"{m:,} of {of:,} training videos, drawn at random"
    return (
        f"UMAP is fitted on {drawn} (at most {FITTED:,}); n_neighbors is a quarter of them, between 5 and"
        f" {NEIGHBOURS}: {neighbours(m)}; the wide layout has a third of them as dimensions, at most {WIDE}:"
        f" {wide(m)}; min_dist {MIN_DIST}. Every other video takes the mean place of its {placed_by(m)}"
        " nearest fitted videos, weighted by UMAP's membership strengths."
    )


def graph(places: np.ndarray, seed: int) -> Graph:
    """Of float32 (m, components), m at least MIN_ROWS."""
    k = neighbours(len(places))
    distances, nearest = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(places).kneighbors(places)
    return Graph(
        places=places, nearest=nearest.astype(np.int32), distances=distances.astype(np.float32), seed=seed
    )


def fit(shared: Graph, dimensions: int) -> np.ndarray:
    """float32 (m, dimensions). Signature required by parallel.RunJobs."""
    import umap  # imported here because it compiles for seconds

    model = umap.UMAP(
        n_neighbors=shared.k, n_components=dimensions, min_dist=MIN_DIST, random_state=shared.seed, n_jobs=1,
        precomputed_knn=(shared.nearest.copy(), shared.distances.copy()),
    )  # fmt: skip
    with warnings.catch_warnings():
        # UMAP's transform would need a search index; placer.py places later videos instead.
        warnings.filterwarnings("ignore", message=".*precomputed_knn.*")
        # UMAP warns when its spectral start fails (separate components). It then starts at random, seeded.
        warnings.filterwarnings("ignore", module="umap|sklearn")
        return np.ascontiguousarray(model.fit_transform(shared.places), np.float32)


def overlap(places: np.ndarray, layout: np.ndarray, seed: int) -> dict[str, Any]:
    """Mean share of the k nearest by `places` that are also among the k nearest by `layout`, (m, …) both.

    k is 15, less in small collections (a third of the rows). "random": the same for a layout whose rows were
    shuffled. Asked about at most 2,000 rows, drawn at random, among all m.
    """
    m = len(places)
    k = min(OVERLAP_K, (m - 1) // 3)
    rng = np.random.default_rng(seed)
    asked = np.sort(rng.choice(m, min(m, OVERLAP_ROWS), replace=False))
    before = _nearest(places, asked, k)
    return {
        "k": k,
        "value": _shared(before, _nearest(layout, asked, k)),
        "random": _shared(before, _nearest(layout[rng.permutation(m)], asked, k)),
        "rows": len(asked),
    }


def _nearest(places: np.ndarray, asked: np.ndarray, k: int) -> list[set[int]]:
    """The k nearest others of each asked row."""
    nearest = (
        NearestNeighbors(n_neighbors=k + 1, algorithm="brute")
        .fit(places)
        .kneighbors(places[asked], return_distance=False)
    )
    # A row is usually its own nearest. Where it has copies it may come later, or be missing.
    return [set([j for j in near if j != row][:k]) for row, near in zip(asked, nearest.tolist(), strict=True)]


def _shared(a: list[set[int]], b: list[set[int]]) -> float:
    return float(np.mean([len(left & right) / max(len(left), 1) for left, right in zip(a, b, strict=True)]))
