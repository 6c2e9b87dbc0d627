"""Reads the columns of a table into ours. What a column's signs mean is decided from all of its rows.

A value that cannot be read is null and counted; so is one that can be read in two ways, where neither the
column nor the user says which is meant.
Not known here: which column is which (headers.py), or how one value is read (parse.py).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from vvp.collect import hashtags, numbers, parse
from vvp.collect.dates import ORDERS, order_of
from vvp.collect.headers import Header
from vvp.collect.numbers import STYLES
from vvp.collect.problems import Problems
from vvp.collect.raw_table import RawTable
from vvp.collect.subtitles import AUTOMATIC, CREATOR
from vvp.errors import UserError
from vvp.schema import COUNTS

Reader = Callable[[Any], Any]

NUMBERS: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(COUNTS, parse.count_or_hidden),
    "views": parse.count, "channel_followers": parse.count_or_hidden,
    "channel_videos": parse.count_or_hidden, "channel_following": parse.count_or_hidden,
    "width": parse.pixels, "height": parse.pixels,
}  # fmt: skip
FEWEST_SKEWED, SKEW_P = 5, 0.001
DATES = {"published_at": False, "observed_at": True}  # True: a bare date is the end of its day


def _source(value: Any) -> str | None:
    found = parse.text(value)
    if found not in (None, CREATOR, AUTOMATIC):
        raise ValueError(f"neither {CREATOR} nor {AUTOMATIC}")
    return found


PLAIN: dict[str, Reader] = {
    "video_id": parse.identifier, "platform": parse.platform, "channel_id": parse.identifier,
    "title": parse.text, "description": parse.text, "duration_s": parse.duration, "transcript": parse.text,
    "transcript_source": _source, "media_path": parse.text, "channel_verified": parse.flag,
    "is_ad": parse.flag, "horizon_days": parse.days,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the user said of the whole table. numbers: one of STYLES; dates: one of ORDERS.

    None: the rows say.

    UserError: neither of these.
    """

    numbers: str | None = None
    dates: str | None = None

    def __post_init__(self) -> None:
        for name, given, known in (("numbers", self.numbers, STYLES), ("dates", self.dates, ORDERS)):
            if given is not None and given not in known:
                raise UserError(f"--{name} {given}: choose one of {', '.join(known)}.")


@dataclass(frozen=True, kw_only=True)
class ColumnReading:
    """One of our columns. values: one per row, errors included (as the ValueError). decided: what its rows
    showed, in words; None: there was nothing to decide. skewed: whether the numbers that cannot be read are
    longer or shorter than those that can, by more than chance.
    """

    ours: str
    theirs: tuple[str, ...]
    values: list[Any]
    decided: str | None = None
    skewed: bool = False

    @property
    def filled(self) -> int:
        """Rows that say something, readable or not."""
        return sum(value is not None for value in self.values)

    @property
    def unreadable(self) -> int:
        return sum(isinstance(value, ValueError) for value in self.values)

    @property
    def doubtful(self) -> int:
        """Of the unreadable: those that can be read in two ways."""
        return sum(isinstance(value, parse.DoubtfulError) for value in self.values)

    @property
    def way_out(self) -> str:
        """What a user can do about the doubtful values."""
        if self.ours in DATES:
            return "say --dates day-first, --dates month-first or --dates year-first"
        doubts = [value for value in self.values if isinstance(value, parse.DoubtfulError)]
        if doubts and all(isinstance(each, parse.DoubtfulUnitError) for each in doubts):
            return f"write those numbers out in the table ({doubts[0]})"
        return "say how thousands are written: --numbers 1,234.5 or --numbers 1.234,5"


