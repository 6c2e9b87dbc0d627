import numpy as np
from vvp.learn.intervals import COVERAGE


def interval_score(truth: np.ndarray, low: np.ndarray, high: np.ndarray, coverage: float = COVERAGE) -> np.ndarray:
    missed = np.maximum(low - truth, 0) + np.maximum(truth - high, 0)
    return (high - low) + 2 / (1 - coverage) * missed
