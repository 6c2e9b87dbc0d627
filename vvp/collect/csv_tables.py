"""CSV and TSV files as people's programs write them. Every value stays a string.

Read are: UTF-8 and UTF-16 with its mark; line ends of Windows, Unix and old Macs; the first line `sep=;` of
Excel; headers over two lines; quotes doubled ("") or, where the doubled way fails, behind a backslash
(Spark). A row that is not whole is set aside alone: a quote that is never closed costs its own row, not the
rows that it would swallow.
Not known here: what a column means.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vvp.collect.raw_table import RawTable, of_rows, refuse_wide

DELIMITERS = (",", ";", "\t", "|")
LONGEST_CELL = 16 * 2**20  # characters; the csv module's own limit would cut transcripts
_ESCAPED_QUOTE = re.compile(r'(\\+)"')


@dataclass(frozen=True, kw_only=True)
class _Parsed:
    names: list[str]
    rows: list[list[str]]
    lines: list[int]
    bad: list[tuple[int, str]]
    swallowed: int  # quoted cells that hold a line which looks like a row of its own


def read_csv(path: Path) -> RawTable:
    """ValueError: empty, or no header. UnicodeDecodeError: no UTF-8."""
    text = _decoded(path.read_bytes())
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    delimiter = None
    if re.fullmatch(r"sep=.", lines[0].strip('"'), re.IGNORECASE):
        delimiter, lines = lines[0].strip('"')[-1], lines[1:]
    if not any(line.strip() for line in lines):
        raise ValueError("Empty CSV file")
    csv.field_size_limit(LONGEST_CELL)
    delimiter = delimiter or _delimiter(lines)
    parsed = _parse(lines, delimiter)
    remarks = []
    if parsed.bad and '\\"' in text:
        spark = [_ESCAPED_QUOTE.sub(_doubled, line) for line in lines]
        other = _parse(spark, delimiter)
        if len(other.bad) < len(parsed.bad):
            parsed = other
            remarks.append('quotes inside cells are written \\", as Spark does')
    if parsed.swallowed:
        remarks.append(
            f"{parsed.swallowed} quoted cells hold a line that looks like a row: a quote may not be closed"
        )
    return of_rows(path, parsed.names, parsed.rows, parsed.lines, parsed.bad, remarks)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def _delimiter(lines: list[str]) -> str:
    """The sign that parts the header into most cells."""
    sizes = {sign: len(next(_records(lines, sign))[1] or []) for sign in DELIMITERS}
    return max(DELIMITERS, key=lambda sign: sizes[sign])


def _doubled(found: re.Match[str]) -> str:
    """An odd number of backslashes escapes the quote; an even number are backslashes of their own."""
    slashes = found[1]
    return f'{slashes[:-1]}""' if len(slashes) % 2 else found[0]


def _parse(lines: list[str], delimiter: str) -> _Parsed:
    records = _records(lines, delimiter)
    start, header, _ = next(records)
    while header == []:
        start, header, _ = next(records)
    if header is None:
        raise ValueError(f"its header is no row of a CSV: {lines[start][:80]!r}")
    refuse_wide(len(header))
    names = [" ".join(name.split()) for name in header]
    while names and not names[-1]:
        names.pop()
    rows: list[list[str]] = []
    numbers: list[int] = []
    bad: list[tuple[int, str]] = []
    swallowed = 0
    number = 1
    restart = True
    while restart:
        restart = False
        for start, cells, end in records:
            if cells == []:
                continue
            number += 1
            wrong = _wrong(cells, len(names))
            if cells is None or wrong:
                bad.append((number, f"{wrong}: {lines[start][:200]}"))
                if end > start + 1:
                    # What follows may be rows of their own: only the first line is given up.
                    records, restart = _records(lines, delimiter, start + 1), True
                    break
                continue
            swallowed += any("\n" in cell and _looks_like_rows(cell, delimiter, len(names)) for cell in cells)
            rows.append(cells[: len(names)])
            numbers.append(number)
    return _Parsed(names=names, rows=rows, lines=numbers, bad=bad, swallowed=swallowed)


def _wrong(cells: list[str] | None, width: int) -> str:
    """Why a record is no row of the table; "" when it is one. Empty cells behind the last column are none."""
    if cells is None:
        return "a quote that is not closed, or stands inside a value"
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        return f"{len(cells)} values for {width} columns"
    return "" if not any("\0" in cell for cell in cells) else "a zero byte"


def _looks_like_rows(cell: str, delimiter: str, width: int) -> bool:
    return any(line.count(delimiter) == width - 1 > 0 for line in cell.split("\n")[1:-1])


def _records(lines: list[str], delimiter: str, first: int = 0) -> Iterator[tuple[int, list[str] | None, int]]:
    """(first line, cells, line behind it) of each record; cells are None where the quotes do not fit."""
    at = first
    while at < len(lines):
        reader = csv.reader(_lines_from(lines, at), delimiter=delimiter, strict=True)
        begin = at
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                yield at, None, begin + reader.line_num
                at = begin + max(reader.line_num, 1)
                break
            end = begin + reader.line_num
            yield at, cells, end
            at = end


def _lines_from(lines: list[str], at: int) -> Iterator[str]:
    for number in range(at, len(lines)):
        yield f"{lines[number]}\n"
