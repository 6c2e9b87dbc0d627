"""The columns of a design matrix: their names, blocks and kinds, and the named sets of them ("inputs").

Order: the fused vector (fuse.py), the words' topics (words.py), then the features (features.py). `design`
fills them for a table and, with the same code, for the one video of a forecast.
Not known here: labels, splits, which columns a training set left constant (matrix.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vvp.dataset import features
from vvp.dataset.channels import ChannelHistory
from vvp.dataset.fuse import Dims, fuse
from vvp.dataset.words import TOPICS, Words, texts
from vvp.errors import UserError
from vvp.schema import BLOCKS

EMBEDDING, MASK, TOPIC, FEATURE = "embedding", "mask", "topic", "feature"
KINDS = (EMBEDDING, MASK, TOPIC, FEATURE)
FACTS = ("words", "timing", "format", "channel", "counter", "horizon")

# Which (block, kind) each input is made of. The horizon goes with every one of them: it is no property of
# the video but the question asked ("after how many days?"), in training the age of the count.
INPUTS: dict[str, frozenset[tuple[str, str]]] = {
    "full": frozenset((block, kind) for block in (*BLOCKS, *FACTS) for kind in KINDS),
    "full_without_counters": frozenset(
        (block, kind) for block in (*BLOCKS, *FACTS) for kind in KINDS if block != "counter"
    ),
    "metadata": frozenset((block, FEATURE) for block in FACTS),
    "metadata_without_counters": frozenset((block, FEATURE) for block in FACTS if block != "counter"),
    **{block: frozenset({*((block, kind) for kind in KINDS), ("horizon", FEATURE)}) for block in BLOCKS},
}


@dataclass(frozen=True)
class Column:
    name: str
    block: str  # picture, sound, words, timing, format, channel, counter, horizon
    kind: str  # embedding, mask, topic, feature

    @property
    def group(self) -> str:
        """Such as "picture:embedding": what a model may weigh as a whole."""
        return f"{self.block}:{self.kind}"


def layout(dims: Dims) -> tuple[Column, ...]:
    """All columns in order: dims.fused of the fused vector, then one per feature."""
    rows = dims.modalities
    return (
        *(Column(f"{m.stem}_{i:04d}", m.block, EMBEDDING) for m in rows for i in range(dims.lengths[m.name])),
        *(Column(m.mask, m.block, MASK) for m in rows if m.mask is not None),
        *(Column(f"topic_{i:02d}", "words", TOPIC) for i in range(TOPICS)),
        *(Column(f.name, f.block, FEATURE) for f in (*features.FEATURES, *features.SUPPLIED)),
    )


def design(
    rows: pa.Table, dims: Dims, horizon_days: np.ndarray, history: ChannelHistory, words: Words
) -> np.ndarray:
    """float32 (n, len(layout(dims))). Missing vectors are zeros with their mask at 0, missing features NaN.

    rows: as `matrix.join` gives them; horizon_days (n,): see features.compute. ValueError when a vector's
    length is not the one in `dims`.
    """
    fused, topics = fuse(rows, dims), words.transform(texts(rows))
    return np.concatenate([fused, topics, features.compute(rows, horizon_days, history)], axis=1)


def select(columns: Sequence[Column], name: str) -> np.ndarray:
    """int64 (k,): which of `columns` the input `name` holds. UserError when there is no such input."""
    if name not in INPUTS:
        raise UserError(f"there is no input called {name}; there are {', '.join(INPUTS)}.")
    wanted = INPUTS[name]
    return np.array([i for i, c in enumerate(columns) if (c.block, c.kind) in wanted], dtype=np.int64)
