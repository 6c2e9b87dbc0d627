"""Section 2, the collection: views, durations, posting times, and a table of what is not in it and why."""

import numpy as np
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from vvp import words
from vvp.dataset.scales import log_count
from vvp.dataset.targets import VIEWS
from vvp.report.figures.plot import (
    BLUE,
    COLOURS,
    GRADED,
    GREY,
    INK,
    ORANGE,
    SKY,
    YELLOW,
    Plot,
    absent,
    canvas,
    log_axis,
    views_axis,
    whole,
)  # fmt: skip
from vvp.report.gather import Facts, Videos
from vvp.report.numbers import DAYS, plural, share
from vvp.schema import ERROR_KINDS, LABEL_ISSUES, SET_ASIDE_REASONS

PARTS = {"train": BLUE, "validation": SKY, "test": ORANGE, "embargo": YELLOW, "none": GREY}


def plots(facts: Facts) -> list[Plot]:
    return [
        views(facts.videos), counts(facts.videos), durations(facts.videos), posted(facts), hours(facts.videos)
    ]  # fmt: skip


def views(videos: Videos) -> Plot:
    name, y = "views", videos.log_views[videos.labelled]
    if not len(y):
        return absent(name, "Views of the videos", "No video has a usable view count.")
    # Of the counts, as in the table of counts: the median of an even number of logs is another one.
    low, middle, high = (words.views(q) for q in np.quantile([VIEWS.value(v) for v in y], [0.1, 0.5, 0.9]))
    if np.ptp(y) < 1e-9:
        why = (
            f"All {len(y)} videos with a count have the same, {middle}: there is no spread to show or to"
            " learn."
        )
        return absent(name, "Views of the videos", why)
    figure, ax = canvas()
    ax.hist(y, bins=_bins(len(y)), color=BLUE)
    ax.axvline(np.median(y), color=ORANGE, linestyle="--", label=f"median {middle}")
    ax.legend()
    ax.set_ylabel("videos")
    whole(ax)
    views_axis(ax)
    return Plot(
        name=name,
        title=f"Half of the videos have more than {middle} views; the middle 80 % reach from {low} to {high}",
        alt=f"Histogram of views on a log scale, {plural(len(y), 'video')} with a count: median {middle},"
        " tenth"
        f" percentile {low}, ninetieth {high}, least {words.views(VIEWS.value(y.min()))}, most"
        f" {words.views(VIEWS.value(y.max()))}.",
        figure=figure,
    )


def counts(videos: Videos) -> Plot:
    """The distributions of every count that there is, on one log axis."""
    name, subject = "counts", "Views, likes, comments and shares"
    known = {n: v[np.isfinite(v)] for n, v in videos.counts.items()}
    known = {n: v for n, v in known.items() if len(v) and v.max() > 0}
    if len(known) < 2:
        return absent(name, subject, "Views are the only count here: their figure shows them.")
    figure, ax = canvas()
    low = min(float(log_count(v).min()) for v in known.values())
    high = max(float(log_count(v).max()) for v in known.values())
    edges = np.linspace(low, high + 1e-9, 41)
    for (count, values), colour in zip(known.items(), COLOURS, strict=False):
        ax.hist(log_count(values), bins=edges, histtype="step", linewidth=1.6, color=colour, label=count,
                weights=np.full(len(values), 1 / len(values)))  # fmt: skip
    ax.set_ylabel("share of the videos that have it")
    views_axis(ax, label="count (log scale)")
    figure.legend(loc="outside upper left", ncols=4)
    middles = {n: words.views(float(np.median(v))) for n, v in known.items()}
    return Plot(
        name=name,
        title="In the middle " + ", ".join(f"{middle} {n}" for n, middle in middles.items()),
        alt="Histograms on one log scale: "
        + "; ".join(f"{n} of {plural(len(v), 'video')}, median {middles[n]}, most"
                    f" {words.views(float(v.max()))}" for n, v in known.items()) + ".",
        figure=figure,
    )  # fmt: skip


def durations(videos: Videos) -> Plot:
    name, d = "durations", videos.duration_s[videos.duration_s > 0]
    if not len(d):
        return absent(name, "Durations of the videos", "No video has a known duration.")
    figure, ax = canvas()
    low, high = d.min() * 0.95, d.max() * 1.05
    ax.hist(d, bins=np.geomspace(low, high, _bins(len(d)) + 1), color=BLUE)
    log_axis(ax)
    ax.set_xlim(low, high)
    middle, longest = np.median(d), d.max()
    ax.axvline(middle, color=ORANGE, linestyle="--", label=f"median {middle:.0f} s")
    ax.legend()
    ax.set_xlabel("duration in seconds (log scale)")
    whole(ax)
    ax.set_ylabel("videos")
    unknown = len(videos.duration_s) - len(d)
    return Plot(
        name=name,
        title=f"Half of the videos are shorter than {middle:.0f} s; the longest lasts {longest:,.0f} s",
        alt=f"Histogram of durations on a log scale, {plural(len(d), 'video')}: median {middle:.0f} s,"
        " shortest"
        f" {d.min():.0f} s, longest {longest:,.0f} s; {unknown} unknown.",
        figure=figure,
    )


