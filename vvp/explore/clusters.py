"""KMeans on the reduced vectors for every K and seed, HDBSCAN on the wide layout, and whether they agree.

The best K is the one with the highest silhouette (Rousseeuw 1987), averaged over seeds. Any cloud can be
cut into K pieces, so the same is done to shuffled columns (`shuffle`): as spread out, but one cloud. Only
what clearly exceeds that is called clusters, and a K that does goes before one that does not: two odd videos
far from all others give K = 2 a high silhouette, whatever else there is.
Not known here: layouts, what a cluster is like, files.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans, MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from threadpoolctl import threadpool_limits

from vvp.explore.parallel import RunJobs

K_FROM, K_TO = 2, 15
MIN_ROWS = 10
SEEDS, SHUFFLES = 5, 3
SAMPLE = 3_000  # rows that a silhouette is averaged over
WHOLE = 10_000  # rows up to which KMeans sees all at once; mini-batches above
MARGIN = 0.03  # of silhouette, above the highest of the shuffled columns
OVERLAP = 0.25  # of silhouette: below it clusters overlap (Kaufman & Rousseeuw 1990)
LARGE = 0.05  # share of the rows that a cluster needs: fewer are outliers
NOISE = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Cloud:
    """n training rows in PCA."""

    places: np.ndarray  # float32 (n, components)
    asked: np.ndarray  # int64, the rows of the sampled silhouette
    seed: int


@dataclass(frozen=True, kw_only=True)
class Job:
    k: int
    turn: int  # which seed
    shuffled: bool


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """One KMeans."""

    job: Job
    centres: np.ndarray  # float32 (k, components)
    sizes: np.ndarray  # int64 (k,), rows
    inertia: float  # sum of squared distances to the nearest centre
    silhouette: float | None  # −1 to 1; None: fewer than 2 clusters among the asked rows


def cloud(places: np.ndarray, seed: int) -> Cloud:
    rng = np.random.default_rng(seed)
    asked = np.sort(rng.choice(len(places), min(SAMPLE, len(places)), replace=False))
    return Cloud(places=places, asked=asked, seed=seed)


def jobs(places: np.ndarray) -> list[Job] | str:
    """What to try on float32 (n, components), or why nothing can be tried.

    K runs from 2 to 15, at most to a fifth of the rows and to one less than there are different rows.
    """
    n = len(places)
    if n < MIN_ROWS:
        return f"{n} training videos are too few for clusters: {MIN_ROWS} are needed."
    different = len(np.unique(places.round(5), axis=0)) if n <= WHOLE else n
    top = min(K_TO, n // 5, different - 1)
    if top < K_FROM:
        return (
            f"Only {different} of {n} training videos differ from each other: there is nothing to separate."
        )
    turns = [(turn, False) for turn in range(SEEDS)] + [(turn, True) for turn in range(SHUFFLES)]
    return [Job(k=k, turn=t, shuffled=s) for k in range(K_FROM, top + 1) for t, s in turns]


def cut(shared: Cloud, job: Job) -> Cut:
    """Signature required by parallel.RunJobs."""
    seed = shared.seed + 1000 * job.turn
    places = shared.places
    if job.shuffled:
        places = shuffle(places, seed)
    if len(places) > WHOLE:
        model = MiniBatchKMeans(job.k, batch_size=4096, n_init=3, max_iter=100, random_state=seed)
    else:
        model = KMeans(job.k, n_init=4, random_state=seed)
    with threadpool_limits(1):  # jobs run in parallel, so more threads each would only compete
        everyone = model.fit(places).labels_
        labels = everyone[shared.asked]
        several = 1 < len(np.unique(labels)) < len(labels)
        silhouette = float(silhouette_score(places[shared.asked], labels)) if several else None
    return Cut(
        job=job, centres=model.cluster_centers_.astype(np.float32),
        sizes=np.bincount(everyone, minlength=job.k), inertia=float(model.inertia_), silhouette=silhouette,
    )  # fmt: skip


def shuffle(places: np.ndarray, seed: int) -> np.ndarray:
    """float32 (n, components): as spread out in every direction, but with nothing in common between columns.

    PCA's own columns would not do: two clusters lie along the first alone, and its values would keep them. So
    the places are whitened and turned at random, each column is shuffled by itself, and all is turned back.
    """
    rng = np.random.default_rng(seed)
    mean, deviation = places.mean(axis=0), places.std(axis=0)
    turn = np.linalg.qr(rng.normal(size=(places.shape[1],) * 2))[0].astype(np.float32)
    white = np.divide(places - mean, deviation, out=np.zeros_like(places), where=deviation > 0)
    turned = rng.permuted((white @ turn).astype(np.float32), axis=0)
    return ((turned @ turn.T) * deviation + mean).astype(np.float32)


def try_every_k(
    shared: Cloud, todo: list[Job], run_jobs: RunJobs, tell: Any = None
) -> tuple[dict[str, Any], np.ndarray]:
    """(the "kmeans" of map.json, float32 (K, components) centres of the best K, from its tightest seed).

    tell(done, of): called after each KMeans.
    """
    cuts: list[Cut] = []
    for finished in run_jobs(cut, shared, todo):
        cuts.append(finished)
        if tell is not None:
            tell(len(cuts), len(todo))
    ks = sorted({job.k for job in todo})
    real = {k: [c for c in cuts if c.job.k == k and not c.job.shuffled] for k in ks}
    null = {k: [c for c in cuts if c.job.k == k and c.job.shuffled] for k in ks}
    values = {k: _silhouettes(real[k]) for k in ks}
    shuffled = {k: _silhouettes(null[k]) for k in ks}
    tightest = {k: min(real[k], key=lambda c: c.inertia) for k in ks}
    n = len(shared.places)
    beyond = [k for k in ks if values[k].min() > shuffled[k].max() + MARGIN]
    apart = [k for k in beyond if int((tightest[k].sizes >= max(3, LARGE * n)).sum()) > 1]
    best = max(apart or ks, key=lambda k: values[k].mean())
    separates, odd = best in apart, best in beyond and best not in apart
    how = "KMeans" if n <= WHOLE else "mini-batch KMeans"
    return {
        "k": ks,
        "inertia": [float(np.mean([c.inertia for c in real[k]])) for k in ks],
        "silhouette": [float(values[k].mean()) for k in ks],
        "silhouette_low": [float(values[k].min()) for k in ks],
        "silhouette_high": [float(values[k].max()) for k in ks],
        "shuffled": [float(shuffled[k].mean()) for k in ks],
        "shuffled_high": [float(shuffled[k].max()) for k in ks],
        "best": best,
        "separates": separates,
        "odd": odd,
        "overlapping": separates and bool(values[best].mean() < OVERLAP),
        "sentence": _sentence(best, ks[-1], separates, odd, values[best], float(shuffled[best].max())),
        "rule": f"{how} on {n:,} training videos, {SEEDS} seeds; silhouette averaged over"
        f" {len(shared.asked):,} of them; K separates when its lowest silhouette exceeds the highest of"
        f" {SHUFFLES} shuffles of the columns (along random directions, the spread in every direction kept)"
        f" by more than {MARGIN}, and at least two of its clusters hold {LARGE:.0%} of the videos each; the"
        " best K is the one of highest silhouette among those that separate, else among all.",
    }, tightest[best].centres  # fmt: skip


def _silhouettes(cuts: list[Cut]) -> np.ndarray:
    # KMeans that puts all rows into one cluster separates nothing: silhouette 0.
    return np.array([0.0 if c.silhouette is None else c.silhouette for c in cuts])


def _sentence(best: int, top: int, separates: bool, odd: bool, values: np.ndarray, chance: float) -> str:
    held = f"silhouette {values.mean():.2f} ({values.min():.2f} to {values.max():.2f} over seeds)"
    if separates:
        most = f" {K_TO} is the most that was tried; there may be more." if best == K_TO else ""
        how = "stand apart" if values.mean() >= OVERLAP else "are more than chance makes, but overlap"
        return f"{best} clusters {how}: {held}, against at most {chance:.2f} with shuffled columns.{most}"
    tried = "" if top == K_TO else f" up to {top}"
    none = f"No number of clusters{tried} separates the videos: the best, {best}, has a {held}"
    if odd:
        return f"{none}, but only because a few videos are unlike all others."
    return f"{none}, and shuffled columns reach up to {chance:.2f}. Its clusters are parts of one cloud."


def density(wide: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """(int32 (m,) HDBSCAN's labels, −1 noise; the "hdbscan" of map.json) of the wide layout (m, w).

    Campello, Moulavi & Sander 2013, scikit-learn's. A cluster holds at least a fiftieth of the rows, and 5.
    """
    smallest = max(5, len(wide) // 50)
    labels = HDBSCAN(min_cluster_size=smallest, copy=True).fit(wide).labels_.astype(np.int32)
    facts = {
        "clusters": int(labels.max()) + 1,
        "noise": float((labels == NOISE).mean()),
        "min_cluster_size": smallest,
    }
    return labels, facts


def agreement(clusters: np.ndarray, dense: np.ndarray) -> dict[str, Any]:
    """Adjusted Rand index (Hubert & Arabie 1985) of KMeans and HDBSCAN on the rows that are no noise."""
    kept = dense != NOISE
    number = len(np.unique(dense[kept]))
    if number < 2:
        return {"unavailable": f"HDBSCAN found {number or 'no'} cluster{'s' if not number else ''}."}
    return {"adjusted_rand": float(adjusted_rand_score(clusters[kept], dense[kept])), "rows": int(kept.sum())}
