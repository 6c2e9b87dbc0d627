"""Each target of a run has its part of the page: verdict, table, figure; looked at in a real browser."""

from pathlib import Path
from typing import Any

import pytest
import report_tables as tables
from test_class_runs import made, run

from vvp import api
from vvp.report.gather import gather


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = made(tmp_path_factory.mktemp("pages"), n=200)
    run(space, "views", ["ridge"])
    run(space, "likes", ["ridge"])
    run(space, "viral", ["logistic"], viral="top:40%")
    run(space, "quartile", ["logistic"])
    return Path(api.report(space.root, thumbnails=False))


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
