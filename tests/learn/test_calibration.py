"""Intervals hold what they say, follow what errors depend on only where they do, and survive a file."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from vvp.errors import UserError
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.intervals.distribution import distribution, ranked
from vvp.learn.intervals.fit import calibrate
from vvp.learn.intervals.scores import interval_score

NAMES = ["forecast", "followers"]


def table(
    m: int, seed: int, errors: Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]
) -> dict[str, Any]:
    """m rows an hour apart, two traits (a tenth unknown), a channel each. errors: of (rng, traits, time)."""
    rng = np.random.default_rng(seed)
    traits, time = rng.normal(size=(m, 2)), np.arange(m) / m
    residuals = errors(rng, traits, time)
    traits[rng.random((m, 2)) < 0.1] = np.nan
    return {
        "residuals": residuals,
        "when": np.datetime64("2025-01-01", "us") + np.arange(m) * np.timedelta64(1, "h"),
        "clusters": np.arange(m),
        "traits": traits,
        "groups": np.full(m, "known channel", dtype=object),
    }


def made(rows: dict[str, Any]) -> Calibration:
    found = calibrate(**rows, trait_names=NAMES)
    assert found is not None
    return found


def split(rows: dict[str, Any], at: int) -> tuple[dict[str, Any], dict[str, Any]]:
    return {k: v[:at] for k, v in rows.items()}, {k: v[at:] for k, v in rows.items()}


def judged(found: Calibration, later: dict[str, Any]) -> tuple[float, float, float]:
    """(share held, mean width, mean interval score) of forecasts of 0."""
    truth = later["residuals"]
    low, high = found.intervals(np.zeros(len(truth)), later["traits"], later["groups"])
    score = interval_score(truth, low, high).mean()
    return float(((low <= truth) & (truth <= high)).mean()), float((high - low).mean()), float(score)


def plain(early: dict[str, Any], later: dict[str, Any]) -> tuple[float, float, float]:
    """The same, of one width for all."""
    half = ranked(np.sort(np.abs(early["residuals"])), 0.8)
    truth = later["residuals"]
    score = interval_score(truth, np.full(len(truth), -half), np.full(len(truth), half)).mean()
    return float((np.abs(truth) <= half).mean()), 2 * half, float(score)


@pytest.mark.parametrize("shape", ["normal", "skewed"])
def test_new_exchangeable_errors_are_held_as_often_as_said(shape: str) -> None:
    held = 0
    for seed in range(20):
        early, later = split(
            table(
                240,
                seed,
                lambda rng, traits, time: (
                    rng.normal(size=240) if shape == "normal" else rng.gamma(1, size=240) - 1
                ),
            ),
            200,
        )
        low, high = made(early).intervals(np.zeros(40), later["traits"], later["groups"])
        held += int(((low <= later["residuals"]) & (later["residuals"] <= high)).sum())
    # 20 calibrations of 200 rows each have a spread of their own: 0.028 / √20 beside that of 800 rows.
    assert binom.ppf(0.001, 800, 0.785) <= held <= binom.ppf(0.999, 800, 0.825)


def test_where_the_size_of_errors_depends_on_a_trait_intervals_follow_it() -> None:
    early, later = split(
        table(3000, 1, lambda rng, traits, time: rng.normal(size=3000) * np.exp(0.4 * traits[:, 0])), 1000
    )
    found = made(early)
    assert "scale" in found.parts
    ours, usual = judged(found, later), plain(early, later)
    assert ours[2] < 0.95 * usual[2] and 0.77 <= ours[0] <= 0.84
    quiet, loud = (
        judged(found, {k: v[at] for k, v in later.items()})
        for at in (later["traits"][:, 0] < -0.5, later["traits"][:, 0] > 0.5)
    )
    assert 0.74 <= quiet[0] <= 0.87 and 0.74 <= loud[0] <= 0.87
    assert quiet[1] < 0.8 * usual[1] and loud[1] > 1.2 * usual[1]


def test_where_it_depends_on_nothing_they_are_hardly_worse_than_one_width() -> None:
    ratios = []
    for seed in range(12):
        early, later = split(table(1300, seed, lambda rng, traits, time: rng.standard_t(4, size=1300)), 300)
        ratios.append(judged(made(early), later)[2] / plain(early, later)[2])
    assert np.mean(ratios) < 1.01 and max(ratios) < 1.06


def test_skewed_errors_keep_their_signs() -> None:
    early, later = split(table(3000, 2, lambda rng, traits, time: rng.gamma(1, size=3000) - 0.7), 1500)
    found = made(early)
    assert "signed" in found.parts
    assert judged(found, later)[2] < 0.97 * plain(early, later)[2]
    around = found.distribution(5.0, {}, "known channel")
    low, high = around.interval(0.8)
    assert around.quantile(0.5) - low < 0.6 * (high - around.quantile(0.5))


def test_a_level_that_moved_moves_forecasts_and_says_by_how_much() -> None:
    def moved(rng: np.random.Generator, traits: np.ndarray, time: np.ndarray) -> np.ndarray:
        return rng.normal(size=len(time)) + 2.0 * (time > 0.45)

    early, later = split(table(1000, 3, moved), 700)
    found = made(early)
    assert "recent" in found.parts and found.shift == pytest.approx(2.0, abs=0.35)
    assert judged(found, later)[2] < 0.8 * plain(early, later)[2]
    middle = found.distribution(5.0, {}, "").quantile(0.5)
    assert middle == pytest.approx(5.0 + found.moved("")) and found.moved("") == pytest.approx(2.0, abs=0.35)


def test_errors_that_keep_growing_widen_the_intervals() -> None:
    early, later = split(
        table(1200, 4, lambda rng, traits, time: rng.normal(size=1200) * (0.3 + 4 * time)), 900
    )
    found = made(early)
    assert found.margin > 1.05 and found.held is not None and found.held < 0.78
    assert judged(found, later)[0] > plain(early, later)[0] + 0.03
    assert made(table(900, 4, lambda rng, traits, time: rng.normal(size=900))).margin == 1


def test_a_group_with_errors_of_its_own_has_intervals_of_its_own() -> None:
    rows = table(1600, 5, lambda rng, traits, time: rng.normal(size=1600))
    new = np.random.default_rng(0).random(1600) < 0.5
    rows["groups"][new] = "new channel"
    rows["residuals"] = rows["residuals"] * np.where(new, 3.0, 1.0)
    rows["groups"][:20] = "no picture"
    found = made(rows)
    assert "groups" in found.parts and set(found.pools) == {"", "known channel", "new channel"}
    wide, narrow = (found.distribution(0.0, {}, g).half_width() for g in ("new channel", "known channel"))
    assert wide == pytest.approx(3 * narrow, rel=0.2)
    other = found.distribution(0.0, {}, "never seen").half_width()
    assert narrow < other == found.distribution(0.0, {}, "no picture").half_width() < wide


@pytest.mark.parametrize("m", [1, 3, 4, 9, 29, 99])
def test_few_errors_have_the_plain_rule_exactly(m: int) -> None:
    rows = table(m, 6, lambda rng, traits, time: rng.normal(size=m) + 3 * traits[:, 0])
    found, usual = made(rows), distribution(2.0, rows["residuals"])
    assert usual is not None and found.parts == [] and found.reason is not None and found.shift == 0
    around = found.distribution(2.0, {"forecast": 9.0}, "known channel")
    for coverage in (0.5, 0.8, 0.95):
        assert around.interval(coverage) == usual.interval(coverage)
    assert around.probability_above(2.7) == usual.probability_above(2.7)


def test_many_rows_of_few_channels_are_few() -> None:
    rng = np.random.default_rng(7)
    rows = table(
        800, 7, lambda r, traits, time: np.repeat(rng.normal(size=20), 40) + 0.1 * r.normal(size=800)
    )
    rows["clusters"] = np.repeat(np.arange(20), 40)
    found = made(rows)
    assert found.parts == [] and found.reason is not None and found.reason.startswith("800 errors, worth 2")
    # 20 channels, averaged with 10 that share nothing.
    assert found.correlation == pytest.approx(20 / 30, abs=0.06)


def test_without_dates_there_is_one_width_and_a_reason() -> None:
    rows = table(400, 8, lambda rng, traits, time: rng.normal(size=400) * np.exp(traits[:, 0]))
    same = rows | {"when": np.full(400, np.datetime64("2025-01-01", "us"))}
    for undated in (rows | {"when": np.full(400, np.datetime64("NaT"), "datetime64[us]")}, same):
        found = made(undated)
        assert found.parts == [] and found.reason is not None and "dates" in found.reason
    rows["when"][:50] = np.datetime64("NaT")
    assert "scale" in made(rows).parts


@pytest.mark.parametrize("m", [3, 50, 900])
def test_a_table_at_once_is_each_video_alone(m: int) -> None:
    rows = table(m, 9, lambda rng, traits, time: rng.gamma(1, size=m) * np.exp(0.5 * traits[:, 0]))
    found, rng = made(rows), np.random.default_rng(1)
    centres, truth = rng.normal(size=m), rng.normal(size=m)
    ends = found.quantiles(centres, rows["traits"], rows["groups"], [0.1, 0.5, 0.9])
    at_most = found.cdf(truth, centres, rows["traits"], rows["groups"])
    for i in range(min(m, 40)):
        values = {n: None if np.isnan(v) else float(v) for n, v in zip(NAMES, rows["traits"][i], strict=True)}
        one = found.distribution(float(centres[i]), values, "known channel")
        assert [one.quantile(q) for q in (0.1, 0.5, 0.9)] == pytest.approx(ends[i])
        assert one.cdf(float(truth[i])) == pytest.approx(at_most[i])


def test_under_a_split_that_is_not_in_time_parts_are_judged_on_channels_left_out() -> None:
    """Errors grow with followers, and lie higher in the later weeks: other channels are of all weeks, so
    nothing is moved by the latest errors."""

    def planted(rng: np.random.Generator, traits: np.ndarray, time: np.ndarray) -> np.ndarray:
        return rng.normal(size=len(time)) * np.exp(0.5 * traits[:, 1]) + 1.5 * (time > 0.6)

    rows = table(1200, 14, planted)
    found = calibrate(**rows, trait_names=NAMES, in_time=False)
    assert found is not None and "scale" in found.parts and found.shift == 0
    assert not any("recent" in one.parts for one in found.tried)
    assert "recent" in made(rows).parts and made(rows).shift > 0.8
    held = judged(found, {k: v[np.arange(1200) % 2 == 0] for k, v in rows.items()})[0]
    assert 0.77 <= held <= 0.84

    shuffled = rows | {"traits": np.random.default_rng(0).permutation(rows["traits"])}
    chance = calibrate(**shuffled, trait_names=NAMES, in_time=False)
    assert chance is not None and "scale" not in chance.parts


def test_without_dates_channels_left_out_still_shape_the_intervals() -> None:
    rows = table(600, 15, lambda rng, traits, time: rng.normal(size=600) * np.exp(0.5 * traits[:, 0]))
    rows["when"] = np.full(600, np.datetime64("NaT"), "datetime64[us]")
    found = calibrate(**rows, trait_names=NAMES, in_time=False)
    assert found is not None and "scale" in found.parts and found.reason is None
    rows["clusters"][:] = 0  # one channel: runs of rows take the place of channels
    found = calibrate(**rows, trait_names=NAMES, in_time=False)
    assert found is not None and found.rows == 600


def test_the_order_of_rows_changes_nothing() -> None:
    rows = table(300, 10, lambda rng, traits, time: rng.normal(size=300) * np.exp(traits[:, 0]))
    order = np.random.default_rng(0).permutation(300)
    assert made({k: v[order] for k, v in rows.items()}).pools == made(rows).pools


def test_errors_of_nothing_and_no_traits_are_no_obstacle() -> None:
    rows = table(200, 13, lambda rng, traits, time: np.zeros(200))
    assert made(rows).parts == [] and made(rows).distribution(5.0, {}, "").interval() == (5.0, 5.0)
    rows = table(300, 13, lambda rng, traits, time: rng.gamma(1, size=300) * np.exp(traits[:, 0]))
    found = calibrate(**{**rows, "traits": np.zeros((300, 0))}, trait_names=[])
    assert found is not None and found.scale is None and found.parts == ["signed"]
    low, high = found.intervals(np.zeros(3), np.zeros((3, 0)), rows["groups"][:3])
    assert (high > low).all()


def test_no_error_no_calibration_and_wrong_shapes_raise() -> None:
    rows = table(40, 11, lambda rng, traits, time: rng.normal(size=40))
    assert calibrate(**{k: v[:0] for k, v in rows.items()}, trait_names=NAMES) is None
    with pytest.raises(ValueError, match="one length"):
        calibrate(**rows, trait_names=["one"])
    with pytest.raises(ValueError, match="finite"):
        calibrate(**{**rows, "residuals": np.full(40, np.nan)}, trait_names=NAMES)


@pytest.fixture(scope="module")
def found() -> Calibration:
    return made(table(900, 12, lambda rng, t, time: (rng.gamma(1, size=900) - 0.5) * np.exp(0.6 * t[:, 0])))


def test_a_file_gives_the_same_calibration_back(found: Calibration) -> None:
    text = json.dumps(found.as_dict(), allow_nan=False)
    again = Calibration.read(json.loads(text), "head.json", "vvp evaluate")
    assert found.scale is not None and again == found
    values = {"forecast": 1.3}
    assert again.distribution(4.0, values, "x").interval() == found.distribution(4.0, values, "x").interval()
    assert len(text) < 60_000


DAMAGE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unknown key": lambda d: d.update(extra=1),
    "no pool of all": lambda d: d.update(pools={"a": d["pools"][""]}),
    "errors out of order": lambda d: d["pools"][""]["errors"].reverse(),
    "no errors": lambda d: d["pools"][""].update(errors=[]),
    "too many errors": lambda d: d["pools"][""].update(errors=[0.0] * 401),
    "not a number": lambda d: d["pools"][""]["errors"].append(float("nan")),
    "an enormous error": lambda d: d["pools"][""]["errors"].append(1e300),
    "a text": lambda d: d.update(shift="0"),
    "an endless shift": lambda d: d.update(shift=float("inf")),
    "too wide": lambda d: d.update(margin=99.0),
    "certain of its like": lambda d: d.update(correlation=1.0),
    "another part": lambda d: d.update(parts=["magic"]),
    "fewer traits": lambda d: d.update(traits=["forecast"]),
    "fewer weights": lambda d: d["scale"]["weights"].pop(),
    "enormous weights": lambda d: d["scale"].update(weights=[1e308] * 6),
    "no count": lambda d: d["pools"][""].update(count=0),
    "negative sizes": lambda d: d["pools"][""].update(signed=False, middle=0.0, errors=[-1.0, 1.0]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_in_one_sentence(damage: str, found: Calibration) -> None:
    value = json.loads(json.dumps(found.as_dict()))
    DAMAGE[damage](value)
    with pytest.raises(UserError, match="head.json is damaged"):
        Calibration.read(value, "head.json", "vvp evaluate")


def test_what_a_scale_is_asked_of_far_outside_has_bounds(found: Calibration) -> None:
    usual = found.distribution(0.0, {}, "").half_width()
    for value in (-1e9, -5.0, 5.0, 1e9, float("nan")):
        assert 0.2 * usual < found.distribution(0.0, {"forecast": value}, "").half_width() < 5 * usual


def test_one_channel_is_judged_by_runs_in_time() -> None:
    """One cluster alone says nothing of chance; a level that moved is still recentred."""
    rng = np.random.default_rng(0)
    residuals = rng.normal(0, 1, 400) + np.repeat([0.0, 3.0], 200)
    when = np.datetime64("2025-01-01", "us") + np.arange(400) * np.timedelta64(1, "D")
    one = np.zeros(400, np.int64)
    made = calibrate(residuals, when, one, np.zeros((400, 0)), [], np.full(400, "known", dtype=object))
    assert made is not None and all(np.isfinite(tried.error) for tried in made.tried)
