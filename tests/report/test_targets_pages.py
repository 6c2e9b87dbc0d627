"""Each target of a run has its part of the page: verdict, table, figure; looked at in a real browser."""

from pathlib import Path
from typing import Any

import pytest
import report_tables as tables
from test_class_runs import made, run

from vvp import api
from vvp.finetune.results import RESULT, EpochRecord, Extreme, NetworkResult
from vvp.learn.records import Measured
from vvp.learn.tuning import read_run
from vvp.paths import SPLITS_FACTS, RunPaths
from vvp.report.gather import gather


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = made(tmp_path_factory.mktemp("pages"), n=200)
    run(space, "views", ["ridge"])
    run(space, "likes", ["ridge"])
    run(space, "viral", ["logistic"], viral="top:40%")
    run(space, "quartile", ["logistic"])
    trained(space, "f2a9", space.read_json(SPLITS_FACTS)["fingerprint"])
    trained(space, "0b1c", "of another split")
    trained(space, "77aa", space.read_json(SPLITS_FACTS)["fingerprint"], target="viral", scale="log loss",
            numbers=read_run(space, "default", "viral").numbers, labels=["not viral", "viral"],
            base=[0.6, 0.4], threshold=0.5)  # fmt: skip
    return Path(api.report(space.root, thumbnails=False))


def trained(space: Any, mark: str, fingerprint: str, **changes: Any) -> None:
    """The record that `vvp finetune` leaves."""
    ids = space.read("videos")["video_id"].to_pylist()
    shown = [Extreme(video_id=ids[i], truth=1.0, said=0.15 * i) for i in range(6)]
    measured = Measured(point=0.4, low=0.1, high=0.6)
    of_classes = ("auc", "average_precision", "log_loss")
    metrics = dict.fromkeys(of_classes if changes else ("spearman", "r2", "mae"), measured)
    epochs = [
        EpochRecord(epoch=n, loss=1.0 - 0.1 * n, validation=1.3 - 0.1 * n, lr=1e-3, seconds=1.0, waited=0.1,
                    clips_per_second=9.0)
        for n in range(3)
    ]  # fmt: skip
    facts = {
        "network": "c3d", "settings": "{}", "mark": mark, "target": "views", "scale": "log views",
        "split": "time", "fingerprint": fingerprint, "parameters": 12_345, "parts": {"test": 31},
        "left_out": {}, "best": 2, "history": epochs, "rule": "log followers", "metrics": metrics,
        "rule_metrics": metrics, "versus_rule": metrics, "warnings": [], "times_opened": 1,
        "closest": shown[:3], "furthest": shown[3:],
    }  # fmt: skip
    result = NetworkResult(**(facts | changes))
    at = RunPaths("default", result.target).finetune("c3d", mark)
    space.write_json(f"{at}/{RESULT}", result.as_dict())


def test_every_target_has_its_verdict_before_its_table_and_a_figure(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    sections = page.locator("section.target")
    assert sections.count() == 3
    heads = sections.locator("> h3:first-child").all_inner_texts()
    assert [head.split()[0] for head in heads] == ["Likes", "Viral:", "Quartile"]
    facts = gather(tables.Workspace(report.parents[3]), "default")
    for i, one in enumerate(facts.others):
        section = sections.nth(i)
        order = section.evaluate("s => [...s.children].map(e => e.tagName)")
        assert order.index("P") < order.index("DIV")
        assert section.locator("p").first.inner_text() == one.verdict
        assert section.locator("figure svg").bounding_box()["width"] > 300
    likes, viral, quartile = (sections.nth(i) for i in range(3))
    assert (
        "MAPE is no headline" in likes.inner_text()
        and "%" in likes.locator("td:last-child").first.inner_text()
    )
    assert "by the distribution of views" in viral.inner_text()
    assert quartile.locator("table").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200
    page.close()


def test_the_figures_are_those_of_the_targets(report: Path) -> None:
    drawn = {path.stem for path in report.parent.glob("target_*.svg")}
    assert drawn == {"target_likes", "target_viral", "target_quartile"}
    assert "counts" in {path.stem for path in report.parent.glob("*.png")}


def test_networks_have_a_row_and_a_curve_and_those_of_another_split_a_sentence(
    browser: Any, report: Path
) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    section = page.locator("section#networks")
    rows = section.locator("tbody tr")
    assert rows.count() == 2 and "12,345" in rows.first.inner_text()
    assert "0.40 [0.10, 0.60]" in rows.first.inner_text() and "log followers" in rows.first.inner_text()
    assert "C3d (0b1c) was trained under another split" in section.inner_text()
    assert section.locator("figure svg").count() == 2
    heads = section.locator("h3").all_inner_texts()
    assert heads[:2] == ["Networks trained on the clips", "Networks trained on the clips: viral"]
    assert "ROC-AUC" in section.inner_text() and "not viral 60%, viral 40%" in section.inner_text()
    assert "from 1.00 to 0.80 over 3 epochs" in section.locator("figure").first.inner_html()


def test_the_best_network_of_each_target_shows_its_three_best_and_three_worst_clips(
    browser: Any, report: Path
) -> None:
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.goto(report.as_uri())
    cards = page.locator("section#networks article.card")
    heads = cards.locator("h4").all_inner_texts()
    assert heads == [
        "c3d, views: closest", "c3d, views: furthest off", "c3d, viral: closest", "c3d, viral: furthest off"
    ]  # fmt: skip
    assert [cards.nth(i).locator("li").count() for i in range(4)] == [3] * 4
    first, last = cards.first.locator("li").first.inner_text(), cards.nth(3).locator("li").last.inner_text()
    assert "0 forecast, 2 real" in first and "too low" in first
    assert "viral" in last and "its chance was said to be 75%" in last
    assert page.evaluate("document.documentElement.scrollWidth") <= 1200


def test_clips_that_networks_name_get_a_thumbnail(report: Path) -> None:
    from vvp.report.networks import clips
    from vvp.report.pictures import wanted

    facts = gather(tables.Workspace(report.parents[3]), "default")
    named = {video for _, lines in clips(facts) for video, *_ in lines}
    facts.videos.media_path[:] = "somewhere.mp4"
    assert len(named) == 6 and named <= set(wanted(facts))
