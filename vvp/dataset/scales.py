"""log(1 + x), the scale of counts and of lengths, and back. Targets and features take it from here."""

import numpy as np

GREATEST = 30.0  # exp(30) = 10¹³, more than there are viewers


def log_count(x: np.ndarray | float) -> np.ndarray:
    """Natural log of 1 + x, for x of 0 or more."""
    return np.log1p(x)


def count_of_log(y: np.ndarray | float) -> np.ndarray:
    """exp(y) − 1, from 0 to exp(30)."""
    return np.expm1(np.clip(y, 0.0, GREATEST))
