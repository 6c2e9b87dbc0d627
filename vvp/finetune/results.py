"""What was measured of trained networks, and where it lies. Needs no torch: `vvp evaluate` reads it too."""

from vvp.dataset.targets import VIEWS
from vvp.learn.records import Metrics, Record, Warning
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


class NetworkResult(Record):
    """result.json"""

    network: str
    settings: str
    """JSON of settings.TrainSettings"""
    mark: str
    """hash of data and settings"""
    target: str
    scale: str
    """of the labels and of its errors"""
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
    metrics: Metrics
    rule_metrics: Metrics
    versus_rule: Metrics
    """its metrics less the rule's, paired, on the test part"""
    warnings: list[Warning]
    times_opened: int
    """by how many runs and networks this test part was opened"""


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
    """What `vvp finetune` measured for a run's target, least error first; and a sentence for each network
    that was trained under another split than the workspace's. UserError: a damaged record."""
    found: list[NetworkResult] = []
    others: list[str] = []
    if not space.exists(SPLITS_FACTS):
        return found, others
    fingerprint = space.read_json(SPLITS_FACTS).get("fingerprint")
    home = RunPaths(name, target).networks
    for folder in space.folders(home):
        path = f"{home}/{folder}/{RESULT}"
        if not space.exists(path):  # it is still being trained
            continue
        result = NetworkResult.read(space.read_json(path), space.uri(path), "`vvp finetune`")
        if result.fingerprint == fingerprint:
            found.append(result)
            continue
        others.append(
            f"{result.network} ({result.mark}) was trained under another split: run `vvp finetune` again"
        )
    return sorted(found, key=lambda r: r.metrics.mae.point or 0.0), others
