"""A model is chosen over a rule only when out-of-fold forecasts show that it is better."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learn_tables import fill, fresh, world

from vvp.dataset.matrix import Matrix, assemble, inseparable, population
from vvp.forecast import files
from vvp.forecast.judging import judge
from vvp.learn import candidates
from vvp.learn.evidence import Choice, choose, compare, rule_errors_of
from vvp.learn.first_points import at_first_points
from vvp.learn.folds import MIN_ROWS, START, TrialData, before_test, folds
from vvp.learn.intervals.calibration import ALL
from vvp.learn.recipes import Tried
from vvp.learn.rule_errors import Errors
from vvp.learn.tuning import tune
from vvp.paths import RunPaths


def chosen(root: Path, videos: list, embeddings: list, split: str = "time") -> tuple[Matrix, Choice]:
    matrix = assemble(fill(root, videos, embeddings), split)
    rows = population(matrix)
    found = candidates.fit(matrix, rows, at_first_points(["ridge"])(split))
    return matrix, choose(matrix, rows, found)


def test_few_videos_ask_for_no_sweep_and_hold_the_rules_alone(tmp_path: Path) -> None:
    def sweeper(data: TrialData) -> list[Tried]:
        raise AssertionError("a sweep was asked for")

    matrix = assemble(fill(tmp_path, *world(n=34, channels=3)))
    rows = population(matrix)
    assert len(before_test(matrix)) < MIN_ROWS
    found = candidates.fit(matrix, rows, sweeper)
    assert {c.role for c in found} == {"rule"} and len(found) == 4
    choice = choose(matrix, rows, found)
    assert choice.chosen is choice.rule and choice.chosen.name == candidates.HISTORY
    assert not any(one.better for one in choice.evidence)


def test_the_rule_to_beat_is_the_better_of_the_rules(tmp_path: Path) -> None:
    """A level that stays, one that wanders, and followers that say it all."""
    rng = np.random.default_rng(0)
    names = {}
    for case in ("stays", "wanders", "followers"):
        videos, embeddings = world(n=400, channels=4)
        level = rng.normal(9, 1, 4)
        for row in videos:
            c = int(row["channel_id"][1:])
            if case == "wanders":
                level[c] += rng.normal(0, 0.6)
            followers = rng.uniform(3, 15)
            noise = rng.normal(0, 1.0 if case == "stays" else 0.3)
            row["channel_followers"] = int(np.exp(followers))
            row["views"] = int(np.exp((followers if case == "followers" else level[c]) + noise)) + 1
        for row in embeddings:
            row["video_embedding"] = row["audio_embedding"] = row["text_embedding"] = None
        matrix = assemble(fill(tmp_path / case, videos, embeddings))
        found = candidates.rules(matrix)
        names[case] = choose(matrix, population(matrix), found).rule.name
    assert names == {
        "stays": candidates.HISTORY, "wanders": candidates.RECENT, "followers": candidates.FOLLOWERS
    }  # fmt: skip


def test_few_videos_keep_the_rule_whatever_validation_says(tmp_path: Path) -> None:
    for seed in range(6):
        _, choice = chosen(tmp_path / str(seed), *world(n=40, channels=2, seed=seed))
        assert choice.chosen.role == "rule"
        assert all(not one.better for one in choice.evidence)
        assert any("too few" in one.sentence for one in choice.evidence)


def test_a_planted_effect_is_chosen_with_rows_enough_and_noise_is_not(tmp_path: Path) -> None:
    videos, embeddings = world(n=300, channels=10)
    _, choice = chosen(tmp_path / "planted", videos, embeddings)
    assert choice.chosen.role != "rule"
    best = next(one for one in choice.evidence if one.better)
    assert best.low is not None and best.gain is not None and 0.03 < best.low < best.gain
    views = np.random.default_rng(3).permutation([v["views"] for v in videos])
    shuffled = [{**v, "views": int(n)} for v, n in zip(videos, views, strict=True)]
    for split in ("time", "channel", "random"):
        _, choice = chosen(tmp_path / f"noise-{split}", shuffled, embeddings, split)
        assert choice.chosen.role == "rule", split


@pytest.mark.parametrize("split", ["time", "channel", "random"])
def test_no_fold_learns_from_what_it_forecasts(tmp_path: Path, split: str) -> None:
    matrix = assemble(fill(tmp_path, *world(n=200, channels=12)), split)
    made = folds(matrix, np.ones(len(matrix.y), bool))
    assert sum(len(held) for _, held in made) >= MIN_ROWS
    for fitted_on, held in made:
        assert not set(fitted_on) & set(held)
        assert set(matrix.part[np.concatenate([fitted_on, held])]) <= {"train", "validation"}
        if split == "time":
            assert matrix.published_at[fitted_on].max() <= matrix.published_at[held].min()
        if split == "channel":
            assert not set(matrix.channel_id[fitted_on]) & set(matrix.channel_id[held])


def test_a_later_copy_is_no_evidence(tmp_path: Path) -> None:
    videos, embeddings = world(n=100, channels=12)
    for name in ("media_sha256", "title"):
        videos[60][name] = videos[5][name]  # posted once more, unchanged
    matrix = assemble(fill(tmp_path, videos, embeddings))
    made = folds(matrix, np.ones(len(matrix.y), bool))
    assert all(60 not in held for _, held in made)


def errors(raw: Any) -> Errors:
    raw = np.asarray(raw, float)
    return Errors(np.arange(len(raw)), raw, np.ones(len(raw)))


def test_evidence_is_by_channel_and_a_single_channel_cannot_carry_it(tmp_path: Path) -> None:
    matrix = assemble(fill(tmp_path, *world(n=120, channels=10)))
    rng = np.random.default_rng(0)
    rule = rng.normal(0, 1, 120)
    better = compare(matrix, "m", "r", errors(0.5 * rule), errors(rule))
    assert better.better and better.unit == "channels" and better.gain == pytest.approx(0.5)
    lucky = np.where(matrix.channel_id == "c0", 0.0, rule)
    assert not compare(matrix, "m", "r", errors(lucky), errors(rule)).better
    slightly = compare(matrix, "m", "r", errors(0.98 * rule), errors(rule))
    assert slightly.low is not None and slightly.low > 0 and not slightly.better, "below the margin"


def test_age_and_date_are_inseparable_when_all_counts_were_read_in_one_go() -> None:
    posted = np.arange("2025-01-01", "2025-04-11", dtype="datetime64[D]").astype("datetime64[us]")
    day = posted.astype(np.int64) / 86_400e6
    rng = np.random.default_rng(0)
    assert inseparable(day.max() + 30 - day, posted), "read at once"
    assert not inseparable(rng.uniform(3, 120, len(day)), posted), "each at its own age"
    odd = day.max() + 30 - day
    odd[:8] = 3.0  # a few were read early: they alone would have to tell
    assert inseparable(odd, posted)
    assert not inseparable(np.full(len(day), np.nan), posted)
    assert not inseparable(np.full(len(day), 30.0), posted), "all at one age: nothing to tell apart"


def test_the_followers_rule_keeps_the_errors_it_was_judged_by(tmp_path: Path) -> None:
    """Views follow followers, and every channel posts once, so that no channel has a usual."""
    videos, embeddings = world(n=200, channels=10)
    rng = np.random.default_rng(0)
    for i, row in enumerate(videos):
        followers = float(rng.uniform(3, 15))
        row.update(channel_id=f"only-{i}", channel_followers=int(np.exp(followers)))
        row.update(views=int(np.exp(followers + rng.normal(0, 0.5))) + 1)
    for row in embeddings:
        row["video_embedding"] = row["audio_embedding"] = None
    space = fresh(fill(tmp_path, videos, embeddings))
    tune(space, at_first_points(["ridge"]), others=False)
    result = judge(space, resamples=100)
    head = files.load(space, RunPaths("default").predictor).head
    assert result.splits["time"].rule == "log followers"
    assert head.models.main.role == "rule"
    own = result.splits["time"]
    before = own.parts["train"] + own.parts["validation"]
    known = head.models.main.calibration
    assert known is not None and known.rows < before + own.test_rows, "none of its own training rows"
    assert np.quantile(np.abs(known.pools[ALL].errors), 0.8) == pytest.approx(0.64, abs=0.2)


@pytest.mark.parametrize("n, all_of_them", [(120, True), (400, False)])
def test_a_rules_errors_from_hardly_any_videos_count_only_where_there_are_few(
    tmp_path: Path, n: int, all_of_them: bool
) -> None:
    matrix = assemble(fill(tmp_path, *world(n=n, channels=6)))
    rule = candidates.rules(matrix)[[c.name for c in candidates.rules(matrix)].index(candidates.HISTORY)]
    everyone = np.ones(n, bool)
    errors = rule_errors_of(matrix, rule, everyone, folds(matrix, everyone))
    rows = before_test(matrix)
    first = np.sort(matrix.published_at[rows])[int(START * len(rows))]
    early = int((matrix.published_at[errors.rows] < first).sum())
    assert early > 20 if all_of_them else early == 0
    assert len(errors.rows) > 0.55 * len(rows)
