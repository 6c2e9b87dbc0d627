"""Where a video lands on the map: one rule for rows outside the fitting sample and for later videos.

PCA: the saved reduction. Cluster: the nearest KMeans centre. UMAP: the mean place of the k nearest fitted
videos in PCA, weighted by UMAP's membership strengths exp(−d / σ), where σ makes the strengths of all but
the nearest sum to log2(k); a copy of a fitted video takes its place. That is how UMAP's own `transform`
begins (McInnes et al. 2018, umap-learn 0.5 with local_connectivity 1), there with k = n_neighbors. The
optimisation after it is left out, because UMAP saves itself by pickle only, so a video between two islands
lands between them. Density cluster: that of the nearest fitted video.
Saved as JSON and safetensors, and checked when read: a map may be somebody else's.
Not known here: how anything was fitted, titles, views.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.neighbors import NearestNeighbors

from vvp.dataset.reduction import Reduction
from vvp.errors import UserError
from vvp.workspace import Workspace

FORMAT = 1
HEAD, TENSORS = "placer.json", "placer.safetensors"
MOST = 100_000  # rows at most of an array that is read from a file
CHUNK = 4_096
COPY = 1e-3  # share of the mean distance to the neighbours; a video nearer than that is a copy


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """The m videos that UMAP was fitted on."""

    fitted: np.ndarray  # float32 (m, components), their places in PCA
    wide: np.ndarray  # float32 (m, up to 15)
    flat: np.ndarray  # float32 (m, 2)
    density: np.ndarray  # int32 (m,), HDBSCAN's cluster, −1: noise
    k: int  # neighbours that decide a video's place


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """Of n videos; None: the map has no such thing."""

    pca: np.ndarray  # float32 (n, components)
    cluster: np.ndarray | None  # int32 (n,)
    flat: np.ndarray | None  # float32 (n, 2): x, y
    wide: np.ndarray | None  # float32 (n, up to 15)
    density: np.ndarray | None  # int32 (n,), −1: noise


@dataclass(frozen=True, kw_only=True, eq=False)
class Placer:
    reduction: Reduction
    centres: np.ndarray | None  # float32 (K, components), of KMeans; None: none were found
    chart: Chart | None  # None: no UMAP could be fitted
    profile: str
    encoders: dict[str, str]  # the encoders whose vectors may be placed

    def place(self, fused: np.ndarray) -> Places:
        """Of float32 (n, dims.fused), made by the map's own encoders. ValueError for another length."""
        return self.place_reduced(self.reduction.transform(fused))

    def place_reduced(self, pca: np.ndarray) -> Places:
        """Of float32 (n, components)."""
        cluster = None if self.centres is None else nearest_centre(pca, self.centres)
        if self.chart is None:
            return Places(pca=pca, cluster=cluster, flat=None, wide=None, density=None)
        flat, wide, density = among(self.chart, pca)
        return Places(pca=pca, cluster=cluster, flat=flat, wide=wide, density=density)

    def files(self) -> dict[str, bytes]:
        """File name → content; `from_files` gives the same back."""
        tensors = {f"reduction.{name}": value for name, value in self.reduction.tensors().items()}
        if self.centres is not None:
            tensors["centres"] = self.centres
        head: dict[str, Any] = {"format": FORMAT, "profile": self.profile, "encoders": self.encoders}
        if self.chart is not None:
            tensors |= {name: getattr(self.chart, name) for name in ("fitted", "wide", "flat", "density")}
            head["k"] = self.chart.k
        data = save_tensors({name: np.ascontiguousarray(value) for name, value in tensors.items()})
        return {HEAD: json.dumps(head, indent=1).encode(), TENSORS: data}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Placer":
        """KeyError, TypeError, ValueError or SafetensorError when something is absent or does not fit."""
        head, tensors = json.loads(files[HEAD]), load_tensors(files[TENSORS])
        if head["format"] != FORMAT:
            raise ValueError(f"a map of format {head['format']}, not {FORMAT}")
        prefix = "reduction."
        reduction = Reduction.from_tensors(
            {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}
        )
        width = len(reduction.variance)
        chart = None
        if "k" in head:
            arrays = {name: _checked(tensors, name, np.float32) for name in ("fitted", "wide", "flat")}
            density = _checked(tensors, "density", np.int32)
            m, k = len(density), head["k"]
            if arrays["fitted"].shape != (m, width) or arrays["flat"].shape != (m, 2):
                raise ValueError("fitted videos that do not fit the map")
            if arrays["wide"].ndim != 2 or len(arrays["wide"]) != m or density.shape != (m,):
                raise ValueError("layouts that do not fit the map")
            if type(k) is not int or not 1 < k <= m:
                raise ValueError("a number of neighbours that cannot be")
            chart = Chart(**arrays, density=density, k=k)
        centres = _checked(tensors, "centres", np.float32) if "centres" in tensors else None
        if centres is not None and (centres.ndim != 2 or centres.shape[1] != width):
            raise ValueError("centres that do not fit the map")
        encoders = {str(name): str(value) for name, value in head["encoders"].items()}
        return cls(
            reduction=reduction, centres=centres, chart=chart, profile=str(head["profile"]), encoders=encoders
        )


