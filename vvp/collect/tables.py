"""Opens a table of posts, whatever its format, and hands out its columns one by one.

A list spread over columns (`hashtags/0/name`, `hashtags/1/name`: Apify's CSV) is one column more, by the
name in front of the number. Not known here: what a column means.
"""

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from vvp.collect import cells
from vvp.collect.csv_tables import read_csv
from vvp.collect.json_tables import read_json, read_jsonl
from vvp.collect.raw_table import RawTable
from vvp.collect.typed_tables import read_parquet, read_xlsx
from vvp.errors import UserError

READERS = {
    ".csv": read_csv, ".tsv": read_csv, ".txt": read_csv, ".jsonl": read_jsonl, ".ndjson": read_jsonl,
    ".json": read_json, ".parquet": read_parquet, ".pq": read_parquet, ".xlsx": read_xlsx,
}  # fmt: skip
_SPREAD = re.compile(r"(.+?)[/.](\d{1,3})(?:[/.](.+))?")


def open_table(path: Path) -> RawTable:
    """UserError: no such file, a kind that is not read, damaged, not UTF-8, or without a single row."""
    if not path.is_file():
        raise UserError(f"{path} is {'a folder, not a file' if path.exists() else 'not there'}.")
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path.name} is not a table that vvp reads: save it as one of {', '.join(READERS)}.")
    try:
        table = read(path)
    except UnicodeError as error:
        raise UserError(f"{path} is not UTF-8 ({error}): save it as UTF-8.") from error
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path} cannot be read: {why}.") from error
    if not table.lines:
        broken = ""
        if table.unreadable:
            header = ", ".join(table.names)[:80]
            many = "1 row" if len(table.unreadable) == 1 else f"{len(table.unreadable)} rows"
            broken = f"; {many} cannot be read, the first: {table.unreadable[0][1][:120]}"
            if header:
                broken += f" (its columns are {header}: is that the line with their names?)"
        raise UserError(f"{path} is empty: no row in it{broken}.")
    return _gathered(table)


def _gathered(table: RawTable) -> RawTable:
    """The table with each list that is spread over columns as one column more."""
    spread: dict[str, list[str]] = defaultdict(list)
    for name in table.names:
        found = _SPREAD.fullmatch(name)
        # {"name": "cats"} and plain words are lists; an object's other facts (hashtags/0/id) are not.
        if found and (found[3] or "name") in ("name", "title"):
            spread[found[1]].append(name)
    new = {name: parts for name, parts in spread.items() if name not in table.names}
    if not new:
        return table

    def column(name: str) -> list[Any]:
        if name not in new:
            return table.column(name)
        parts = [table.column(part) for part in new[name]]
        return [[v for v in row if not cells.missing(v)] for row in zip(*parts, strict=True)]

    return replace(table, names=[*table.names, *new], column=column, made_of=new)
