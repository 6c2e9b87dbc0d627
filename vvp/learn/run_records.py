"""run.json and the recipe of a predictor: what was fitted, and on what. Typed and frozen, as records.py."""

from typing import Annotated, Literal

from pydantic import Field

from vvp.dataset.labels import MIN_AGE_DAYS
from vvp.dataset.split_rules import SplitSettings
from vvp.learn.records import Record
from vvp.models.base import MODEL_FILE


class RecipeHead(Record):
    """How a model is made (recipes.py)."""

    family: str
    input: str
    params: dict[str, str | int | float | bool | None]
    point: int = Field(ge=0, le=10_000)
    members: list[Annotated[tuple[float, "RecipeHead"], Field(strict=False)]] = Field(max_length=8)


class Fitted(Record):
    """A candidate in candidates.json; its model lies in `files`, of which the unavailable has none."""

    name: str
    role: Literal["rule", "single", "model"]
    input: str
    family: str
    columns: list[str]
    recipe: RecipeHead | None
    rows: int
    validation_loss: float | None
    unavailable: str | None
    bounds: list[float] | None = Field(min_length=2, max_length=2)
    oof: int | None = Field(ge=0)
    """row of oof.npy; None: it was not judged so"""
    files: list[Annotated[str, Field(pattern=MODEL_FILE)]]


class FittedSplit(Record):
    """What `tune` found under one split, on folds before the test."""

    population: str
    validation_loss: dict[str, float | None]
    unavailable_models: dict[str, str]


class Run(Record):
    """run.json"""

    id: str = ""
    name: str
    target: str = "views"
    viral: str | None = None
    """the rule that makes a video viral; None: all four counts above their medians"""
    numbers: dict[str, float] = Field(default_factory=dict)
    """the target's thresholds and scales, of the deciding split's training part"""
    criterion: str = "mean absolute error, log views"
    split: str
    trials: int
    seed: int
    embargo_days: float | None
    min_age_days: float = MIN_AGE_DAYS
    lag_days: float | None = None
    """None: min_age_days"""
    labels_note: str | None = None
    """what was taken for the age of counts without a date"""
    train: float = 0.6
    validation: float = 0.2
    """shares of the labelled videos; the test part is the rest"""
    families: list[str] = Field(default_factory=list)
    rules_only: str | None = None
    profile: str = ""
    encoders: dict[str, str] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    splits_origin: str = ""
    dropped: int = 0
    horizon: str | None = None
    splits: dict[str, FittedSplit] = Field(default_factory=dict)
    unavailable: dict[str, str] = Field(default_factory=dict)
    """split → why it could not be made"""
    seconds: float = 0.0

    @property
    def split_settings(self) -> SplitSettings:
        """How its splits are made."""
        return SplitSettings(
            train=self.train, validation=self.validation, embargo_days=self.embargo_days,
            min_age_days=self.min_age_days, lag_days=self.lag_days,
        )  # fmt: skip
