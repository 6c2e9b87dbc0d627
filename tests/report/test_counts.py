"""The look at the counts, and the targets beside views."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report_tables

from vvp.learn.records import Evaluation
from vvp.report import counts, targets
from vvp.report.gather import Facts, gather


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    root: Path = tmp_path_factory.mktemp("counts")
    return gather(report_tables.tested(report_tables.posts(root)), "default")


def test_sizes_and_correlations_are_those_of_the_counts(facts: Facts) -> None:
    n = len(facts.videos.video_id)
    views = np.arange(1, n + 1, dtype=np.float64) * 10
    unknown = np.full(n, np.nan)
    known = {"views": views, "likes": -views + 1e6, "comments": unknown, "shares": np.full(n, 7.0)}
    sizes, together, *_ = counts.tables(replace(facts.videos, counts=known))
    shown = {row[0]: row[1:] for row in sizes.rows}
    assert shown["views"][0] == f"{n}" and shown["views"][-1] == f"{10 * n:,}"
    assert shown["comments"] == ("0", *["–"] * 6)
    pairs = {row[0]: dict(zip(together.columns[1:], row[1:], strict=True)) for row in together.rows}
    assert pairs["views"]["likes"] == "-1.00" and pairs["views"]["views"] == "1"
    assert pairs["views"]["comments"] == "–" and pairs["views"]["shares"] == "–"


def test_targets_beside_views_stand_with_how_they_did() -> None:
    assert targets.summary([]).rows == [] and "tune --target all" in targets.summary([]).absent
    other = Evaluation(
        name="default", split="time", profile="tiny", opened_at="", resamples=100, format=5, run_id="r",
        counts={}, horizon=None, rules_only="too few", target="engagement", unit="reactions per view",
    )  # fmt: skip
    [row] = targets.summary([other]).rows
    assert row == ("engagement (reactions per view)", "the simple rule", "it is the rule")


def test_channels_clips_and_resolutions_are_counted(facts: Facts) -> None:
    n = len(facts.videos.video_id)
    frames = np.full(n, np.nan)
    frames[:4] = [4, 20, 40, 300]
    videos = replace(
        facts.videos, frames=frames, decoded_s=np.full(n, 10.0), duration_s=np.full(n, 12.0),
        width=np.r_[np.full(n - 1, 720.0), np.nan], height=np.full(n, 1280.0),
        channel_id=np.array(["a"] * (n - 1) + [None], dtype=object),
    )  # fmt: skip
    _, _, channels, clips, resolutions = counts.tables(videos)
    assert channels.rows[0][:2] == ("a", f"{n - 1}") and "1 channel" in channels.head
    shown = {row[0]: row[1:] for row in clips.rows}
    assert shown["frames"] == ("4", "4.0", "16.0", "30.0", "105", "300")
    assert shown["frames per second"][-1] == "30.0" and shown["duration, s"][1] == "12.0"
    assert "1 under 8, 1 under 16, 2 under 32, 3 under 64" in clips.head
    assert resolutions.rows == [("720 × 1280", "upright", f"{n - 1}", "100\N{NO-BREAK SPACE}%")]
