"""What a run writes down, as typed, frozen records: checked when they are read, objects everywhere else.

`as_dict` gives what JSON holds; `read` gives the record back, or a UserError in one sentence. Nothing hangs
on the wording of a sentence: what a program must know of a warning is its kind.
Not known here: how anything in them is computed.
"""

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vvp.errors import UserError

R = TypeVar("R", bound="Record")


class Record(BaseModel):
    """Frozen, nothing unknown, no NaN, no number in place of a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return self.model_dump(mode="json")

    @classmethod
    def read(cls: type[R], value: Any, where: str, again: str) -> R:
        """The record of parsed JSON. UserError when it does not fit: where it lies, what to run again."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(str(part) for part in first["loc"]) or "as a whole"
            raise UserError(
                f"{where} is damaged or of another version ({at}: {first['msg']}): run {again} again."
            ) from error


class Measured(Record):
    """A metric, or a difference of two, with its 95 % interval; see metrics.Interval."""

    point: float | None
    low: float | None
    high: float | None
    resamples: int = 0
    skipped: int = 0
    few_channels: bool = False


class Metrics(Record):
    spearman: Measured
    r2: Measured
    mae: Measured
    pairwise_accuracy: Measured

    def of(self, metric: str) -> Measured:
        """By the name in metrics.METRICS."""
        found: Measured = getattr(self, metric)
        return found


class Warning(Record):
    """What a reader of the numbers should know. kind: for programs; text: for people, without a full stop."""

    kind: Literal[
        "constant", "same", "one channel", "narrow interval", "few validation", "few test", "few channels",
        "unknown age", "few videos", "equal counts",
    ]  # fmt: skip
    text: str


class Evidence(Record):
    """One candidate against another, out of fold (evidence.py)."""

    candidate: str
    rival: str
    rows: int
    """compared; where there were too few to try: all that could have been"""
    clusters: int
    unit: str
    """channels | runs in time"""
    gain: float | None
    """how much smaller the candidate's mean absolute error is, as a share of the rival's; None: not tried"""
    low: float | None
    """lower end of its one-sided 95 % interval; None: not tried"""
    better: bool
    sentence: str


class Coverage(Record):
    """How often the 80 % interval of a forecaster held the truth, where that was measured."""

    half_width: float | None
    """log views, the middle one of the rows; None: no interval can be made"""
    reason: str | None = None
    """why there is none"""
    wanted: float = 0.8
    measured: Measured | None
    held: int = Field(ge=0)
    of: int = Field(ge=0)
    clearly_under: bool


class ModelResult(Record):
    """One candidate on the test part."""

    role: Literal["rule", "single", "model"]
    family: str
    input: str
    columns: int
    rows: int
    unavailable: str | None = None
    """why there is no model; the rest is then None"""
    validation_mae: float | None = None
    metrics: Metrics | None = None
    versus_rule: Metrics | None = None
    """its metrics less the rule's, paired; None for the rule itself"""


Standing = Literal["rule", "better", "not shown to be better", "no better"]


class SplitResult(Record):
    """One split's test part, opened."""

    parts: dict[str, int]
    population: str
    test_rows: int
    test_channels: int
    rule: str
    chosen: str
    standing: Standing
    evidence: list[Evidence]
    results: dict[str, ModelResult]
    interval: Coverage
    flags: list[Warning]

    @property
    def own(self) -> ModelResult:
        """The chosen candidate's."""
        return self.results[self.chosen]


class Quality(Record):
    """What a predictor carries about one of its forecasters."""

    verdict: str = Field(max_length=4_000)
    standing: Standing
    metrics: Metrics | None = None
    rule: str
    rule_metrics: Metrics | None = None
    interval: Coverage | None
    test_rows: int = Field(ge=0)
    test_channels: int | None = Field(ge=0)


class Saved(Record):
    """Where the predictor went."""

    id: str
    model: str
    at: str


class Evaluation(Record):
    """evaluation.json. `splits` is empty where the rule alone was tried; `rule` and the rest then say how."""

    name: str
    split: str
    profile: str
    opened_at: str
    resamples: int
    format: int
    run_id: str
    counts: dict[str, int]
    horizon: str | None
    """why the age of the counts is left out; None: it is not"""
    rules_only: str | None
    """why no model was tried; None: models were"""
    splits: dict[str, SplitResult] = Field(default_factory=dict)
    unavailable: dict[str, str] = Field(default_factory=dict)
    """split → why it could not be made"""
    verdict: str = ""
    warnings: list[Warning] = Field(default_factory=list)
    times_opened: int = 0
    predictor: Saved | None = None
    rule: str | None = None
    typical_factor: float | None = None
    interval: Coverage | None = None


class Fitted(Record):
    """A candidate in candidates.json; its model lies in `files`, of which the unavailable has none."""

    name: str
    role: Literal["rule", "single", "model"]
    input: str
    family: str
    columns: list[str]
    params: dict[str, str | int | float | bool | None]
    rows: int
    validation_mae: float | None
    unavailable: str | None
    bounds: list[float] | None = Field(min_length=2, max_length=2)
    files: list[Literal["model.json", "model.safetensors", "model.txt"]]


class FittedSplit(Record):
    """What `tune` found under one split, on its validation part."""

    population: str
    validation_mae: dict[str, float | None]
    unavailable_models: dict[str, str]


class Run(Record):
    """run.json"""

    id: str = ""
    name: str
    split: str
    trials: int
    seed: int
    embargo_days: float | None
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
