"""One yes or no, said two ways: by a model of it, and, where it is a bound on views, by their distribution.

They need not agree: the one learned a yes or no, the other how far views may lie off. Which is better is
measured on the same test rows, paired.
Not known here: how either was fitted, files.
"""

import numpy as np

from vvp.learn import metrics
from vvp.learn.class_metrics import Judge
from vvp.learn.records import ByViews

SHOWN = ("auc", "brier", "log_loss")


def compare(
    judge: Judge, own: np.ndarray, threshold: float, by_views: np.ndarray, forecaster: str
) -> ByViews:
    """own, by_views: float64 (m,), the chances of a yes on the judge's rows; forecaster: of views."""
    ours, theirs = judge.values(own, threshold), judge.values(by_views, threshold)
    return ByViews(
        forecaster=forecaster,
        metrics=judge.measured({name: theirs[name] for name in SHOWN}),
        versus_own=judge.measured({name: theirs[name] - ours[name] for name in SHOWN}),
        rank=metrics.spearman(own, by_views),
        apart=float(np.abs(own - by_views).mean()),
    )
