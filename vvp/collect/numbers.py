"""Counts as people and platforms write them, and what a column of them says about its signs.

The point and the comma each group thousands in some countries and begin decimals in others. A count
with one sign and three digits behind it ("12.000") is therefore read only where the column, the user or
custom settles the sign: custom says that a lone comma groups, unless the column shows otherwise.
Nothing is ever read as 0 because it could not be read.
Not known here: which column a value stands in, or what is done about a null.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from vvp.collect import cells
from vvp.collect.count_words import NONE, doubt, scale, unit_word, without_label

INT64 = 2**63 - 1
GROUP, DECIMAL, BOTH = "groups thousands", "begins decimals", "is used both ways"
OF_UNITS = "begins the decimals of a unit"  # 1.2M; it says nothing of numbers without a unit

_SIGNS = str.maketrans({"−": "-", "٬": ",", "،": ",", "٫": ".", "，": ",", "．": ".", "＋": "+", "－": "-"})
_COUNT = re.compile(
    r"([+-]?)\s*((?:\d|[.,](?=\d)|[\s'’_](?=\d))+)(e[+-]?\d{1,3})?(?![.,]?\d)(.*)", re.I | re.S
)
_SPACED = re.compile(r"([1-9]\d{0,2}(?:([\s'’_])\d{3})(?:\2\d{3})*)(?:([.,])(\d+))?")
_LONE = re.compile(r"(\d*)([.,])(\d+)")
_GROUPS = {
    ",": re.compile(r"[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3}"),  # the second: Indian lakhs
    ".": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+"),
}


class DoubtfulError(ValueError):
    """Two numbers are written so ("12.000"), and nothing says which is meant."""


class DoubtfulUnitError(DoubtfulError):
    """The word behind the number means two numbers ("12 B"), which no `--numbers` settles."""


@dataclass(frozen=True, kw_only=True)
class NumberStyle:
    """roles: what the point and the comma do (GROUP, DECIMAL, …); a sign left out is not settled.
    shown: how many rows of the column show it. given: the user said so. words: what stands right behind the
    column's numbers (count_words.unit_word).
    """

    roles: Mapping[str, str] = field(default_factory=dict)
    shown: int = 0
    given: bool = False
    words: frozenset[str] = frozenset()


UNSETTLED = NumberStyle()
# What `--numbers` takes: the number 1234.5 as the table would write it.
STYLES = {
    "1,234.5": NumberStyle(roles={",": GROUP, ".": DECIMAL}, given=True),
    "1.234,5": NumberStyle(roles={".": GROUP, ",": DECIMAL}, given=True),
    "1 234,5": NumberStyle(roles={",": DECIMAL}, given=True),
    "1234.5": NumberStyle(roles={".": DECIMAL}, given=True),
}


def count(value: Any, style: NumberStyle = UNSETTLED) -> int | None:
    """A whole number: 1234, "1,234", "12 345", "541.2K", "1,2 Mio.", "3万 views"; may be negative.

    None: missing. ValueError: no whole number; DoubtfulError: two readings that `style` does not settle.
    """
    if cells.missing(value):
        return None
    if isinstance(value, bool):
        raise ValueError("true/false where a count belongs")
    if isinstance(value, int):
        return _int64(value)
    if isinstance(value, float | Decimal):
        return _whole(Decimal(value) if math.isfinite(value) else None)
    written = cells.plain(value)
    if cells.missing(written):
        return None
    if written.casefold() in NONE:
        return 0
    sign, number, exponent, tail = _split(written)
    factor, unit = scale(tail)
    if why := _unit_doubt(tail, unit, number, style):
        raise DoubtfulUnitError(why)
    found = _scientific(number, exponent) if exponent else _number(number, style, unit)
    scaled = found * factor * (-1 if sign == "-" else 1)
    return _whole(scaled.to_integral_value() if unit else scaled)  # 1.2345K is itself a rounding


def count_or_hidden(value: Any, style: NumberStyle = UNSETTLED) -> int | None:
    """As `count`, for counts that no rule looks at: below 0 (a platform's mark for hidden) is unreadable."""
    found = count(value, style)
    if found is not None and found < 0:
        raise ValueError("a count below 0")
    return found


def days(value: Any) -> float | None:
    """An age in days, from 0 to a hundred years; a decimal point only."""
    if cells.missing(value):
        return None
    try:
        found = float(cells.plain(value))
    except ValueError:
        raise ValueError("no number of days") from None
    if not 0 <= found <= 36_525:
        raise ValueError("no age of a count")
    return found


def pixels(value: Any, style: NumberStyle = UNSETTLED) -> int | None:
    found = count(value, style)
    if found is not None and not 0 < found < 2**31:
        raise ValueError("no width or height")
    return found


def style_of(values: Iterable[Any], given: NumberStyle | None = None) -> NumberStyle:
    """What a column's own values show about its signs and units. given: what the user said of the signs."""
    seen: dict[str, Counter[str]] = {",": Counter(), ".": Counter()}
    two_ways: set[str] = set()  # signs that stand before three digits, with nothing else to go by
    of_three: set[str] = set()  # signs that begin three decimals for certain
    words: set[str] = set()
    for value in values:
        if isinstance(value, str) and (word := _unit_word_of(value)):
            words.add(word)
        if isinstance(value, str) and ("," in value or "." in value or "٬" in value or "٫" in value):
            for sign, role in _shows(value).items():
                seen[sign][role] += 1
            lone = _lone_of(value)
            if lone is not None:
                sign, before, after = lone
                if _two_ways(before, after):
                    two_ways.add(sign)
                elif len(after) == 3:
                    of_three.add(sign)
    roles: dict[str, str] = {}
    for sign, counts in seen.items():
        uses = set(counts) - {OF_UNITS} if GROUP not in counts else set(counts)
        if counts:
            roles[sign] = BOTH if len(uses) > 1 else next(iter(uses), OF_UNITS)
    for sign in two_ways - of_three:
        # "1500.0" shows that points begin decimals, and not that "12.000" is 12: nobody writes both.
        if roles.get(sign) == DECIMAL:
            roles[sign] = BOTH
    if list(roles.values()).count(GROUP) == 2:
        roles = dict.fromkeys(roles, BOTH)  # two programs wrote this column
    if given is not None:
        return replace(given, words=frozenset(words))
    shown = max((sum(c.values()) for c in seen.values()), default=0)
    return NumberStyle(roles=roles, shown=shown, words=frozenset(words))


def _unit_word_of(value: str) -> str:
    try:
        return unit_word(_split(cells.plain(value))[3])
    except ValueError:
        return ""


def _unit_doubt(tail: str, unit: str, number: str, style: NumberStyle) -> str | None:
    """Why the unit of this number may mean two numbers; None: it does not."""
    decimals = (DECIMAL, BOTH, OF_UNITS)
    lone = _LONE.fullmatch(number)
    own = lone[2] if lone else ""
    comma = own == "," or style.roles.get(",") in decimals or style.roles.get(".") == GROUP
    point = own == "." or style.roles.get(".") in decimals
    return doubt(tail, unit, style.words, comma, point) if unit else None


def _lone_of(value: str) -> tuple[str, str, str] | None:
    """(sign, digits before, digits behind) of a number with one sign and no unit."""
    try:
        _, number, exponent, tail = _split(cells.plain(value))
        _, unit = scale(tail)
    except ValueError:
        return None
    lone = _LONE.fullmatch(number)
    return None if lone is None or unit or exponent else (lone[2], lone[1] or "", lone[3])


def _shows(value: str) -> dict[str, str]:
    """Sign → role, where this value alone leaves no doubt. A unit's decimals ("1,2M") speak of units only:
    they make the sign doubtful elsewhere."""
    try:
        _, number, exponent, tail = _split(cells.plain(value))
        _, unit = scale(tail)
    except ValueError:
        return {}
    signs = [s for s in ",." if s in number]
    if exponent or not signs:
        return {}
    if len(signs) == 2:
        last = max(signs, key=number.rindex)
        first = "," if last == "." else "."
        whole = number[: number.rindex(last)]
        return {first: GROUP, last: DECIMAL} if _GROUPS[first].fullmatch(whole) else {}
    sign = signs[0]
    if number.count(sign) > 1:
        return {sign: GROUP} if _GROUPS[sign].fullmatch(number) else {}
    lone = _LONE.fullmatch(number)
    if lone is None or _two_ways(lone[1], lone[3]):
        return {}
    return {sign: OF_UNITS if unit else DECIMAL}


def _split(written: str) -> tuple[str, str, str, str]:
    """(sign, number, exponent, what stands behind it). ValueError: no number at the front."""
    written = written.translate(_SIGNS)
    found = _COUNT.fullmatch(written if written[:1].isdecimal() else without_label(written))
    if found is None:
        raise ValueError("not a count")
    sign, number, exponent, tail = found.groups()
    return sign, number, exponent or "", tail


def _number(number: str, style: NumberStyle, unit: str) -> Decimal:
    if number.isdecimal():
        return Decimal(number)
    spaced = _SPACED.fullmatch(number)
    if spaced:
        whole = re.sub(r"\D", "", spaced[1])
        return Decimal(f"{whole}.{spaced[4]}") if spaced[3] else Decimal(whole)
    signs = [s for s in ",." if s in number]
    if re.search(r"[^\d.,]", number) or not signs:
        raise ValueError("not a count")
    if len(signs) == 2:
        last = max(signs, key=number.rindex)
        first = "," if last == "." else "."
        whole, _, rest = number.rpartition(last)
        _refuse(style, first, GROUP)
        _refuse(style, last, DECIMAL)
        if not _GROUPS[first].fullmatch(whole):
            raise ValueError("not a count")
        return Decimal(f"{whole.replace(first, '')}.{rest}")
    sign = signs[0]
    if number.count(sign) > 1:
        _refuse(style, sign, GROUP)
        if not _GROUPS[sign].fullmatch(number):
            raise ValueError("not a count")
        return Decimal(number.replace(sign, ""))
    return _lone(number, sign, style, unit)


def _lone(number: str, sign: str, style: NumberStyle, unit: str) -> Decimal:
    """A number with one sign: decimals by their number of digits, or by what is settled."""
    lone = _LONE.fullmatch(number)
    if lone is None:
        raise ValueError("not a count")
    decimal = Decimal(f"{lone[1] or 0}.{lone[3]}")
    role = style.roles.get(sign)
    if not _two_ways(lone[1], lone[3]):
        if not unit:
            _refuse(style, sign, DECIMAL)
        return decimal
    if unit and role != GROUP and not style.given:
        raise DoubtfulError(f"it may be {lone[1]}{lone[3]} or {lone[1]} and decimals, of {unit.upper()}")
    if role is None and sign == "," and style.roles.get(".") in (None, DECIMAL, OF_UNITS):
        role = GROUP
    if role == GROUP:
        return Decimal(lone[1] + lone[3])
    if role == DECIMAL:
        return decimal
    raise DoubtfulError(f"it may be {lone[1]}{lone[3]} or {lone[1]} and decimals")


def _two_ways(before: str, after: str) -> bool:
    return len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")


def _refuse(style: NumberStyle, sign: str, use: str) -> None:
    """ValueError where the user has said that this sign does something else."""
    role = style.roles.get(sign)
    if style.given and role not in (None, use):
        raise ValueError(f"the sign {sign!r} {role} in this column, as was said")


def _scientific(number: str, exponent: str) -> Decimal:
    if not re.fullmatch(r"\d(?:[.,]\d+)?|\d+", number):
        raise ValueError("not a count")
    if abs(int(exponent[1:])) > 18:
        raise ValueError("too large to be a count")
    return Decimal(number.replace(",", ".") + exponent)


def _whole(value: Decimal | None) -> int:
    if value is None or value != value.to_integral_value():
        raise ValueError("not a whole number")
    return _int64(int(value))


def _int64(value: int) -> int:
    if abs(value) > INT64:
        raise ValueError("too large to be a count")
    return value
