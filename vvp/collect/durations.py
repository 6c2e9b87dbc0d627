"""How long a clip is, in seconds, from the ways in which platforms and spreadsheets write it."""

import re
from datetime import time, timedelta
from typing import Any

from vvp.collect import cells

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d+)?)")
_ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)
_UNITS = re.compile(
    r"(?:(\d+)\s*h(?:\w*))?[\s,]*(?:(\d+)\s*m(?:in\w*)?)?[\s,]*(?:(\d+(?:\.\d+)?)\s*s(?:ec\w*)?)?", re.I
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")


def duration(value: Any) -> float | None:
    """Seconds from 31, "31.5", "00:31", "1:02:03", "PT1M5S", "1m 5s". 0 and below are unreadable, and so is
    "0:75": such a clock counts something else (frames, hundredths) or is a slip of the hand."""
    if cells.missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where a duration belongs")
    if isinstance(value, time):  # how a spreadsheet stores 0:00:31
        value = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    written = cells.plain(value)
    if _NUMBER.fullmatch(written):
        seconds = float(written)
    elif clock := _CLOCK.fullmatch(written):
        if float(clock[3]) >= 60 or (clock[1] and int(clock[2]) >= 60):
            raise ValueError("a clock with 60 or more minutes or seconds")
        seconds = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
    elif (parts := _ISO.fullmatch(written)) and len(written) > 1:
        days, hours, minutes, rest = (float(part or 0) for part in parts.groups())
        seconds = days * 86400 + hours * 3600 + minutes * 60 + rest
    elif parts := _UNITS.fullmatch(written):
        hours, minutes, rest = (float(part or 0) for part in parts.groups())
        seconds = hours * 3600 + minutes * 60 + rest
    else:
        raise ValueError("not a duration")
    if not 0 < seconds < float("inf"):
        raise ValueError("a duration of 0 or less" if seconds <= 0 else "no duration")
    return seconds
