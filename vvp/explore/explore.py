"""The whole way: a Collection → an Atlas, everything that goes into map/. Fitted on the training rows
alone.

What cannot be computed says why in its place ({"unavailable": …}) and the rest goes on.
Not known here: where a Collection comes from, files, Ray (`spread` may be Ray's).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.reduction import reduce
from vvp.explore import clusters, layout
from vvp.explore.collection import Collection
from vvp.explore.describe import describe
from vvp.explore.facts import FORMAT
from vvp.explore.parallel import RunJobs, one_by_one
from vvp.explore.placer import Chart, Placer, among
from vvp.explore.variance import describe_pca
from vvp.schema import POINTS, arrow

FEW = 0.25  # share of training rows below which a note says that the map rests on few

Tell = Callable[[int, int, str], None]
"""(done, of, what)"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Atlas:
    points: pa.Table  # schema.POINTS, one row per video of the collection
    facts: dict[str, Any]  # map.json
    placer: Placer | None  # None: nothing can be placed, because nothing varies


def explore(
    seen: Collection, *, seed: int = 0, run_jobs: RunJobs = one_by_one, tell: Tell = lambda *_: None
) -> Atlas:
    """See the module's docstring. The same collection and seed give the same atlas."""
    train = seen.train
    notes = list(seen.notes)
    if 0 < len(train) < FEW * len(seen.video_id):
        notes.append(
            f"The map is fitted on {len(train):,} of {len(seen.video_id):,} videos, those of the training"
            " part; the others are placed among them."
        )
    facts: dict[str, Any] = {
        "format": FORMAT,
        "created_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "profile": seen.profile, "encoders": seen.encoders, "split": seen.split, "seed": seed,
        "rows": len(seen.video_id), "train_rows": len(train), "left_out": seen.left_out,
        "forecasts_of": None if seen.forecasts is None else seen.forecasts.run_id,
    }  # fmt: skip
    why = None
    if len(train) < 2:
        why = (
            f"{len(train)} training video{'s' if len(train) != 1 else ''} with a vector: nothing to compare."
        )
    else:
        tell(0, 1, "PCA")
        reduction = reduce(seen.fused[train], seen.dims, seed=seed)
        if not reduction.total > 0:
            why = (
                f"The vectors of all {len(train)} training videos are equal: there is nothing to tell apart."
            )
    if why is not None:
        nothing = {"unavailable": why}
        facts |= dict.fromkeys(("pca", "umap", "kmeans", "hdbscan", "agreement"), nothing)
        return Atlas(
            points=_points(seen), facts=facts | {"clusters": [], "notes": [*notes, why]}, placer=None
        )
    facts["pca"] = describe_pca(seen.fused[train], seen.dims, reduction, seed)
    pca = reduction.transform(seen.fused)

    drawn, chart = _chart(facts, pca[train], seed, run_jobs, tell)
    centres = _clusters(facts, pca[train], seed, run_jobs, tell)
    placer = Placer(
        reduction=reduction, centres=centres, chart=chart, profile=seen.profile, encoders=seen.encoders
    )
    tell(0, 1, "places and descriptions")
    places = placer.place_reduced(pca)
    if chart is not None and places.flat is not None and places.density is not None:
        # Fitted videos keep the place that UMAP gave them.
        places.flat[train[drawn]], places.density[train[drawn]] = chart.flat, chart.density
    facts["agreement"] = _agreement(facts, places.cluster, places.density, train[drawn])
    facts["clusters"] = []
    if centres is not None and places.cluster is not None:
        facts["clusters"] = describe(seen, places.cluster, pca, centres, seed)
        if len(set(seen.channel_id[train])) == 1 and seen.channel_id[train[0]] is not None:
            notes.append("One channel: the intervals of the differences are over videos, not over channels.")
    facts["notes"] = notes
    tell(1, 1, "places and descriptions")
    return Atlas(
        points=_points(seen, pca, places.flat, places.cluster, places.density), facts=facts, placer=placer
    )


