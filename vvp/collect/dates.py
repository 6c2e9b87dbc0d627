"""Moments as people, programs and spreadsheets write them, and the order of a column's day and month.

No part is ever filled in from the clock: a date needs its day, its month and its year. Where 5/4/2024 may be
May or April, the column's own rows or the user decide, or it is unreadable. Zones are an offset (+0800,
GMT+0800 and UTC+8 all mean east of Greenwich), or one of ZONES; other letters mean several zones at once and
are unreadable. A moment without a zone is UTC.
Not known here: which column a date stands in.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from vvp.collect import cells
from vvp.collect.months import MONTHS, WEEKDAYS
from vvp.collect.numbers import DoubtfulError

# Moments outside these are a wrong unit or a broken clock, not a video's date.
FIRST, LAST = datetime(1990, 1, 1, tzinfo=timezone.utc), datetime(2100, 1, 1, tzinfo=timezone.utc)
DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
YEAR_FIRST = "year-first"  # of two digits; four digits need no word
ORDERS = (DAY_FIRST, MONTH_FIRST, YEAR_FIRST)
ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "pst": -8, "pdt": -7, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "cet": 1,
    "cest": 2,
}  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EXCEL = datetime(1899, 12, 30, tzinfo=timezone.utc)  # day 0 of a spreadsheet's calendar

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_COMPACT = re.compile(r"((?:19|20)\d\d)(\d\d)(\d\d)(?:\.0)?")
_COMPACT_TIME = re.compile(r"(\d{8})T?(\d\d)(\d\d)(\d\d)((?:\.\d+)?)(Z|[+-]\d\d:?\d\d|)", re.IGNORECASE)
_WORD = r"[^\W\d_]+"
_WEEKDAY = rf"(?:(?P<weekday>{_WORD})\.?,?\s)?"
_ENGLISH = re.compile(
    rf"{_WEEKDAY}(?P<month>{_WORD})\.?[\s-](?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:,\s?|\s|-)(?P<year>\d{{4}})(?!\d)",
    re.IGNORECASE,
)
_SHAPES = (
    re.compile(r"(?P<year>\d{4})(?P<sign>[-/.])(?P<month>\d{1,2})(?P=sign)(?P<day>\d{1,2})(?!\d)"),
    re.compile(r"(?P<year>\d{4})\s?[年년]\s?(?P<month>\d{1,2})\s?[月월]\s?(?P<day>\d{1,2})\s?[日일]"),
    re.compile(r"(?P<a>\d{1,2})(?P<sign>[-/.])(?P<b>\d{1,2})(?P=sign)(?P<year>\d{4}|\d{2})(?!\d)"),
    re.compile(
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?(?:\sof|\sde)?[\s/-](?P<month>{_WORD})\.?,?"
        r"(?:\sde)?[\s/-](?P<year>\d{4}|\d{2})(?![\d:])",
        re.IGNORECASE,
    ),
    _ENGLISH,
    re.compile(rf"(?P<year>\d{{4}})[\s-](?P<month>{_WORD})\.?[\s-](?P<day>\d{{1,2}})(?!\d)"),
)  # fmt: skip
# Thu Dec 17 14:15:17 +0000 2020: C's ctime and X put the year last.
_YEAR_LAST = re.compile(
    rf"({_WORD},?\s{_WORD}\s\d{{1,2}})\s(\d{{1,2}}:\d\d:\d\d)((?:\s[+-]\d{{4}}|\s[A-Za-z]{{1,4}})?)\s(\d{{4}})"
)
_CLOCK = re.compile(
    r"(?:[T,]\s?|\s(?:at\s|um\s|à\s|-\s)?)(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?\s?(?P<half>[ap]\.?m\.?)?(?:\sUhr)?\s?(?P<zone>.*)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"[A-Za-z]+/[A-Za-z_/+-]+|(?!Approx|About|Estimated|Edited)[A-Z][A-Za-z]{2,}")  # (Berlin)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s?([+-])(\d{1,2})(?::?(\d\d))?(?:\s?\[[\w/+-]+\]|\s([A-Za-z]{1,4}))?", re.I
)
_REMARK = re.compile(r"\s*\(([^()]*)\)$")  # "2020-12-21 (approx)", "… GMT+0800 (China Standard Time)"


def moment(value: Any, end_of_day: bool = False, order: str | None = None) -> datetime | None:
    """A moment in UTC from ISO 8601, YYYYMMDD, epoch seconds/ms/µs/ns, a spreadsheet's day number, a date
    with a month's name, or three numbers whose order is plain. None: missing.

    A bare date is its first second, or its last with `end_of_day`. order: one of ORDERS, for dates such as
    12/11/2020, which are unreadable without it. ValueError: not a date (DoubtfulError: one of several).
    """
    if cells.missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where a date belongs")
    if isinstance(value, datetime):
        return _in_range(value)
    if isinstance(value, date):
        return _whole_day(value.year, value.month, value.day, end_of_day)
    written = " ".join(cells.plain(value).replace("−", "-").split())
    if compact := _COMPACT_TIME.fullmatch(written):
        day, hour, minute, second, fraction, zone = compact.groups()
        return moment(f"{day[:4]}-{day[4:6]}-{day[6:]}T{hour}:{minute}:{second}{fraction}{zone}")
    if _NUMBER.fullmatch(written):
        return _hour(written, order) or _numeric(written, end_of_day)
    if last := _YEAR_LAST.fullmatch(written):
        written = f"{last[1]} {last[4]} {last[2]}{last[3]}"
    remark = _REMARK.search(written)
    return _dated(
        written[: remark.start()] if remark else written, remark[1] if remark else "", end_of_day, order
    )


@dataclass(frozen=True, kw_only=True)
class DateOrder:
    """order: one of ORDERS, or None where the rows do not say. shown: how many rows show it."""

    order: str | None = None
    shown: int = 0


def order_of(values: Iterable[Any]) -> DateOrder:
    """What a column's own dates show about the order of day and month; nothing where they contradict.

    A column with dates of several signs (3/4/2024 beside 14.03.2024) has several writers: each sign must show
    the order by itself.
    """
    values = list(_plain(values))
    if len(values) >= 3 and all(map(_compact_hour, values)):
        return DateOrder(order=YEAR_FIRST, shown=len(values))
    shown = {DAY_FIRST: 0, MONTH_FIRST: 0}
    signs, showing = set(), set()
    for value in values:
        if isinstance(value, str) and any(sign in value for sign in "/-."):
            found = _SHAPES[2].match(value.strip(" '\"="))
            if found:
                a, b = int(found["a"]), int(found["b"])
                signs.add(found["sign"])
                # The first of two digits may be the year where the last is: 31/01/24 shows nothing.
                first_is_year = len(found["year"]) == 2 and len(found["a"]) == 2
                if 12 < a <= 31 and b <= 12 and not first_is_year:
                    shown[DAY_FIRST] += 1
                    showing.add(found["sign"])
                elif a <= 12 and 12 < b <= 31:
                    shown[MONTH_FIRST] += 1
                    showing.add(found["sign"])
    if signs != showing:
        return DateOrder()
    seen = [order for order, rows in shown.items() if rows]
    return DateOrder(order=seen[0], shown=shown[seen[0]]) if len(seen) == 1 else DateOrder()


def _plain(values: Iterable[Any]) -> Iterator[str]:
    """The cells that may be dates, as text; a spreadsheet's error among them shows nothing."""
    for value in values:
        if not cells.missing(value) and isinstance(value, str | int):
            with suppress(ValueError):
                yield cells.plain(value)


