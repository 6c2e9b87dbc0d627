"""What goes with more views: times of posting, hashtags, captions, creators, and posts far from the usual.

All of it describes the collection. No figure here judges the model.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from vvp import words
from vvp.dataset.targets import VIEWS
from vvp.report import usual
from vvp.report.figures.plot import BLUE, GRADED, INK, ORANGE, Plot, absent, canvas, forest, log_axis
from vvp.report.gather import Facts, Videos
from vvp.report.numbers import DAYS, plural
from vvp.report.usual import Group

NEEDED = f"at least {usual.POSTS} posts of {usual.CHANNELS} channels"
FEWEST = 5  # creators that a scatter needs


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, or the sentence in its place. The first column holds words."""

    head: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    absent: str = ""


def plots(facts: Facts) -> list[Plot]:
    videos = facts.videos
    difference = usual.against_usual(videos)
    return [
        hours(usual.hours(videos, difference)),
        captions(usual.captions(videos, difference)),
        creators(videos),
    ]


def note(videos: Videos) -> str:
    """What the comparisons are of, and how many would look clear by chance."""
    difference = usual.against_usual(videos)
    groups = [
        *usual.hours(videos, difference).values(),
        *usual.captions(videos, difference),
        *usual.hashtags(videos, difference),
    ]
    text = (
        "This describes the whole collection, the test videos included, and says nothing of the model. A"
        " post's views are held against the middle of its channel's other videos; 95 % intervals come from"
        " a bootstrap over channels."
    )
    if not groups:
        return text
    clear = sum(one.clear for one in groups)
    return (
        f"{text} Of {plural(len(groups), 'comparison')} about {len(groups) / 20:.1f} would look clear by"
        f" chance alone; {clear} {'does' if clear == 1 else 'do'}."
    )


def hours(found: dict[tuple[int, int], Group]) -> Plot:
    name, subject = "post_hours", "Views by weekday and hour of posting"
    if not found:
        return absent(name, subject, f"No weekday and three hours of the day have {NEEDED}.")
    table = np.full((7, 8), np.nan)
    for at, one in found.items():
        table[at] = one.point
    figure, ax = canvas(3.2)
    limit = max(float(np.nanmax(np.abs(table))), 0.1)
    image = ax.imshow(table, cmap=GRADED, aspect="auto", vmin=-limit, vmax=limit)
    ax.grid(False)
    for (day, block), one in found.items():
        colour = "black" if one.point > 0.2 * limit else "white"
        ax.text(block, day, str(one.posts), ha="center", va="center", color=colour, fontsize=9)
    ax.set_yticks(range(7), DAYS)
    ax.set_xticks(range(8), [f"{3 * b:02d}" for b in range(8)])
    ax.set_xlabel("from this hour on, three hours (UTC); number: posts")
    bar = figure.colorbar(image, ax=ax, label="views over the usual")
    ticks = np.linspace(-limit, limit, 5)
    bar.set_ticks(ticks.tolist(), labels=[f"×{usual.times(t)}" for t in ticks])
    bar.outline.set_edgecolor(INK)
    return Plot(
        name=name, title=_title(list(found.values()), "time of posting"), alt=_alt(list(found.values())),
        figure=figure,
    )  # fmt: skip


def captions(found: list[Group]) -> Plot:
    name, subject = "post_captions", "Views by length of the caption"
    if not found:
        return absent(name, subject, f"No quarters by the caption's length have {NEEDED}.")
    figure, ax = canvas(1.2 + 0.35 * len(found))
    for i, one in enumerate(found):
        ends = {k: None if v is None else float(np.exp(v)) for k, v in
                (("point", one.point), ("low", one.low), ("high", one.high))}  # fmt: skip
        forest(ax, [(i, ends)], BLUE)
    log_axis(ax)
    ax.axvline(1, color=INK, linewidth=1)
    ax.set_yticks(range(len(found)), [f"{one.name} ({one.posts})" for one in found])
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.set_xlabel("views over the usual (in brackets: posts)")
    return Plot(name=name, title=_title(found, "length of caption"), alt=_alt(found), figure=figure)


def _title(found: list[Group], what: str) -> str:
    clear = [one for one in found if one.clear]
    if not clear:
        return f"No {what} clearly goes with more or fewer views, of {len(found)} compared"
    one = max(clear, key=lambda g: abs(g.point))
    return f"{len(clear)} of {len(found)} differ clearly; most {one.name}: {one.ratio()}, {one.posts} posts"


def _alt(found: list[Group]) -> str:
    return "Middle of views over the channel's usual, 95 % interval, posts: " + "; ".join(
        f"{one.name} {one.ratio()}, {one.posts}" for one in found) + "."  # fmt: skip


