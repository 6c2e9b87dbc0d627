"""predictor.json as a typed record, checked when it is read: it is somebody's input.

Whatever sizes an allocation or is asked for by a forecast has a type and a bound here.
Not known here: the other files of a predictor (files.py), how a forecast is made from it.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from vvp.dataset.columns import layout
from vvp.dataset.fuse import Dims
from vvp.dataset.targets import Fitted, find
from vvp.errors import UserError
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.probabilities import Probabilities
from vvp.learn.records import Quality, Record, Warning
from vvp.models.base import MODEL_FILE

MAX_DIM = 65_536  # of one encoder's vector
MOST_COLUMNS = 200_000
Scaled = Annotated[float, Field(gt=-100, lt=100)]
Text = Annotated[str, Field(max_length=2_000)]
Count = Annotated[int, Field(ge=0, le=2**53)]


class Spec(Record):
    """One forecaster of the predictor."""

    name: Text
    role: Literal["rule", "single", "model"]
    family: Text
    input: Text
    columns: list[Text] = Field(min_length=1, max_length=MOST_COLUMNS)
    rows: int = Field(ge=1)
    bounds: list[Scaled] | None = Field(min_length=2, max_length=2)
    """least and greatest label it was fitted on; None for classes"""
    calibration: Calibration | None
    """how wrong it may be; None: that was never seen, or it forecasts classes"""
    probabilities: Probabilities | None = None
    """how its numbers are read as probabilities; None: as they are"""
    files: list[Annotated[str, Field(pattern=MODEL_FILE)]] = Field(min_length=1, max_length=30)


class Specs(Record):
    main: Spec
    metadata: Spec | None = None
    """for drafts without a video; None: main takes those too, or nothing does"""

    def by_name(self) -> dict[str, Spec]:
        """ "main", and "metadata" where there is one."""
        both = {"main": self.main, "metadata": self.metadata}
        return {name: spec for name, spec in both.items() if spec is not None}


class Ages(Record):
    """Of the training counts, days; default: what is asked for where nobody says."""

    min: float = Field(ge=0, le=1e6)
    median: float = Field(ge=0, le=1e6)
    max: float = Field(ge=0, le=1e6)
    default: float = Field(ge=0, le=1e6)
    at_least: bool
    """they are the least that the ages can be"""


class Training(Record):
    videos: int = Field(ge=1)
    channels: Count
    channel_ids: list[Text] = Field(max_length=1_000)
    published: list[Text] = Field(max_length=2)
    horizon_days: Ages | None
    quantiles: list[Scaled] = Field(min_length=201, max_length=201)
    """of the labels, on the target's scale"""
    shares: list[Annotated[float, Field(ge=0, le=1)]] = Field(max_length=16)
    """of each class; empty where a number is forecast"""
    ranges: dict[Text, Annotated[list[float], Field(min_length=2, max_length=2)]]


class Embedding(Record):
    profile: Text
    dims: dict[str, int] = Field(default_factory=dict)
    encoders: dict[str, Text | None]
    speech: Text | None
    decode: dict[str, int | float | bool | str | None]


class Qualities(Record):
    main: Quality
    metadata: Quality
    warnings: list[Warning]

    def of(self, name: str) -> Quality:
        """Of "main" or "metadata"."""
        return self.main if name == "main" else self.metadata


class TargetHead(Record):
    """What is forecast, with the thresholds that training fixed."""

    name: Text
    viral: Text | None
    numbers: dict[Text, Annotated[float, Field(gt=-1e6, lt=1e6)]] = Field(max_length=20)

    @property
    def classes(self) -> int:
        """0: a number. ValueError for a target that there is not."""
        try:
            return self.fitted().classes
        except UserError as error:
            raise ValueError(str(error)) from error

    def fitted(self) -> Fitted:
        """UserError for a target that there is not."""
        return Fitted(find(self.name, self.viral), self.numbers)


class Head(Record):
    """The whole of predictor.json."""

    format: int
    target: TargetHead
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    created_at: Text
    profile: Text
    encoders: dict[str, Text]
    dims: dict[Text, Annotated[int, Field(ge=0, le=MAX_DIM)]] = Field(min_length=1)
    needs_media: bool
    models: Specs
    rule: Text
    training: Training
    run: Text
    split: Text
    embedding: Embedding
    quality: Qualities
    fitted_on: Text

    @property
    def accepts_metadata_only(self) -> bool:
        """Whether there is a model for drafts without a video."""
        return self.models.metadata is not None or not self.needs_media

    @model_validator(mode="after")
    def _columns_exist(self) -> "Head":
        known = {column.name for column in layout(Dims(self.dims))}
        named = set(self.training.ranges)
        for spec in self.models.by_name().values():
            named |= set(spec.columns)
        if not named <= known:
            raise ValueError("a column that there is not")
        classes = self.target.classes
        if len(self.training.shares) != classes:
            raise ValueError("shares of other classes")
        for spec in self.models.by_name().values():
            if (spec.bounds is None) != bool(classes):
                raise ValueError("bounds of classes, or a number without")
            curves = 0 if spec.probabilities is None else len(spec.probabilities.curves)
            if curves and curves != (1 if classes == 2 else classes):
                raise ValueError("probabilities of other classes")
        return self
