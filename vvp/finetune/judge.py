"""A trained network measured like every other model: the same test rows, intervals, the best rule beside it.

The network learned from the training part of the time split alone, and its epoch was chosen on the validation
part. Its record carries the split's fingerprint; under another split it is refused.
Not known here: how it was trained.
"""

import hashlib
import io
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

import numpy as np
from safetensors.torch import save as save_tensors

from vvp.dataset.matrix import Matrix, assemble
from vvp.dataset.targets import VIEWS, Target, find
from vvp.errors import SplitError
from vvp.finetune.clips import ClipCache
from vvp.finetune.loop import Epoch, Progress
from vvp.finetune.networks.base import Network, parameters
from vvp.finetune.results import RESULT, EpochRecord, Extreme, NetworkResult
from vvp.finetune.settings import TrainSettings
from vvp.finetune.task import Task
from vvp.learn import candidates, class_metrics, opened
from vvp.learn.metrics import METRICS, bootstrap, paired
from vvp.learn.records import Warning
from vvp.learn.tuning import read_run
from vvp.models.base import criterion
from vvp.workspace import Workspace

TRAINED, TENSORS, SAID = "trained.json", "network.safetensors", "forecasts.npy"
MIN_TRAIN, MIN_HELD = 8, 3  # rows with a clip, below which nothing is trained
SHOWN = 3  # clips that a record names as the closest, and as many as the furthest off


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What a network of a workspace can learn from."""

    matrix: Matrix
    task: Task
    test: np.ndarray
    """int64, rows of the matrix"""
    left_out: dict[str, int]
    fingerprint: str

    @property
    def wanted(self) -> np.ndarray:
        """The rows that are forecast: validation, then test."""
        return np.concatenate([self.task.validation, self.test])

    @property
    def parts(self) -> dict[str, int]:
        """How many rows each part has."""
        rows = {"train": self.task.train, "validation": self.task.validation, "test": self.test}
        return {part: len(own) for part, own in rows.items()}

    def mark(self, settings: TrainSettings, cache: ClipCache) -> str:
        """Hex hash of everything that the trained network depends on."""
        m, ids = self.matrix, self.matrix.video_id
        rows = np.concatenate([self.task.train, self.wanted])
        keys = [cache.clips[ids[row]].key for row in rows]
        facts = [
            asdict(settings),
            m.target.target.name,
            self.fingerprint,
            keys,
            m.y[rows].tolist(),
            m.part[rows].tolist(),
        ]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def target_of(space: Workspace, name: str, target: str) -> Target:
    """The target of this name; what is viral is as run `name` has it. UserError: there is none such."""
    found = find(target)
    run = read_run(space, name, target)
    return found if run is None or run.viral is None else find(target, run.viral)


def prepare(
    space: Workspace, name: str, cache: ClipCache, min_frames: int = 0, target: Target = VIEWS.target
) -> Prepared:
    """The rows that have the target's value and a clip, under the time split of run `name`, or of no run.

    UserError: too few of them, or of a class.
    """
    run = read_run(space, name, target.name) or read_run(space, name)
    matrix = assemble(space, "time", None if run is None else run.split_settings, target=target)
    labelled = np.isin(matrix.part, ("train", "validation", "test"))
    there = np.array([video in cache.clips for video in matrix.video_id])
    long = np.array(
        [v in cache.clips and cache.clips[v].source_frames >= min_frames for v in matrix.video_id]
    )
    rows = {part: matrix.rows(part, long) for part in ("train", "validation", "test")}
    least = {"train": MIN_TRAIN, "validation": MIN_HELD, "test": MIN_HELD}
    for part, own in rows.items():
        if len(own) < least[part]:
            raise SplitError(f"only {len(own)} {part} videos have a clip; a network needs {least[part]}.")
    left_out = {
        "no clip": int((labelled & ~there).sum()), "too few frames": int((labelled & there & ~long).sum())
    }  # fmt: skip
    return Prepared(
        matrix=matrix,
        task=Task(
            y=matrix.y, train=rows["train"], validation=rows["validation"], classes=matrix.target.classes
        ),
        test=rows["test"], left_out=left_out, fingerprint=str(matrix.splits.facts["fingerprint"]),
    )  # fmt: skip


def write_trained(space: Workspace, at: str, network: Network, progress: Progress, said: np.ndarray) -> None:
    """The network, its forecasts of the wanted rows and its history; JSON last, it vouches for the others."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    data = save_tensors(tensors)
    space.write_bytes(f"{at}/{TENSORS}", data)
    sink = io.BytesIO()
    np.save(sink, said, allow_pickle=False)
    space.write_bytes(f"{at}/{SAID}", sink.getvalue())
    history = [asdict(epoch) for epoch in progress.history]
    facts = {"mark": progress.mark, "best": progress.best, "history": history,
             "parameters": parameters(network), "sha256": hashlib.sha256(data).hexdigest()}  # fmt: skip
    space.write_json(f"{at}/{TRAINED}", facts)


