"""How counts, durations, moments and tags are read; what is missing and what is unreadable."""

import math
from datetime import datetime, timedelta, timezone

import pytest

from vvp.collect import numbers, parse
from vvp.collect.problems import Problems


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (1234, 1234),
        ("1234", 1234),
        (1234.0, 1234),
        ("1234.0", 1234),
        ("1,234", 1234),
        ("12 345", 12345),
        ("12\u00a0345", 12345),
        ("12\u202f345", 12345),
        ("1'234'567", 1234567),
        ("1.234.567", 1234567),
        ("12,34,567", 1234567),
        ("541.2K", 541_200),
        ("541,2K", 541_200),
        ("1.2M", 1_200_000),
        ("3 M", 3_000_000),
        ("1.1b", 1_100_000_000),
        ("12.3万", 123_000),
        ("-5", -5),
        ("0", 0),
        ("1e6", 1_000_000),
        ("+7", 7),
    ],
)
def test_counts(written: object, value: int) -> None:
    assert parse.count(written) == value


@pytest.mark.parametrize("value", [None, "", "  ", "N/A", "nan", math.nan, "None", "-", "null"])
def test_missing_is_none_for_every_reader(value: object) -> None:
    for reader in (parse.count, parse.duration, parse.moment, parse.tags, parse.identifier, parse.platform):
        assert reader(value) is None


@pytest.mark.parametrize(
    "value", ["many", "1.5", 1.5, "1,23", True, math.inf, "12x", "K", "1e400K", 2**70, "12:30", "…", "1..2K"]
)
def test_unreadable_counts_raise_and_are_never_zero(value: object) -> None:
    with pytest.raises(ValueError):
        parse.count(value)


def test_what_a_platform_abbreviates_is_read_to_its_precision() -> None:
    for tenths in range(1, 10_000, 7):
        assert parse.count(f"{tenths / 10}K") == tenths * 100
        assert parse.count(f"{tenths * 1000:,}") == tenths * 1000


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (31, 31),
        ("31.5", 31.5),
        ("00:31", 31),
        ("1:02:03", 3723),
        ("90:00", 5400),
        ("PT31S", 31),
        ("PT1M5S", 65),
        ("PT1H2M3.5S", 3723.5),
        ("P1DT1S", 86401),
        ("31s", 31),
        ("1m 5s", 65),
        ("2 min", 120),
        (timedelta(seconds=9), 9),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert parse.duration(written) == seconds


@pytest.mark.parametrize("value", [0, "0", "00:00", -3, "PT0S", "P", "long", True, math.inf])
def test_unreadable_durations(value: object) -> None:
    with pytest.raises(ValueError):
        parse.duration(value)


@pytest.mark.parametrize(
    "written",
    [
        1608214517,
        "1608214517",
        1608214517000,
        1608214517000000,
        "2020-12-17T14:15:17Z",
        "2020-12-17 14:15:17",
        "2020-12-17T15:15:17+01:00",
        "2020/12/17 14:15:17",
        "Thu, 17 Dec 2020 14:15:17 +0000",
        "Thu Dec 17 14:15:17 +0000 2020",
        utc(2020, 12, 17, 14, 15, 17),
        datetime(2020, 12, 17, 14, 15, 17),
        "2020-12-17T14:15:17.000000",
    ],
)
def test_moments(written: object) -> None:
    assert parse.moment(written) == utc(2020, 12, 17, 14, 15, 17)


def test_a_bare_date_is_its_first_or_its_last_second() -> None:
    for written in (
        "2020-12-21",
        "20201221",
        20201221,
        "2020/12/21",
        "2020-12-21 (approx; last post 2020-12-21)",
    ):
        assert parse.moment(written) == utc(2020, 12, 21)
        assert parse.moment(written, end_of_day=True) == utc(2020, 12, 21, 23, 59, 59)


@pytest.mark.parametrize(
    "value", ["12/11/2020", "5", 12, "yesterday", "2020", "20201341", "1801-01-01", True, "9" * 400]
)
def test_unreadable_moments(value: object) -> None:
    with pytest.raises(ValueError):
        parse.moment(value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["a", "#b", "a", " "], ["a", "b"]),
        ('"x y"|"b"', ["x y", "b"]),
        ("a, b", ["a", "b"]),
        ("#a #b", ["a", "b"]),
        ('["a","ü"]', ["a", "ü"]),
        ("['a', 'b']", ["a", "b"]),
        ([{"name": "a"}, {"title": "b"}, {}], ["a", "b"]),
        ([], None),
        ("[none]", None),
        ("solo", ["solo"]),
    ],
)
def test_tags(written: object, expected: list[str] | None) -> None:
    assert parse.tags(written) == expected


