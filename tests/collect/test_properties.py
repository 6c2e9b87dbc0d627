"""Whatever a supported style writes is read back as itself or refused, never as another value."""

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vvp.collect import numbers, parse
from vvp.collect.dates import DAY_FIRST, MONTH_FIRST, order_of

QUICK = settings(max_examples=300, deadline=None)
COUNTS = st.integers(min_value=0, max_value=10**12)
MOMENTS = st.datetimes(datetime(1990, 1, 2), datetime(2099, 12, 30)).map(lambda d: d.replace(microsecond=0))
ZONES = st.integers(min_value=-12 * 4, max_value=14 * 4).map(
    lambda quarters: timedelta(minutes=15 * quarters)
)


def grouped(number: int, sign: str) -> str:
    return f"{number:,}".replace(",", sign)


COUNT_STYLES: dict[str, Callable[[int], Any]] = {
    "plain": str, "int": int, "float": float, "pandas": lambda n: f"{n}.0", "comma": lambda n: f"{n:,}",
    "point": lambda n: grouped(n, "."), "space": lambda n: grouped(n, " "),
    "swiss": lambda n: grouped(n, "'"),
    "narrow": lambda n: grouped(n, "\u202f"), "guard": lambda n: f"'{n}", "formula": lambda n: f'="{n}"',
    "views": lambda n: f"{n:,} views", "label": lambda n: f"Views: {n:,}", "plus": lambda n: f"+{n}",
    "cents": lambda n: f"{n:,}.00", "comma cents": lambda n: f"{grouped(n, '.')},00",
    "bytes": lambda n: str(n).encode(), "unseen": lambda n: f"\ufeff{n}\u200b",
    "arabic": lambda n: grouped(n, "٬"), "lakh": lambda n: _lakh(n),
}  # fmt: skip


def _lakh(number: int) -> str:
    digits = str(number)
    head, tail = digits[:-3], digits[-3:]
    parts = []
    while head:
        parts.append(head[-2:])
        head = head[:-2]
    return ",".join([*reversed(parts), tail])


@QUICK
@given(COUNTS, st.sampled_from(sorted(COUNT_STYLES)))
def test_a_count_is_read_back_or_refused(number: int, style: str) -> None:
    try:
        assert parse.count(COUNT_STYLES[style](number)) == number
    except ValueError:
        assert style == "point", "only a point in front of three digits is open to doubt"


@QUICK
@given(st.lists(COUNTS, min_size=1, max_size=20), st.sampled_from([",", "."]), st.booleans())
def test_a_column_of_counts_is_read_back_or_refused(column: list[int], sign: str, cents: bool) -> None:
    other = {",": ".", ".": ","}[sign]
    written = [grouped(n, sign) + (f"{other}00" if cents else "") for n in column]
    style = numbers.style_of(written)
    for number, text in zip(column, written, strict=True):
        try:
            assert parse.count(text, style) == number
        except parse.DoubtfulError:
            assert not any(n >= 10**6 for n in column) or cents


@QUICK
@given(st.lists(st.tuples(COUNTS, st.sampled_from(sorted(COUNT_STYLES))), min_size=1, max_size=12))
@example([(1_234, "comma"), (1_234_567, "point")])
@example([(1_234, "point"), (1_234, "cents")])
def test_a_column_of_mixed_styles_is_read_back_or_refused(column: list[tuple[int, str]]) -> None:
    written = [COUNT_STYLES[style](number) for number, style in column]
    read_by = numbers.style_of(written)
    for (number, _), cell in zip(column, written, strict=True):
        try:
            assert parse.count(cell, read_by) == number, (cell, read_by)
        except ValueError:
            continue


@QUICK
@given(st.integers(min_value=1, max_value=9999), st.sampled_from(["K", "M", " Mio.", "万", "B", " mln", "k"]))
def test_an_abbreviated_count_keeps_its_digits(tenths: int, unit: str) -> None:
    factor = {"K": 10**3, "k": 10**3, "万": 10**4, "B": 10**9}.get(unit, 10**6)
    assert parse.count(f"{tenths / 10}{unit}") == tenths * factor // 10


@QUICK
@given(st.text(max_size=12))
def test_any_text_is_a_whole_number_or_refused(text: str) -> None:
    for reader in (parse.count, parse.duration, parse.moment, parse.identifier, parse.tags, parse.text):
        try:
            found = reader(text)
        except ValueError:
            continue
        assert found is None or found == reader(text)


