"""The look at the collection that comes before any model: its counts, its clips, who posts. Tables only.

Not known here: pages, figures.
"""

from collections import Counter

import numpy as np
from scipy.stats import spearmanr

from vvp import words
from vvp.report.figures.posts import Table
from vvp.report.gather import Videos
from vvp.report.numbers import plural, share
from vvp.schema import COUNTS

FEWEST = 10  # videos that have both, for a correlation
MOST = 12  # channels and resolutions that are named
SHORT = (8, 16, 32, 64)  # frames: what `vvp finetune --min-frames` would set aside
QUARTERS = ("least", "lower quarter", "median", "upper quarter", "most")


def tables(videos: Videos) -> list[Table]:
    return [_sizes(videos), _together(videos), _channels(videos), _clips(videos), _resolutions(videos)]


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


def _channels(videos: Videos) -> Table:
    """The channels with most videos, each with its median of every count."""
    named = Counter(channel for channel in videos.channel_id if channel is not None)
    rows: list[tuple[str, ...]] = []
    for channel, n in named.most_common(MOST):
        own = videos.channel_id == channel
        rows.append(
            (channel, f"{n:,}", share(n / len(own)), *(_median(videos.counts[c][own]) for c in COUNTS))
        )
    head = "Counts by channel"
    if named:
        middle = float(np.median(list(named.values())))
        head += f": {plural(len(named), 'channel')}, the middle one with {plural(round(middle), 'video')}"
    if len(named) > MOST:
        head += f"; the {MOST} with most videos"
    columns = ("channel", "videos", "of all", *(f"median {name}" for name in COUNTS))
    return Table(head=head, columns=columns, rows=rows, absent="No video has a known channel.")


def _median(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    return words.views(float(np.median(known))) if len(known) else "–"


def _clips(videos: Videos) -> Table:
    """Durations, and of the clips that `vvp clips` decoded whole: frames and frame rate."""
    rate = videos.frames / videos.decoded_s
    known = {"duration, s": videos.duration_s, "frames": videos.frames, "frames per second": rate}
    rows: list[tuple[str, ...]] = []
    for name, values in known.items():
        found = values[np.isfinite(values)]
        if len(found):
            at = np.quantile(found, [0, 0.25, 0.5, 0.75, 1])
            rows.append((name, f"{len(found):,}", *(f"{value:,.{1 if value < 100 else 0}f}" for value in at)))
    frames = videos.frames[np.isfinite(videos.frames)]
    head = "The clips"
    if len(frames):
        under = ", ".join(f"{int((frames < least).sum()):,} under {least}" for least in SHORT)
        head += f"; frames, as `vvp finetune --min-frames` counts them: {under}"
    elif any(path is not None for path in videos.media_path):
        head += "; `vvp clips` counts their frames"
    return Table(
        head=head, columns=("of each video", "videos", *QUARTERS), rows=rows,
        absent="No video has a known duration.",
    )  # fmt: skip


def _resolutions(videos: Videos) -> Table:
    known = np.isfinite(videos.width) & np.isfinite(videos.height) & (videos.height > 0)
    sizes = zip(
        videos.width[known].astype(int).tolist(), videos.height[known].astype(int).tolist(), strict=True
    )
    found = Counter(sizes)
    rows: list[tuple[str, ...]] = [
        (f"{width} × {height}", _shape(width / height), f"{n:,}", share(n / int(known.sum())))
        for (width, height), n in found.most_common(MOST)
    ]
    head = "Resolutions" + (f", the {MOST} most common of {len(found):,}" if len(found) > MOST else "")
    return Table(
        head=head, columns=("width × height", "shape", "videos", "of those known"), rows=rows,
        absent="No video has a known resolution.",
    )  # fmt: skip


def _shape(aspect: float) -> str:
    return "upright" if aspect < 0.95 else "square" if aspect <= 1.05 else "wide"
