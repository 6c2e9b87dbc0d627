"""One figure for each target beside views: forecast against outcome; of a yes or no what was said and what
came; of more classes who came where.

Not known here: the tables beside them (vvp/report/targets.py).
"""

import numpy as np

from vvp.learn.records import ClassSplit, Evaluation
from vvp.report.figures.plot import (
    BLUE,
    GRADED,
    INK,
    ORANGE,
    RASTER_FROM,
    SKY,
    Plot,
    absent,
    canvas,
    views_axis,
)
from vvp.report.gather import Facts, Tested
from vvp.report.numbers import factor, plural, share
from vvp.schema import COUNTS


def plots(facts: Facts) -> list[Plot]:
    return [_one(facts, one) for one in facts.others]


def name_of(target: str) -> str:
    """Of a target's figure."""
    return f"target_{target.replace('-', '_')}"


def _one(facts: Facts, one: Evaluation) -> Plot:
    name = name_of(one.target)
    if split := one.classes.get(one.split):
        return _calibration(name, one, split) if len(split.labels) == 2 else _confusion(name, one, split)
    tested = facts.others_tested.get(one.target)
    if tested is None or not one.splits:
        why = (
            one.verdict
            if one.rules_only
            else "The predictions of this target were not kept: run `vvp evaluate`."
        )
        return absent(name, f"Forecast and real {one.target}", why)
    return _scatter(name, one, tested)


def _scatter(name: str, one: Evaluation, tested: Tested) -> Plot:
    """Both axes on the target's own scale, on which its error is given."""
    chosen = one.splits[one.split].chosen
    guess, truth = tested.by_model[chosen], tested.truth
    figure, ax = canvas(4.4)
    both = np.concatenate([guess, truth])
    slack = 0.05 * (float(np.ptp(both)) or 1.0)
    line = np.array([both.min() - slack, both.max() + slack])
    held = (tested.low <= truth) & (truth <= tested.high)
    known = bool(np.isfinite(tested.low).all())
    ax.plot(line, line, color=INK, linewidth=1, label="forecast = real")
    raster, size = len(guess) > RASTER_FROM, float(np.clip(9000 / len(guess), 4, 30))
    parts = [(held, BLUE, "o", "inside its range"), (~held, ORANGE, "^", "outside")]
    for rows, colour, marker, label in parts if known else [(np.ones(len(guess), bool), BLUE, "o", "video")]:
        if rows.any():
            ax.scatter(guess[rows], truth[rows], s=size, color=colour, marker=marker, alpha=0.8, label=label,
                       rasterized=raster, linewidths=0)  # fmt: skip
    ax.set_xlim(*line)
    ax.set_ylim(*line)
    for which, what in (("x", "forecast"), ("y", "real")):
        if one.target in COUNTS:
            views_axis(ax, which, f"{what} {one.target} (log scale)")
        else:
            (ax.set_xlabel if which == "x" else ax.set_ylabel)(f"{what} ({one.scale})")
    figure.legend(loc="outside upper left", ncols=3)
    error = float(np.abs(truth - guess).mean())
    off = f"a factor of {factor(error)}" if one.log else f"{error:.2f} ({one.scale})"
    inside = f"; the 80 % interval held {int(held.sum())} ({share(held.mean())})" if known else ""
    return Plot(
        name=name,
        title=f"{one.target}: the typical error of {len(guess)} test forecasts ({chosen}) is {off}{inside}",
        alt=f"Scatter of forecast against real {one.target} of {plural(len(guess), 'test video')},"
        f" {one.scale}; the diagonal is a forecast that came true{inside}.",
        figure=figure,
    )


def _calibration(name: str, one: Evaluation, split: ClassSplit) -> Plot:
    said, came, rows = (np.array(column) for column in zip(*split.curve, strict=True))
    figure, ax = canvas(3.8)
    top = min(1.0, 1.1 * float(max(said.max(), came.max(), 0.05)))
    ax.plot([0, top], [0, top], color=INK, linewidth=1, label="said = came")
    ax.axhline(
        split.base[1], color=ORANGE, linestyle="--", linewidth=1, label=f"of all: {share(split.base[1])}"
    )
    spread = np.sqrt(np.maximum(came * (1 - came), 0.25 / rows) / rows)
    ax.errorbar(
        said, came, yerr=1.96 * spread, fmt="o", color=BLUE, ecolor=SKY, label="a tenth of the videos"
    )
    ax.set_xlim(0, top)
    ax.set_ylim(0, min(1.0, max(top, float((came + 1.96 * spread).max()))))
    ax.set_xlabel(f"chance of {split.labels[1]} that was said")
    ax.set_ylabel("share that came")
    figure.legend(loc="outside upper left", ncols=3)
    metrics = split.results[split.chosen].metrics or {}
    off, auc = metrics["calibration_error"].point, metrics["auc"].point
    order = "" if auc is None else f"; ROC-AUC {auc:.2f}, a coin has 0.5"
    return Plot(
        name=name,
        title=f"{one.target}: what was said lies {100 * (off or 0):.0f} points of 100 from what came, in the"
        f" mean{order}",
        alt=f"Said and come of {plural(split.test_rows, 'test video')}, by tenths: "
        + "; ".join(f"{s:.2f} said, {c:.2f} came ({n})" for s, c, n in split.curve) + ".",
        figure=figure,
    )  # fmt: skip


def _confusion(name: str, one: Evaluation, split: ClassSplit) -> Plot:
    table = np.array(split.confusion)
    figure, ax = canvas(3.6)
    image = ax.imshow(table, cmap=GRADED, aspect="auto", vmin=0)
    ax.grid(False)
    for i, row in enumerate(table.tolist()):
        for j, n in enumerate(row):
            ax.text(j, i, str(n), ha="center", va="center", fontsize=9,
                    color="black" if n > 0.5 * table.max() else "white")  # fmt: skip
    short = [label.replace(" quarter", "") for label in split.labels]
    ax.set_xticks(range(len(short)), short)
    ax.set_yticks(range(len(short)), short)
    ax.set_xlabel("said")
    ax.set_ylabel("came")
    bar = figure.colorbar(image, ax=ax, label="videos")
    bar.outline.set_edgecolor(INK)
    right = float(np.trace(table)) / max(1, int(table.sum()))
    return Plot(
        name=name,
        title=f"{one.target}: {share(right)} of the test videos came into the class that was said; the"
        f" largest class alone would give {share(max(split.base))}",
        alt="Videos by what came and what was said: "
        + "; ".join(f"{label}: {', '.join(map(str, row))}" for label, row in
                    zip(split.labels, split.confusion, strict=True)) + ".",
        figure=figure,
    )  # fmt: skip
