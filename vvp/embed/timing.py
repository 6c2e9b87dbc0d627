"""Where an embedding run's time goes: each stage notes on its rows how long it worked on them.

Not known here: what the stages do, and how many actors of each there are.
"""

import time
from collections import Counter

import pyarrow as pa

WRITE = "write"
_PREFIX = "seconds_"


class Timed:
    """Put before a stage's class, it adds a column: float64, seconds of the call divided by its rows."""

    stage: str

    def __call__(self, batch: pa.Table) -> pa.Table:
        began = time.perf_counter()
        done: pa.Table = super().__call__(batch)  # type: ignore[misc]  # the stage's own class
        return noted(done, self.stage, time.perf_counter() - began)


def noted(batch: pa.Table, stage: str, seconds: float) -> pa.Table:
    """The batch with what a stage took for it."""
    each = seconds / max(1, len(batch))
    return batch.append_column(_PREFIX + stage, pa.array([each] * len(batch), pa.float64()))


def columns(batch: pa.Table) -> list[str]:
    """Names of the columns that the stages so far have added."""
    return [name for name in batch.column_names if name.startswith(_PREFIX)]


def spent(batch: pa.Table) -> Counter[str]:
    """Seconds by stage of these rows, added up; empty where nothing was noted."""
    found: Counter[str] = Counter()
    for name in columns(batch):
        found[name.removeprefix(_PREFIX)] += sum(batch[name].to_pylist())
    return found
