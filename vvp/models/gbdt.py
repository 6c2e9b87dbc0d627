"""Gradient-boosted trees (LightGBM) on projected columns; the path is the number of trees.

Missing features stay NaN: the trees learn a side for them. Same seed and same number of threads, same
trees. Saved in LightGBM's own text. Not known here: Ray, files, what the columns mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import lightgbm as lgb
import numpy as np
from scipy.special import expit, softmax

from vvp.errors import UserError
from vvp.models import forest_text
from vvp.models.base import Choice, Data, Float, Int, Params, Space, pack, unpack
from vvp.models.projection import Projection

SMALLEST_LEAF, LARGEST_LEAF = 2, 100
COMPONENTS = 32  # of each wide block: 400 raw columns of an embedding offer a tree too many chance splits


def leaf_limit(n_train: int) -> int:
    """A leaf may ask for a twentieth of the rows at most (2 at least, 100 at most).

    20 a leaf with 60 rows leaves almost no split and so a constant; from 400 rows on, 20 is allowed.
    """
    return min(max(n_train // 20, SMALLEST_LEAF), LARGEST_LEAF)


@dataclass(frozen=True, kw_only=True, eq=False)
class GbdtModel:
    """A forest in LightGBM's text form; predictions always come from that text, before saving and after."""

    family: ClassVar[str] = "gbdt"
    projection: Projection
    text: str
    trees: int

    @cached_property
    def booster(self) -> lgb.Booster:
        return lgb.Booster(model_str=forest_text.trees(self.text))

    def predict(self, X: np.ndarray) -> np.ndarray:
        # One thread: a call during serving is small, and must not take the cores from its neighbours.
        columns = self.projection.apply(X)
        return np.asarray(self.booster.predict(columns, num_threads=1), dtype=np.float64)

    def files(self) -> dict[str, bytes]:
        meta = {"trees": self.trees, **self.projection.meta()}
        return pack(self.family, meta, self.projection.tensors(), self.text)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "GbdtModel":
        meta, tensors, text = unpack(cls.family, files)
        forest_text.check(text)
        model = cls(projection=Projection.from_saved(meta, tensors), text=text, trees=meta.get("trees", 0))
        try:
            facts = (model.booster.num_feature(), model.booster.num_trees())
        except lgb.basic.LightGBMError as error:
            raise UserError(f"the saved gbdt model is not LightGBM's text ({error}).") from error
        if facts != (model.projection.width, model.trees):
            raise UserError(
                f"the saved gbdt model has {facts[1]} trees over {facts[0]} columns; "
                f"its head says {model.trees} over {model.projection.width}."
            )
        return model


@dataclass(frozen=True, kw_only=True)
class Gbdt:
    """The family."""

    name: ClassVar[str] = "gbdt"
    classes: int = 0
    """0: a number is forecast"""
    trees: tuple[int, ...] = (8, 12, 17, 24, 34, 48, 68, 95, 135, 190, 270, 400, 600)
    """trees made, at each point of the path"""

    @property
    def start(self) -> Params:
        objective = {} if self.classes else {"objective": "regression"}
        return {
            **objective,
            "extra_trees": True,
            "learning_rate": 0.05,
            "num_leaves": 8,
            "min_data_in_leaf": 20,
            "feature_fraction": 0.9,
        }

    def space(self, n_train: int, n_cols: int) -> Space:
        objectives = Choice(options=("regression", "regression_l1"))
        objective: Space = {} if self.classes else {"objective": objectives}
        return {
            **objective,
            "extra_trees": Choice(options=(True, False)),  # thresholds at random: less is fitted to chance
            "learning_rate": Float(low=0.02, high=0.1, log=True),
            "num_leaves": Int(low=4, high=31, log=True),
            "min_data_in_leaf": Int(low=SMALLEST_LEAF, high=leaf_limit(n_train), log=True),
            "feature_fraction": Float(low=0.3, high=1.0),
        }

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        projection, booster = self._grow(train, params, self.trees[-1], seed, threads)
        columns = projection.apply(held)
        rows, at = [], 0
        for trees in self.trees:  # each point adds its trees to what the last one gave
            step = booster.predict(
                columns, start_iteration=at, num_iteration=trees - at, num_threads=threads, raw_score=True
            )
            rows.append(np.asarray(step, dtype=np.float64))
            at = trees
        scores = np.cumsum(rows, axis=0)
        if not self.classes:
            return scores
        return np.asarray(expit(scores) if self.classes == 2 else softmax(scores, axis=-1))

    def fit(self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1) -> GbdtModel:
        projection, booster = self._grow(train, params, self.trees[point], seed, threads)
        text = booster.model_to_string()
        # LightGBM stops growing when nothing splits any more, so fewer trees may be there.
        return GbdtModel(projection=projection, text=text, trees=booster.num_trees())

    def _grow(
        self, train: Data, params: Params, trees: int, seed: int, threads: int
    ) -> tuple[Projection, lgb.Booster]:
        projection = Projection.fit(train.X, train.groups, COMPONENTS)
        settings: dict[str, Any] = {
            **_objective(self.classes),
            **params,
            "min_data_in_leaf": min(params["min_data_in_leaf"], leaf_limit(len(train.y))),
            "lambda_l2": 3.0,  # from 1 to 10 nothing changes, so it is not searched
            "max_bin": 63,  # half the time of 255, and no worse at a few thousand rows
            "num_threads": threads,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,  # many columns and few rows; either choice fixed keeps it repeatable
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        fitted = lgb.Dataset(projection.apply(train.X), label=train.y)
        return projection, lgb.train(settings, fitted, num_boost_round=trees)


def _objective(classes: int) -> dict[str, Any]:
    """LightGBM's settings for so many classes; nothing for a number, whose objective is searched."""
    if classes > 2:
        return {"objective": "multiclass", "num_class": classes}
    return {"objective": "binary"} if classes else {}
