"""The typed shape of map.json, for whoever reads one: it may be a stranger's.

Every section may say why it is absent ({"unavailable": …}). What nobody shows (a rule's numbers, a seed) is
let through as it is. Not known here: how anything in it is computed, what is shown of it.
"""

from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from vvp.learn.records import Record

FORMAT = 1
Share = Annotated[float, Field(ge=-0.01, le=1.01)]  # rounding moves a sum of shares a little
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Text = Annotated[str, Field(max_length=10_000)]
Curve = Annotated[list[Share], Field(min_length=1, max_length=70_000)]
OverK = Annotated[list[Number], Field(min_length=1, max_length=1_000)]


class Part(Record):
    """Frozen, typed, without NaN; keys that nobody shows may come with it."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, strict=True)


class Unavailable(Part):
    unavailable: Text


P = TypeVar("P", bound=Part)
TAGS = ("absent", "whole")
ABSENT = Unavailable(unavailable="it is not there")


def _tag(section: Any) -> str:
    return TAGS[not (isinstance(section, dict) and "unavailable" in section)]


Section = Annotated[
    Annotated[Unavailable, Tag(TAGS[0])] | Annotated[P, Tag(TAGS[1])], Discriminator(_tag)
]  # fmt: skip


class Pca(Part):
    components: Count
    kept: Share
    curve: Curve
    curve_unscaled: Curve | None = None
    need_86: Count | None = None
    need_95: Count | None = None
    block_share: dict[str, Share | None]
    block_share_unscaled: dict[str, Share | None]
    rule: Text | None = None


class Overlap(Part):
    k: Count
    value: Share
    random: Share
    rows: Count


class Umap(Part):
    overlap: Section[Overlap] = ABSENT
    dimensions: Count = 15
    rule: Text | None = None


class Kmeans(Part):
    k: list[Count] = Field(min_length=1, max_length=1_000)
    inertia: OverK
    silhouette: OverK
    silhouette_low: OverK
    silhouette_high: OverK
    shuffled: OverK
    best: Count
    separates: bool
    odd: bool = False
    overlapping: bool = False
    sentence: Text | None = None
    rule: Text | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Kmeans":
        curves = (self.inertia, self.silhouette, self.silhouette_low, self.silhouette_high, self.shuffled)
        if any(len(curve) != len(self.k) for curve in curves) or self.best not in self.k:
            raise ValueError("its curves and its K do not fit each other")
        return self


class Hdbscan(Part):
    clusters: Count
    noise: Share


class Agreement(Part):
    adjusted_rand: Annotated[float, Field(ge=-1.01, le=1.01)]
    rows: Count


class Difference(Part):
    """Of a cluster from the rest, in standard deviations, with its 95 % interval; mean and rest in the
    feature's own unit."""

    point: Number | None = None
    low: Number | None = None
    high: Number | None = None
    mean: Number | None = None
    rest: Number | None = None


class ClusterError(Part):
    mae: Difference
    rows: Count


class Cluster(Part):
    cluster: int = Field(ge=-1, le=1_000_000)
    size: Count
    share: Share
    differences: dict[str, Difference | None]
    words: list[Annotated[tuple[Text, Number], Field(strict=False)]] = Field(default_factory=list)
    central: list[Text] = Field(default_factory=list, max_length=1_000)
    error: ClusterError | None = None
    error_unavailable: Text | None = None


class MapFacts(Part):
    format: int = Field(ge=FORMAT, le=FORMAT)
    created_at: str | None = None
    """ISO 8601; None: not said"""
    split: Text | None = None
    """None: fitted on all videos"""
    forecasts_of: Text | None = None
    """id of the run whose errors it shows"""
    pca: Section[Pca] = ABSENT
    umap: Section[Umap] = ABSENT
    kmeans: Section[Kmeans] = ABSENT
    hdbscan: Section[Hdbscan] = ABSENT
    agreement: Section[Agreement] = ABSENT
    clusters: list[Cluster] = Field(default_factory=list, max_length=1_000)
    notes: list[Text] = Field(default_factory=list, max_length=1_000)

    @field_validator("created_at")
    @classmethod
    def _moment(cls, value: str | None) -> str | None:
        if value is not None and datetime.fromisoformat(value).year < 1970:
            raise ValueError("before 1970")
        return value


def checked(facts: Any) -> dict[str, Any]:
    """Parsed map.json, as it came. ValueError, in one line, where something that is shown does not fit."""
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ValueError(f"map.json is not of format {FORMAT}")
    try:
        MapFacts.model_validate(facts)
    except ValidationError as error:
        first = error.errors()[0]
        keys = [str(part) for part in first["loc"] if part not in TAGS]
        raise ValueError(f"map.json does not fit at {'.'.join(keys)}: {first['msg']}") from error
    return facts