def read_columns(
    table: RawTable, header: Header, settings: Settings, problems: Problems, origin: str
) -> dict[str, ColumnReading]:
    """Each of our columns; a value that cannot be read is counted in `problems`, ids apart."""
    found = {}
    for ours, theirs in header.columns.items():
        raw = [table.column(name) for name in theirs]
        if ours == "channel_id":
            # One kind of id for the whole table: a channel must not be a name here and a number there.
            raw = [next((r for r in raw if any(not parse.missing(v) for v in r)), raw[0])]
        reader, decided = _reader(ours, raw, settings, header.formats)
        values = [_first(row, reader) for row in zip(*raw, strict=True)]
        if ours != "video_id":
            for line, value, row in zip(table.lines, values, zip(*raw, strict=True), strict=True):
                if isinstance(value, ValueError):
                    shown = next(v for v in row if not parse.missing(v))
                    problems.note(ours, f"{str(shown)[:60]!r} at {origin}:{line}: {value}")
        skewed = ours in NUMBERS and _skewed(values, list(zip(*raw, strict=True)))
        found[ours] = ColumnReading(ours=ours, theirs=theirs, values=values, decided=decided, skewed=skewed)
    return found


def _skewed(values: Sequence[Any], raw: Sequence[Sequence[Any]]) -> bool:
    """Whether a cell's number of digits tells if it can be read: then those left over are no fair sample.

    By the rank-sum test of Wilcoxon, Mann and Whitney at SKEW_P; False where fewer than FEWEST_SKEWED numbers
    cannot be read.
    """
    from scipy.stats import mannwhitneyu  # here: it takes a second to load, and most tables have no such cell

    lengths: tuple[list[int], list[int]] = ([], [])
    for value, row in zip(values, raw, strict=True):
        shown = next((str(cell) for cell in row if not parse.missing(cell)), "")
        digits = sum(sign.isdigit() for sign in shown)
        if digits:
            lengths[isinstance(value, ValueError)].append(digits)
    read, unread = lengths
    if len(unread) < FEWEST_SKEWED or not read:
        return False
    return bool(mannwhitneyu(read, unread).pvalue < SKEW_P)


def _first(row: Sequence[Any], reader: Reader) -> Any:
    """The first value of a row that can be read; else the error of the first that is there; else None."""
    error = None
    for value in row:
        try:
            found = reader(value)
        except ValueError as wrong:
            error = error or wrong
            continue
        if found is not None:
            return found
    return error


def _reader(
    ours: str, raw: Sequence[Sequence[Any]], settings: Settings, formats: Mapping[str, str]
) -> tuple[Reader, str | None]:
    """(how a value of this column is read, what its rows decided)."""
    if ours in NUMBERS:
        chosen = STYLES.get(settings.numbers or "")
        style = numbers.style_of((value for values in raw for value in values), chosen)
        mil = "mil is read as thousand" if "mil" in style.words else None
        said = [None if chosen else _said(style), mil]
        return partial(NUMBERS[ours], style=style), "; ".join(filter(None, said)) or None
    if ours in DATES:
        order = settings.dates
        decided = None
        if order is None:
            shown = order_of(value for values in raw for value in values)
            order = shown.order
            decided = f"{order}, {_rows(shown.shown)}" if order else None
        reader: Reader = partial(parse.moment, end_of_day=DATES[ours], order=order)
        return (_dated(reader, formats[ours]) if ours in formats else reader), decided
    if ours == "tags":
        apart = any(hashtags.separated(values) for values in raw)
        return partial(parse.tags, spaces_part=not apart), None
    return PLAIN[ours], None


def _said(style: numbers.NumberStyle) -> str | None:
    names = {".": "points", ",": "commas"}
    verbs = {numbers.GROUP: "group thousands", numbers.DECIMAL: "begin decimals", numbers.BOTH: "do both"}
    said = [f"{names[sign]} {verbs[role]}" for sign, role in sorted(style.roles.items()) if role in verbs]
    return f"{', '.join(said)}, {_rows(style.shown)}" if said else None


def _rows(number: int) -> str:
    return "1 row shows it" if number == 1 else f"{number} rows show it"


def _dated(reader: Reader, pattern: str) -> Reader:
    """Tries the shape's own way of writing a date before the usual ones."""

    def read(value: Any) -> Any:
        try:
            day = datetime.strptime(str(value), pattern).date()
        except ValueError:
            return reader(value)
        return reader(day)

    return read
