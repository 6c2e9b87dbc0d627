"""Parquet: written in one way, and read as a schema says, or refused in one sentence: others may write it.

Sizes are looked at before anything is unpacked, types and values before anything is made of them.
Not known here: where a file lies, what a column means.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vvp.errors import UserError

MOST_ROWS, MOST_BYTES = 4_000_000, 8 * 2**30  # of one file, unpacked
FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999


def written(rows: pa.Table) -> bytes:
    """A file's content."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def read(file: Any, schema: pa.Schema, where: str, what: str, *, lacking: bool = False) -> pa.Table:
    """The file's rows with exactly this schema. lacking: a column that it has not is null, else refused.

    file: a path's handle or a buffer. where, what: for the message. UserError: no Parquet, damaged, too
    large, a column of another type, or a value that cannot be: not finite, a null inside a list, a year
    beyond 9999.
    """
    try:
        parquet = pq.ParquetFile(file)
        refuse_huge(parquet.metadata, where)
        part = parquet.read(columns=schema.names)
        if absent := [name for name in schema.names if name not in part.column_names and not lacking]:
            raise ValueError(f"it has no column {absent[0]}")
        columns = [
            part.column(f.name).cast(f.type) if f.name in part.column_names else pa.nulls(len(part), f.type)
            for f in schema
        ]
        whole = pa.table(columns, schema=schema)
        whole.validate(full=True)
        for name in whole.column_names:
            _refuse_odd(name, whole[name])
    except (pa.ArrowException, OSError, ValueError, KeyError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"{where} cannot be read as Parquet of {what}: {reason}") from error
    return whole


def refuse_huge(facts: pq.FileMetaData, where: str, most_bytes: int | None = MOST_BYTES) -> None:
    """UserError when a file says that it holds more than this machine should take at its word.

    most_bytes: None: not looked at, for a reader of single columns."""
    size = sum(facts.row_group(i).total_byte_size for i in range(facts.num_row_groups))
    if facts.num_rows > MOST_ROWS or (most_bytes is not None and size > most_bytes):
        raise UserError(
            f"{where} is said to hold {facts.num_rows:,} rows and {size:,} bytes; "
            f"the most that is read of one file is {MOST_ROWS:,} and {MOST_BYTES:,}."
        )


def _refuse_odd(name: str, column: pa.ChunkedArray) -> None:
    """ValueError for what no writer of ours writes, and no reader expects."""
    if pa.types.is_list(column.type):
        for chunk in column.chunks:
            inside = chunk.flatten()
            if inside.null_count:
                raise ValueError(f"column {name} holds a list with a null in it")
            _refuse_odd(name, pa.chunked_array([inside]))
    elif pa.types.is_floating(column.type):
        if pc.all(pc.is_finite(column)).as_py() not in (True, None):
            raise ValueError(f"column {name} holds a number that is not finite")
    elif pa.types.is_timestamp(column.type):
        ends = pc.min_max(column.cast(pa.timestamp("us")).cast(pa.int64())).as_py()
        if ends["min"] is not None and not FIRST_US <= ends["min"] <= ends["max"] <= LAST_US:
            raise ValueError(f"column {name} holds a time outside the years 1 to 9999")
