"""A table of posts as it was found in a file: names and raw values, before anything is read from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any

from vvp.errors import UserError

MOST_COLUMNS = 10_000  # a scraper's CSV with every list spread over columns has some hundreds


@dataclass(frozen=True, kw_only=True)
class RawTable:
    """names: its columns. column(name): the values, one per row. lines: where each row stands (the line of
    a JSONL, the entry of a JSON list, the row of a CSV or sheet with its header as row 1, of a Parquet from
    1). unreadable: (line, why) of rows that could not be read and are in no column.
    remarks: sentences about how the file had to be read. made_of: of a column that is a list spread over
    several of the file's, their names.
    """

    names: list[str]
    column: Callable[[str], list[Any]]
    lines: list[int]
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    made_of: dict[str, list[str]] = field(default_factory=dict)

    def only(self, kept: Sequence[bool]) -> "RawTable":
        """The table with those of its rows alone."""
        whole = self.column
        return replace(
            self,
            column=lambda name: list(compress(whole(name), kept)),
            lines=list(compress(self.lines, kept)),
        )


def of_rows(
    path: object,
    names: list[str],
    rows: list[list[Any]],
    lines: list[int],
    unreadable: list[tuple[int, str]],
    remarks: list[str],
) -> RawTable:
    """A table whose rows are lists of cells in the order of `names`."""

    def column(name: str) -> list[Any]:
        if names.count(name) > 1:
            raise twice(path, names, name)
        at = names.index(name)
        return [row[at] for row in rows]

    return RawTable(names=names, column=column, lines=lines, unreadable=unreadable, remarks=remarks)


def refuse_wide(number: int) -> None:
    """ValueError for more columns than any table of posts has, before their cells are made."""
    if number > MOST_COLUMNS:
        raise ValueError(f"it has {number:,} columns; the most that is read is {MOST_COLUMNS:,}")


def twice(path: object, names: list[str], name: str) -> UserError:
    return UserError(f"{path} has {names.count(name)} columns called {name!r}: rename all but one.")
