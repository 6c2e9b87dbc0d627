"""Section 6, first half, the chosen model on the test part: predicted against real, residuals, coverage,
quarters."""

import numpy as np

from vvp import words
from vvp.dataset.targets import VIEWS
from vvp.models.base import mae
from vvp.report import numbers
from vvp.report.figures.plot import (
    BLUE,
    GRADED,
    GREEN,
    INK,
    ORANGE,
    RASTER_FROM,
    SKY,
    Plot,
    absent,
    canvas,
    forest,
    views_axis,
    whole,
)  # fmt: skip
from vvp.report.gather import Facts, Tested
from vvp.report.numbers import factor, share

SUBJECTS = {
    "predicted": "Predicted against real views",
    "residuals": "Errors of the forecasts",
    "coverage": "How often the 80 % interval held, by slice",
    "quarters": "Predicted and real quarter",
}
GROUPS = {"all": INK, "channel": BLUE, "missing": ORANGE, "month": GREEN}
GROUP_MARKERS = {"all": "D", "channel": "o", "missing": "s", "month": "^"}


def plots(facts: Facts) -> list[Plot]:
    if facts.tested is None or facts.deciding is None:
        return [absent(name, subject, facts.why["tested"]) for name, subject in SUBJECTS.items()]
    chosen = facts.deciding.chosen
    if chosen not in facts.tested.by_model:
        why = "The predictions hold nothing of the chosen model: run `vvp evaluate` again."
        return [absent(name, subject, why) for name, subject in SUBJECTS.items()]
    guess = facts.tested.by_model[chosen]
    return [
        predicted(facts, facts.tested, guess, chosen),
        residuals(facts.tested.truth - guess, facts.videos.channel_id[facts.tested.row]),
        coverage(facts, facts.tested),
        quarters(facts, facts.tested, guess),
    ]


def predicted(facts: Facts, tested: Tested, guess: np.ndarray, chosen: str) -> Plot:
    figure, ax = canvas(4.6)
    low, high = min(guess.min(), tested.truth.min()) - 0.4, max(guess.max(), tested.truth.max()) + 0.4
    line = np.array([low, high])
    half, held = facts.half_width, numbers.inside(facts)
    if half is not None:
        ax.fill_between(
            line,
            line - half,
            line + half,
            color=SKY,
            alpha=0.25,
            linewidth=0,
            label="80 % interval (middle width)",
        )
    ax.plot(line, line, color=INK, linewidth=1, label="forecast = real")
    raster, size = len(guess) > RASTER_FROM, float(np.clip(9000 / len(guess), 4, 30))
    for rows, colour, marker, label in (
        (
            np.ones(len(guess), bool) if held is None else held,
            BLUE,
            "o",
            "video" if held is None else "inside",
        ),
        (np.zeros(len(guess), bool) if held is None else ~held, ORANGE, "^", "outside"),
    ):
        if rows.any():
            ax.scatter(guess[rows], tested.truth[rows], s=size, color=colour, marker=marker, alpha=0.8,
                       label=label, rasterized=raster, linewidths=0)  # fmt: skip
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    views_axis(ax, "x", "forecast views (log scale)")
    views_axis(ax, "y", "real views (log scale)")
    figure.legend(loc="outside upper left", ncols=2, handletextpad=0.4, columnspacing=1.0)
    typical = factor(mae(tested.truth, guess))
    title = f"The typical error of the {len(guess)} test forecasts ({chosen}) is a factor of {typical}"
    band = None
    if half is not None and held is not None:
        band = f"a band of a factor {factor(half)} to both sides, outside which {(~held).sum()} points lie"
        title += f"; the 80 % interval held {held.sum()} ({share(held.mean())})"
    return Plot(
        name="predicted",
        title=title,
        alt=f"Scatter of forecast against real views of {len(guess)} test videos, log scales; the diagonal"
        + (f" and {band}." if band else "."),
        figure=figure,
    )


def residuals(errors: np.ndarray, channels: np.ndarray) -> Plot:
    figure, ax = canvas()
    ax.hist(errors, bins=int(np.clip(np.sqrt(len(errors)) * 1.5, 6, 40)), color=BLUE)
    ax.axvline(0, color=INK, linewidth=1)
    bias = float(errors.mean())
    ax.axvline(bias, color=ORANGE, linestyle="--", label=f"mean {bias:+.2f}")
    ax.legend()
    limit = max(abs(x) for x in ax.get_xlim())
    ax.set_xlim(-limit, limit)
    ax.set_xlabel("log real views − log forecast (right: did better)")
    ax.set_ylabel("test videos")
    whole(ax)
    mean = numbers.mean_by_channel(errors, channels)
    times = f"real views are {factor_of(bias)} times the forecast"
    if mean["low"] is not None:
        times += f" [{factor_of(mean['low'])}, {factor_of(mean['high'])}]"
    sure = mean["low"] is not None and not mean["low"] <= 0 <= mean["high"]
    if mean["low"] is None:
        lean = "Too few channels to say whether forecasts lean"
    else:
        lean = f"Forecasts lean {'low' if bias > 0 else 'high'}" if sure else "No sure lean"
    return Plot(
        name="residuals",
        title=f"{lean}: in the geometric mean {times}",
        alt=f"Histogram of {len(errors)} residuals in log views: mean {bias:+.2f}, median"
        f" {np.median(errors):+.2f},"
        f" from {errors.min():+.2f} to {errors.max():+.2f}.",
        figure=figure,
    )


