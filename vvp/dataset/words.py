"""Words in any language as a few numbers: character n-grams weighted by tf-idf, then a truncated SVD.

MiniLM knows English; runs of 3 to 5 characters know whatever the training texts are written in (latent
semantic analysis, Deerwester et al. 1990). Fitted without labels, on the rows that the caller names.
Not known here: which rows are training rows, what the numbers are used for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

TOPICS = 48
MOST_GRAMS = 20_000
MOST_FITTED = 20_000  # texts; more change the topics little and cost minutes
CUT = 500  # characters of a text that are read
MIN_TEXTS = 3  # that a run of characters must stand in


def texts(rows: pa.Table) -> list[str]:
    """Title, description where it is another, and hashtags of each row; "" where there are none."""
    found = []
    columns = (rows[name].to_pylist() for name in ("title", "description", "tags"))
    for title, description, tags in zip(*columns, strict=True):
        parts = [title or ""]
        if description and description != title:
            parts.append(description)
        said = " ".join(parts)
        parts += [f"#{tag}" for tag in tags or () if f"#{tag}" not in said]
        found.append(" ".join(parts).strip()[:CUT])
    return found


@dataclass(frozen=True, eq=False)
class Words:
    """Fitted on texts, it turns others into TOPICS numbers."""

    grams: tuple[str, ...]
    idf: np.ndarray
    """float32 (len(grams),)"""
    directions: np.ndarray
    """float32 (topics, len(grams)), topics at most TOPICS"""

    @classmethod
    def fit(cls, said: Sequence[str], seed: int = 0) -> "Words":
        """From texts; without enough of them, one that gives zeros."""
        said = [text for text in said if text]
        if len(said) > MOST_FITTED:
            picks = np.sort(np.random.default_rng(seed).choice(len(said), MOST_FITTED, replace=False))
            said = [said[i] for i in picks]
        empty = cls((), np.zeros(0, np.float32), np.zeros((0, 0), np.float32))
        if len(said) < 2 * MIN_TEXTS:
            return empty
        try:
            vectorizer = _vectorizer(min_df=MIN_TEXTS, max_features=MOST_GRAMS)
            counts = vectorizer.fit_transform(said)
        except ValueError:  # scikit-learn's word for texts that share no run of characters
            return empty
        topics = min(TOPICS, min(counts.shape) - 1)
        if topics < 1:
            return empty
        with np.errstate(invalid="ignore", divide="ignore"):  # where all texts are alike nothing varies
            svd = TruncatedSVD(topics, n_iter=3, random_state=seed).fit(counts)
        grams = tuple(str(g) for g in vectorizer.get_feature_names_out())
        return cls(grams, vectorizer.idf_.astype(np.float32), svd.components_.astype(np.float32))

    def transform(self, said: Sequence[str]) -> np.ndarray:
        """float32 (n, TOPICS); zeros for an empty text."""
        found = np.zeros((len(said), TOPICS), np.float32)
        if self.grams and len(said):
            weights = self._reader.transform(said)
            found[:, : len(self.directions)] = weights @ self.directions.T
        return found

    @cached_property
    def _reader(self) -> TfidfVectorizer:
        reader = _vectorizer(vocabulary=list(self.grams))
        reader.idf_ = self.idf.astype(np.float64)
        return reader

    def files(self) -> dict[str, bytes]:
        """File name → content; `from_files` gives the same back."""
        arrays = {"idf": self.idf, "directions": np.ascontiguousarray(self.directions)}
        joined = np.frombuffer("\n".join(self.grams).encode(), np.uint8).copy()
        return {"words.safetensors": save_tensors({**arrays, "grams": joined})}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Words":
        """KeyError, ValueError or safetensors' own when a file is absent, damaged or too large."""
        arrays = load_tensors(files["words.safetensors"])
        joined = arrays["grams"].astype(np.uint8).tobytes().decode()
        grams = tuple(joined.split("\n")) if joined else ()
        idf, directions = arrays["idf"].astype(np.float32), arrays["directions"].astype(np.float32)
        shape = (min(len(directions), TOPICS), len(grams))
        fits = len(grams) <= MOST_GRAMS and len(set(grams)) == len(grams) and idf.shape == (len(grams),)
        if not fits or (grams and directions.shape != shape):
            raise ValueError("words that do not fit each other")
        if not (np.isfinite(idf).all() and np.isfinite(directions).all()):
            raise ValueError("words with a number that is not finite")
        return cls(grams, idf, directions)


def _vectorizer(**settings: Any) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True, dtype=np.float32, **settings
    )
