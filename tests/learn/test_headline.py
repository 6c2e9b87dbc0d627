"""The two sentences that a forecast leads with say no more than the evidence allows."""

from typing import Any

import pytest

from vvp.forecast.headline import headline, promise
from vvp.learn.records import Coverage, Measured
from vvp.words import days, views

OWN = {"given": "@me", "known": True, "learned_from": 12}
STRANGER = {"given": "@new", "known": False, "learned_from": 12}
NOBODY = {"given": None, "known": False, "learned_from": 12}
ONLY = {"given": None, "known": True, "learned_from": 1}


def said(standing: str, channel: dict[str, Any], rule: str = "channel's earlier videos", **other: Any) -> str:
    given = {"rule_views": 66_000.0, "media": True} | other
    return headline(50_000.0, 20_000.0, 90_000.0, rule=rule, standing=standing, channel=channel, **given)


@pytest.mark.parametrize(
    ("standing", "channel", "sentence"),
    [
        ("rule", OWN, "About your usual 50K; what this clip shows does not change that."),
        (
            "rule",
            ONLY,
            "About 50K, the usual of the one channel it learned from; what this clip shows does not",
        ),
        ("rule", STRANGER, "@new is not among the 12 channels it learned from."),
        ("rule", NOBODY, "About 50K, the middle of all videos it learned from: no channel was given."),
        ("better", OWN, "Between 20K and 90K views."),
        ("not shown to be better", STRANGER, "Between 20K and 90K views: @new is not among the 12 channels"),
        (
            "no better",
            OWN,
            "About your usual 66K. The model, no better than that rule when tested, says between",
        ),
        ("no better", STRANGER, "About 66K by the simple rule. The model, no better"),
    ],
)
def test_the_rule_comes_first_where_no_model_beats_it(
    standing: str, channel: dict[str, Any], sentence: str
) -> None:
    assert sentence in said(standing, channel)


def test_a_model_no_better_than_a_rule_is_called_so_also_without_the_rules_number() -> None:
    text = said("no better", OWN, rule="log followers", rule_views=None)
    assert text.startswith("The model was no better than the simple rule when tested. It says: Between 20K")


def test_words_alone_and_other_rules() -> None:
    assert "its words do not change that" in said("rule", OWN, media=False)
    assert "as channels with so many followers get" in said("rule", OWN, rule="log followers")
    assert "the middle of its videos" in said("rule", OWN, rule="train mean")


def held(point: float | None, of: int, under: bool) -> Coverage:
    measured = None if point is None else Measured(point=point, low=None, high=None)
    return Coverage(half_width=1.0, measured=measured, of=of, held=0, clearly_under=under)


def told(interval: Coverage | None, **other: Any) -> str:
    given: dict[str, Any] = {"horizon_days": 30.0, "counts_age_days": 200.0} | other
    return promise(50_000.0, True, interval=interval, **given)


def test_four_times_in_five_is_said_only_where_it_was_not_seen_to_fail() -> None:
    good, bad = told(held(0.78, 40, False)), told(held(0.0, 5, True))
    assert "four times in five (it held 78% of 40 tested)" in good
    assert "four times" not in bad and "held only 0% of 5 videos" in bad and "may well lie outside" in bad
    assert "too few to be sure" in told(held(0.8, 5, False))
    for unmeasured in (None, held(None, 0, False)):
        assert "could not be measured yet" in told(unmeasured) and "four times" not in told(unmeasured)
    assert "take it as a hint" in promise(5.0, False, horizon_days=30.0, counts_age_days=None, interval=None)


def test_the_horizon_is_said_or_the_age_of_the_counts() -> None:
    assert told(None).startswith("After 30 days;")
    assert told(None, horizon_days=None).startswith("At the age of your videos' counts: about 200 days;")
    unknown = told(None, horizon_days=None, counts_age_days=None)
    assert unknown.startswith("At the age of your videos' counts, which is not known;")


def test_numbers_are_said_as_people_say_them() -> None:
    assert [views(n) for n in (0, 999, 8_781, 43_700, 3_400_000, 2.5e9)] == [
        "0", "999", "8,781", "43.7K", "3.4M", "2.5B",
    ]  # fmt: skip
    assert [days(n) for n in (1, 1.5, 30, 1234)] == ["1 day", "1.5 days", "30 days", "1,234 days"]
