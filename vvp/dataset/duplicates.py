"""Groups of near-duplicate videos, so that a split can keep each group on one side.

Two rows are copies when
  - their media files are the same bytes (sha256), or
  - their video embeddings have a cosine of at least `cosine`, and their audio embeddings, where both have
    one, a cosine of at least SOUND_COSINE (a still picture under two songs is two videos), or
  - the same channel gave them the same title of at least TITLE_WORDS words, and at least one of them has no
    picture to compare (posts without media).
Cosines are taken after the mean vector is subtracted: averaged features of a network share a large common
part, beside which quite different clips would look alike. Copies of copies are one group.
Not found: copies encoded anew, at the default of 0.995. On 30 real clips in the offline profile, copies at
60 % size and crf 32 kept a cosine of 0.84 to 0.93 (sound 0.95 up), and the two most alike different clips
had 0.72; a lower `cosine` finds such copies, at the price of joining clips that one hand made alike.
Not known here: parts of a split, labels, or which encoder made the vectors.
"""

import hashlib
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from vvp.dataset.fuse import length, stack
from vvp.schema import of_block

# The vectors compared: of each block the first modality.
PICTURE, SOUND = (of_block(block)[0].vector for block in ("picture", "sound"))
SOUND_COSINE = 0.9
TITLE_WORDS = 4
TILE = 1024  # rows: a tile of the comparison takes TILE² × 4 bytes, whatever the number of videos
SKETCH = 32  # dimensions of the projection that finds candidates


def duplicate_groups(videos: pa.Table, embeddings: pa.Table | None, cosine: float) -> np.ndarray:
    """int64 (n,): the group of each row of `videos`, numbered from 0; most groups have one member.

    embeddings: video_id and the vectors PICTURE and SOUND, at most one row a video; or None.
    """
    groups = merge(np.arange(len(videos)), *same_pairs(videos["media_sha256"].to_pylist()))
    if embeddings is None:
        seen = np.zeros(len(videos), bool)
    else:
        picture, seen = _aligned(videos, embeddings, PICTURE)
        sound, heard = _aligned(videos, embeddings, SOUND)
        groups = _near(groups, picture, seen, sound, heard, cosine)
    return _same_words(groups, videos, seen)


def merge(groups: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """`groups` (n,) after row left[k] and row right[k] have become copies, for every k; numbered from 0."""
    if not len(left):
        return groups
    n = len(groups)
    edges = coo_matrix((np.ones(len(left), bool), (groups[left], groups[right])), shape=(n, n))
    return connected_components(edges, directed=False)[1].astype(np.int64)[groups]


def same_pairs(keys: Iterable[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (first row with this key, another one), nulls aside."""
    first: dict[Hashable, int] = {}
    pairs = [(first.setdefault(key, row), row) for row, key in enumerate(keys) if key is not None]
    again = np.array([p for p in pairs if p[0] != p[1]], dtype=np.int64).reshape(-1, 2)
    return again[:, 0], again[:, 1]


def _aligned(videos: pa.Table, embeddings: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """(float32 (n, d) centred unit vectors, bool (n,) present) in the order of `videos`."""
    place = {video: row for row, video in enumerate(embeddings["video_id"].to_pylist())}
    rows = pa.array([place.get(video) for video in videos["video_id"].to_pylist()], type=pa.int64())
    vectors = embeddings[column].take(rows)
    units, present = stack(vectors, length(vectors))
    if present.any():
        units[present] -= units[present].mean(axis=0)
        norms = np.linalg.norm(units, axis=1, keepdims=True)
        np.divide(units, norms, out=units, where=norms > 0)
    return units, present


def _near(
    groups: np.ndarray,
    picture: np.ndarray,
    seen: np.ndarray,
    sound: np.ndarray,
    heard: np.ndarray,
    cosine: float,
) -> np.ndarray:
    """Merges pairs by cosine, in tiles, without looking at most of them.

    A projection on orthonormal directions only shortens distances, so pairs farther apart than `radius` in
    the sketch are no copies: the search misses none. Sorting by the first direction bounds each tile's reach.
    """
    rows = np.flatnonzero(seen)
    if len(rows) < 2:
        return groups
    # Identical vectors first: a thousand reposts are then one candidate each, not half a million pairs.
    same = same_pairs(hashlib.sha256(picture[row].tobytes() + sound[row].tobytes()).digest() for row in rows)
    groups = merge(groups, rows[same[0]], rows[same[1]])
    radius = float(np.sqrt(2 - 2 * cosine)) + 1e-3  # and a little for float32
    sample = picture[rows[np.linspace(0, len(rows) - 1, min(len(rows), 2000)).astype(int)]]
    basis = np.linalg.svd(sample, full_matrices=False)[2][:SKETCH].T
    sketch = picture[rows] @ basis
    order = np.argsort(sketch[:, 0], kind="stable")
    rows, sketch = rows[order], sketch[order]
    half = (sketch**2).sum(axis=1) / 2
    for top in range(0, len(rows), TILE):
        block = slice(top, top + TILE)
        reach = int(np.searchsorted(sketch[:, 0], sketch[block][-1, 0] + radius, side="right"))
        for left in range(top, reach, TILE):
            tile = slice(left, min(left + TILE, reach))
            apart = half[block, None] + half[None, tile] - sketch[block] @ sketch[tile].T
            i, j = np.nonzero(apart <= radius**2 / 2)
            i, j = rows[top + i], rows[left + j]
            new = groups[i] != groups[j]
            i, j = i[new], j[new]
            if len(i):
                close = _cosines(picture, i, j) >= cosine
                both = heard[i] & heard[j]
                close &= ~both | (_cosines(sound, i, j) >= SOUND_COSINE)
                groups = merge(groups, i[close], j[close])
    return groups


def _cosines(units: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """float32 (k,): of rows i[k] and j[k]. One product of the rows involved: a tile at most, no gathering."""
    left, at_left = np.unique(i, return_inverse=True)
    right, at_right = np.unique(j, return_inverse=True)
    return (units[left] @ units[right].T)[at_left, at_right]


def _same_words(groups: np.ndarray, videos: pa.Table, seen: np.ndarray) -> np.ndarray:
    """Rows of one channel with one title become copies where at least one of them has no picture."""
    titles, channels = videos["title"].to_pylist(), videos["channel_id"].to_pylist()
    keys: list[Any] = [
        None if title is None or channel is None or len(title.split()) < TITLE_WORDS
        else (channel, " ".join(title.casefold().split()))
        for title, channel in zip(titles, channels, strict=True)
    ]  # fmt: skip
    unseen = {key: row for row, key in enumerate(keys) if key is not None and not seen[row]}
    pairs = [(unseen[key], row) for row, key in enumerate(keys) if key in unseen]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return merge(groups, found[:, 0], found[:, 1])
