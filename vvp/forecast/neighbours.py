"""The training videos most like a draft, with their views: something to look at beside a number.

Like: cosine between the reduced vectors (reduction.py: blocks scaled, PCA), so 1 is the same direction from
the average training video and 0 is unrelated. A draft without picture or sound is compared by what it has.
Likeness is of picture, sound and words, not of success: neighbours did not make the forecast.
Not known here: models, and who may see a title (a predictor that is shared shares these titles).
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vvp import parquet
from vvp.dataset.reduction import Reduction, reduce
from vvp.dataset.targets import VIEWS
from vvp.schema import TIME, VECTOR

MOST = 20_000  # training videos that a predictor keeps, the newest; at 50 numbers each about 4 MB
COUNT = 5
CARDS = pa.schema(
    [
        ("video_id", pa.string()), ("title", pa.string()), ("channel_id", pa.string()),
        ("published_at", TIME), ("log_views", pa.float64()), ("place", VECTOR),
    ]
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Neighbours:
    reduction: Reduction
    cards: pa.Table  # schema CARDS, one row per kept training video
    places: np.ndarray  # float32 (n, k), unit length; zeros for a video at the very centre

    def nearest(self, fused: np.ndarray, count: int = COUNT) -> list[dict[str, Any]]:
        """The `count` videos most like fused, float32 (dims.fused,): video_id, title, channel_id,
        published_at (ISO or null), views, similarity (−1 to 1), best first; [] for a draft at the centre."""
        place = _unit(self.reduction.transform(fused[None]))[0]
        if not place.any():
            return []
        likeness = self.places @ place
        best = np.argsort(-likeness, kind="stable")[:count]
        rows = self.cards.take(pa.array(best)).drop_columns(["place"]).to_pylist()
        return [
            {
                **{k: row[k] for k in ("video_id", "title", "channel_id")},
                "published_at": row["published_at"] and row["published_at"].isoformat(),
                "views": VIEWS.value(row["log_views"]),
                "similarity": round(float(likeness[i]), 4),
            }
            for i, row in zip(best, rows, strict=True)
        ]

    def files(self) -> dict[str, bytes]:
        """File name → content; `from_files` gives the same back."""
        return {
            "neighbours.parquet": parquet.written(self.cards),
            "reduction.safetensors": self.reduction.to_bytes(),
        }

    @classmethod
    def from_files(cls, files: dict[str, bytes]) -> "Neighbours":
        """KeyError, ValueError or UserError when a file is absent, damaged or does not fit the other."""
        reduction = Reduction.from_bytes(files["reduction.safetensors"])
        cards = parquet.read(
            io.BytesIO(files["neighbours.parquet"]), CARDS, "neighbours.parquet", "neighbours"
        )
        k = len(reduction.variance)
        if cards["place"].null_count or set(cards["place"].combine_chunks().value_lengths().to_pylist()) - {
            k
        }:
            raise ValueError("a neighbour whose place has another length")
        return cls(reduction, cards, _unit(_matrix(cards["place"], k)))


def keep(fused: np.ndarray, dims: Any, cards: pa.Table) -> Neighbours:
    """Neighbours of float32 (n, dims.fused) and cards (n rows, CARDS without place); n at least 1."""
    # One video alone is reduced as if it stood there twice: then nothing varies, which is true.
    reduction = reduce(fused if len(fused) > 1 else np.repeat(fused, 2, axis=0), dims)
    places = reduction.transform(fused)
    table = cards.append_column("place", pa.array(list(places), VECTOR)).select(CARDS.names).cast(CARDS)
    return Neighbours(reduction, table, _unit(places))


def _unit(places: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(places, axis=1, keepdims=True)
    return np.divide(places, lengths, out=np.zeros_like(places), where=lengths > 1e-9)


def _matrix(column: pa.ChunkedArray, k: int) -> np.ndarray:
    return column.combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, k).astype(np.float32)
