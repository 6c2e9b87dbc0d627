"""A table with likes and no views: its splits rest on the likes, and what it has can be forecast."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learn_tables import fill, fresh, world

from jobs import forecast_sheet
from vvp import api
from vvp.collect.posts import read_posts
from vvp.dataset.labels import read_labels
from vvp.dataset.targets import lacking, possible
from vvp.errors import UserError
from vvp.forecast import others
from vvp.learn.first_points import at_first_points


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Any:
    videos, embeddings = world(n=150)
    for i, video in enumerate(videos):
        video |= {"likes": 0 if i == 3 else video["views"], "views": None, "label_issue": "views_missing"}
    return fresh(fill(tmp_path_factory.mktemp("likes"), videos, embeddings))


def test_labels_rest_on_the_first_count_that_there_is(space: Any) -> None:
    labels = read_labels(space.read("videos"), 0)
    assert labels.base == "likes" and labels.known.all() and np.isnan(labels.log_views).all()
    assert labels.counts["likes"][3] == 0 and possible(labels) == ["likes"]
    assert lacking(labels)["engagement"] == ["views", "comments", "shares"]


def test_likes_are_tuned_judged_and_forecast(space: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="the table has no views, so there is no target views"):
        api.tune(space.root, min_age_days=0)
    api.tune(
        space.root, target="likes", others=False, families=["ridge"],
        sweep_for=at_first_points(["ridge"]), min_age_days=0,
    )  # fmt: skip
    found = api.evaluate(space.root, target="likes", resamples=100)
    own = found.splits["time"]
    assert own.results["ridge"].metrics.spearman.point > 0.3 and own.mape_rows == own.test_rows
    monkeypatch.setattr("vvp.forecast.drafts.embed_draft", lambda *_: None)
    said = api.open_predictor(space.root).forecast(title="Clip", channel="c1")
    assert said.target == "likes" and "likes" in said.headline and said.targets == {}
    assert forecast_sheet.draft_row(said)["likes"] == said.views
    assert others.targets(api.open_predictor(space.root).predictor) == ["likes"]


def test_a_table_without_views_is_read_with_a_doubt(tmp_path: Path) -> None:
    table = tmp_path / "likes.csv"
    table.write_text("video_id,likes\n" + "".join(f"v{i},{i}\n" for i in range(12)))
    reading = read_posts(table)
    assert any("no column is called views" in doubt for doubt in reading.gathered.doubts)
