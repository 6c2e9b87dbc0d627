"""Writes rows as a CSV or an Excel workbook, for people who go on in a spreadsheet.

Not known here: what the rows are.
"""

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from vvp.errors import UserError
from vvp.words import visible

KINDS = (".csv", ".xlsx")


def check(file: str | Path) -> Path:
    """The path, if a sheet can be written there. UserError: another kind of file, or no such folder."""
    path = Path(file)
    if path.suffix.lower() not in KINDS:
        raise UserError(f"{path.name}: write a {' or '.join(KINDS)} file.")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path.absolute().parent} is not there: make the folder first.")
    return path


def write(file: str | Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """One row each, with a header; None is an empty cell, a list its words between commas, times are in UTC.

    Characters that nobody sees are left out. Words that a spreadsheet would take for a formula get an
    apostrophe in front, which `collect posts` takes off again. Ids are text in a workbook; in a CSV a
    spreadsheet may round those of 16 digits and more.
    UserError: no such kind of file, it cannot be written, or the writer of workbooks is not installed.
    """
    path = check(file)
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    try:
        if path.suffix.lower() == ".csv":
            with path.open("w", newline="", encoding="utf-8-sig") as out:
                csv.writer(out).writerows([list(columns), *cells])
        else:
            _workbook(path, [list(columns), *cells])
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}.") from error


def _cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        value = ", ".join(str(each) for each in value)
    if isinstance(value, str):
        value = visible(value).lstrip()  # a workbook allows no others; a formula may stand behind a tab
        return f"'{value}" if value[:1] in ("=", "+", "-", "@") else value
    return value


def _workbook(path: Path, rows: list[list[Any]]) -> None:
    try:
        import openpyxl
    except ImportError as error:
        raise UserError("writing .xlsx wants openpyxl: pip install 'vvp[xlsx]', or write a .csv.") from error
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("posts")
    for row in rows:
        sheet.append(row)
    book.save(path)
