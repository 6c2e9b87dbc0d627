"""What the API takes and gives: the source of truth for its fields, units and nulls, and of /docs.

Not known here: how a forecast is made, multipart, Ray.
"""

import re
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vvp.collect import parse
from vvp.encoders.minilm import MOST_CHARACTERS

INT64 = 2**63 - 1
Words = Annotated[str | None, Field(max_length=5_000)]
Short = Annotated[str | None, Field(max_length=500)]
Total = Annotated[int | None, Field(ge=0, le=INT64)]

LONGEST_MOMENT = 64  # characters


class Draft(BaseModel):
    """What is known of a draft besides its video. All may be missing: missing is null, never 0 or ""."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    title: Words = Field(None, description="as it will be posted")
    description: Words = None
    tags: list[Annotated[str, Field(max_length=200)]] | None = Field(
        None, max_length=100, description="hashtags, with or without the sign, between commas or spaces"
    )
    published_at: datetime | None = Field(
        None, description="when it will be posted, ISO 8601; without a zone it is UTC; null: now"
    )
    channel_id: Short = Field(None, description="as in the training videos; null: unknown channel")
    channel_followers: Total = Field(None, description="the channel's followers now")
    channel_videos: Total = Field(None, description="how many videos the channel has")
    channel_following: Total = Field(None, description="how many accounts the channel follows")
    channel_verified: bool | None = Field(None, description="whether the platform has verified the channel")
    is_ad: bool | None = Field(None, description="whether it is posted as an advertisement")
    horizon_days: float | None = Field(
        None, ge=0.1, le=3650, description="views after how many days; null: what its training supports best"
    )
    duration_s: float | None = Field(
        None, gt=0, le=1e6, description="seconds, for a draft without a video; with one it is measured"
    )
    transcript: Annotated[str | None, Field(max_length=MOST_CHARACTERS)] = Field(
        None, description="the words spoken; null: recognised from the video where the predictor does that"
    )

    @model_validator(mode="before")
    @classmethod
    def _blank_is_missing(cls, given: Any) -> Any:
        """An empty field of a form says that nothing was filled in."""
        if not isinstance(given, dict):
            return given
        return {k: v for k, v in given.items() if not (isinstance(v, str) and not v.strip())}

    @field_validator("tags", mode="before")
    @classmethod
    def _tags(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = re.split(r"[,\s]+", given)
        if not isinstance(given, list) or not all(isinstance(tag, str) for tag in given):
            return given
        return [tag for tag in (one.strip().lstrip("#") for one in given) if tag] or None

    @field_validator("published_at", mode="before")
    @classmethod
    def _moment(cls, given: Any) -> datetime | None:
        if isinstance(given, str) and len(given) > LONGEST_MOMENT:
            raise ValueError(
                "it is too long for a time"
            )  # before a parser looks at it: that costs its square
        return parse.moment(given)

    def values(self) -> dict[str, Any]:
        """The facts, by column of videos/."""
        found = self.model_dump(include=set(Draft.model_fields) - {"horizon_days"})
        return found | {"published_at": self.published_at or datetime.now(timezone.utc)}


class RankedDraft(Draft):
    video: str | None = Field(
        None, max_length=100, description="which field of the form has its video; or none"
    )


class Channel(BaseModel):
    given: str | None
    known: bool = Field(description="whether the predictor learned from videos of it")
    learned_from: int = Field(description="how many channels the predictor learned from")
    counted: bool = Field(description="a count of the channel was old enough to be known when it is posted")


class Outside(BaseModel):
    feature: str = Field(description="its name; a log_ in front: natural log of 1 + what it counts")
    value: float = Field(description="the draft's, on the scale of the feature")
    low: float = Field(description="least of the training videos")
    high: float


class Interval(BaseModel):
    low: float = Field(description="views")
    high: float = Field(description="views")
    coverage: float = Field(description="share of videos it is made to hold; what was measured is in quality")


class TopTenth(BaseModel):
    probability: float = Field(description="0 to 1, of more views than a tenth of the training videos got")
    views_at_least: float


class StartingPoint(BaseModel):
    views: float = Field(description="what the model says of training videos on average (mean of log views)")
    log_views: float


class Block(BaseModel):
    block: str = Field(description="picture, sound, words, timing or channel")
    log_views: float = Field(description="added to the starting point (below 0: taken); all sum to log_views")
    factor: float = Field(description="exp of it: 1.5 is half as many views again, 0.5 is half")


class Nearest(BaseModel):
    video_id: str
    title: str | None = Field(description="null: it has none")
    views: float
    channel_id: str | None = Field(description="null: unknown")
    published_at: str | None = Field(description="ISO 8601; null: unknown")
    similarity: float = Field(description="cosine of the reduced embeddings, -1 to 1")


class Seconds(BaseModel):
    """How long each step took; null: the draft did not need it."""

    decode: float | None = None
    encode: float | None = Field(None, description="picture, sound and words, side by side")
    transcribe: float | None = Field(None, description="within encode")
    forecast: float | None = None


class TargetReply(BaseModel):
    target: str
    kind: str = Field(description="count, rate, score, ratio, binary or classes")
    unit: str
    text: str = Field(description="what to show a person: the value or chance, and the usual one beside it")
    value: float | None = Field(description="in `unit`; null for classes")
    low: float | None = Field(description="of the 80 % interval; null: none could be made, or classes")
    high: float | None
    chances: dict[str, float] = Field(description="class in words → probability; empty for a number")
    usual: float | dict[str, float] | None = Field(description="the same of the training videos as a whole")
    by_views: float | None = Field(
        None, description="chance of a yes by the range of its views, where it is a bound on views; else null"
    )
    model: str
    standing: str = Field(description="of the model against the simple rule on the test part")
    verdict: str


class ForecastReply(BaseModel):
    predictor: str = Field(description="id of the predictor that answered")
    headline: str = Field(description="the sentence to lead with; it obeys what evaluation measured")
    promise: str = Field(description="after how many days, and how often such ranges held")
    kind: str = Field(description="rule: a simple rule, no model is shown to beat it; single, model: a model")
    channel: Channel
    views: float = Field(description="the middle of the forecast; quote it with the interval only")
    interval: Interval | None = Field(
        description="null: too few videos that it had not learned from to make one"
    )
    log_views: float = Field(description="natural log of 1 + views")
    horizon_days: float | None = Field(
        description="views after how many days; null: the forecast does not depend on it"
    )
    counts_age_days: float | None = Field(description="median age of the training counts; null: unknown")
    targets: dict[str, TargetReply] = Field(
        default_factory=dict, description="what the run forecasts beside views: likes, viral, …, by name"
    )
    percentile: float = Field(description="of the training videos, 0 to 100: how many got fewer views")
    training_videos: int
    top_tenth: TopTenth | None = Field(description="null with interval")
    starting_point: StartingPoint
    blocks: list[Block] = Field(description="starting_point.log_views + their sum = log_views")
    baselines: dict[str, float | None] = Field(
        description="views by simple rules; null: the rule cannot tell"
    )
    missing: list[str] = Field(description="picture, sound, speech: what the draft lacks")
    outside: list[Outside] = Field(
        description="features beyond everything in training: trust such a forecast less"
    )
    notes: list[str]
    nearest: list[Nearest] = Field(description="most alike training videos; they did not make the forecast")
    model: str
    quality: dict[str, Any] = Field(description="what evaluation measured of this model on unseen videos")
    seconds: Seconds


class Ranked(BaseModel):
    draft: int = Field(description="place in the request, from 0")
    title: str | None
    forecast: ForecastReply


class Pair(BaseModel):
    better: int = Field(description="draft, place in the request")
    worse: int
    probability: float | None = Field(
        description="that `better` gets more of the target (of classes: the higher one, where they differ); "
        "null: no errors to tell from"
    )
    too_close_to_call: bool


class RankingReply(BaseModel):
    predictor: str
    by: str = Field("views", description="the target that orders the drafts")
    order: list[Ranked] = Field(description="best first")
    pairs: list[Pair] = Field(description="each draft in the order with the next")
    sentence: str


class PredictorReply(BaseModel):
    id: str
    created_at: str
    profile: str
    encoders: dict[str, str] = Field(description="what embeds a draft: name@hash of the weights")
    model: str
    kind: str = Field(description="of the model: rule, single or model")
    rule: str = Field(description="the simple rule that forecasts are held beside, in words")
    channels: list[str] = Field(description="ids it learned from, those with most videos first; 200 at most")
    trained_on: dict[str, Any] = Field(
        description="videos, channels, published (from, to), horizon_days, median_views of those videos"
    )
    quality: dict[str, Any] = Field(description="of the model for drafts with a video, on unseen videos")
    quality_metadata_only: dict[str, Any] | None = Field(description="of the other one; null: there is none")
    cannot_know: list[str] = Field(description="in sentences")
    warnings: list[str]
    targets: list[str] = Field(
        default_factory=lambda: ["views"], description="what it forecasts, and what a ranking can be by"
    )
    accepts_metadata_only: bool
    horizon_matters: bool = Field(description="whether a forecast depends on horizon_days")
    upload_limits: dict[str, float] = Field(description="bytes of a file, seconds of video")
    refused: str | None = Field(description="why the last predictor offered was refused; null: it was not")


class Problem(BaseModel):
    kind: str
    message: str


class ErrorReply(BaseModel):
    error: Problem


class Health(BaseModel):
    status: str
    predictor: str
    refused: str | None = Field(description="as in /v1/predictor")
