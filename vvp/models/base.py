"""What a model and a family of models are, and what all of them share: data, scaling, the saved form.

A family forecasts held-out rows along a path of models. The caller, who has their labels, picks the point of
the path with the lowest `criterion`, and the family fits the model at that point.
A saved model is a dict of file name → bytes: `model.json` (family, settings, sha256 of the other files),
`model.safetensors` (arrays), for LightGBM `model.txt`, for an average its members' files under `member-NN/`.
Loading executes nothing.
Not known here: Ray, what a column means beyond its group, where files are kept.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from vvp.errors import UserError

JSON_FILE, TENSOR_FILE, TEXT_FILE = "model.json", "model.safetensors", "model.txt"
MODEL_FILE = r"^(member-[0-9]{2}/)?model\.(json|safetensors|txt)$"  # what a model's files are called


@dataclass(frozen=True, kw_only=True, eq=False)
class Data:
    """One part of the table. ValueError when the shapes disagree or a label is not finite."""

    X: np.ndarray
    """float32 (n, d); NaN: the feature is missing for that row"""
    y: np.ndarray
    """float64 (n,), the target on its scale, or classes from 0; never missing"""
    groups: np.ndarray
    """str (d,), the block each column belongs to and its kind, such as "picture:embedding" """

    def __post_init__(self) -> None:
        if self.X.ndim != 2 or self.y.shape != (len(self.X),) or self.groups.shape != (self.X.shape[1],):
            raise ValueError(f"X {self.X.shape}, y {self.y.shape} and groups {self.groups.shape} disagree")
        if not len(self.y):
            raise ValueError("a part without rows")
        if not np.isfinite(self.y).all() or np.isinf(self.X).any():
            raise ValueError("labels must be finite, features finite or NaN")


class Model(Protocol):
    """A fitted model, ready to predict and to be saved."""

    family: ClassVar[str]

    def predict(self, X: np.ndarray) -> np.ndarray:
        """float32 (n, d), NaN where missing → float64 (n,), the target on its scale; of two classes the
        probability of class 1, of more (n, classes). ValueError for another d."""
        ...

    def files(self) -> dict[str, bytes]:
        """File name → content; `from_files` gives back a model with identical predictions."""
        ...

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "Model":
        """UserError when a file is absent, damaged, or of another family."""
        ...


@dataclass(frozen=True, kw_only=True)
class Float:
    """A range of a real parameter."""

    low: float
    high: float
    log: bool = False

    def clip(self, value: float) -> float:
        return float(min(max(value, self.low), self.high))


@dataclass(frozen=True, kw_only=True)
class Int:
    """A range of a whole-numbered parameter; `high` included."""

    low: int
    high: int
    log: bool = False

    def clip(self, value: int) -> int:
        return int(min(max(value, self.low), self.high))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values."""

    options: tuple[Any, ...]

    def clip(self, value: Any) -> Any:
        return value if value in self.options else self.options[0]


Space = dict[str, Float | Int | Choice]
Params = dict[str, Any]


class Family(Protocol):
    """A kind of model and how to search it. Implementations are frozen dataclasses: settings as fields.

    A path is what one training gives on the way: a grid of penalties, the trees made so far, the epochs.
    Its points are the same for every `train`, so that their errors can be averaged over folds.
    Both methods need at least two rows. They must cope with NaN features, constant columns and few rows.
    """

    @property
    def name(self) -> str: ...

    @property
    def start(self) -> Params:
        """The first point tried, before `first_point` clips it to what this many rows allow."""
        ...

    def space(self, n_train: int, n_cols: int) -> Space: ...

    def path(
        self, train: Data, held: np.ndarray, params: Params, *, seed: int = 0, threads: int = 1
    ) -> np.ndarray:
        """Forecasts of the `held` rows, float32 (m, d), at each point of the path: float64 (S, m), of more
        than two classes (S, m, classes); see `Model.predict`.

        S and the meaning of a point do not depend on the data. The held rows' labels are never seen.
        """
        ...

    def fit(self, train: Data, params: Params, point: int, *, seed: int = 0, threads: int = 1) -> Model:
        """The model at this point of the path (0 to S - 1), fitted on all of `train`.

        `path(train, held, …)[point]` is `fit(train, …, point).predict(held)`.
        """
        ...


def first_point(family: Family, n_train: int, n_cols: int) -> Params:
    """The family's start, each value moved to the nearest one its space allows."""
    space = family.space(n_train, n_cols)
    return {name: space[name].clip(value) for name, value in family.start.items()}


