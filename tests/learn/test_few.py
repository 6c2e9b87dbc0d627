"""A creator's first forecast from few clips or odd tables: the rule that is left, or one sentence."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learn_tables import START, fill, fresh, world

from vvp.errors import UserError
from vvp.forecast import files
from vvp.forecast.judging import judge
from vvp.forecast.predictor import Forecast, Predictor, draft_rows
from vvp.learn.first_points import at_first_points
from vvp.learn.records import Evaluation
from vvp.learn.tuning import tune
from vvp.paths import RunPaths
from vvp.workspace import Workspace

DRAFT = {"title": "the next one", "channel_id": "c0", "published_at": START + timedelta(days=900)}


def table(n: int, change: Callable[[dict, int], Any] = lambda row, i: None, channels: int = 1) -> tuple:
    videos, embeddings = world(n=n, channels=channels)
    for i, row in enumerate(videos):
        change(row, i)
    return videos, embeddings


def run(root: Path, videos: list, embeddings: list) -> tuple[Evaluation, Predictor]:
    space = fresh(fill(root, videos, embeddings))
    tune(space, at_first_points(["ridge"]), others=False)
    result = judge(space, resamples=100)
    return result, files.load(Workspace(root), RunPaths("default").predictor)


def ask(known: Predictor, horizon_days: float | None = None, **values: Any) -> Forecast:
    return known.predict(draft_rows({**DRAFT, **values}), horizon_days)[0]


@pytest.mark.parametrize("n", [1, 2, 3, 10, 19])
def test_so_few_that_no_model_can_be_tried(tmp_path: Path, n: int) -> None:
    videos, embeddings = table(n)
    result, known = run(tmp_path, videos, embeddings)
    said = ask(known)
    counts = np.array([v["views"] for v in videos])
    assert said.kind == "rule" and counts.min() - 1 <= said.views <= counts.max() + 1
    assert "so the forecast is the simple rule, this channel's earlier videos" in result.verdict
    assert said.headline.startswith("About your usual ") and "does not change" not in said.promise
    assert (said.low is None) == (n == 1)
    if said.low is not None and said.high is not None:
        assert said.low < said.views < said.high
    assert ask(known, title="another").log_views == said.log_views


ODD: dict[str, Callable[[dict, int], Any]] = {
    "all of one day": lambda row, i: row.update(published_at=START),
    "all counts equal": lambda row, i: row.update(views=1000),
    "no dates": lambda row, i: row.update(published_at=None),
    "no channels": lambda row, i: row.update(channel_id=None),
    "no dates, no channels": lambda row, i: row.update(published_at=None, channel_id=None),
    "no followers, no age": lambda row, i: row.update(channel_followers=None, observed_at=None),
    "a count of billions": lambda row, i: row.update(views=3_000_000_000) if i == 4 else None,
}


@pytest.mark.parametrize("n", [12, 30])
@pytest.mark.parametrize("name", ODD)
def test_odd_tables_leave_the_rule(tmp_path: Path, name: str, n: int) -> None:
    videos, embeddings = table(n, ODD[name])
    result, known = run(tmp_path, videos, embeddings)
    said = ask(known)
    counts = np.array([v["views"] for v in videos])
    assert said.kind == "rule" and result.verdict.endswith(".")
    assert counts.min() / 3 <= said.views <= np.sort(counts)[-2] * 3
    assert (
        "four times in five" not in said.promise
        or result.interval is None
        or not result.interval.clearly_under
    )


def test_no_count_at_all_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="usable view count"):
        run(tmp_path, *table(8, lambda row, i: row.update(views=None, label_issue="views_missing")))


def test_a_horizon_beyond_training_is_moved_to_it_and_said(tmp_path: Path) -> None:
    """Counts 5 to 60 days old, read at many times: a model that sees the age is never asked beyond them."""
    _, known = run(tmp_path, *table(300, channels=10))
    assert known.head.training.horizon_days.default == 30.0
    far, edge = ask(known, 3650.0), ask(known, known.head.training.horizon_days.max)
    assert far.log_views == edge.log_views
    uses_age = far.horizon_days is not None
    assert uses_age == any("asked for 3650 days" in note for note in far.notes)
    assert ask(known).horizon_days == (30.0 if uses_age else None)


def test_where_age_and_date_are_one_the_age_is_left_out_and_said(tmp_path: Path) -> None:
    read = START + timedelta(days=400)
    videos, embeddings = table(60, lambda row, i: row.update(observed_at=read), channels=3)
    result, known = run(tmp_path, videos, embeddings)
    assert "cannot be told apart" in result.horizon
    assert all("log_horizon_days" not in spec.columns for spec in known.head.models.by_name().values())
    said = ask(known, 30.0)
    assert said.horizon_days is None and said.promise.startswith("At the age of your videos' counts: about 3")


def test_an_unknown_channel_is_named(tmp_path: Path) -> None:
    _, known = run(tmp_path / "many", *table(60, channels=4))
    said = ask(known, channel_id="@my_channel")
    assert "@my_channel is not among the 4 channels it learned from" in said.headline
    own = ask(known)
    assert own.channel == {"given": "c0", "known": True, "learned_from": 4, "counted": True}
    assert said.low is not None and own.low is not None and said.high is not None and own.high is not None
    assert np.log(said.high / said.low) > np.log(own.high / own.low), "less is known of it"
    _, known = run(tmp_path / "one", *table(12))
    stranger = ask(known, channel_id="@my_channel")
    assert "@my_channel is not the one channel it learned from" in stranger.headline
    assert stranger.low is None, "nothing says how far another channel may lie off"
    assert "the usual of the one channel it learned from" in ask(known, channel_id=None).headline


def test_no_forecast_far_outside_the_range_of_training(tmp_path: Path) -> None:
    """A model on a feature that runs away (a vector 1,000 times as long) is held at the edge, and says so."""
    videos, embeddings = world(n=300, channels=10)
    result, known = run(tmp_path, videos, embeddings)
    assert known.head.models.main.role != "rule"
    row = {"status": "ok", "text_embedding": [0.0] * 6, "audio_embedding": [0.0] * 8}
    wild = known.predict(
        draft_rows(DRAFT, dict.fromkeys(_made()) | row | {"video_embedding": [1000.0] + [0.0] * 11})
    )[0]
    counts = [v["views"] for v in videos]
    assert wild.views <= 3.01 * max(counts) and any("moved to its edge" in note for note in wild.notes)


def _made() -> list[str]:
    from vvp.dataset.embedded import MADE

    return [*MADE, "status", "transcript"]
