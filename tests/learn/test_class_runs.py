"""A run of a target of classes from tables to a draft's chances: planted is found, shuffled is not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learn_tables import fill, fresh, world
from sklearn.metrics import roc_auc_score

from jobs import forecast_sheet
from vvp import api
from vvp.dataset.matrix import assemble
from vvp.dataset.split_rules import SplitSettings
from vvp.dataset.targets import TARGETS
from vvp.errors import UserError
from vvp.forecast import others
from vvp.forecast.predictor import draft_rows
from vvp.learn.first_points import at_first_points
from vvp.learn.tuning import impossible, targets_of
from vvp.paths import RunPaths

TWO = {"views": "ridge", "viral": "logistic"}


def made(root: Path, *, shuffled: bool = False, n: int = 500) -> Any:
    """A world whose likes, comments and shares are known functions of its views and noise."""
    videos, embeddings = world(n=n, channels=40)
    rng = np.random.default_rng(5)
    if shuffled:
        views = rng.permutation([video["views"] for video in videos]).tolist()
        videos = [{**video, "views": one} for video, one in zip(videos, views, strict=True)]
    for video in videos:
        for name, share in (("likes", 0.05), ("comments", 0.004), ("shares", 0.01)):
            video[name] = int(video["views"] * share * np.exp(rng.normal(0, 0.3)))
    return fresh(fill(root, videos, embeddings))


def run(space: Any, target: str, families: list[str], **asked: Any) -> Any:
    sweep = at_first_points(families)
    api.tune(
        space.root, target=target, others=False, families=families, sweep_for=sweep, min_age_days=0, **asked
    )
    return api.evaluate(space.root, target=target, resamples=200)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    space = made(tmp_path_factory.mktemp("classes"))
    run(space, "views", ["ridge"])
    return space


def test_viral_is_forecast_better_than_the_rules(planted: Any) -> None:
    found = run(planted, "viral", ["logistic", "gbdt"])
    own = found.classes["time"]
    result = own.results[own.chosen]
    assert own.standing == "better" and "viral" in found.verdict
    assert result.metrics["auc"].low > 0.75 and result.versus_rule["log_loss"].high < 0
    assert np.sum(own.confusion) == own.test_rows and abs(sum(own.base) - 1) < 1e-9
    assert found.splits == {} and found.predictor is not None


def test_shuffled_labels_have_no_auc(tmp_path: Path) -> None:
    found = run(made(tmp_path, shuffled=True), "viral", ["logistic"])
    own = found.classes["time"]
    auc = own.results["logistic"].metrics["auc"]
    assert auc.low < 0.5 < auc.high and own.results[own.chosen].role == "rule"


@pytest.mark.slow
def test_most_of_the_reachable_order_is_reached(tmp_path: Path) -> None:
    """1,000 videos whose views are channel + picture + noise: who knows the causes has the best AUC."""
    space = made(tmp_path, n=1000)
    found = run(space, "viral", ["logistic", "gbdt", "mlp"])
    videos = {row["video_id"]: row for row in space.read("videos").to_pylist()}
    rows = space.read("embeddings").to_pylist()
    seen = np.array([row["video_embedding"][0] for row in rows])
    logs = np.log([videos[row["video_id"]]["views"] for row in rows])
    channel = np.array([videos[row["video_id"]]["channel_id"] for row in rows])
    level = {c: (logs - seen)[channel == c].mean() for c in set(channel.tolist())}
    cause = {r["video_id"]: level[c] + x for r, c, x in zip(rows, channel.tolist(), seen, strict=True)}
    said = forecast_sheet.tested_rows(space, [found])
    is_viral = np.array([row["outcome"] == "viral" for row in said])
    known = roc_auc_score(is_viral, [cause[row["video_id"]] for row in said])
    reached = roc_auc_score(is_viral, [row["forecast"] for row in said])
    assert reached - 0.5 > 0.9 * (known - 0.5)


def test_every_target_of_a_run_speaks_of_one_draft(planted: Any) -> None:
    run(planted, "likes", ["ridge"])
    run(planted, "quartile", ["logistic"])
    run(planted, "viral", ["logistic"])
    assert set(targets_of(planted, "default")) >= {"views", "likes", "quartile"}
    main = others.open_run(planted, "default")
    assert set(main.beside) >= {"likes", "quartile"}
    vectors = {
        "video_embedding": [3.0] + [0.0] * 11, "audio_embedding": [0.0] * 8, "text_embedding": [0.0] * 6,
        "status": "ok", "transcript": None, "motion_mean": 0.5,
    }  # fmt: skip
    known = {name: vectors.get(name) for name in (*_made(), "status", "transcript")}
    facts = {"title": "Clip", "channel_id": "c1", "channel_followers": 3000}
    rows = draft_rows(facts, known)
    said = others.forecast(main, rows)[0].targets
    low = draft_rows(facts, {**known, "video_embedding": [-3.0] + [0.0] * 11})
    less = others.forecast(main, low)[0].targets
    assert said["likes"].value > less["likes"].value and said["likes"].low < said["likes"].value
    assert sum(said["quartile"].chances.values()) == pytest.approx(1)
    assert said["viral"].chances["viral"] > less["viral"].chances["viral"]
    assert "of 100 is usual" in said["quartile"].text and "likes" in said["likes"].text


def test_forecasts_and_outcomes_of_every_target_make_one_sheet(planted: Any) -> None:
    results = [run(planted, target, [family]) for target, family in TWO.items()]
    rows = forecast_sheet.tested_rows(planted, results)
    assert {row["target"] for row in rows} == set(TWO) and set(rows[0]) <= set(forecast_sheet.TESTED)
    views = {row["video_id"]: row["views"] for row in planted.read("videos").to_pylist()}
    for row in rows:
        if row["target"] == "views":
            assert row["outcome"] == pytest.approx(views[row["video_id"]]) and row["low"] < row["high"]
        else:
            assert row["outcome"] in ("viral", "not viral") and 0 < row["forecast"] < 1


def _made() -> tuple[str, ...]:
    from vvp.dataset.embedded import MADE

    return tuple(MADE)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("likes", "shares of other classes"),
        ("quartile", "shares of other classes"),
        ("fame", "no target called"),
    ],
)
def test_a_predictor_of_another_kind_than_it_says_is_refused(planted: Any, name: str, sentence: str) -> None:
    run(planted, "viral", ["logistic"])
    at = RunPaths("default", "viral").predictor
    head = planted.read_json(f"{at}/predictor.json")
    planted.write_json(f"{at}/predictor.json", head | {"target": head["target"] | {"name": name}})
    try:
        with pytest.raises(UserError, match=sentence):
            others.open_run(planted, "default")
    finally:
        planted.write_json(f"{at}/predictor.json", head)


def test_a_target_that_the_table_lacks_is_one_sentence(tmp_path: Path) -> None:
    space = fresh(fill(tmp_path, *world(n=100)))
    with pytest.raises(UserError, match="the table has no likes"):
        api.tune(space.root, target="likes", min_age_days=0)
    with pytest.raises(UserError, match="no run called default --target likes"):
        api.evaluate(space.root, target="likes")


def test_a_part_without_a_value_of_the_target_says_so(tmp_path: Path) -> None:
    videos, embeddings = world(n=100)
    for i, video in enumerate(videos):
        video["likes"] = 5 + i if i < 60 else None
    space = fresh(fill(tmp_path, videos, embeddings))
    with pytest.raises(
        UserError, match="no validation video of the time split has a value of the target likes"
    ):
        assemble(space, "time", SplitSettings(min_age_days=0), target=TARGETS["likes"])


def test_what_a_small_table_cannot_have_is_known_before_any_sweep(tmp_path: Path) -> None:
    space = made(tmp_path, n=15)
    found = impossible(space, list(TARGETS.values()), "time", SplitSettings(min_age_days=0))
    assert {"viral", "channel-top", "quartile"} <= set(found) and not {"views", "likes", "engagement"} & set(
        found
    )
    assert "a split needs 20" in found["viral"] and "multiple" in found["multiple"]