@dataclass(frozen=True)
class Criterion:
    """A loss that models are selected by: alphas, epochs, trees, trials, inputs and families alike."""

    name: str
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray]
    """(y (n,), forecasts (n,) or (n, classes)) → float64 (n,), lower is better"""

    def __call__(self, y: np.ndarray, predicted: np.ndarray) -> float:
        return float(self.losses(y, predicted).mean())


LEAST = 1e-4  # no class is taken for less likely, so that one sure error is not infinite


def log_losses(y: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """float64 (n,): −log of what was said of the class that came. y: classes from 0; probabilities: (n,) of
    class 1, or (n, classes)."""
    at = y.astype(np.int64)
    if probabilities.ndim == 1:
        said = np.where(at == 1, probabilities, 1 - probabilities)
    else:
        said = probabilities[np.arange(len(at)), at]
    return -np.log(np.clip(said, LEAST, 1.0))


def mae(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in units of y."""
    return float(np.mean(np.abs(y - predicted)))


MAE = Criterion("mean absolute error", lambda y, predicted: np.abs(y - predicted))
LOG_LOSS = Criterion("log loss", log_losses)


def criterion(classes: int) -> Criterion:
    """classes: 0 for a number, else how many there are."""
    return LOG_LOSS if classes else MAE


def rank(value: float | None) -> float:
    """For `min` and `sorted` of criteria: None comes last."""
    return float("inf") if value is None else value


def best(values: Iterable[float]) -> float | None:
    """The best of some criteria; None of none."""
    return min(values, default=None)


def check_columns(X: np.ndarray, n_cols: int) -> None:
    """ValueError unless X is a table of `n_cols` columns."""
    if X.ndim != 2 or X.shape[1] != n_cols:
        raise ValueError(f"the model was fitted on {n_cols} columns, X has shape {X.shape}")


# --- the saved form ---------------------------------------------------------------------------------
def pack(
    family: str,
    meta: dict[str, Any],
    tensors: dict[str, np.ndarray],
    text: str = "",
    others: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    """The files of a model. The JSON holds the others' sha256, so that damage shows before parsing.

    `others`: files of models inside this one, name → content.
    """
    files = {TENSOR_FILE: save_tensors({k: np.ascontiguousarray(v) for k, v in tensors.items()})}
    if text:
        files[TEXT_FILE] = text.encode()
    files |= others or {}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    head = {"family": family, **meta, "sha256": digests}
    return {JSON_FILE: json.dumps(head, indent=1, allow_nan=False).encode(), **files}


def unpack(
    family: str, files: Mapping[str, bytes], *, whole: Collection[str] = ()
) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
    """JSON, arrays and text ("" without). UserError when anything is absent, damaged or not finite.

    `whole`: names of the arrays that may be int32, the caller's to check. All others are floats.
    """
    meta = read_head(files)
    if meta["family"] != family:
        raise UserError(f"{JSON_FILE} is of the family {meta['family']!r}, not {family!r}.")
    for name, digest in meta["sha256"].items():
        if name not in files:
            raise UserError(f"the saved {family} model lacks its {name}.")
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise UserError(f"{name} of the saved {family} model is damaged: its sha256 is another.")
    if TENSOR_FILE not in meta["sha256"]:
        raise UserError(f"the saved {family} model names no {TENSOR_FILE}.")
    try:
        tensors = load_tensors(files[TENSOR_FILE])
    except (SafetensorError, ValueError, KeyError) as error:  # KeyError: a dtype that numpy lacks
        raise UserError(f"{TENSOR_FILE} of the saved {family} model cannot be read ({error}).") from error
    for name, value in tensors.items():
        if name in whole and value.dtype == np.int32:
            continue
        if value.dtype.kind != "f" or not np.isfinite(value).all():
            raise UserError(f"{name} of the saved {family} model holds values that are not finite numbers.")
    text = files[TEXT_FILE].decode(errors="replace") if TEXT_FILE in meta["sha256"] else ""
    return meta, tensors, text


def read_head(files: Mapping[str, bytes]) -> dict[str, Any]:
    """`model.json`, with `family` and `sha256` known to be there. UserError otherwise."""
    try:
        head = json.loads(files[JSON_FILE])
        if isinstance(head["family"], str) and isinstance(head["sha256"], dict):
            return dict(head)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{JSON_FILE} of the saved model is absent or cannot be read.") from error
    raise UserError(f"{JSON_FILE} is not the head of a saved model.")


def tensor(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """One array of a saved model; UserError unless it is there with this shape (-1: any length)."""
    found = tensors[name].shape if name in tensors else None
    if (
        found is None
        or len(found) != len(shape)
        or any(w not in (-1, f) for f, w in zip(found, shape, strict=True))
    ):
        raise UserError(f"{name} of the saved model is absent or has not the shape {shape}.")
    return tensors[name]
