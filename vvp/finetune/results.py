"""What was measured of trained networks, and where it lies. Needs no torch: `vvp evaluate` reads it too."""

from pydantic import Field

from vvp.dataset.targets import VIEWS
from vvp.learn.candidates import MEAN
from vvp.learn.class_metrics import IN_WORDS
from vvp.learn.records import Measured, Record, Warning
from vvp.learn.tuning import read_run
from vvp.models.base import rank
from vvp.paths import SPLITS_FACTS, RunPaths
from vvp.workspace import Workspace

RESULT = "result.json"
RECONSTRUCTION = "reconstruction.json"  # an autoencoder's, which no reader of forecasts takes for one


class EpochRecord(Record):
    """As loop.Epoch."""

    epoch: int
    loss: float
    validation: float
    lr: float
    seconds: float
    waited: float
    clips_per_second: float


class Extreme(Record):
    """A test clip whose forecast was among the closest, or the furthest off."""

    video_id: str
    truth: float
    """on the target's scale, or the class"""
    said: float
    """the forecast, of two classes the chance of the second, of more that of the one that came"""


class NetworkResult(Record):
    """result.json. Metrics by name: of a number metrics.METRICS, of classes those of class_metrics.py."""

    network: str
    settings: str
    """JSON of settings.TrainSettings"""
    mark: str
    """hash of data and settings"""
    target: str
    scale: str
    """of the labels and of its errors"""
    numbers: dict[str, float] = Field(default_factory=dict)
    """the target's thresholds and scales"""
    split: str
    fingerprint: str
    """of the split that it was trained under"""
    parameters: int
    parts: dict[str, int]
    """labelled rows with a clip"""
    left_out: dict[str, int]
    """labelled rows without one, by reason"""
    best: int
    """the epoch whose weights it has"""
    history: list[EpochRecord]
    rule: str
    metrics: dict[str, Measured]
    rule_metrics: dict[str, Measured]
    versus_rule: dict[str, Measured]
    """its metrics less the rule's, paired, on the test part"""
    labels: list[str] = Field(default_factory=list)
    """the classes in words; empty: it forecasts a number"""
    base: list[float] = Field(default_factory=list)
    """share of each class in the test part"""
    threshold: float | None = None
    """chance from which it says yes, chosen on the validation part; None: not of two classes"""
    closest: list[Extreme] = Field(default_factory=list)
    furthest: list[Extreme] = Field(default_factory=list)
    warnings: list[Warning]
    times_opened: int
    """by how many runs and networks this test part was opened"""

    @property
    def shown(self) -> tuple[str, ...]:
        """The metrics that a table has room for; the last one decides: less of it is better."""
        if not self.labels:
            return NUMBERS
        return OF_TWO if len(self.labels) == 2 else OF_MORE

    def in_words(self, metric: str) -> str:
        """The heading of a metric's column."""
        known = {"spearman": "Spearman", "r2": "R²", "mae": f"MAE ({self.scale})", **IN_WORDS}
        return known[metric]

    @property
    def rule_called(self) -> str:
        """The mean of classes is their base rate."""
        return "base rate" if self.labels and self.rule == MEAN else self.rule

    @property
    def loss(self) -> str:
        """The deciding metric's short name."""
        return "log loss" if self.labels else "MAE"

    @property
    def usual(self) -> str:
        """The classes' shares in the test part, in a sentence's words."""
        return ", ".join(f"{label} {share:.0%}" for label, share in zip(self.labels, self.base, strict=True))


NUMBERS = ("spearman", "r2", "mae")
OF_TWO, OF_MORE = ("auc", "average_precision", "log_loss"), ("accuracy", "macro_f1", "log_loss")


class ReconstructionResult(Record):
    """reconstruction.json: what an autoencoder came to. Errors are mean squared ones, of normalised pixels,
    each clip's mean alike. It forecasts nothing, so it has no other figures."""

    network: str
    settings: str
    mark: str
    split: str
    fingerprint: str
    parameters: int
    parts: dict[str, int]
    left_out: dict[str, int]
    best: int
    history: list[EpochRecord]
    """`loss` and `validation` are both such errors"""
    first: float
    """on the validation part after the first epoch"""
    kept: float
    """after the best one"""
    test: float
    one_colour: float
    """on the validation part of a picture that is everywhere their mean colour: what needs no network"""

    @property
    def halved(self) -> bool:
        return self.kept <= self.first / 2


def networks(space: Workspace, name: str, target: str = VIEWS.name) -> tuple[list[NetworkResult], list[str]]:
    """What `vvp finetune` measured for a run's target, least loss first; and a sentence for each network that
    was trained under another split than the workspace's, or on other thresholds of the target than the run's.
    UserError: a damaged record."""
    found: list[NetworkResult] = []
    others: list[str] = []
    if not space.exists(SPLITS_FACTS):
        return found, others
    fingerprint = space.read_json(SPLITS_FACTS).get("fingerprint")
    home, run = RunPaths(name, target).networks, read_run(space, name, target)
    for folder in space.folders(home):
        path = f"{home}/{folder}/{RESULT}"
        if not space.exists(path):  # it is still being trained
            continue
        result = NetworkResult.read(space.read_json(path), space.uri(path), "`vvp finetune`")
        other = "under another split" if result.fingerprint != fingerprint else ""
        # Under another split the run's thresholds are of other training videos.
        if run is not None and run.split == result.split and run.numbers != result.numbers:
            other = other or f"on other thresholds of {target}"
        if other:
            text = f"{result.network} ({result.mark}) was trained {other}: run `vvp finetune` again"
            others.append(text)
        else:
            found.append(result)
    return sorted(found, key=lambda r: rank(r.metrics[r.shown[-1]].point)), others
