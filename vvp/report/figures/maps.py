"""Section 3, the map: each embedded video as a point, by cluster and by views; and what hovering shows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from vvp import words
from vvp.report.figures.plot import (
    COLOURS,
    GRADED,
    GREY,
    INK,
    MARKERS,
    RASTER_FROM,
    Plot,
    absent,
    canvas,
    views_axis,
)
from vvp.report.gather import Facts
from vvp.report.numbers import count, share

DRAWN = 5_000  # points at most; of more, a random draw
LABELLED = 15  # clusters that get their number written on the map


@dataclass(frozen=True, kw_only=True, eq=False)
class Points:
    """The m videos that are drawn."""

    row: np.ndarray  # int64 (m,), of Videos
    x: np.ndarray  # float64 (m,)
    y: np.ndarray
    cluster: np.ndarray  # int64 (m,), -1: none
    of: int  # how many have a place on the map
    moved: int  # how many lie so far out that they are drawn nearer

    @property
    def notes(self) -> list[str]:
        """What a reader should know of points that are not drawn, or not where they lie."""
        notes = []
        if self.of > len(self.row):
            notes.append(f"{len(self.row):,} of {self.of:,} videos are drawn, chosen at random.")
        if self.moved:
            notes.append(
                f"{self.moved:,} lie so far out that they are drawn at the edge; between separate clouds of"
                " a UMAP distances mean little."
            )
        return notes


def points(facts: Facts) -> Points | str:
    """The drawn points, or why there are none."""
    if facts.points is None:
        return facts.why["map"]
    x, y = (facts.points[c].to_numpy().astype(np.float64) for c in ("x", "y"))
    placed = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(placed):
        return unavailable(facts, "umap") or "No video has a place on the map."
    of = len(placed)
    if of > DRAWN:
        placed = np.sort(np.random.default_rng(0).choice(placed, DRAWN, replace=False))
    place = {video: i for i, video in enumerate(facts.videos.video_id)}
    ids = facts.points["video_id"].to_pylist()
    cluster = facts.points["cluster"].fill_null(-1).to_numpy().astype(np.int64)
    row = np.array([place[ids[i]] for i in placed], dtype=np.int64)
    (x, far_x), (y, far_y) = _held(x[placed]), _held(y[placed])
    return Points(row=row, x=x, y=y, cluster=cluster[placed], of=of, moved=int((far_x | far_y).sum()))


def _held(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(values, none further from the middle 90 % than that is wide; bool, which were moved): one cloud far
    away would press all others into a corner."""
    low, high = np.quantile(values, [0.05, 0.95])
    width = high - low
    if width == 0:
        return values, np.zeros(len(values), bool)
    clipped = np.clip(values, low - width, high + width)
    return clipped, clipped != values


def unavailable(facts: Facts, section: str) -> str | None:
    """Why a section of the map could not be computed, if so."""
    if facts.map is None:
        return facts.why["map"]
    found_section = facts.map.get(section) or {
        "unavailable": f"The map has no {section}: run `vvp explore` again."
    }
    return found_section.get("unavailable")


def plots(facts: Facts) -> list[Plot]:
    drawn = points(facts)
    return [by_cluster(facts, drawn), by_views(facts, drawn)]


def by_cluster(facts: Facts, drawn: Points | str) -> Plot:
    name, subject = "map_clusters", "The map, coloured by cluster"
    if isinstance(drawn, str):
        return absent(name, subject, drawn)
    if (drawn.cluster < 0).all():
        return absent(name, subject, unavailable(facts, "kmeans") or "No video is in a cluster.")
    figure, ax = canvas(4.6)
    clusters = np.unique(drawn.cluster[drawn.cluster >= 0])
    for cluster in (*clusters, *([-1] if (drawn.cluster < 0).any() else [])):
        rows = drawn.cluster == cluster
        colour, marker = (GREY, "x") if cluster < 0 else look(int(cluster))
        _scatter(ax, drawn, rows, color=colour, marker=marker)
    for cluster in clusters[:LABELLED]:
        rows = drawn.cluster == cluster
        badge = {"boxstyle": "circle", "fc": look(int(cluster))[0], "ec": "white", "lw": 1.5}
        ax.annotate(
            str(cluster), (np.median(drawn.x[rows]), np.median(drawn.y[rows])), color="white",
            fontweight="bold", ha="center", va="center", bbox=badge,
        )  # fmt: skip
    _bare(ax)
    assert facts.map is not None
    best = facts.map.get("kmeans", {})
    if best.get("overlapping"):
        apart = "that are more than chance makes, but overlap"
    elif best.get("separates"):
        apart = "that stand apart"
    elif best.get("odd"):
        apart = "that only set a few odd videos apart from all others"
    else:
        apart = "that do not stand apart: the collection is one cloud"
    sizes = {int(c): int((drawn.cluster == c).sum()) for c in clusters}
    return Plot(
        name=name,
        title=f"{len(clusters)} clusters {apart}",
        alt=f"Scatter of {len(drawn.row)} videos in two dimensions (UMAP), coloured by cluster. Drawn per"
        " cluster: "
        + ", ".join(f"{c}: {n}" for c, n in sizes.items()) + ".",
        figure=figure,
        wide=False,
    )  # fmt: skip