def trained(space: Workspace, at: str, mark: str) -> bool:
    """Whether the folder holds this very network, trained to the end."""
    return space.exists(f"{at}/{TRAINED}") and space.read_json(f"{at}/{TRAINED}").get("mark") == mark


@dataclass(frozen=True, kw_only=True, eq=False)
class Done:
    """What a training left."""

    mark: str
    best: int
    history: list[EpochRecord]
    parameters: int
    said: np.ndarray
    """float64 (m,) or (m, classes), of Prepared.wanted; see loop.forecast"""


def read_trained(space: Workspace, at: str, prepared: Prepared) -> Done:
    """UserError: damaged, or of other rows."""
    facts = space.read_json(f"{at}/{TRAINED}")
    with space.taken_apart(f"{at}/{TRAINED}", f"delete {at}, and run `vvp finetune` again"):
        said = np.load(io.BytesIO(space.read_bytes(f"{at}/{SAID}")), allow_pickle=False)
        if (
            said.shape != (len(prepared.wanted), *prepared.task.shape)
            or said.dtype != np.float64
            or not np.isfinite(said).all()
        ):
            raise ValueError("forecasts of other rows")
        return Done(
            mark=str(facts["mark"]), best=int(facts["best"]), parameters=int(facts["parameters"]), said=said,
            history=[EpochRecord(**asdict(Epoch(**row))) for row in facts["history"]],
        )  # fmt: skip


