"""A table of posts as vvp would read it, for a person to look at before anything is written."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from vvp.collect import doubts
from vvp.collect.columns import ColumnReading
from vvp.collect.merge import Row
from vvp.collect.posts import Reading

ROWS = 5


def preview_of(reading: Reading) -> dict[str, Any]:
    """Plain values: the map, what each column became, the first rows as read, what is set aside, doubts."""
    gathered = reading.gathered
    rounded = doubts.rounded_ids(gathered.rows)
    said = doubts.about_rows(gathered.rows, rounded, datetime.now(timezone.utc))
    first = [row for _, row in gathered.rows[:ROWS]]
    # Also what no column alone gives: tags out of titles, when the counts were read.
    made = [name for name in (first or [{}])[0] if any(row[name] is not None for row in first)]
    shown = dict.fromkeys([*reading.columns, *reading.header.fixed, *made])
    return {
        "origin": gathered.origin,
        "preset": reading.header.preset,
        "rows": len(gathered.rows),
        "columns": [
            {
                "ours": ours,
                "theirs": ", else ".join(column.theirs),
                "read": column.filled - column.unreadable,
                "missing": len(column.values) - column.filled,
                "unreadable": column.unreadable,
                "as_in": _example(ours, column, gathered.rows),
                "decided": column.decided,
            }
            for ours, column in reading.columns.items()
        ],
        "first": [{ours: row.get(ours) for ours in shown if ours != "source"} for row in first],
        "set_aside": dict(Counter(each["reason"] for each in gathered.refused)),
        "why_set_aside": {each["reason"]: each["detail"] for each in reversed(gathered.refused)},
        "notes": {name: n for name, n in gathered.notes.items() if n},
        "unreadable_values": dict(gathered.problems.counts),
        "examples": gathered.problems.examples,
        "remarks": reading.remarks,
        "doubts": [*gathered.doubts, *said],
        "unused_columns": reading.unused,
    }


def preview_rows(found: dict[str, Any]) -> tuple[list[str], list[list[str | None]]]:
    """(heads, rows) of the first rows, turned: a line per column of ours, for many columns fit no screen."""
    first = found["first"]
    heads = ["", *(f"row {number}" for number in range(1, len(first) + 1))]
    names = list(first[0]) if first else []
    return heads, [[name, *(_short(row[name]) for row in first)] for name in names]


def _example(ours: str, column: ColumnReading, rows: Sequence[tuple[str, Row]]) -> str | None:
    """A value as read: of a post, so that no line of totals is shown as one; else of any row."""
    values = [*(row.get(ours) for _, row in rows), *column.values]
    return next((_short(value) for value in values if _is_value(value)), None)


def _is_value(value: Any) -> bool:
    return value is not None and not isinstance(value, ValueError)


def _short(value: Any) -> str | None:
    if value is None:
        return None
    shown = str(value)
    if isinstance(value, datetime):
        shown = f"{value:%Y-%m-%d %H:%M:%S} UTC".replace(":00 UTC", " UTC")
    return shown if len(shown) <= 30 else shown[:29] + "…"
