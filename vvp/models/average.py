"""An average of a few models, each on columns of its own; itself a model, but no family that is swept.

Each member's files stand under a name of its own (`member-03/model.json`), so the members come back by
`registry.load`, as if they stood alone; the head holds the sha256 of every one of them.
Not known here: which models are worth averaging, and with which weights.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vvp.errors import UserError
from vvp.models import registry
from vvp.models.base import JSON_FILE, TENSOR_FILE, TEXT_FILE, Model, check_columns, pack, read_head, unpack

MOST_MEMBERS, MOST_COLUMNS = 8, 100_000
FILE_NAME = re.compile(
    rf"member-0[0-{MOST_MEMBERS - 1}]/({'|'.join(map(re.escape, (JSON_FILE, TENSOR_FILE, TEXT_FILE)))})"
)
"""what a member's file is called"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One model of the average."""

    model: Model
    weight: float
    """> 0; the members' weights sum to 1"""
    columns: np.ndarray
    """int (d',), places in the average's columns, in the order that the model was fitted on"""


@dataclass(frozen=True, kw_only=True, eq=False)
class AverageModel:
    """The weighted mean of its members' forecasts. ValueError when its members cannot be averaged."""

    family: ClassVar[str] = "average"
    members: tuple[Member, ...]
    n_cols: int

    def __post_init__(self) -> None:
        weights = [member.weight for member in self.members]
        if not 0 < len(weights) <= MOST_MEMBERS:
            raise ValueError(f"an average of {len(weights)} models; 1 to {MOST_MEMBERS} are possible")
        if not all(0 < weight <= 1 for weight in weights) or abs(sum(weights) - 1) > 1e-6:
            raise ValueError(f"weights {weights}: each must be positive, and their sum 1")
        for member in self.members:
            columns = member.columns
            if not len(columns) or len(np.unique(columns)) != len(columns):
                raise ValueError("a member without columns, or with one twice")
            if columns.min() < 0 or columns.max() >= self.n_cols:
                raise ValueError(f"a member reads a column that is not among the {self.n_cols}")
            if isinstance(member.model, AverageModel):
                raise ValueError("an average of averages")

    def predict(self, X: np.ndarray) -> np.ndarray:
        check_columns(X, self.n_cols)
        said = [member.weight * member.model.predict(X[:, member.columns]) for member in self.members]
        return np.asarray(np.sum(said, axis=0))

    def files(self) -> dict[str, bytes]:
        inside: dict[str, bytes] = {}
        for number, member in enumerate(self.members):
            inside |= {f"member-{number:02d}/{name}": data for name, data in member.model.files().items()}
        about = [{"weight": member.weight, "columns": member.columns.tolist()} for member in self.members]
        return pack(self.family, {"n_cols": self.n_cols, "members": about}, {}, others=inside)

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> "AverageModel":
        meta, _, _ = unpack(cls.family, files)
        n_cols, about = meta.get("n_cols"), meta.get("members")
        if type(n_cols) is not int or not 0 < n_cols <= MOST_COLUMNS:
            raise UserError("the saved average does not state its columns.")
        if not isinstance(about, list) or not 0 < len(about) <= MOST_MEMBERS:
            raise UserError(f"the saved average does not state its 1 to {MOST_MEMBERS} members.")
        inside: list[dict[str, bytes]] = [{} for _ in about]
        for name in meta["sha256"]:
            if name == TENSOR_FILE:
                continue
            folder, _, file = name.partition("/")
            if not FILE_NAME.fullmatch(name) or int(folder[-2:]) >= len(about):
                raise UserError(f"the saved average names the file {name[:80]!r}, which is no member's.")
            inside[int(folder[-2:])][file] = files[name]
        members = tuple(_member(one, found, n_cols) for one, found in zip(about, inside, strict=True))
        try:
            return cls(members=members, n_cols=n_cols)
        except ValueError as error:
            raise UserError(f"the saved average cannot be ({error}).") from error


def _member(about: Any, files: Mapping[str, bytes], n_cols: int) -> Member:
    weight, columns = (about.get("weight"), about.get("columns")) if isinstance(about, dict) else (None, None)
    if type(weight) is not float or not isinstance(columns, list) or len(columns) > n_cols:
        raise UserError("the saved average does not state a member's weight and columns.")
    if not all(type(column) is int and 0 <= column < n_cols for column in columns):
        raise UserError(f"a member of the saved average reads a column that is not among its {n_cols}.")
    if read_head(files)["family"] == AverageModel.family:  # before it is loaded: no depth without an end
        raise UserError("the saved average holds an average.")
    model = registry.load(files)
    try:
        model.predict(np.zeros((1, len(columns)), dtype=np.float32))
    except ValueError as error:
        raise UserError(f"a member of the saved average was fitted on other columns ({error}).") from error
    return Member(model=model, weight=weight, columns=np.array(columns, dtype=np.int64))