def judge(
    space: Workspace, at: str, prepared: Prepared, settings: TrainSettings, resamples: int = 1000
) -> NetworkResult:
    """Measures what was trained, on the test part, and writes the record."""
    done = read_trained(space, at, prepared)
    matrix, test, name = prepared.matrix, prepared.test, settings.network
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    times = opened.note(space, f"{at.split('/')[1]} {name}-{done.mark}", matrix, when)
    validation = prepared.task.validation
    rule = best_rule(matrix, validation)
    rows = np.concatenate([validation, test])
    pair = _Pair(
        y=matrix.y[rows], network=done.said, rule=rule.predict(matrix, rows), held=len(validation),
        channels=matrix.channel_id[test], classes=matrix.target.classes, resamples=resamples,
    )  # fmt: skip
    said, y = pair.network[pair.held :], pair.y[pair.held :]
    labels = list(matrix.target.target.labels)
    closest, furthest = extremes(matrix.video_id[test], y, said)
    result = NetworkResult(
        network=name, settings=json.dumps(asdict(settings), sort_keys=True), mark=done.mark, split="time",
        target=matrix.target.target.name, scale=matrix.target.target.scale,
        numbers=dict(matrix.target.numbers), fingerprint=prepared.fingerprint,
        parameters=done.parameters, parts=prepared.parts, left_out=prepared.left_out, best=done.best,
        history=done.history, rule=rule.name,
        **(pair.of_classes() if pair.classes else pair.of_a_number()),
        labels=labels, base=[float((y == i).mean()) for i in range(len(labels))],
        closest=closest, furthest=furthest, warnings=_warnings(name, y, said), times_opened=times,
    )  # fmt: skip
    space.write_json(f"{at}/{RESULT}", result.as_dict())
    return result


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pair:
    """A network and the rule on the validation rows, `held` of them, and then the test rows."""

    y: np.ndarray
    network: np.ndarray
    rule: np.ndarray
    held: int
    channels: np.ndarray
    """of the test rows"""
    classes: int
    resamples: int

    def of_a_number(self) -> dict[str, Any]:
        y, both = self.y[self.held :], {"a": self.network[self.held :], "b": self.rule[self.held :]}
        found = bootstrap(y, both, self.channels, self.resamples)
        gap = paired(y, both["a"], both["b"], self.channels, self.resamples)
        names = ("metrics", "rule_metrics", "versus_rule")
        measured = zip(names, (found["a"], found["b"], gap), strict=True)
        return {key: {m: one[m].record() for m in METRICS} for key, one in measured}

    def of_classes(self) -> dict[str, Any]:
        """The threshold of each is chosen on the validation rows."""
        judge = class_metrics.Judge(self.y[self.held :], self.classes, self.channels, self.resamples)
        values, thresholds = [], []
        for said in (self.network, self.rule):
            threshold = 0.5
            if self.classes == 2:
                threshold = class_metrics.best_threshold(said[: self.held], self.y[: self.held])
            thresholds.append(threshold)
            values.append(judge.values(said[self.held :], threshold))
        gap = {metric: values[0][metric] - values[1][metric] for metric in values[0]}
        return {
            "metrics": judge.measured(values[0]), "rule_metrics": judge.measured(values[1]),
            "versus_rule": judge.measured(gap), "threshold": thresholds[0] if self.classes == 2 else None,
        }  # fmt: skip


def _warnings(name: str, y: np.ndarray, said: np.ndarray) -> list[Warning]:
    found = []
    if hardly_moves(said, y):
        same = "the same" if np.ptp(said, axis=0).max() < 1e-9 else "nearly the same"
        text = f"{name} says {same} of every video: it has learned next to nothing from the clips"
        found.append(Warning(kind="constant", text=text))
    if len(y) < 50:
        text = f"the test holds {len(y)} clips: small differences are mostly chance"
        found.append(Warning(kind="few test", text=text))
    return found


def extremes(
    videos: np.ndarray, y: np.ndarray, said: np.ndarray, n: int = SHOWN
) -> tuple[list[Extreme], list[Extreme]]:
    """(closest, furthest) forecasts, at most n each, none in both."""
    if said.ndim == 2:
        said = said[np.arange(len(y)), y.astype(np.int64)]
        off = 1 - said
    else:
        off = np.abs(y - said)
    order = np.argsort(off, kind="stable")
    half = min(n, len(order) // 2)
    rows = [Extreme(video_id=str(videos[i]), truth=float(y[i]), said=float(said[i])) for i in order]
    return rows[:half], rows[::-1][:half]


def best_rule(matrix: Matrix, validation: np.ndarray) -> candidates.Candidate:
    """The rule with the least loss on the validation rows, fitted on the rows before the test."""
    able = [rule for rule in candidates.rules(matrix) if rule.model is not None]
    train = matrix.rows("train")
    tried = {r.name: candidates.fit_rule(matrix, r, train).predict(matrix, validation) for r in able}
    loss = criterion(matrix.target.classes)
    return min(able, key=lambda r: loss(matrix.y[validation], tried[r.name]))


def hardly_moves(said: np.ndarray, y: np.ndarray) -> bool:
    """Whether forecasts, (m,) or of each class (m, classes), vary by less than a twentieth of what the labels
    do."""
    truth = y if said.ndim == 1 else np.eye(said.shape[1])[y.astype(np.int64)]
    return float(said.std(axis=0).max()) < 0.05 * float(truth.std(axis=0).max())