def load(space: Workspace, folder: str = "map") -> Placer:
    """The placer that `vvp explore` wrote. UserError when there is none or it is damaged."""
    if not space.exists(f"{folder}/{HEAD}"):
        raise UserError(f"{space.root} has no map that places videos: run `vvp explore` first.")
    try:
        return Placer.from_files({name: space.read_bytes(f"{folder}/{name}") for name in (HEAD, TENSORS)})
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, SafetensorError) as error:
        raise UserError(
            f"the map at {space.uri(folder)} is damaged ({type(error).__name__}: {error}): run `vvp explore`."
        ) from error


def nearest_centre(pca: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """int32 (n,): for float32 (n, components), the row of `centres` that is nearest."""
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(centres)
    return search.kneighbors(pca, return_distance=False)[:, 0].astype(np.int32)


def among(
    chart: Chart, pca: np.ndarray, leave_out: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(flat float32 (n, 2), wide float32 (n, w), density int32 (n,)) for float32 (n, components).

    leave_out: int64 (n,), a fitted video that has no say about each row, to ask how well the rule works.
    """
    flat, wide, density = [], [], []
    extra = 0 if leave_out is None else 1
    search = NearestNeighbors(n_neighbors=min(chart.k + extra, len(chart.fitted)), algorithm="brute")
    search.fit(chart.fitted)
    for start in range(0, len(pca), CHUNK):
        distances, near = search.kneighbors(pca[start : start + CHUNK])
        if leave_out is not None:
            distances, near = _without(distances, near, leave_out[start : start + CHUNK])
        weights = strengths(distances).astype(np.float32)
        flat.append(np.einsum("ij,ijk->ik", weights, chart.flat[near]))
        wide.append(np.einsum("ij,ijk->ik", weights, chart.wide[near]))
        density.append(chart.density[near[:, 0]])
    return np.concatenate(flat), np.concatenate(wide), np.concatenate(density)


def strengths(distances: np.ndarray) -> np.ndarray:
    """Weights (n, k), rows summing to 1, from distances (n, k) in rising order; see the module's docstring.

    64 halvings find σ, as in umap-learn's smooth_knn_dist; σ is at least a thousandth of the mean distance.
    """
    wanted = np.log2(distances.shape[1])
    low = np.zeros(len(distances))
    high = np.full(len(distances), np.inf)
    sigma = np.ones(len(distances))
    with np.errstate(over="ignore", under="ignore"):
        for _ in range(64):
            total = np.exp(-distances[:, 1:] / sigma[:, None]).sum(axis=1)
            high = np.where(total > wanted, sigma, high)
            low = np.where(total > wanted, low, sigma)
            sigma = np.where(np.isinf(high), 2 * low, (low + high) / 2)
        sigma = np.maximum(sigma, 1e-3 * distances.mean())
        # The draft is a copy of a fitted video. Rounding makes their distance a little larger than 0.
        copy = distances[:, :1] <= COPY * distances.mean(axis=1, keepdims=True)
        weights = np.exp(-distances / np.where(sigma > 0, sigma, 1.0)[:, None])
    weights = np.where(copy, np.eye(1, distances.shape[1]), weights)
    return weights / weights.sum(axis=1, keepdims=True)


def _without(distances: np.ndarray, near: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays (n, k + 1) with one column less: of each row, the one that holds `out`; the last where
    none does."""
    at = np.where(
        (near == out[:, None]).any(axis=1), (near == out[:, None]).argmax(axis=1), near.shape[1] - 1
    )
    keep = np.arange(near.shape[1]) != at[:, None]
    shape = (len(near), near.shape[1] - 1)
    return distances[keep].reshape(shape), near[keep].reshape(shape)


def _checked(tensors: Mapping[str, np.ndarray], name: str, kind: Any) -> np.ndarray:
    array = tensors[name]
    if array.dtype != kind or not 0 < len(array) <= MOST or not np.isfinite(array).all():
        raise ValueError(f"{name} is empty, too long, not finite or not {np.dtype(kind).name}")
    return array
