"""How much of the fused vectors' variance the reduction keeps, with its blocks scaled and as they come.

The curve is exact: all eigenvalues of the covariance of the same training rows that the randomised PCA was
fitted on, so that it also tells how many components would keep 86 % and 95 % where that is more than 50.
Not known here: how blocks are scaled (reduction.py).
"""

from typing import Any

import numpy as np

from vvp.dataset.fuse import Dims
from vvp.dataset.reduction import Reduction, reduce
from vvp.schema import BLOCKS

CURVE = 400  # components at most in a curve
CHUNK = 8_192

RULE = (
    "Each block (picture, sound, words) is centred and divided by the square root of its total variance, so"
    " that each brings the same; a missing vector takes its block's mean; the presence masks are left out."
)


def describe_pca(fused: np.ndarray, dims: Dims, reduction: Reduction, seed: int) -> dict[str, Any]:
    """The "pca" of map.json, for the training rows float32 (n, dims.fused) that `reduction` was fitted on."""
    plain = reduce(fused, dims, len(reduction.variance), scaled=False, seed=seed)
    curve, curve_plain = (cumulative(fused, fitted) for fitted in (reduction, plain))
    k = len(reduction.variance)
    need = {f"need_{percent}": _need(curve, percent / 100) for percent in (86, 95)}
    shown = min(len(curve), CURVE, max(k, need["need_95"] or 0))
    return {
        "components": k,
        "kept": float(curve[k - 1]),
        "curve": curve[:shown].tolist(),
        **need,
        "curve_unscaled": curve_plain[:shown].tolist(),
        "block_share": _block_shares(reduction),
        "block_share_unscaled": _block_shares(plain),
        "rule": RULE,
    }


def cumulative(fused: np.ndarray, reduction: Reduction) -> np.ndarray:
    """float64 (min(n − 1, length),): share of the variance that the first 1, 2, … components keep."""
    n, width = len(fused), reduction.dims.vectors
    if n <= width:
        rows = reduction.scaled(fused)
        products = rows @ rows.T
    else:
        products = np.zeros((width, width), np.float32)
        for start in range(0, n, CHUNK):  # by chunks, to avoid a second copy of all rows
            rows = reduction.scaled(fused[start : start + CHUNK])
            products += rows.T @ rows
    values = np.linalg.eigvalsh(products.astype(np.float64))[::-1]
    values = np.maximum(values[: max(1, min(n - 1, width))], 0)
    return np.cumsum(values) / values.sum()


def _need(curve: np.ndarray, share: float) -> int:
    """Components that keep at least `share`."""
    return int(np.searchsorted(curve, share - 1e-9)) + 1


def _block_shares(reduction: Reduction) -> dict[str, float]:
    """Block → its share of the variance that the components hold."""
    per_column = (reduction.components.astype(np.float64) ** 2 * reduction.variance[:, None]).sum(axis=0)
    total = per_column.sum()
    shares = dict.fromkeys(BLOCKS, 0.0)
    for part, scale in zip(reduction.dims.parts, reduction.scale, strict=True):
        if total and scale:  # otherwise the block is absent or constant, and its columns hold rounding errors
            shares[part.modality.block] += float(per_column[part.columns].sum() / total)
    return shares