def posted(facts: Facts) -> Plot:
    """Posts over time, coloured by the part that the deciding split puts them in."""
    name, videos = "posted", facts.videos
    when = videos.published_at[~np.isnat(videos.published_at)]
    if not len(when):
        return absent(name, "When the videos were posted", "No video has a date of publication.")
    first, last = (str(t.astype("datetime64[D]")) for t in (when.min(), when.max()))
    if first == last:
        return absent(name, "When the videos were posted", f"All of them were posted on one day, {first}.")
    edges = np.linspace(when.min().astype(np.int64), when.max().astype(np.int64), 31).astype("datetime64[us]")
    figure, ax = canvas()
    bottom = np.zeros(30)
    part = videos.part[~np.isnat(videos.published_at)]
    for part_name, colour in PARTS.items():
        if not (part == part_name).any():
            continue
        heights = np.histogram(when[part == part_name].astype(np.int64), edges.astype(np.int64))[0]
        label = {"none": "in no part", "embargo": "left out between"}.get(part_name, part_name)
        ax.bar(edges[:-1], heights, np.diff(edges), bottom=bottom, color=colour, align="edge", label=label)
        bottom += heights
    locator = AutoDateLocator(minticks=3, maxticks=7)  # others: matplotlib warns of some spans
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel("date of publication (UTC)")
    ax.set_ylabel("videos")
    figure.legend(loc="outside upper left", ncols=3)
    whole(ax)
    counts = ", ".join(f"{(part == p).sum()} {p}" for p in PARTS if (part == p).any())
    return Plot(
        name=name,
        title=f"{plural(len(when), 'dated video')}, posted from {first} to {last}",
        alt=f"Bars of videos over time, stacked by the part of the {facts.split} split: {counts};"
        f" {len(videos.part) - len(when)} have no date.",
        figure=figure,
    )


def hours(videos: Videos) -> Plot:
    name = "hours"
    when = videos.published_at[~np.isnat(videos.published_at)]
    if not len(when):
        return absent(name, "Weekday and hour of posting", "No video has a date of publication.")
    days = when.astype("datetime64[D]")
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    hour = (when - days).astype("timedelta64[h]").astype(np.int64)
    if not hour.any():
        why = "The dates have no time of day: every one of them stands at midnight."
        return absent(name, "Weekday and hour of posting", why)
    table = np.zeros((7, 24), np.int64)
    np.add.at(table, (weekday, hour), 1)
    figure, ax = canvas(2.9)
    image = ax.imshow(table, cmap=GRADED, aspect="auto")
    ax.grid(False)
    ax.set_yticks(range(7), DAYS)
    ax.set_xticks(range(0, 24, 3))
    ax.set_xlabel("hour of the day (UTC)")
    bar = figure.colorbar(image, ax=ax, label="videos")
    whole(bar.ax)
    bar.outline.set_edgecolor(INK)
    top = int(table.sum(axis=0).argmax())
    day = int(table.sum(axis=1).argmax())
    at_top, on_day = share(table.sum(axis=0)[top] / len(when)), share(table.sum(axis=1)[day] / len(when))
    return Plot(
        name=name,
        title=f"Busiest hour {top:02d}:00 UTC ({at_top} of posts; even would be {share(1 / 24)}), busiest day"
        f" {DAYS[day]} ({on_day}; even {share(1 / 7)})",
        alt="Heat map of weekday by hour of posting, in UTC. By weekday: "
        + ", ".join(f"{d} {n}" for d, n in zip(DAYS, table.sum(axis=1), strict=True)) + ".",
        figure=figure,
    )  # fmt: skip


def left_out(facts: Facts) -> list[tuple[str, int, str]]:
    """Rows of a table: (what, how many, why); empty when nothing is left out."""
    rows = [(f"set aside: {r}", n, SET_ASIDE_REASONS.get(r, "")) for r, n in facts.set_aside.items()]
    rows += [(f"no label: {r}", n, LABEL_ISSUES.get(r, "")) for r, n in facts.label_issues.items()]
    issued = sum(facts.label_issues.values())
    silent = int((~facts.videos.labelled).sum()) - issued
    if silent > 0:
        rows.append(("no label", silent, "no usable view count"))
    rows += [(f"media: {kind}", n, ERROR_KINDS.get(kind, "")) for kind, n in facts.errors.items()]
    if facts.not_embedded:
        rows.append(("not embedded", facts.not_embedded, "`vvp embed` has not seen them yet"))
    for what, present in (("picture", facts.videos.picture), ("sound", facts.videos.sound)):
        if (n := int((facts.videos.embedded & ~present).sum())) > 0:
            rows.append(
                (f"without {what}", n, f"embedded, and forecast, from what else there is; no {what} vector")
            )
    undated = int(np.isnat(facts.videos.published_at).sum())
    if undated:
        rows.append(("without a date", undated, "take no part in the time split"))
    return rows


def _bins(n: int) -> int:
    return int(np.clip(np.sqrt(n) * 1.5, 6, 40))
