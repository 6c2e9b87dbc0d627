"""The fused vector in few numbers: blocks scaled so that none drowns the others, then PCA.

Scaling rule: each modality's block of columns (picture, sound, words) is centred on the rows that have it and
divided by the square root of its total variance, so that every block brings a total variance of 1, whatever
its length and units. A missing vector takes its block's mean, which is 0 after centring: it pulls nowhere.
The presence masks are left out: they say that something is missing, not what a video is like.
PCA is randomised (Halko, Martinsson & Tropp 2011; scikit-learn's `randomized_svd`).
Not known here: which rows are training rows, files, maps, clusters.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.utils.extmath import randomized_svd

from vvp.dataset.fuse import Dims
from vvp.schema import MODALITIES

COMPONENTS = 50
ABSENT = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Reduction:
    """Fitted on fused vectors, it places others among them."""

    dims: Dims
    centre: np.ndarray  # float32 (dims.vectors,)
    scale: np.ndarray  # float32 (modalities,), what each block is multiplied by; 0: no fitted row has it
    components: np.ndarray  # float32 (k, dims.vectors), orthonormal rows
    variance: np.ndarray  # float32 (k,), of the rows along each component, falling
    total: float  # variance of the scaled rows, all directions together

    @property
    def kept(self) -> float:
        """Share of the variance that the k components hold, 0 to 1."""
        return float(self.variance.sum() / self.total) if self.total else 0.0

    def transform(self, fused: np.ndarray) -> np.ndarray:
        """float32 (n, dims.fused) → float32 (n, k). ValueError for another length."""
        return self.scaled(fused) @ self.components.T

    def scaled(self, fused: np.ndarray) -> np.ndarray:
        """float32 (n, dims.fused) → (n, dims.vectors), centred, blocks scaled. ValueError likewise."""
        return _scaled(fused, self.dims, self.centre, self.scale)

    def tensors(self) -> dict[str, np.ndarray]:
        """All of it as arrays, for safetensors. dims: by place in schema.MODALITIES, −1: not there."""
        lengths = [self.dims.lengths.get(m.name, ABSENT) for m in MODALITIES]
        while lengths and lengths[-1] == ABSENT:
            lengths.pop()
        return {
            "dims": np.array(lengths, np.int64),
            "centre": self.centre, "scale": self.scale, "components": self.components,
            "variance": self.variance, "total": np.array([self.total], np.float64),
        }  # fmt: skip

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, np.ndarray]) -> "Reduction":
        """KeyError or ValueError when an array is absent or of another shape: they are somebody's input."""
        lengths = [int(n) for n in tensors["dims"]]
        if len(lengths) > len(MODALITIES) or any(n < ABSENT for n in lengths):
            raise ValueError("a block of negative length, or of an unknown modality")
        known = zip(MODALITIES, lengths, strict=False)  # of a modality that came later it says nothing
        dims = Dims({m.name: n for m, n in known if n != ABSENT})
        d, k = dims.vectors, len(tensors["variance"])
        shapes = {
            "centre": (d,),
            "scale": (len(dims.modalities),),
            "components": (k, d),
            "variance": (k,),
            "total": (1,),
        }
        for name, shape in shapes.items():
            if tensors[name].shape != shape or not np.isfinite(tensors[name]).all():
                raise ValueError(f"{name} of the reduction is not finite or not of shape {shape}")
        arrays = {
            name: tensors[name].astype(np.float32) for name in ("centre", "scale", "components", "variance")
        }
        return cls(dims=dims, total=float(tensors["total"][0]), **arrays)

    def to_bytes(self) -> bytes:
        return save_tensors({k: np.ascontiguousarray(v) for k, v in self.tensors().items()})

    @classmethod
    def from_bytes(cls, data: bytes) -> "Reduction":
        return cls.from_tensors(load_tensors(data))


def reduce(
    fused: np.ndarray, dims: Dims, components: int = COMPONENTS, *, scaled: bool = True, seed: int = 0
) -> Reduction:
    """Fits on float32 (n, dims.fused), n at least 2. Fewer components where n or the length allow no more.

    scaled: False leaves the blocks as they are (centred only), to show what the scaling does.
    """
    if len(fused) < 2:
        raise ValueError("a reduction needs at least 2 rows")
    centre = np.zeros(dims.vectors, np.float32)
    scale = np.zeros(len(dims.modalities), np.float32)
    for block, (columns, present) in enumerate(_blocks(fused, dims)):
        if not present.any() or columns.start == columns.stop:
            continue
        # float64 sums over whole columns at a time: a float64 copy of the block would double the memory.
        centre[columns] = fused[present, columns].mean(axis=0, dtype=np.float64)
        spread = float(fused[present, columns].var(axis=0, dtype=np.float64).sum())
        # A block that does not vary says nothing, and its rounding errors must not be blown up.
        scale[block] = 0.0 if spread < 1e-12 else (1 / np.sqrt(spread) if scaled else 1.0)
    rows = _scaled(fused, dims, centre, scale)
    total = float(np.einsum("ij,ij->", rows, rows, dtype=np.float64) / (len(rows) - 1))
    k = max(1, min(components, len(rows) - 1, rows.shape[1]))
    _, singular, directions = randomized_svd(rows, k, random_state=seed)
    return Reduction(
        dims=dims, centre=centre, scale=scale, components=directions.astype(np.float32),
        variance=(singular**2 / (len(rows) - 1)).astype(np.float32), total=total,
    )  # fmt: skip


def _blocks(fused: np.ndarray, dims: Dims) -> list[tuple[slice, np.ndarray]]:
    """(columns, bool (n,) rows that have it) of each modality. Words are always there (fuse.py)."""
    if fused.ndim != 2 or fused.shape[1] != dims.fused:
        raise ValueError(f"fused vectors of shape {fused.shape} where (n, {dims.fused}) was expected")
    everyone = np.ones(len(fused), bool)
    return [(part.columns, everyone if part.mask is None else fused[:, part.mask] > 0) for part in dims.parts]


def _scaled(fused: np.ndarray, dims: Dims, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """float32 (n, dims.vectors), the one copy that is made of the rows."""
    blocks = _blocks(fused, dims)
    out = fused[:, : dims.vectors] - centre
    for block, (columns, present) in enumerate(blocks):
        out[:, columns] *= scale[block]
        out[~present, columns] = 0.0
    return out
