"""What became of a table's videos, as targets need it: their counts, and those of their channels before.

Not known here: what is made of them (targets.py), which rows are training rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vvp.dataset.scales import DAY_US, log_count


@dataclass(frozen=True)
class Outcomes:
    """What targets are made of; row i is row i of the videos table."""

    counts: Mapping[str, np.ndarray]
    """of schema.COUNTS: float64 (n,), NaN unknown"""
    channel_id: np.ndarray
    """object (n,), None unknown"""
    published_at: np.ndarray
    """datetime64[us] (n,), NaT unknown"""
    lag_days: float
    """after which a count is known to later videos"""

    @cached_property
    def logs(self) -> dict[str, np.ndarray]:
        """log(1 + count), by count."""
        return {name: log_count(values) for name, values in self.counts.items()}

    def earlier(self, quantile: float, fewest: int) -> np.ndarray:
        """float64 (n,): this quantile of the log views of the channel's videos whose counts were known when
        the row was posted; NaN where they are fewer than `fewest`."""
        found, logs = np.full(len(self.channel_id), np.nan), self.logs["views"]
        when = self.published_at.astype("datetime64[us]").astype(np.int64)
        dated = ~np.isnat(self.published_at) & np.array([c is not None for c in self.channel_id], bool)
        order = np.flatnonzero(dated)[np.argsort(when[dated], kind="stable")]
        rows: dict[str, list[int]] = {}
        for row in order.tolist():
            rows.setdefault(self.channel_id[row], []).append(row)
        for own in rows.values():
            known = np.array([row for row in own if np.isfinite(logs[row])], dtype=np.int64)
            limits = when[own] - round(self.lag_days * DAY_US)
            for row, n in zip(own, np.searchsorted(when[known], limits, side="left").tolist(), strict=True):
                if n >= fewest:
                    found[row] = np.quantile(logs[known[:n]], quantile)
        return found
