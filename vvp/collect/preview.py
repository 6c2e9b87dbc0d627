"""A table of posts as vvp would read it, for a person to look at before anything is written."""

from collections import Counter
from datetime import datetime, timezone
from typing import Any

from vvp.collect import doubts
from vvp.collect.posts import Reading

ROWS = 5


def preview_of(reading: Reading) -> dict[str, Any]:
    """Plain values: the map, what each column became, the first rows as read, what is set aside, doubts."""
    gathered = reading.gathered
    rounded = doubts.rounded_ids(gathered.rows)
    said = doubts.about_rows(gathered.rows, rounded, datetime.now(timezone.utc))
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
                "as_in": next((_short(v) for v in column.values if _is_value(v)), None),
                "decided": column.decided,
            }
            for ours, column in reading.columns.items()
        ],
        "first": [
            {ours: row[ours] for ours in (*reading.columns, *reading.header.fixed)}
            for _, row in gathered.rows[:ROWS]
        ],
        "set_aside": dict(Counter(each["reason"] for each in gathered.refused)),
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


def _is_value(value: Any) -> bool:
    return value is not None and not isinstance(value, ValueError)


def _short(value: Any) -> str | None:
    if value is None:
        return None
    shown = value.isoformat() if isinstance(value, datetime) else str(value)
    return shown if len(shown) <= 30 else shown[:29] + "…"
