"""The look at the counts that comes before any model, and what the run forecasts beside views: two tables.

Not known here: pages, figures.
"""

import numpy as np
from scipy.stats import spearmanr

from vvp import words
from vvp.dataset.labels import COUNTS
from vvp.report.figures.posts import Table
from vvp.report.gather import Facts, Videos

FEWEST = 10  # videos that have both, for a correlation


def tables(facts: Facts) -> list[Table]:
    return [_sizes(facts.videos), _together(facts.videos), _targets(facts)]


def _sizes(videos: Videos) -> Table:
    """Mean, standard deviation, quartiles and greatest of every count."""
    rows: list[tuple[str, ...]] = []
    for name in COUNTS:
        known = videos.counts[name][np.isfinite(videos.counts[name])]
        if not len(known):
            rows.append((name, "0", *["–"] * 6))
            continue
        low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
        sizes = (known.mean(), known.std(), low, middle, high, known.max())
        rows.append((name, f"{len(known):,}", *(words.views(float(size)) for size in sizes)))
    columns = ("count", "videos", "mean", "sd", "lower quarter", "median", "upper quarter", "most")
    return Table(head="The counts", columns=columns, rows=rows)


def _together(videos: Videos) -> Table:
    """Rank correlation of each pair of counts, and of each count with the duration and the followers."""
    every = {**videos.counts, "duration": videos.duration_s, "followers": videos.followers}
    rows: list[tuple[str, ...]] = [
        (name, *(_rank(values, every[other]) if other != name else "1" for other in every))
        for name, values in videos.counts.items()
    ]
    return Table(head="Rank correlations (Spearman)", columns=("count", *every), rows=rows)


def _rank(a: np.ndarray, b: np.ndarray) -> str:
    both = np.isfinite(a) & np.isfinite(b)
    if both.sum() < FEWEST or np.ptp(a[both]) == 0 or np.ptp(b[both]) == 0:
        return "–"
    return f"{float(spearmanr(a[both], b[both]).statistic):.2f}"


def _targets(facts: Facts) -> Table:
    """What evaluation found of each target beside views."""
    rows: list[tuple[str, ...]] = []
    for one in facts.others:
        chosen, standing = "the simple rule", "rule"
        if deciding := one.splits.get(one.split):
            chosen, standing = deciding.chosen, deciding.standing
        elif classes := one.classes.get(one.split):
            chosen, standing = classes.chosen, classes.standing
        what = one.target if one.unit.startswith(one.target) else f"{one.target} ({one.unit})"
        rows.append((what, chosen, "it is the rule" if standing == "rule" else standing))
    return Table(
        head="What it forecasts beside views",
        columns=("target", "forecast by", "against the simple rule"),
        rows=rows,
        absent="Views are all that this run forecasts; `vvp tune --target all` makes it forecast more.",
    )