def _dated(written: str, remark: str, end_of_day: bool, order: str | None) -> datetime:
    found = next((m for shape in _SHAPES if (m := shape.match(written))), None)
    if found is None:
        raise ValueError("not a date")
    parts = found.groupdict()
    if "a" in parts:
        year, month, day = _ordered(parts["a"], parts["b"], parts["year"], order)
    else:
        year, month, day = _year(parts["year"]), _month(parts["month"]), int(parts["day"])
    _check_weekday(parts.get("weekday"), year, month, day)
    rest = written[found.end() :]
    if not rest:
        return _whole_day(year, month, day, end_of_day)
    clock = _CLOCK.fullmatch(rest)
    if clock is None or not (clock["minute"] or clock["half"]):
        raise ValueError("not a date")
    zone = _zone(clock["zone"].strip(), remark)
    return _in_range(datetime.combine(date(year, month, day), _time(clock), zone))


def _ordered(a: str, b: str, year: str, order: str | None) -> tuple[int, int, int]:
    """(year, month, day) of three numbers, the year last. DoubtfulError where several readings remain."""
    one, two = int(a), int(b)
    readings = set()
    if two <= 12 and order in (None, DAY_FIRST):
        readings.add((_year(year), two, one))
    if one <= 12 and order in (None, MONTH_FIRST):
        readings.add((_year(year), one, two))
    if len(year) == 2 and order in (None, YEAR_FIRST) and len(a) == 2 and two <= 12:
        readings.add((_year(a), two, int(year)))  # the year may stand first
    valid = [reading for reading in readings if _exists(*reading)]
    if len(valid) > 1:
        raise DoubtfulError("day and month, or the year, may be either number: see --dates")
    if not valid:
        raise ValueError("not a date")
    return valid[0]


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _year(digits: str) -> int:
    if len(digits) == 4:
        return int(digits)
    return int(digits) + (1900 if int(digits) >= FIRST.year % 100 else 2000)


