"""Gradient-boosted trees (LightGBM), stopped early on the validation part, saved in LightGBM's own text.

Missing features stay NaN: the trees learn a side for them. Same seed and same number of threads, same
trees. Not known here: Ray, files, what the columns mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import lightgbm as lgb
import numpy as np

from vvp.errors import UserError
from vvp.models import forest_text
from vvp.models.base import Data, Float, Int, Params, Report, Space, Steps, check_columns, pack, unpack

SMALLEST_LEAF, LARGEST_LEAF = 2, 100


def leaf_limit(n_train: int) -> int:
    """A leaf may ask for a twentieth of the rows at most (2 at least, 100 at most).

    20 a leaf with 60 rows leaves almost no split and so a constant; from 400 rows on, 20 is allowed.
    """
    return min(max(n_train // 20, SMALLEST_LEAF), LARGEST_LEAF)


@dataclass(frozen=True, eq=False)
class GbdtModel:
    """A forest in LightGBM's text form; predictions always come from that text, before saving and after."""

    family: ClassVar[str] = "gbdt"
    text: str
    trees: int
    n_cols: int

    @cached_property
    def booster(self) -> lgb.Booster:
        return lgb.Booster(model_str=forest_text.trees(self.text))

    def predict(self, X: np.ndarray) -> np.ndarray:
        check_columns(X, self.n_cols)
        # One thread: a call during serving is small, and must not take the cores from its neighbours.
        return np.asarray(self.booster.predict(X, num_threads=1), dtype=np.float64)

    def files(self) -> dict[str, bytes]:
        meta = {"best_iteration": self.trees, "n_cols": self.n_cols}
        return pack(self.family, meta, {}, self.text)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "GbdtModel":
        meta, _, text = unpack(cls.family, files)
        forest_text.check(text)
        model = cls(text=text, trees=meta.get("best_iteration", 0), n_cols=meta.get("n_cols", 0))
        try:
            facts = (model.booster.num_feature(), model.booster.num_trees())
        except lgb.basic.LightGBMError as error:
            raise UserError(f"the saved gbdt model is not LightGBM's text ({error}).") from error
        if facts != (model.n_cols, model.trees):
            raise UserError(
                f"the saved gbdt model has {facts[1]} trees over {facts[0]} columns; "
                f"its head says {model.trees} over {model.n_cols}."
            )
        return model


@dataclass(frozen=True, kw_only=True)
class Gbdt:
    """The family. The learning rate, not the number of trees, is what the sweep varies."""

    name: ClassVar[str] = "gbdt"
    trees: int = 500
    """trees at most"""
    patience: int = 50
    """trees without a better validation error before it stops"""
    report_every: int = 25
    """trees between two reports"""

    @property
    def steps(self) -> Steps:
        return Steps(most=self.trees, every=self.report_every)

    @property
    def start(self) -> Params:
        return {
            "learning_rate": 0.05,
            "max_depth": 6,
            "min_data_in_leaf": 20,
            "feature_fraction": 1.0,
            "lambda_l2": 1e-3,
        }

    def space(self, n_train: int, n_cols: int) -> Space:
        return {
            "learning_rate": Float(low=0.02, high=0.2, log=True),
            "max_depth": Int(low=2, high=8),
            "min_data_in_leaf": Int(low=SMALLEST_LEAF, high=leaf_limit(n_train), log=True),
            "feature_fraction": Float(low=0.1, high=1.0),
            "lambda_l2": Float(low=1e-3, high=30.0, log=True),
        }

    def fit(
        self,
        train: Data,
        validation: Data,
        params: Params,
        *,
        report: Report | None = None,
        seed: int = 0,
        threads: int = 1,
    ) -> GbdtModel:
        settings: dict[str, Any] = {
            **params,
            "min_data_in_leaf": min(params["min_data_in_leaf"], leaf_limit(len(train.y))),
            "num_leaves": min(2 ** params["max_depth"], 128),
            "objective": "regression",
            "metric": "l1",
            "num_threads": threads,
            "seed": seed,
            "deterministic": True,
            "force_col_wise": True,  # many columns and few rows; either choice fixed keeps it repeatable
            "feature_pre_filter": False,
            "verbosity": -1,
        }
        fitted = lgb.Dataset(train.X, label=train.y)
        n_cols = train.X.shape[1]
        best = {"mae": np.inf, "trees": 0}

        def watch(env: Any) -> None:
            value, made = float(env.evaluation_result_list[0][2]), env.iteration + 1
            if value < best["mae"]:
                best.update(mae=value, trees=made)
            if report is not None and made % self.report_every == 0:
                report(made, best["mae"], _model(env.model, int(best["trees"]), n_cols))

        booster = lgb.train(
            settings,
            fitted,
            num_boost_round=self.trees,
            valid_sets=[lgb.Dataset(validation.X, label=validation.y, reference=fitted)],
            callbacks=[watch, lgb.early_stopping(self.patience, verbose=False)],
        )
        return _model(booster, int(best["trees"]), n_cols)


def _model(booster: lgb.Booster, trees: int, n_cols: int) -> GbdtModel:
    """The forest cut off after `trees`."""
    text = booster.model_to_string(num_iteration=trees)
    # LightGBM stops growing when nothing splits any more, so fewer trees may be there.
    return GbdtModel(text=text, trees=min(trees, booster.num_trees()), n_cols=n_cols)