def _english(d: datetime) -> str:
    return f"{d:%b} {d.day}, {d.year} {d:%I:%M:%S} {d:%p}"


DATE_STYLES: dict[str, Callable[[datetime], Any]] = {
    "iso": lambda d: d.isoformat(), "z": lambda d: f"{d.isoformat()}Z",
    "space": lambda d: f"{d:%Y-%m-%d %H:%M:%S}",
    "epoch": lambda d: int(d.replace(tzinfo=timezone.utc).timestamp()),
    "ms": lambda d: str(int(d.replace(tzinfo=timezone.utc).timestamp()) * 1000),
    "english": _english, "slash": lambda d: f"{d.year}/{d.month}/{d.day} {d:%H:%M:%S}",
    "rfc": lambda d: f"{d:%a, %d %b %Y %H:%M:%S} +0000",
    "ctime": lambda d: f"{d:%a %b %d %H:%M:%S} +0000 {d.year}",
    "js": lambda d: f"{d:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)",
    "compact": lambda d: f"{d:%Y%m%dT%H%M%S}Z", "us": lambda d: f"{d.month}/{d.day}/{d.year} {d:%H:%M:%S}",
    "eu": lambda d: f"{d:%d.%m.%Y %H:%M:%S}",
    "german": lambda d: f"{d.day}. {GERMAN[d.month - 1]} {d.year} {d:%H:%M:%S}",
    "datetime": lambda d: d, "bytes": lambda d: d.isoformat().encode(),
}  # fmt: skip
GERMAN = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
)
GERMAN += ("Dezember",)


@QUICK
@given(MOMENTS, st.sampled_from(sorted(DATE_STYLES)))
def test_a_moment_is_read_back_or_refused(moment: datetime, style: str) -> None:
    try:
        assert parse.moment(DATE_STYLES[style](moment)) == moment.replace(tzinfo=timezone.utc)
    except parse.DoubtfulError:
        assert style in ("us", "eu") and moment.day <= 12


@QUICK
@given(MOMENTS, ZONES, st.sampled_from(["{0}{1}", "{0} GMT{1}", "{0} UTC{1}", "{0} {1}"]))
def test_an_offset_is_east_of_greenwich_wherever_it_stands(
    moment: datetime, zone: timedelta, form: str
) -> None:
    sign, seconds = ("-" if zone < timedelta(0) else "+"), abs(int(zone.total_seconds()))
    offset = f"{sign}{seconds // 3600:02d}{seconds % 3600 // 60:02d}"
    read = parse.moment(form.format(moment.isoformat(sep=" "), offset))
    assert read == (moment - zone).replace(tzinfo=timezone.utc)


@QUICK
@given(st.lists(MOMENTS, min_size=1, max_size=12), st.sampled_from([DAY_FIRST, MONTH_FIRST]))
def test_a_column_of_dates_is_read_back_or_refused(column: list[datetime], order: str) -> None:
    form = "%d/%m/%Y" if order == DAY_FIRST else "%m/%d/%Y"
    shown = order_of(d.strftime(form) for d in column).order
    assert shown in (None, order)
    for day in column:
        expected = datetime(day.year, day.month, day.day, tzinfo=timezone.utc)
        try:
            assert parse.moment(day.strftime(form), order=shown) == expected
        except parse.DoubtfulError:
            assert shown is None
        assert parse.moment(day.strftime(form), order=order) == expected


@QUICK
@given(st.lists(st.tuples(MOMENTS, st.sampled_from(sorted(DATE_STYLES))), min_size=1, max_size=8))
@example([(datetime(2024, 3, 4), "us"), (datetime(2024, 3, 14), "eu")])
def test_a_column_of_mixed_dates_is_read_back_or_refused(column: list[tuple[datetime, str]]) -> None:
    """Days first and months first in one column: neither is known, unless a row itself shows it."""
    written = [DATE_STYLES[style](moment) for moment, style in column]
    shown = order_of(written).order
    for (moment, style), cell in zip(column, written, strict=True):
        try:
            assert parse.moment(cell, order=shown) == moment.replace(tzinfo=timezone.utc), (cell, shown)
        except ValueError:
            assert style in ("us", "eu")