def _month(name: str) -> int:
    if name.isdecimal():
        return int(name)
    found = MONTHS.get(name.casefold())
    if found is None:
        raise ValueError("not a date")
    return found


def _check_weekday(name: str | None, year: int, month: int, day: int) -> None:
    """A weekday must be one; where it is English it must be that of the date."""
    if name is None:
        return
    at = WEEKDAYS.get(name.casefold())
    if at is None or (at >= 0 and date(year, month, day).weekday() != at):
        raise ValueError("the day of the week is not that date's")


def _time(clock: re.Match[str]) -> time:
    hour, half = int(clock["hour"]), (clock["half"] or "")[:1].lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("not a time of day")
        hour = hour % 12 + (12 if half == "p" else 0)
    fraction = (clock["fraction"] or "0").ljust(6, "0")[:6]
    return time(hour, int(clock["minute"] or 0), int(clock["second"] or 0), int(fraction))


def _zone(written: str, remark: str) -> timezone:
    """The zone that is written, else the one in brackets behind the time; UTC when there is none."""
    if not written:
        word = remark.strip().casefold()
        if not (re.fullmatch(r"[a-z]{1,5}|(utc|gmt)\s?[+-].*", word) or word.endswith(" time")):
            if _PLACE.fullmatch(remark.strip()):
                raise ValueError(f"the time zone {remark.strip()[:30]!r} is not known")
            return timezone.utc
        written = word
    if written.casefold() in ZONES:
        return timezone(timedelta(hours=ZONES[written.casefold()]))
    offset = _OFFSET.fullmatch(written)
    if offset is None:
        raise ValueError(f"the time zone {written[:20]!r} is not known")
    ahead = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
    if len(offset[2]) == 2 and offset[3] is None and int(offset[2]) > 14:
        raise ValueError("no time zone")
    if ahead > timedelta(hours=14) or int(offset[3] or 0) > 59:
        raise ValueError("no time zone")
    return timezone(-ahead if offset[1] == "-" else ahead)


def _compact_hour(written: str) -> datetime | None:
    """2024013114: ten digits that are a day and its hour; None for others."""
    if not re.fullmatch(r"(199|20\d)\d{7}", written):
        return None
    try:
        return datetime.strptime(written, "%Y%m%d%H").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _hour(written: str, order: str | None) -> datetime | None:
    """DoubtfulError: also an epoch time after 2033, and nothing says that the year stands first."""
    found = _compact_hour(written)
    if found and order != YEAR_FIRST:
        raise DoubtfulError("a day with its hour, or an epoch time: see --dates")
    return found


def _numeric(written: str, end_of_day: bool) -> datetime:
    compact = _COMPACT.fullmatch(written)
    if compact:
        return _whole_day(int(compact[1]), int(compact[2]), int(compact[3]), end_of_day)
    number = Decimal(written)
    if (FIRST - _EXCEL).days <= number < (LAST - _EXCEL).days:
        found = _EXCEL + timedelta(days=int(number))
        if number == int(number):
            return _whole_day(found.year, found.month, found.day, end_of_day)
        return _in_range(found + timedelta(seconds=round(float(number % 1) * 86400)))
    for scale in (1, 10**3, 10**6, 10**9):  # seconds, milliseconds, microseconds, nanoseconds
        if int(FIRST.timestamp()) <= number / scale < int(LAST.timestamp()):
            return _EPOCH + timedelta(microseconds=int(number * 10**6 / scale))
    raise ValueError("no epoch time")


def _whole_day(year: int, month: int, day: int, end_of_day: bool) -> datetime:
    start = _in_range(datetime(year, month, day))
    return start + timedelta(days=1, seconds=-1) if end_of_day else start


def _in_range(found: datetime) -> datetime:
    try:
        found = found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError("a date before 1990 or after 2100") from error
    if not FIRST <= found < LAST:
        raise ValueError("a date before 1990 or after 2100")
    return found
