"""What goes with more views: times of posting, hashtags, captions, creators, and posts far from the usual.

All of it describes the collection. No figure here judges the model.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from vvp import words
from vvp.dataset.scales import log_count
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
    clear = sum(group.clear for group in groups)
    return (
        f"{text} Of {plural(len(groups), 'comparison')} about {len(groups) / 20:.1f} would look clear by"
        f" chance alone; {clear} {'does' if clear == 1 else 'do'}."
    )


def hours(groups: dict[tuple[int, int], Group]) -> Plot:
    name, subject = "post_hours", "Views by weekday and hour of posting"
    if not groups:
        return absent(name, subject, f"No weekday and three hours of the day have {NEEDED}.")
    table = np.full((7, 8), np.nan)
    for place, group in groups.items():
        table[place] = group.point
    figure, ax = canvas(3.2)
    limit = max(float(np.nanmax(np.abs(table))), 0.1)
    image = ax.imshow(table, cmap=GRADED, aspect="auto", vmin=-limit, vmax=limit)
    ax.grid(False)
    for (day, block), group in groups.items():
        colour = "black" if group.point > 0.2 * limit else "white"
        ax.text(block, day, str(group.posts), ha="center", va="center", color=colour, fontsize=9)
    ax.set_yticks(range(7), DAYS)
    ax.set_xticks(range(8), [f"{3 * b:02d}" for b in range(8)])
    ax.set_xlabel("from this hour on, three hours (UTC); number: posts")
    bar = figure.colorbar(image, ax=ax, label="views over the usual")
    ticks = np.linspace(-limit, limit, 5)
    bar.set_ticks(ticks.tolist(), labels=[f"×{usual.times(t)}" for t in ticks])
    bar.outline.set_edgecolor(INK)
    return Plot(
        name=name, title=_title(list(groups.values()), "time of posting"), alt=_alt(list(groups.values())),
        figure=figure,
    )  # fmt: skip


def captions(groups: list[Group]) -> Plot:
    name, subject = "post_captions", "Views by length of the caption"
    if not groups:
        return absent(name, subject, f"No quarters by the caption's length have {NEEDED}.")
    figure, ax = canvas(1.2 + 0.35 * len(groups))
    for i, group in enumerate(groups):
        ends = {k: None if v is None else float(np.exp(v)) for k, v in
                (("point", group.point), ("low", group.low), ("high", group.high))}  # fmt: skip
        forest(ax, [(i, ends)], BLUE)
    log_axis(ax)
    ax.axvline(1, color=INK, linewidth=1)
    ax.set_yticks(range(len(groups)), [f"{group.name} ({group.posts})" for group in groups])
    ax.set_ylim(len(groups) - 0.5, -0.5)
    ax.set_xlabel("views over the usual (in brackets: posts)")
    return Plot(name=name, title=_title(groups, "length of caption"), alt=_alt(groups), figure=figure)


def _title(groups: list[Group], what: str) -> str:
    clear = [group for group in groups if group.clear]
    if not clear:
        return f"No {what} clearly goes with more or fewer views, of {len(groups)} compared"
    group = max(clear, key=lambda g: abs(g.point))
    most = f"{group.name}: {group.ratio()}, {group.posts} posts"
    return f"{len(clear)} of {len(groups)} differ clearly; most {most}"


def _alt(groups: list[Group]) -> str:
    return "Middle of views over the channel's usual, 95 % interval, posts: " + "; ".join(
        f"{group.name} {group.ratio()}, {group.posts}" for group in groups) + "."  # fmt: skip


def by_creator(videos: Videos) -> list[tuple[str, float, float, int]]:
    """(channel, followers, log of the median views, videos), those furthest from a line through all first."""
    use = (
        videos.labelled & (videos.followers > 0) & np.array([c is not None for c in videos.channel_id], bool)
    )
    rows = []
    for channel in sorted({str(c) for c in videos.channel_id[use]}):
        of_channel = use & (videos.channel_id == channel)
        followers, middle = (
            float(np.median(videos.followers[of_channel])),
            float(log_count(np.median([VIEWS.value(y) for y in videos.log_views[of_channel]]))),
        )
        rows.append((channel, followers, middle, int(of_channel.sum())))
    x, y = np.log([f[1] for f in rows]), np.array([f[2] for f in rows])
    if len(rows) < FEWEST or np.ptp(x) < 1e-9:
        return []
    off = np.abs(y - np.polyval(np.polyfit(x, y, 1), x))
    return [rows[i] for i in np.argsort(-off, kind="stable")]


def creators(videos: Videos) -> Plot:
    name, subject = "post_creators", "Creators against their followers"
    rows = by_creator(videos)
    if not rows:
        why = f"Fewer than {FEWEST} creators have followers that differ and a video with a count."
        return absent(name, subject, why)
    followers, views = np.array([f[1] for f in rows]), np.array([VIEWS.value(f[2]) for f in rows])
    figure, ax = canvas(3.8)
    ax.scatter(followers, np.maximum(views, 1), color=BLUE, s=22, alpha=0.8, linewidths=0)
    for i in range(min(FEWEST, len(rows))):
        ax.annotate(str(i + 1), (followers[i], max(views[i], 1)), xytext=(4, 3), color=ORANGE,
                    textcoords="offset points", fontsize=10, fontweight="bold")  # fmt: skip
    log_axis(ax)
    log_axis(ax, "y")
    ax.set_xlabel("followers when collected (log scale)")
    ax.set_ylabel("median views (log scale)")
    rank = float(spearmanr(followers, views).statistic) if np.ptp(views) else 0.0
    half = 1.96 * np.sqrt(1.06 / (len(rows) - 3))
    low, high = (float(np.tanh(np.arctanh(np.clip(rank, -0.999, 0.999)) + s * half)) for s in (-1, 1))
    return Plot(
        name=name,
        title=f"{len(rows)} creators: followers and median views have Spearman {rank:.2f}"
        f" [{low:.2f}, {high:.2f}]; numbered are the five furthest from the line",
        alt="Scatter on log scales. Numbered: "
        + "; ".join(f"{i + 1} {c}, {words.views(f)} followers, median {words.views(VIEWS.value(y))} of"
                    f" {plural(n, 'video')}" for i, (c, f, y, n) in enumerate(rows[:FEWEST])) + ".",
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
    compared = np.flatnonzero(np.isfinite(difference))
    order = compared[np.argsort(-difference[compared], kind="stable")]
    few = len(compared) < 2 * n
    why = f"Fewer than {2 * n} posts have {usual.OTHERS} earlier videos of their channel."
    span = ""
    if not few:
        low, high = (usual.times(q) for q in np.quantile(difference[compared], [0.1, 0.9]))
        span = f" (of {len(compared):,} posts the middle 80 % have ×{low} to ×{high})"
    columns = ("post", "views", "over the earlier usual", "earlier videos")
    return [
        Table(
            head=head + span, columns=columns, absent=why,
            rows=[] if few else [(videos.name(i), words.views(VIEWS.value(videos.log_views[i])),
                                  f"×{usual.times(difference[i])}", f"{earlier[i]:,}") for i in rows],
        )
        for head, rows in (("Posts furthest above their channel's earlier videos", order[:n]),
                           ("Posts furthest below them", order[::-1][:n]))
    ]  # fmt: skip