def _chart(
    facts: dict[str, Any], pca: np.ndarray, seed: int, run_jobs: RunJobs, tell: Tell
) -> tuple[np.ndarray, Chart | None]:
    """(int64 rows of `pca` that UMAP was fitted on, the chart); facts get umap and hdbscan."""
    n = len(pca)
    if n < layout.MIN_ROWS:
        why = {"unavailable": f"{n} training videos are too few for a map: {layout.MIN_ROWS} are needed."}
        facts["umap"] = facts["hdbscan"] = why
        return np.arange(0), None
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.choice(n, min(n, layout.FITTED), replace=False))
    m = len(drawn)
    tell(0, 1, "UMAP")
    graph = layout.graph(pca[drawn], seed)
    wide, flat = run_jobs(layout.fit, graph, [layout.wide(m), layout.FLAT])
    dense, facts["hdbscan"] = clusters.density(wide)
    chart = Chart(fitted=graph.places, wide=wide, flat=flat, density=dense, k=layout.placed_by(m))
    facts["umap"] = {
        "n_neighbors": graph.k, "min_dist": layout.MIN_DIST, "dimensions": wide.shape[1], "fitted_on": m,
        "rule": layout.rule(m, n), "overlap": layout.overlap(graph.places, wide, seed),
        "placed_again": _placed_again(chart, seed),
    }  # fmt: skip
    return drawn, chart


def _placed_again(chart: Chart, seed: int) -> dict[str, Any]:
    """The median distance between a fitted video's place and the place that the rule gives it when it may not
    use that video. It is a share of the map's spread, the root mean square distance from the map's middle."""
    m = len(chart.fitted)
    asked = np.sort(np.random.default_rng(seed).choice(m, min(m, layout.OVERLAP_ROWS), replace=False))
    flat, _, _ = among(chart, chart.fitted[asked], leave_out=asked)
    off = np.linalg.norm(flat - chart.flat[asked], axis=1)
    radius = float(np.sqrt(((chart.flat - chart.flat.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return {"median_share_of_spread": float(np.median(off)) / radius if radius else None, "rows": len(asked)}


def _clusters(
    facts: dict[str, Any], pca: np.ndarray, seed: int, run_jobs: RunJobs, tell: Tell
) -> np.ndarray | None:
    """Centres of the best K, or None; facts get kmeans."""
    todo = clusters.jobs(pca)
    if isinstance(todo, str):
        facts["kmeans"] = {"unavailable": todo}
        return None
    result = clusters.try_every_k(
        clusters.cloud(pca, seed), todo, run_jobs, lambda done, of: tell(done, of, "KMeans over K and seeds")
    )
    facts["kmeans"], centres = result
    return centres


def _agreement(
    facts: dict[str, Any], cluster: np.ndarray | None, dense: np.ndarray | None, fitted: np.ndarray
) -> dict[str, Any]:
    for section, labels in (("kmeans", cluster), ("hdbscan", dense)):
        if labels is None:
            return {"unavailable": facts[section]["unavailable"]}
    assert cluster is not None and dense is not None
    return clusters.agreement(cluster[fitted], dense[fitted])


def _points(
    seen: Collection,
    pca: np.ndarray | None = None,
    flat: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
    dense: np.ndarray | None = None,
) -> pa.Table:
    n = len(seen.video_id)
    columns = {
        "video_id": seen.video_id,
        "part": seen.part,
        "x": None if flat is None else flat[:, 0],
        "y": None if flat is None else flat[:, 1],
        "cluster": cluster,
        "density_cluster": dense,
        "pca": None if pca is None else list(pca),
    }
    schema = arrow(POINTS)
    return pa.table(
        [
            pa.nulls(n, field.type)
            if columns[field.name] is None
            else pa.array(columns[field.name], field.type)
            for field in schema
        ],
        schema=schema,
    )
