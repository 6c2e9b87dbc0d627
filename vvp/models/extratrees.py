"""Extremely randomised trees (scikit-learn's ExtraTrees) on projected columns, saved as arrays of our own.

A missing value reads as the training median, and nothing says that it was missing. The path has one point.
Not known here: Ray, files, what the columns mean.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor

from vvp.errors import UserError
from vvp.models.base import Data, Float, Int, Params, Space, pack, tensor, unpack
from vvp.models.projection import Projection

COMPONENTS = 32  # of each wide block
MOST_CANDIDATES = 48  # columns that a split chooses among; what a fit costs grows with them
MOST_LEAVES = 2500  # a tree; bounds the file at 12 bytes a node, so 60 kB a tree
MOST_TREES, MOST_NODES = 1000, 5_000_000  # of a file
CHUNK = 1 << 18  # rows × trees that are walked at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class Forest:
    """Trees one after the other in flat arrays. A node's left child is the next node; a leaf has no right."""

    roots: np.ndarray
    """int32 (T,), ascending; the first is 0"""
    right: np.ndarray
    """int32 (N,), the right child's place; 0: a leaf"""
    feature: np.ndarray
    """int32 (N,), the column that a node splits on; 0 in a leaf"""
    number: np.ndarray
    """float32 (N,), a node's threshold (left: ≤), a leaf's log views"""

    @classmethod
    def of(cls, fitted: ExtraTreesRegressor) -> "Forest":
        roots, right, feature, number, at = [], [], [], [], 0
        for tree in (estimator.tree_ for estimator in fitted.estimators_):
            leaf = tree.children_left < 0
            inner = np.flatnonzero(~leaf)
            if not np.array_equal(tree.children_left[inner], inner + 1):  # as scikit-learn builds depth first
                raise RuntimeError("this version of scikit-learn does not put a left child after its node")
            roots.append(at)
            right.append(np.where(leaf, 0, tree.children_right + at))
            feature.append(np.where(leaf, 0, tree.feature))
            number.append(np.where(leaf, tree.value[:, 0, 0], _rounded_down(tree.threshold)))
            at += tree.node_count
        return cls(
            roots=np.array(roots, dtype=np.int32),
            right=np.concatenate(right).astype(np.int32),
            feature=np.concatenate(feature).astype(np.int32),
            number=np.concatenate(number).astype(np.float32),
        )

    def check(self, n_cols: int) -> None:
        """UserError unless every walk from a root ends in a leaf of that tree, and columns are there."""
        size, trees = len(self.right), len(self.roots)
        if not 0 < trees <= MOST_TREES or not trees <= size <= MOST_NODES:
            raise UserError("the saved extratrees model has no trees, or too many.")
        if self.roots[0] != 0 or (np.diff(self.roots) <= 0).any() or self.roots[-1] >= size:
            raise UserError("the saved extratrees model has a tree that begins where none can.")
        places = np.arange(size)
        end = np.append(self.roots[1:], size)[np.searchsorted(self.roots, places, side="right") - 1]
        inner = self.right != 0
        # Children come after their node, so no walk returns; right ones after left ones, inside the tree.
        if not ((self.right > places + 1) & (self.right < end))[inner].all():
            raise UserError("the saved extratrees model has a node whose child is not in its tree.")
        if not ((self.feature >= 0) & (self.feature < n_cols)).all():
            raise UserError("the saved extratrees model splits on a column that is not there.")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, d) without NaN → float64 (n,), the mean over the trees."""
        sums = np.zeros(len(X))
        step = max(CHUNK // len(self.roots), 1)
        for first in range(0, len(X), step):
            part = X[first : first + step]
            rows = np.repeat(np.arange(len(part)), len(self.roots))
            nodes = np.tile(self.roots, len(part))
            going = np.arange(len(nodes))  # walks that have not reached a leaf
            while len(going := going[self.right[nodes[going]] != 0]):
                at = nodes[going]
                left = part[rows[going], self.feature[at]] <= self.number[at]
                nodes[going] = np.where(left, at + 1, self.right[at])
            values = self.number[nodes].astype(np.float64).reshape(len(part), -1)
            sums[first : first + step] = values.sum(axis=1)
        return sums / len(self.roots)


@dataclass(frozen=True, kw_only=True, eq=False)
class ExtraTreesModel:
    """A forest and what a missing value reads as."""

    family: ClassVar[str] = "extratrees"
    projection: Projection
    median: np.ndarray
    """float32 (width,), 0 for a column that is wholly missing in training"""
    forest: Forest

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.forest.predict(_filled(self.projection.apply(X), self.median))

    def files(self) -> dict[str, bytes]:
        arrays = {"median": self.median, **{f"forest.{name}": getattr(self.forest, name) for name in ARRAYS}}
        return pack(self.family, self.projection.meta(), {**self.projection.tensors(), **arrays})

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "ExtraTreesModel":
        meta, tensors, _ = unpack(cls.family, files, whole=[f"forest.{name}" for name in ARRAYS[:3]])
        projection = Projection.from_saved(meta, tensors)
        median = tensor(tensors, "median", (projection.width,)).astype(np.float32)
        roots = tensor(tensors, "forest.roots", (-1,))
        size = len(tensor(tensors, "forest.right", (-1,)))
        right, feature, number = (tensor(tensors, f"forest.{name}", (size,)) for name in ARRAYS[1:])
        if any(array.dtype != np.int32 for array in (roots, right, feature)) or number.dtype != np.float32:
            raise UserError("the saved extratrees model has arrays of another type.")
        forest = Forest(roots=roots, right=right, feature=feature, number=number)
        forest.check(projection.width)
        return cls(projection=projection, median=median, forest=forest)


ARRAYS = ("roots", "right", "feature", "number")


@dataclass(frozen=True, kw_only=True)
class ExtraTrees:
    """The family."""

    name: ClassVar[str] = "extratrees"
    trees: int = 80

    @property
    def start(self) -> Params:
        return {"min_samples_leaf": 3, "max_features": 0.6}

    def space(self, n_train: int, n_cols: int) -> Space:
        return {
            "min_samples_leaf": Int(low=2, high=min(max(n_train // 20, 2), 30), log=True),
            "max_features": Float(low=0.2, high=1.0),
        }

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        return self.fit(train, params, 0, seed=seed, threads=threads).predict(held)[None]

    def fit(
        self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1
    ) -> ExtraTreesModel:
        projection = Projection.fit(train.X, train.groups, COMPONENTS)
        columns = projection.apply(train.X)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN slice")
            median = np.nan_to_num(np.nanmedian(columns, axis=0), nan=0.0).astype(np.float32)
        fitted = ExtraTreesRegressor(
            n_estimators=self.trees,
            min_samples_leaf=max(params["min_samples_leaf"], -(-len(train.y) // MOST_LEAVES)),
            max_features=max(1, min(round(params["max_features"] * projection.width), MOST_CANDIDATES)),
            random_state=seed,
            n_jobs=threads,
        ).fit(_filled(columns, median), train.y)
        return ExtraTreesModel(projection=projection, median=median, forest=Forest.of(fitted))


def _filled(columns: np.ndarray, median: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(columns), median, columns)


def _rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """The largest float32 that is not above: a float32 value lies on the same side of it."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near)
