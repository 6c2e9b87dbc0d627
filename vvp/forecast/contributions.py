"""What each part of a draft added to its forecast, or took: exact Shapley values over five blocks.

A block is "unknown" when its columns take the values of a training video; v(S) is the mean forecast over
some training videos (the background) when the blocks S are the draft's own. A block's value is its
mean gain over all orders in which blocks can become known (Shapley 1953; for models: Štrumbelj & Kononenko
2014), so the start and the five values add up to the forecast exactly.
It explains the model, not the world: a block that the model leans on need not be why people watch.
Not known here: models, files, what a column measures beyond its block.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from math import factorial

import numpy as np

BLOCKS = ("picture", "sound", "words", "timing", "channel")
# Block of a matrix column → block shown to users. The frame's shape counts as picture, the horizon as timing.
SHOWN = {
    "picture": "picture", "format": "picture", "sound": "sound", "words": "words", "timing": "timing",
    "horizon": "timing", "channel": "channel", "counter": "channel",
}  # fmt: skip


Mixed = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(x, background, of_x) → forecasts, as `mixed`"""


def attribute(
    predict: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    background: np.ndarray,
    blocks: Sequence[str],
    mix: Mixed | None = None,
) -> tuple[float, dict[str, float]]:
    """(start, block → what it added), log views; start + sum = predict(x) up to rounding.

    predict: float32 (n, d) → float64 (n,); x: (d,) the draft; background: (m, d) training rows, m at least 1;
    blocks: (d,) of SHOWN's keys. A block without columns gets 0.0: the model does not look at it.
    mix: as `mixed` with this predict, where the model has a cheaper way to it.
    """
    shown = np.array([SHOWN[b] for b in blocks])
    present = [b for b in BLOCKS if (shown == b).any()]
    subsets = [frozenset(s) for size in range(len(present) + 1) for s in combinations(present, size)]
    of_x = np.array([np.isin(shown, list(known)) for known in subsets])
    said = mixed(predict, x, background, of_x) if mix is None else mix(x, background, of_x)
    means = said.mean(axis=1)
    value = dict(zip(subsets, means, strict=True))
    n = len(present)
    found = dict.fromkeys(BLOCKS, 0.0)
    for block in present:
        for known in subsets:
            if block not in known:
                weight = factorial(len(known)) * factorial(n - len(known) - 1) / factorial(n)
                found[block] += weight * float(value[known | {block}] - value[known])
    return float(value[frozenset()]), found


def mixed(
    predict: Callable[[np.ndarray], np.ndarray], x: np.ndarray, background: np.ndarray, of_x: np.ndarray
) -> np.ndarray:
    """float64 (s, m): forecasts for each background row whose columns are those of x where of_x, bool (s, d),
    says so."""
    rows = np.where(of_x[:, None], x, background)
    return predict(rows.reshape(-1, len(x))).reshape(len(of_x), len(background))
