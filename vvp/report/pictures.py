"""Which videos get a thumbnail in the report: those it names, then as many on the map as fit."""

import numpy as np

from vvp.report import networks
from vvp.report.figures.maps import Points, points
from vvp.report.gather import Facts
from vvp.report.numbers import extremes

AT_MOST = 300  # thumbnails in one page: about a megabyte


def wanted(facts: Facts) -> dict[str, str]:
    """video_id → path or URI of its media, at most AT_MOST."""
    named: list[str] = []
    if facts.tested is not None and facts.chosen in facts.tested.by_model:
        best, worst = extremes(facts.tested, facts.chosen)
        named += facts.videos.video_id[facts.tested.row[[*best, *worst]]].tolist()
    named += [video for _, lines in networks.clips(facts) for video, *_ in lines]
    for cluster in (facts.map or {}).get("clusters", []):
        named += cluster.get("central", [])
    drawn = points(facts)
    if isinstance(drawn, Points):
        order = np.random.default_rng(0).permutation(len(drawn.row))
        named += facts.videos.video_id[drawn.row[order]].tolist()
    path = {v: p for v, p in zip(facts.videos.video_id, facts.videos.media_path, strict=True) if p}
    return {video: path[video] for video in list(dict.fromkeys(v for v in named if v in path))[:AT_MOST]}
