"""log(1 + x), the scale of counts and of lengths, and back; a day in microseconds."""

import numpy as np

DAY_US = 86_400_000_000  # of datetime64[us]
GREATEST = 30.0  # exp(30) = 10¹³, more than there are viewers


def log_count(x: np.ndarray | float) -> np.ndarray:
    """Natural log of 1 + x, for x of 0 or more."""
    return np.log1p(x)


def count_of_log(y: np.ndarray | float) -> np.ndarray:
    """exp(y) − 1, from 0 to exp(30)."""
    return np.expm1(np.clip(y, 0.0, GREATEST))
