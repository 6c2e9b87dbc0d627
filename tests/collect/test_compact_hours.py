"""Ten digits: a day with its hour, or an epoch time."""

from datetime import datetime, timezone

import pytest

from vvp.collect.dates import YEAR_FIRST, moment, order_of


def test_ten_digits_that_may_be_a_day_are_read_only_where_something_says_so() -> None:
    with pytest.raises(ValueError, match="--dates"):
        moment("2024013114")
    assert moment("2024013114", order=YEAR_FIRST) == datetime(2024, 1, 31, 14, tzinfo=timezone.utc)
    assert order_of(["2024013114", "2024013115", "2024020100"]).order == YEAR_FIRST
    assert order_of(["2024013114", "2024013115"]).order is None
    assert moment("1706709600") == datetime(2024, 1, 31, 14, tzinfo=timezone.utc)