def factor_of(log_difference: float) -> str:
    """A signed log difference as a factor: "1.40", "0.71"."""
    return f"{np.exp(np.clip(log_difference, -30, 30)):.2f}"


def coverage(facts: Facts, tested: Tested) -> Plot:
    held = numbers.inside(facts)
    if held is None or facts.deciding is None:
        reason = (facts.deciding and facts.deciding.interval.reason) or "no interval could be made"
        return absent("coverage", SUBJECTS["coverage"], f"There is no 80 % interval: {reason}.")
    measured = facts.deciding.interval.measured
    whole = None if measured is None else measured.as_dict()
    slices = numbers.slices(facts.videos, tested, held, whole)
    figure, ax = canvas(1.2 + 0.27 * len(slices))
    for i, part in enumerate(slices):
        interval = {k: None if v is None else 100 * v for k, v in part.share.items()}
        forest(ax, [(i, interval)], GROUPS[part.group], GROUP_MARKERS[part.group])
    ax.axvline(80, color=INK, linewidth=1, linestyle="--")
    ax.annotate(
        "80 wanted",
        (80, -0.75),
        ha="right",
        va="center",
        fontsize=9,
        xytext=(-4, 0),
        textcoords="offset points",
    )
    ax.set_yticks(range(len(slices)), [f"{s.name} ({s.n})" for s in slices])
    ax.set_ylim(len(slices) - 0.5, -1.1)
    ax.set_xlim(0, 102)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("held by the interval, %\n(lines: 95 %, by channel)")
    everything = slices[0].share
    title = f"The 80 % interval held {share(everything['point'])} of the test videos"
    if everything["low"] is not None:
        title += f" [{share(everything['low'])}, {share(everything['high'])}]"
    off = sorted((s for s in slices[1:] if s.clearly_under), key=lambda s: s.held / s.n)
    if off:
        named = ", ".join(f"{s.name} ({share(s.held / s.n)})" for s in off[:2])
        title += f"; least for {named}" + (f" and {len(off) - 2} more below 80 %" if len(off) > 2 else "")
    elif not slices[0].clearly_under:
        title += "; no slice is clearly below 80 %"
    return Plot(
        name="coverage",
        title=title,
        alt="Shares held, per slice of the test videos, with 95 % intervals by channel: "
        + "; ".join(f"{s.name} {s.held} of {s.n}" for s in slices) + ".",
        figure=figure,
    )  # fmt: skip


def quarters(facts: Facts, tested: Tested, guess: np.ndarray) -> Plot:
    name, subject = "quarters", SUBJECTS["quarters"]
    training = facts.videos.log_views[(facts.videos.part == "train") & facts.videos.labelled]
    table = numbers.confusion(training, tested.truth, guess)
    if table is None:
        return absent(name, subject, "The training views have no four quarters: too many of them are equal.")
    figure, ax = canvas(3.9)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    ax.imshow(shares, cmap=GRADED, vmin=0, vmax=1)
    ax.grid(False)
    for i in range(4):
        for j in range(4):
            colour = "white" if shares[i, j] < 0.6 else "black"
            ax.text(j, i, f"{table[i, j]}", ha="center", va="center", color=colour, fontsize=12)
    cuts = [words.views(VIEWS.value(c)) for c in np.quantile(training, [0.25, 0.5, 0.75])]
    marks = [f"to {cuts[0]}", f"to {cuts[1]}", f"to {cuts[2]}", "above"]
    ax.set_xticks(range(4), marks)
    ax.set_yticks(range(4), marks)
    ax.set_xlabel("forecast, views (quarters of the training videos)")
    ax.set_ylabel("real views")
    right = int(np.trace(table))
    near = int(sum(np.trace(table, k) for k in (-1, 0, 1)))
    return Plot(
        name=name,
        title=f"The forecast names the right quarter for {right} of {len(guess)}"
        f" ({share(right / len(guess))};"
        f" a coin with four sides: 25 %), a neighbour at most for {near}",
        alt="Matrix of real (rows) by forecast quarter (columns), quarters of the training views; each row"
        " from low to"
        " high: " + "; ".join(" ".join(map(str, row)) for row in table) + ".",
        figure=figure,
    )
