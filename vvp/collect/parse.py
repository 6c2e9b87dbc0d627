"""Every reader of one value under one name: `parse.count`, `parse.moment`, `parse.identifier`, …

Each returns None for a value that is missing and raises ValueError for one that cannot be read.
"""

from vvp.collect.cells import flag, identifier, looks_rounded, missing, platform, text
from vvp.collect.dates import moment
from vvp.collect.durations import duration
from vvp.collect.hashtags import hashtags, tags
from vvp.collect.numbers import (
    DoubtfulError,
    DoubtfulUnitError,
    count,
    count_or_hidden,
    days,
    pixels,
)

__all__ = [
    "DoubtfulError", "DoubtfulUnitError", "count", "count_or_hidden", "days", "duration", "flag",
    "hashtags", "identifier", "looks_rounded", "missing", "moment", "pixels", "platform", "tags", "text",
]  # fmt: skip
