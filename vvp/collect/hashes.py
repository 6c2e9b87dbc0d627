"""The sha256 of media files, remembered, so that a rerun of collect reads only what is new or has changed.

A file counts as unchanged while its size and both of its times (content changed, inode changed) are those
of the last reading. A change within SETTLE_S of that reading may leave the times as they were, so such a file
is not remembered (git's "racy" entries). Objects of a store have no such times and are always read.
Not known here: what a row is.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from vvp import parquet
from vvp.collect.files import media_columns
from vvp.errors import UserError
from vvp.paths import HASHES
from vvp.workspace import Workspace

SETTLE_S = 2.0  # FAT keeps times to two seconds
SAVED = pa.schema(
    [
        ("media_path", pa.string()), ("media_bytes", pa.int64()), ("mtime_ns", pa.int64()),
        ("ctime_ns", pa.int64()), ("media_sha256", pa.string()),
    ]
)  # fmt: skip

Seen = tuple[int, int, int]  # bytes, mtime_ns, ctime_ns


@dataclass
class Hashes:
    """What is remembered of a workspace's media files, and what this run adds to it. `Hashes()` remembers
    nothing, so every file is read."""

    known: dict[str, tuple[Seen, str]] = field(default_factory=dict)
    """absolute path → (size and times, sha256)"""
    unread: int = 0
    """files of this run that were not read again"""
    read: int = 0
    """files of this run that were read"""

    @classmethod
    def of(cls, space: Workspace, again: bool = False) -> "Hashes":
        """again: nothing that was remembered is believed. UserError: the file is damaged."""
        if again or not space.exists(HASHES):
            return cls()
        try:
            columns = space.read_file(HASHES, SAVED, "hashes").to_pydict()
        except UserError as error:
            raise UserError(f"{error} Collect with --rehash.") from error
        rows = zip(*(columns[name] for name in SAVED.names), strict=True)
        return cls({path: ((size, mtime, ctime), digest) for path, size, mtime, ctime, digest in rows})

    def media_columns(self, path: Path | str) -> dict[str, Any]:
        """As files.media_columns."""
        if isinstance(path, str):
            return media_columns(path)
        seen, name = _seen(path), str(path.absolute())
        remembered = self.known.get(name)
        if remembered is not None and remembered[0] == seen:
            self.unread += 1
            return {"media_path": name, "media_bytes": seen[0], "media_sha256": remembered[1]}
        began = time.time()
        columns = media_columns(path)
        self.read += 1
        settled = max(seen[1:]) < (began - SETTLE_S) * 1e9
        if settled and _seen(path) == seen and columns["media_bytes"] == seen[0]:
            self.known[name] = (seen, columns["media_sha256"])
        else:
            self.known.pop(name, None)
        return columns

    def save(self, space: Workspace) -> None:
        """Writes what is remembered, if this run read anything. Files that are gone are forgotten."""
        if not self.read:
            return
        there = {name: kept for name, kept in self.known.items() if os.path.exists(name)}
        rows = [(name, *seen, digest) for name, (seen, digest) in there.items()]
        columns = zip(*rows, strict=True) if rows else [()] * len(SAVED)
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, SAVED, strict=True)], schema=SAVED)
        space.write_bytes(HASHES, parquet.written(table))


def _seen(path: Path) -> Seen:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