ID_STYLES: dict[str, Callable[[int], Any]] = {
    "text": str, "int": int, "float": float, "pandas": lambda n: f"{n}.0", "guard": lambda n: f"'{n}",
    "formula": lambda n: f'="{n}"', "quoted": lambda n: f'"{n}"', "scientific": lambda n: f"{n:.2E}",
    "grouped": lambda n: f"{n:,}", "unseen": lambda n: f"\u200e{n} ", "json": lambda n: json.loads(str(n)),
    "javascript": lambda n: json.loads(f"{n}.0"), "bytes": lambda n: str(n).encode(),
}  # fmt: skip


@QUICK
@given(st.integers(min_value=10**6, max_value=10**19), st.sampled_from(sorted(ID_STYLES)))
@example(2**53 + 1, "float")
@example(2**53 + 1, "pandas")
def test_an_id_is_read_back_or_refused(number: int, style: str) -> None:
    try:
        assert parse.identifier(ID_STYLES[style](number)) == str(number)
    except ValueError:
        assert style in ("float", "pandas", "javascript", "scientific", "grouped")


def test_ids_that_passed_through_a_float_are_known_and_others_hardly_ever() -> None:
    rng = random.Random(0)
    ids = [rng.randrange(7 * 10**18, 8 * 10**18) for _ in range(20_000)]
    assert all(parse.looks_rounded(str(int(float(n)))) for n in ids[:2000])
    assert all(parse.looks_rounded(str(n // 10**4 * 10**4)) for n in ids[:2000])  # 15 digits and zeros
    assert sum(parse.looks_rounded(str(n)) for n in ids) / len(ids) < 0.01


@pytest.mark.parametrize(
    "word", ["May 2024", "2024", "May", "5 PM", "12:30", "yesterday", "2024-W05", "31 Jan 14:05"]
)
def test_nothing_is_filled_in_from_the_clock(word: str) -> None:
    with pytest.raises(ValueError):
        parse.moment(word)


@pytest.mark.parametrize(
    "written",
    [
        "2024-01-31 14:00 MST", "2024-01-31 14:00 IST", "2024-01-31 14:00 PT", "2024-01-31 14:00 (MST)",
        "2024-01-31 14:00 (Pacific Standard Time)", "2024-01-31 14:00+99:00", "Tue Jan 31 2024", "31/01/24",
        "2024-01-31 25:00", "2024-01-31 14:05 PM", "30.02.2024", "31 Foo 2024",
    ],
)  # fmt: skip
def test_what_means_several_moments_or_none_is_unreadable(written: str) -> None:
    with pytest.raises(ValueError):
        parse.moment(written)


@pytest.mark.parametrize(
    ("written", "hour"),
    [
        ("2024-01-31 14:00 (PST)", 22), ("2024-01-31 14:00:00 -0800 PST", 22), ("31/Jan/2024 14:00 UTC", 14),
        ("2024-01-31T14:00:00+01:00[Europe/Berlin]", 13), ("31 de enero de 2024 14:00", 14),
        ("2024年1月31日 14:00", 14), ("January 31st, 2024 at 2:00 p.m.", 14), ("45322.583333333336", 14),
        ("20240131140000", 14), ("1706709600000000000", 14),
    ],
)  # fmt: skip
def test_other_ways_of_writing_a_moment(written: str, hour: int) -> None:
    assert parse.moment(written) == datetime(2024, 1, 31, hour, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "written",
    [
        "0,500",
        "1,2,3",
        "12,3456",
        "1.5",
        "1 2 3",
        "12 34",
        "5%",
        "(5)",
        "~12K",
        "<1K",
        "1,2 B",
        "12 13",
        "1.234K",
        "3.4 Foo",
    ],
)
def test_what_is_no_count_for_certain_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        parse.count(written)


def test_short_years_show_an_order_where_no_year_can_stand_first() -> None:
    column = ["1/31/24", "1/5/24", "12/11/23"]
    assert order_of(column).order == MONTH_FIRST
    read = [parse.moment(each, order=MONTH_FIRST) for each in column]
    assert [d and (d.year, d.month, d.day) for d in read] == [(2024, 1, 31), (2024, 1, 5), (2023, 12, 11)]
    assert order_of(["31/01/24", "15/02/24"]).order is None


def test_a_spreadsheets_error_among_dates_shows_nothing() -> None:
    assert order_of(["#NAME?", "31/01/2024", "#REF!"]).order == DAY_FIRST
