"""Opens a table of posts (CSV, TSV, JSONL, a JSON list, Parquet) and hands out its columns one by one.

CSV and TSV values stay strings; nested objects become columns with dotted names (stats.playCount).
Not known here: what a column means.
"""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from vvp.errors import UserError

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """names: its columns. column(name): the values, one per row. lines: where each row stands (the line of
    a JSONL, the entry of a JSON list, the row of a CSV with its header as row 1, of a Parquet from 1).
    unreadable: (line, why) of rows that could not be read and are in no column.
    """

    names: list[str]
    column: Callable[[str], list[Any]]
    lines: list[int]
    unreadable: list[tuple[int, str]] = field(default_factory=list)


def open_table(path: Path) -> RawTable:
    """UserError: no such file, a kind that is not read, damaged, not UTF-8, or without a single row."""
    readers = {
        ".csv": _csv, ".tsv": _csv, ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json,
        ".parquet": _parquet, ".pq": _parquet,
    }  # fmt: skip
    if not path.is_file():
        raise UserError(f"{path} is {'a folder, not a file' if path.exists() else 'not there'}.")
    read = readers.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path.name} is not a table that vvp reads: save it as one of {', '.join(readers)}.")
    try:
        table = read(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error}): save it as UTF-8.") from error
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = " (save it as UTF-8)" if "UTF8" in why else ""
        raise UserError(f"{path} cannot be read: {why}{hint}.") from error
    if not table.lines:
        broken = f"; {len(table.unreadable)} rows cannot be read" if table.unreadable else ""
        raise UserError(f"{path} is empty: no row in it{broken}.")
    return table


def _csv(path: Path) -> RawTable:
    with path.open("rb") as file:
        header = file.readline().decode("utf-8-sig")
    delimiter = max(DELIMITERS, key=header.count)
    bad: list[tuple[int, str]] = []

    def skip(row: Any) -> str:
        bad.append(
            (row.number, f"{row.actual_columns} values for {row.expected_columns} columns: {row.text}")
        )
        return "skip"

    # Strings all: Arrow's guess would turn ids into floats, and one odd cell would fail the file. One
    # thread: only then does a bad row know its number.
    reading = pacsv.ReadOptions(use_threads=False, block_size=1 << 24)
    parsing = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip)
    names = next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter))
    types = pacsv.ConvertOptions(column_types={name: pa.string() for name in names})
    table = pacsv.read_csv(path, reading, parsing, types)
    broken = {number for number, _ in bad}
    lines = list(islice((n for n in count(2) if n not in broken), table.num_rows))

    def column(name: str) -> list[Any]:
        if names.count(name) > 1:
            raise UserError(f"{path} has {names.count(name)} columns called {name!r}: rename all but one.")
        return table.column(name).to_pylist()

    return RawTable(names=names, column=column, lines=lines, unreadable=bad)


def _jsonl(path: Path) -> RawTable:
    def values() -> Iterator[tuple[int, Any]]:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line

    return _objects(values(), parse=lambda line: json.loads(line.decode("utf-8-sig")))


def _json(path: Path) -> RawTable:
    """A list of objects; a file of this name with an object per line is read as JSONL."""
    try:
        whole = json.loads(path.read_bytes().decode("utf-8-sig"))
    except json.JSONDecodeError:
        return _jsonl(path)
    if not isinstance(whole, list):
        raise ValueError("a JSON list of posts, or one object per line, is needed")
    return _objects(enumerate(whole, 1), parse=lambda value: value)


def _objects(values: Iterator[tuple[int, Any]], parse: Callable[[Any], Any]) -> RawTable:
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    bad: list[tuple[int, str]] = []
    names: dict[str, None] = {}
    for number, value in values:
        try:
            found = parse(value)
        except (ValueError, RecursionError) as error:
            bad.append((number, f"{type(error).__name__}: {error}"))
            continue
        if not isinstance(found, dict):
            bad.append((number, f"a {type(found).__name__} where an object belongs"))
            continue
        row = dict(_flat(found))
        names.update(dict.fromkeys(row))
        rows.append(row)
        lines.append(number)
    return RawTable(
        names=list(names), column=lambda name: [r.get(name) for r in rows], lines=lines, unreadable=bad
    )


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from _flat(inner, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", inner


def _parquet(path: Path) -> RawTable:
    file = pq.ParquetFile(path)
    top = file.schema_arrow.names

    def flat(table: pa.Table) -> pa.Table:
        while any(pa.types.is_struct(kind) for kind in table.schema.types):
            table = table.flatten()
        return table

    def column(name: str) -> list[Any]:
        # Only what is asked for is read: such files may hold vectors or the media themselves.
        first = name if name in top else next(t for t in top if name.startswith(f"{t}."))
        try:
            values = flat(file.read(columns=[first])).column(name)
        except (pa.ArrowException, OSError) as error:
            raise UserError(f"{path}: column {name} cannot be read ({error}).") from error
        if pa.types.is_timestamp(values.type):
            values = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
        return values.to_pylist()

    names = flat(file.schema_arrow.empty_table()).column_names
    return RawTable(names=names, column=column, lines=list(range(1, file.metadata.num_rows + 1)))
