"""The look at the counts, and the targets beside views."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import report_tables

from vvp.learn.records import Evaluation
from vvp.report import counts
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
    sizes, together, _ = counts.tables(replace(facts, videos=replace(facts.videos, counts=known)))
    shown = {row[0]: row[1:] for row in sizes.rows}
    assert shown["views"][0] == f"{n}" and shown["views"][-1] == f"{10 * n:,}"
    assert shown["comments"] == ("0", *["–"] * 6)
    pairs = {row[0]: dict(zip(together.columns[1:], row[1:], strict=True)) for row in together.rows}
    assert pairs["views"]["likes"] == "-1.00" and pairs["views"]["views"] == "1"
    assert pairs["views"]["comments"] == "–" and pairs["views"]["shares"] == "–"


def test_targets_beside_views_stand_with_how_they_did(facts: Facts) -> None:
    assert counts.tables(facts)[2].rows == [] and "tune --target all" in counts.tables(facts)[2].absent
    other = Evaluation(
        name="default", split="time", profile="tiny", opened_at="", resamples=100, format=5, run_id="r",
        counts={}, horizon=None, rules_only="too few", target="engagement", unit="reactions per view",
    )  # fmt: skip
    [row] = counts.tables(replace(facts, others=[other]))[2].rows
    assert row == ("engagement (reactions per view)", "the simple rule", "it is the rule")
