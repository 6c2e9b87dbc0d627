"""Clocks that no clock shows."""

import pytest

from vvp.collect.parse import duration


@pytest.mark.parametrize("written", ["0:75", "0:60", "1:75:00", "1:02:75"])
def test_a_clock_past_its_sixty_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="60 or more"):
        duration(written)


def test_minutes_alone_may_pass_sixty() -> None:
    assert duration("75:30") == 4530
    assert duration("1:59:59.5") == 7199.5
