"""Tables whose cells have types: Parquet, and Excel's workbooks (the extra `vvp[xlsx]`).

Not known here: what a column means.
"""

import zlib
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

import pyarrow as pa
import pyarrow.parquet as pq

from vvp.collect.raw_table import RawTable, of_rows, refuse_wide, twice
from vvp.errors import UserError
from vvp.parquet import refuse_huge

# What openpyxl lets through when a workbook's zip, or the XML inside it, is damaged.
DAMAGED = (
    BadZipFile, zlib.error, ParseError, EOFError, KeyError, IndexError, TypeError, AttributeError,
    NotImplementedError,
)  # fmt: skip

MOST_UNPACKED = 2**30  # bytes of an Excel workbook's parts; a million rows of posts are about a third of it
MOST_CELLS = 50_000_000


def read_parquet(path: Path) -> RawTable:
    file = pq.ParquetFile(path)
    refuse_huge(file.metadata, str(path), most_bytes=None)
    refuse_wide(file.metadata.num_columns)
    top = file.schema_arrow.names

    def flat(table: pa.Table) -> pa.Table:
        while any(pa.types.is_struct(kind) for kind in table.schema.types):
            table = table.flatten()
        return table

    names = flat(file.schema_arrow.empty_table()).column_names

    def column(name: str) -> list[Any]:
        if names.count(name) > 1:
            raise twice(path, names, name)
        # Only what is asked for is read: such files may hold vectors or the media themselves.
        first = name if name in top else next(t for t in top if name.startswith(f"{t}."))
        try:
            values = flat(file.read(columns=[first])).column(name)
            if pa.types.is_timestamp(values.type):
                zone = None if values.type.tz is None else "UTC"
                values = values.cast(pa.timestamp("us", tz=zone), safe=False)
            return [_text(value) for value in values.to_pylist()]
        except (pa.ArrowException, OSError, ValueError) as error:
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(f"{path}: column {name} cannot be read ({why}).") from error

    return RawTable(names=names, column=column, lines=list(range(1, file.metadata.num_rows + 1)))


def _text(value: Any) -> Any:
    """Impala and Spark write strings without saying that they are: bytes that are UTF-8 are text."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def read_xlsx(path: Path) -> RawTable:
    """The first sheet that holds anything, its first row as header. UserError: no reader installed."""
    try:
        import openpyxl
    except ImportError as error:
        raise UserError(f"{path.name} wants a reader for Excel files: pip install 'vvp[xlsx]'.") from error
    try:
        with ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MOST_UNPACKED:
            raise ValueError(f"it unpacks to {size:,} bytes; the most that is read is {MOST_UNPACKED:,}")
        return _workbook(path, openpyxl.load_workbook(path, read_only=True, data_only=True))
    except DAMAGED as error:
        raise ValueError(f"it is no Excel workbook, or a damaged one ({type(error).__name__})") from error


def _workbook(path: Path, book: Any) -> RawTable:
    try:
        for sheet in book.worksheets:
            filled = _filled(sheet)
            if filled:
                others = [s.title for s in book.worksheets if s.title != sheet.title]
                remarks = [f"only sheet {sheet.title!r} was read, not {', '.join(others)}"] if others else []
                return _sheet(path, filled, remarks)
    finally:
        book.close()
    raise ValueError("it holds no cell")


def _filled(sheet: Any) -> list[tuple[int, list[Any]]]:
    """(number, cells) of the rows that hold anything. What a sheet says of its size is not believed: each row
    is cut behind its last cell. ValueError: more than MOST_CELLS, or too many columns."""
    sheet.reset_dimensions()
    found, cells = [], 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        values = [_cell(cell) for cell in row]
        while values and values[-1] is None:
            values.pop()
        if not values:
            continue
        refuse_wide(len(values))
        cells += len(values)
        if cells > MOST_CELLS:
            raise ValueError(f"it has more than {MOST_CELLS:,} cells")
        found.append((number, values))
    return found


def _sheet(path: Path, filled: list[tuple[int, list[Any]]], remarks: list[str]) -> RawTable:
    names = [" ".join(str(cell).split()) if cell is not None else "" for cell in filled[0][1]]
    width = len(names)
    rows = [(row + [None] * width)[:width] for _, row in filled[1:]]
    return of_rows(path, names, rows, [number for number, _ in filled[1:]], [], remarks)


def _cell(cell: Any) -> Any:
    """A cell's value; a date whose format shows no time of day is a bare date."""
    value = cell.value
    if isinstance(value, datetime) and value.time() == value.time().min:
        shown = str(cell.number_format).lower()
        return value if "h" in shown or "s" in shown else value.date()
    return value