def by_creator(videos: Videos) -> list[tuple[str, float, float, int]]:
    """(channel, followers, median log views, videos), those furthest from a line through all first."""
    use = (
        videos.labelled & (videos.followers > 0) & np.array([c is not None for c in videos.channel_id], bool)
    )
    found = []
    for channel in sorted({str(c) for c in videos.channel_id[use]}):
        own = use & (videos.channel_id == channel)
        followers, middle = float(np.median(videos.followers[own])), float(np.median(videos.log_views[own]))
        found.append((channel, followers, middle, int(own.sum())))
    x, y = np.log([f[1] for f in found]), np.array([f[2] for f in found])
    if len(found) < FEWEST or np.ptp(x) < 1e-9:
        return []
    off = np.abs(y - np.polyval(np.polyfit(x, y, 1), x))
    return [found[i] for i in np.argsort(-off, kind="stable")]


def creators(videos: Videos) -> Plot:
    name, subject = "post_creators", "Creators against their followers"
    found = by_creator(videos)
    if not found:
        why = f"Fewer than {FEWEST} creators have followers that differ and a video with a count."
        return absent(name, subject, why)
    followers, views = np.array([f[1] for f in found]), np.array([VIEWS.value(f[2]) for f in found])
    figure, ax = canvas(3.8)
    ax.scatter(followers, np.maximum(views, 1), color=BLUE, s=22, alpha=0.8, linewidths=0)
    for i in range(min(FEWEST, len(found))):
        ax.annotate(str(i + 1), (followers[i], max(views[i], 1)), xytext=(4, 3), color=ORANGE,
                    textcoords="offset points", fontsize=10, fontweight="bold")  # fmt: skip
    log_axis(ax)
    log_axis(ax, "y")
    ax.set_xlabel("followers when collected (log scale)")
    ax.set_ylabel("median views (log scale)")
    rank = float(spearmanr(followers, views).statistic) if np.ptp(views) else 0.0
    half = 1.96 * np.sqrt(1.06 / (len(found) - 3))
    low, high = (float(np.tanh(np.arctanh(np.clip(rank, -0.999, 0.999)) + s * half)) for s in (-1, 1))
    return Plot(
        name=name,
        title=f"{len(found)} creators: followers and median views have Spearman {rank:.2f}"
        f" [{low:.2f}, {high:.2f}]; numbered are the five furthest from the line",
        alt="Scatter on log scales. Numbered: "
        + "; ".join(f"{i + 1} {c}, {words.views(f)} followers, median {words.views(VIEWS.value(y))} of"
                    f" {plural(n, 'video')}" for i, (c, f, y, n) in enumerate(found[:FEWEST])) + ".",
        figure=figure,
    )  # fmt: skip


def tables(videos: Videos) -> list[Table]:
    tags = usual.hashtags(videos, usual.against_usual(videos))
    return [
        Table(
            head="Hashtags", columns=("hashtag", "posts", "channels", "views over the usual, 95 %"),
            rows=[(t.name, f"{t.posts:,}", f"{t.channels:,}", t.ratio() + (" clear" if t.clear else ""))
                  for t in tags[:20]],
            absent=f"No hashtag has {NEEDED}.",
        ),
        Table(
            head="Creators furthest from the line", absent="No creators could be compared.",
            columns=("creator, as numbered above", "followers", "median views", "videos"),
            rows=[(f"{i + 1} {c}", words.views(f), words.views(VIEWS.value(y)), f"{n:,}")
                  for i, (c, f, y, n) in enumerate(by_creator(videos)[:FEWEST])],
        ),
        *_far(videos),
    ]  # fmt: skip


def _far(videos: Videos, n: int = 5) -> list[Table]:
    """Posts furthest above and below what their channel's earlier videos had."""
    difference, earlier = usual.against_earlier(videos)
    known = np.flatnonzero(np.isfinite(difference))
    order = known[np.argsort(-difference[known], kind="stable")]
    few = len(known) < 2 * n
    why = f"Fewer than {2 * n} posts have {usual.OTHERS} earlier videos of their channel."
    span = ""
    if not few:
        low, high = (usual.times(q) for q in np.quantile(difference[known], [0.1, 0.9]))
        span = f" (of {len(known):,} posts the middle 80 % have ×{low} to ×{high})"
    columns = ("post", "views", "over the earlier usual", "earlier videos")
    return [
        Table(
            head=head + span, columns=columns, absent=why,
            rows=[] if few else [(videos.name(i), words.views(VIEWS.value(videos.log_views[i])),
                                  f"×{usual.times(difference[i])}", f"{earlier[i]:,}") for i in rows],
        )
        for head, rows in (("Posts far above their channel's earlier videos", order[:n]),
                           ("Posts far below them", order[::-1][:n]))
    ]  # fmt: skip