def by_views(facts: Facts, drawn: Points | str) -> Plot:
    name, subject = "map_views", "The map, coloured by views"
    if isinstance(drawn, str):
        return absent(name, subject, drawn)
    views = facts.videos.log_views[drawn.row]
    counted = np.isfinite(views)
    if not counted.any():
        return absent(name, subject, "No video on the map has a view count.")
    figure, ax = canvas(4.6)
    if not counted.all():
        _scatter(ax, drawn, ~counted, color=GREY, marker="x")
    dots = _scatter(ax, drawn, counted, c=views[counted], cmap=GRADED, marker="o")
    bar = figure.colorbar(dots, ax=ax, location="bottom", shrink=0.7, aspect=30, pad=0.02)
    bar.outline.set_edgecolor(INK)
    views_axis(bar.ax, "x", "views (log scale)" + ("" if counted.all() else "; × no count"))
    _bare(ax)
    value = likeness(drawn.x[counted], drawn.y[counted], views[counted])
    if value is None:
        title = "Views on the map"
    elif value < 0.05:
        title = "Where a video lies on the map tells next to nothing of its views"
    else:
        title = f"Neighbours on the map explain {share(value)} of the differences in views"
    return Plot(
        name=name,
        title=title,
        alt=f"The same scatter, coloured by log views from {words.views(count(views[counted].min()))} to"
        f" {words.views(count(views[counted].max()))}; {int((~counted).sum())} points have no count."
        f" R² of the mean log views of each video's ten nearest on the map:"
        f" {'–' if value is None else f'{value:.2f}'}.",
        figure=figure,
    )


def likeness(x: np.ndarray, y: np.ndarray, views: np.ndarray, k: int = 10) -> float | None:
    """R² of the mean log views of the k nearest others as a guess at a video's own; None below 3 k videos or
    where all views are equal. A description of the map: neighbours may be of any date, so it is no
    forecast."""
    from sklearn.neighbors import NearestNeighbors

    if len(x) < 3 * k or np.ptp(views) < 1e-9:
        return None
    places = np.stack([x, y], axis=1)
    at = NearestNeighbors(n_neighbors=k).fit(places).kneighbors(return_distance=False)
    guess = views[at].mean(axis=1)
    return float(1 - ((views - guess) ** 2).sum() / ((views - views.mean()) ** 2).sum())


def look(cluster: int) -> tuple[str, str]:
    """Colour and marker of a cluster; the pair is its own for the first 42."""
    return COLOURS[cluster % len(COLOURS)], MARKERS[cluster % len(MARKERS)]


def places(drawn: Points, plot: Plot) -> list[list[float]]:
    """Where each point lies, as shares of the figure from the left and from the top, once it has been
    drawn."""
    assert plot.figure is not None
    ax, box = plot.figure.axes[0], plot.figure.bbox
    pixels = ax.transData.transform(np.stack([drawn.x, drawn.y], axis=1))
    return np.round(np.stack([pixels[:, 0] / box.width, 1 - pixels[:, 1] / box.height], axis=1), 4).tolist()


def labels(facts: Facts, drawn: Points, thumbs: dict[str, str]) -> dict[str, Any]:
    """What pointing at a point shows, for the page's script: "points": [title, views or null, cluster or -1,
    number of its thumbnail or -1] per point, "thumbs": data URIs."""
    number = {video: i for i, video in enumerate(thumbs)}
    videos = facts.videos
    return {
        "points": [
            [
                videos.name(row),
                None if np.isnan(videos.log_views[row]) else words.views(count(videos.log_views[row])),
                int(cluster),
                number.get(videos.video_id[row], -1),
            ]
            for row, cluster in zip(drawn.row, drawn.cluster, strict=True)
        ],
        "thumbs": list(thumbs.values()),
    }


def _scatter(ax: Axes, drawn: Points, rows: np.ndarray, **look: Any) -> Any:
    size = float(np.clip(9000 / max(len(drawn.row), 1), 4, 34))
    raster = len(drawn.row) > RASTER_FROM
    return ax.scatter(
        drawn.x[rows], drawn.y[rows], s=size, linewidths=0.8, alpha=0.85, rasterized=raster, **look
    )


def _bare(ax: Axes) -> None:
    """The axes of a UMAP have no unit and no direction."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_xlabel("UMAP, first dimension (no unit)")
    ax.set_ylabel("UMAP, second dimension (no unit)")
