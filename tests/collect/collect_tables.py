"""Small tables of posts for the tests of collect."""

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from vvp.workspace import Workspace

Rows = list[dict[str, Any]]


def save(path: Path, rows: Rows, names: list[str] | None = None, delimiter: str = ",") -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            writer = csv.DictWriter(file, names or list(rows[0]), delimiter=delimiter)
            writer.writeheader()
            writer.writerows(rows)
    return path


def videos(space: Workspace) -> dict[str, dict[str, Any]]:
    return {row["video_id"]: row for row in space.read("videos").to_pylist()}