def test_hashtags_are_found_glued_and_in_any_script() -> None:
    assert parse.hashtags("so cute💕#exams#fyp #猫 #1", None, "#fyp") == ["exams", "fyp", "猫"]
    assert parse.hashtags("none") is None


def test_ids_that_lost_digits_are_refused() -> None:
    assert parse.identifier(7574164297710947604) == "7574164297710947604"
    assert parse.identifier(" dQw4w9WgXcQ ") == "dQw4w9WgXcQ"
    assert parse.identifier(12.0) == "12"
    for rounded in (7.574164297710948e18, "7.57416E+18", "7,57E+18"):
        with pytest.raises(ValueError, match="digits|rounded"):
            parse.identifier(rounded)
    for word in ("TRUE", "FALSE"):
        with pytest.raises(ValueError, match="truth value by a spreadsheet"):
            parse.identifier(word)
    assert parse.identifier("true") == "true"  # as nobody's spreadsheet writes it


def test_half_an_emoji_can_be_stored() -> None:
    assert parse.text("cut \ud83d").encode() == b"cut ?"  # type: ignore[union-attr]


def test_problems_count_and_keep_the_first() -> None:
    problems = Problems()
    read = [problems.read("likes", parse.count, v, f"f:{i}") for i, v in enumerate(["1", "x", None, "y"])]
    assert read == [1, None, None, None]
    assert problems.counts == {"likes": 2} and "'x' at f:1" in problems.examples["likes"]


def test_a_year_of_two_digits_may_stand_first_where_that_is_said():
    assert parse.moment("24-05-13", order="year-first") == datetime(2024, 5, 13, tzinfo=timezone.utc)
    with pytest.raises(ValueError):
        parse.moment("24-05-13")
    with pytest.raises(ValueError):
        parse.moment("31/01/2024", order="year-first")


def _column(*written: str) -> list[int | None]:
    """A column of counts as it is read; None: refused as doubtful."""
    style = numbers.style_of(written)
    found: list[int | None] = []
    for each in written:
        try:
            found.append(parse.count(each, style))
        except parse.DoubtfulError:
            found.append(None)
    return found


@pytest.mark.parametrize(
    ("column", "values"),
    [
        # A Turkish B is a thousand: after a decimal comma, and in every other row of that column.
        (["12 B", "1,2 B"], [None, None]),
        (["12 B", "1,2 B", "1.5 B"], [None, None, None]),
        (["12 B", "3 Mn"], [None, 3_000_000]),
        (["12 B"], [None]),
        (["12B", "1.2B"], [12 * 10**9, 1_200_000_000]),
        (["1.2 B", "3 B"], [1_200_000_000, 3 * 10**9]),
        (["1,2 Mrd.", "12 B"], [1_200_000_000, None]),
        # An Indonesian M is a thousand million.
        (["12 rb", "3,4 jt", "1,2 M"], [12_000, 3_400_000, None]),
        (["1,2 M", "3 K"], [1_200_000, 3_000]),
        # A Czech or Romanian mil. is a million.
        (["3 mil", "3,4 mil", "2 M"], [3_000, 3_400, 2_000_000]),
        (["3,4 mil."], [None]),
        (["3,4 mil", "1,2 mld"], [None, 1_200_000_000]),
        # Three digits before a unit: decimals or thousands?
        (["1,234K"], [None]),
        (["1,234K", "1.2M"], [None, 1_200_000]),
        (["1,234K", "1,5K"], [None, 1_500]),
        (["1.234K", "12.0"], [None, 12]),
        (["1,234K", "1,234,567"], [1_234_000, 1_234_567]),
        (["1,234 views", "1.2M views"], [1_234, 1_200_000]),
    ],
)
def test_units_that_mean_two_numbers_are_decided_by_the_column(
    column: list[str], values: list[int | None]
) -> None:
    assert _column(*column) == values


def test_what_the_user_says_of_signs_settles_no_unit() -> None:
    column = ["12 rb", "1,2 M", "1,234K"]
    style = numbers.style_of(column, numbers.STYLES["1.234,5"])
    assert parse.count("1,234K", style) == 1234
    with pytest.raises(parse.DoubtfulUnitError, match="m and rb stand in one column"):
        parse.count("1,2 M", style)
