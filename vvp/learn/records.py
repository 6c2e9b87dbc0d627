"""What a run writes down, as typed, frozen records: checked when they are read, objects everywhere else.

`as_dict` gives what JSON holds; `read` gives the record back, or a UserError in one sentence. Nothing hangs
on the wording of a sentence: what a program must know of a warning is its kind.
Not known here: how anything in them is computed.
"""

from typing import Annotated, Any, Literal, TypeVar

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
        "constant", "same", "one channel", "narrow interval", "few test", "few channels",
        "unknown age", "few videos", "equal counts", "one class",
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


class CoverageSlice(Record):
    """Coverage on some of the test rows."""

    by: str
    """channel (known or new), followers (quarters), month, media"""
    value: str
    rows: int
    channels: int
    measured: Measured


class Coverage(Record):
    """How often the 80 % interval of a forecaster held the truth, where that was measured."""

    half_width: float | None
    """log views, the middle one of the rows; None: no interval can be made"""
    reason: str | None = None
    """why there is none"""
    wanted: float = 0.8
    measured: Measured | None
    crps: float | None = None
    """mean continuous ranked probability score, log views, lower is better"""
    pit: list[int] = Field(default_factory=list)
    """how many truths fell into each tenth of their distribution; even is right"""
    score: float | None = None
    """mean interval score, log views, lower is better"""
    gain: Measured | None = None
    """how much lower that is than with one width for all, as a share"""
    parts: list[str] = Field(default_factory=list)
    """what shapes the interval to a video (intervals/fit.py)"""
    shift: float = 0.0
    """what is added to every forecast, log views"""
    margin: float = 1.0
    """by how much intervals are wider than the errors alone make them"""
    slices: list[CoverageSlice] = Field(default_factory=list)
    held: int = Field(ge=0)
    of: int = Field(ge=0)
    clearly_under: bool


class _Result(Record):
    """What is written of every candidate, whatever it forecasts."""

    role: Literal["rule", "single", "model"]
    family: str
    input: str
    columns: int
    rows: int
    unavailable: str | None = None
    """why there is no model; what follows is then None"""
    validation_loss: float | None = None
    """the criterion on the folds' held rows"""


class ModelResult(_Result):
    """One candidate on the test part."""

    metrics: Metrics | None = None
    versus_rule: Metrics | None = None
    """its metrics less the rule's, paired; None for the rule itself"""
    mape: Measured | None = None
    """mean absolute percentage error of a count, 1 is 100 %; None: the target is no count"""


Standing = Literal["rule", "better", "not shown to be better", "no better"]


class FoldLook(Record):
    """One fold before the test: mean absolute errors, log views; None: nothing was forecast there."""

    rows: int
    error: float | None
    rule_error: float | None


class ChannelLook(Record):
    """A large channel that the fit had not seen: mean absolute errors, log views."""

    channel: str
    rows: int
    error: float
    known_error: float | None
    """of its videos on the folds, where its earlier ones were known"""


class CurveLook(Record):
    """The last fold forecast from some of its training rows."""

    rows: int
    error: float


class Looks(Record):
    """looks.py"""

    folds: list[FoldLook]
    channels: list[ChannelLook]
    curve: list[CurveLook]


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
    """each video forecast from what was known when it was posted: the online protocol"""
    frozen: dict[str, Metrics] = Field(default_factory=dict)
    """the rules and the chosen one, without any count of the test's time; empty but for the time split"""
    interval: Coverage
    flags: list[Warning]
    mape_rows: int | None = None
    """test rows that every mape is of: those whose count is not 0; None: the target is no count"""
    looks: Looks | None = None
    """further looks at the chosen model, before the test; None for a rule, and beside the deciding split"""

    @property
    def own(self) -> ModelResult:
        """The chosen candidate's."""
        return self.results[self.chosen]


class ClassResult(_Result):
    """One candidate for a target of classes on the test part; metrics by name, see class_metrics.py."""

    metrics: dict[str, Measured] | None = None
    versus_rule: dict[str, Measured] | None = None
    """its metrics less the rule's, paired; None for the rule itself"""


class ByViews(Record):
    """The same yes or no said by the distribution of views, on the same test rows (two_ways.py)."""

    forecaster: str
    """who forecasts views"""
    metrics: dict[str, Measured]
    """auc, brier, log_loss"""
    versus_own: dict[str, Measured]
    """those less the ones of the target's own forecaster, paired"""
    rank: float | None
    """Spearman between the two chances; None: one of them is constant"""
    apart: float
    """mean distance between the two chances"""


class ClassSplit(Record):
    """One split's test part, opened, for a target of classes."""

    parts: dict[str, int]
    population: str
    test_rows: int
    test_channels: int
    labels: list[str]
    base: list[float]
    """share of each class in the test part"""
    trained: list[float]
    """and in the training part: what is usual"""
    rule: str
    chosen: str
    standing: Standing
    evidence: list[Evidence]
    results: dict[str, ClassResult]
    threshold: float
    """the chosen one's, from out-of-fold forecasts"""
    mapping: str | None
    """how its numbers became probabilities (probabilities.py)"""
    confusion: list[list[int]]
    """rows: what came; columns: what was said at the threshold, or the likeliest class"""
    curve: list[Annotated[tuple[float, float, int], Field(strict=False)]]
    """of two classes: mean said, share that came, rows, by tenths"""
    flags: list[Warning]
    by_views: ByViews | None = None
    """None: the classes are no bound on views, or `no_by_views`"""
    no_by_views: str | None = None
    """why the distribution of views cannot say it"""


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
    """evaluation.json. Where the simple rule alone was tried, `splits` is empty and `rule`, `typical_factor`
    and `interval` hold the result; a target of classes has `classes`."""

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
    target: str = "views"
    unit: str = "views"
    scale: str = "log views"
    """on which errors are given"""
    log: bool = True
    """an error on it is a factor of the value"""
    splits: dict[str, SplitResult] = Field(default_factory=dict)
    classes: dict[str, ClassSplit] = Field(default_factory=dict)
    """the splits of a target of classes, which has no `splits`"""
    unavailable: dict[str, str] = Field(default_factory=dict)
    """split → why it could not be made"""
    verdict: str = ""
    warnings: list[Warning] = Field(default_factory=list)
    times_opened: int = 0
    predictor: Saved | None = None
    rule: str | None = None
    typical_factor: float | None = None
    interval: Coverage | None = None
