"""Reads the ways in which people and platforms write counts, durations, moments, tags and text.

Every reader returns None for a value that is missing (None, NaN, "", "N/A", …) and raises ValueError for
one that is there and cannot be read; problems.py turns that error into a null that is counted.
Nothing is ever read as 0 because it could not be read.
Not known here: which column a value stands in, or what is done about a null.
"""

import ast
import json
import math
import re
from datetime import date, datetime, timedelta, timezone
from typing import Any

from dateutil import parser as dateparser

MISSING = {"", "-", "--", "–", "—", "n/a", "na", "nan", "nat", "none", "null", "nil", "undefined", "[none]"}
SUFFIXES = {"k": 10**3, "m": 10**6, "b": 10**9, "bn": 10**9, "万": 10**4, "萬": 10**4, "만": 10**4}
SUFFIXES |= {"亿": 10**8, "億": 10**8, "억": 10**8}
NO_PLATFORM = ("generic", "html5")  # extractors that say how a file was fetched, not from where
INT64 = 2**63 - 1
# Moments outside these are a wrong unit or a broken clock, not a video's date.
FIRST, LAST = datetime(1990, 1, 1, tzinfo=timezone.utc), datetime(2100, 1, 1, tzinfo=timezone.utc)

_SPACES = re.compile(r"[\s'’_]")  # \s covers the no-break spaces that group digits
_COUNT = re.compile(r"([+-]?[\d.,]+(?:e[+]?\d+)?)([^\d.,\s]*)", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|[+-]?\d{1,3}(?:\.\d{3}){2,}")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)")
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)
_UNITS = re.compile(
    r"(?:(\d+)\s*h\w*)?\s*(?:(\d+)\s*m(?:in\w*)?)?\s*(?:(\d+(?:\.\d+)?)\s*s(?:ec\w*)?)?", re.I
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
_REMARK = re.compile(r"\s*\(.*\)\s*$", re.DOTALL)  # "2020-12-21 (approx; …)"
_HASHTAG = re.compile(r"#(\w+)")


def _is_missing(value: Any) -> bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return True
    return isinstance(value, str) and value.strip().lower() in MISSING


def text(value: Any) -> str | None:
    """Words as they stand, outer space aside; None when there are none.

    Half a surrogate pair (cut emoji in some JSON) cannot be stored as UTF-8 and becomes U+FFFD.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    shown = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return shown.encode("utf-8", "replace").decode("utf-8").strip() or None


def platform(value: Any) -> str | None:
    """tiktok, youtube, … from a platform's name or yt-dlp's extractor (`youtube:shorts`)."""
    name = "" if _is_missing(value) else (text(value) or "").split(":")[0].strip().lower()
    return None if not name or name in NO_PLATFORM else name


def identifier(value: Any) -> str | None:
    """An id as a string. ValueError for one that a spreadsheet or a float has rounded (7.57E+18)."""
    if _is_missing(value) or isinstance(value, bool):
        return None
    if isinstance(value, float):
        if not value.is_integer() or abs(value) > 2**53:
            raise ValueError(f"the id {value!r} was stored as a number and has lost digits")
        value = int(value)
    found = text(value)
    if found and re.fullmatch(r"\d([.,]\d+)?e\+?\d+", found, re.IGNORECASE):
        raise ValueError(f"the id {found!r} was rounded by a spreadsheet")
    return found


def count(value: Any) -> int | None:
    """A whole number: 1234, 1234.0, "1,234", "12 345", "541.2K", "1,2M", "3万"; may be negative."""
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where a count belongs")
    if isinstance(value, int):
        return _int64(value)
    if isinstance(value, float):
        return _whole(value)
    squeezed = _SPACES.sub("", str(value))
    if re.fullmatch(r"[+-]?\d+", squeezed):
        return _int64(int(squeezed))
    found = _COUNT.fullmatch(squeezed)
    if found is None or (found[2] and found[2].lower() not in SUFFIXES):
        raise ValueError("not a count")
    number, unit = found[1], found[2].lower()
    if _GROUPED.fullmatch(number):
        number = number.replace(",", "") if "," in number else number.replace(".", "")
    elif unit:
        number = number.replace(",", ".")  # "1,2M": with a unit behind it, a comma is the decimal sign
    scaled = float(number) * SUFFIXES.get(unit, 1)
    if unit and math.isfinite(scaled):
        scaled = float(round(scaled))  # 541.2 * 1000 is not exact in binary
    return _whole(scaled)


def _whole(value: float) -> int:
    if not math.isfinite(value) or not value.is_integer():
        raise ValueError("not a whole number")
    return _int64(int(value))


def _int64(value: int) -> int:
    if abs(value) > INT64:
        raise ValueError("too large to be a count")
    return value


def count_or_hidden(value: Any) -> int | None:
    """As `count`, for counts that no rule looks at: below 0 (a platform's mark for hidden) is unreadable."""
    found = count(value)
    if found is not None and found < 0:
        raise ValueError("a count below 0")
    return found


def pixels(value: Any) -> int | None:
    found = count(value)
    if found is not None and not 0 < found < 2**31:
        raise ValueError("no width or height")
    return found


def duration(value: Any) -> float | None:
    """Seconds from 31, "31.5", "00:31", "1:02:03", "PT1M5S", "1m 5s". 0 and below are unreadable."""
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where a duration belongs")
    if isinstance(value, timedelta):
        value = value.total_seconds()
    shown = str(value).strip()
    if _NUMBER.fullmatch(shown):
        seconds = float(shown)
    elif clock := _CLOCK.fullmatch(shown):
        seconds = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    elif iso := _ISO_DURATION.fullmatch(shown):
        days, hours, minutes, rest = (float(part or 0) for part in iso.groups())
        seconds = days * 86400 + hours * 3600 + minutes * 60 + rest
    elif units := _UNITS.fullmatch(shown):
        hours, minutes, rest = (float(part or 0) for part in units.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError("not a duration")
    if seconds <= 0:
        raise ValueError("a duration of 0 or less")
    return seconds


def moment(value: Any, end_of_day: bool = False) -> datetime | None:
    """A moment in UTC from ISO 8601, YYYYMMDD, epoch seconds/ms/µs, or a date with a month's name.

    A moment without a zone is UTC. A bare date is its first instant, or its last with `end_of_day`.
    12/11/2020 is unreadable: nobody knows which is the month.
    """
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where a date belongs")
    if isinstance(value, datetime):
        return _in_range(value)
    if isinstance(value, date):
        return _bare(value.strftime("%Y%m%d"), end_of_day)
    shown = _REMARK.sub("", str(value)).strip()
    if re.fullmatch(r"(19|20)\d{6}", shown):
        return _bare(shown, end_of_day)
    if _NUMBER.fullmatch(shown):
        return _from_epoch(float(shown))
    shown = re.sub(r"^(\d{4})/(\d{1,2})/(\d{1,2})", r"\1-\2-\3", shown)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", shown):
        return _bare(shown.replace("-", ""), end_of_day)
    if re.match(r"\d{4}-\d{1,2}-\d{1,2}\D", shown) or re.search(
        r"[A-Za-z]{3}.*\d{4}|\d{4}.*[A-Za-z]{3}", shown
    ):
        try:
            return _in_range(_parsed(shown))
        except (dateparser.ParserError, OverflowError) as error:
            raise ValueError("not a date") from error
    raise ValueError("not a date")


def _parsed(shown: str) -> datetime:
    try:
        return datetime.fromisoformat(re.sub("[zZ]$", "+00:00", shown))  # 30 times as fast as dateutil
    except ValueError:
        return dateparser.parse(shown)


def _bare(digits: str, end_of_day: bool) -> datetime:
    start = _in_range(datetime.strptime(digits, "%Y%m%d"))
    return start + timedelta(days=1, seconds=-1) if end_of_day else start


def _from_epoch(number: float) -> datetime:
    for scale in (1.0, 1e3, 1e6):  # seconds, milliseconds, microseconds
        if FIRST.timestamp() <= number / scale < LAST.timestamp():
            return datetime.fromtimestamp(0, timezone.utc) + timedelta(seconds=number / scale)
    raise ValueError("no epoch time")


def _in_range(found: datetime) -> datetime:
    found = found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)
    if not FIRST <= found < LAST:
        raise ValueError("a date before 1990 or after 2100")
    return found


def tags(value: Any) -> list[str] | None:
    """Hashtags without the sign, in order, each once, from a list (of words, or of objects with a name) or
    from text: JSON, a Python list, "a"|"b", "a, b", "#a #b". None when there are none.
    """
    if _is_missing(value):
        return None
    found = _words(value) if isinstance(value, str) else value
    if not isinstance(found, list | tuple):
        raise ValueError("not a list of tags")
    named = [t.get("name") or t.get("title") if isinstance(t, dict) else t for t in found]
    plain = [(text(t) or "").strip('"').lstrip("#").strip() for t in named]
    return list(dict.fromkeys(t for t in plain if t)) or None


def _words(value: str) -> list[Any]:
    shown = value.strip()
    if shown.startswith("["):
        for read in (json.loads, ast.literal_eval):
            try:
                return list(read(shown))
            except (ValueError, SyntaxError, TypeError):
                continue
    for sign in ("|", ",", ";"):
        if sign in shown:
            return shown.split(sign)
    return shown.split("#") if "#" in shown else [shown]


def hashtags(*texts: str | None) -> list[str] | None:
    """The #tags inside the texts; "#1" is a rank and not a tag. None when there are none."""
    found = (tag for each in texts if each for tag in _HASHTAG.findall(each))
    return list(dict.fromkeys(t for t in found if not t.isdigit())) or None
