"""A small table with known causes."""

import numpy as np

from vvp.models.base import Data


def world(n: int = 120, *, seed: int = 0, noise: float = 0.3, shuffled: bool = False) -> Data:
    """12 features, of which three count, and 40 columns of an embedding that do not; a tenth missing."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 52)).astype(np.float32)
    y = 8 + X[:, 0] - X[:, 1] + 0.5 * X[:, 2] + noise * rng.normal(size=n)
    X[rng.random(X.shape) < 0.1] = np.nan
    groups = np.array(["timing:feature"] * 12 + ["picture:embedding"] * 40)
    return Data(X=X, y=rng.permutation(y) if shuffled else y, groups=groups)
