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

import numpy as np
from safetensors.torch import save as save_tensors

from vvp.dataset.matrix import Matrix, assemble
from vvp.dataset.targets import VIEWS, Target
from vvp.errors import SplitError, UserError
from vvp.finetune.clips import ClipCache
from vvp.finetune.loop import Epoch, Progress, Task
from vvp.finetune.networks.base import Network, parameters
from vvp.finetune.results import RESULT, EpochRecord, NetworkResult
from vvp.finetune.settings import TrainSettings
from vvp.learn import candidates, opened
from vvp.learn.metrics import bootstrap, flags, paired, record
from vvp.learn.records import Warning
from vvp.learn.tuning import read_run
from vvp.models.base import MAE
from vvp.workspace import Workspace

TRAINED, TENSORS, SAID = "trained.json", "network.safetensors", "forecasts.npy"
MIN_TRAIN, MIN_HELD = 8, 3  # rows with a clip, below which nothing is trained


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


def prepare(
    space: Workspace, name: str, cache: ClipCache, min_frames: int = 0, target: Target = VIEWS.target
) -> Prepared:
    """The rows that have the target's value and a clip, under the time split of run `name`, or of no run.

    UserError: too few of them, or a target of classes.
    """
    if target.classes:
        raise UserError(f"networks forecast numbers, and {target.name} has classes: choose another target.")
    run = read_run(space, name)
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
        matrix=matrix, task=Task(y=matrix.y, train=rows["train"], validation=rows["validation"]),
        test=rows["test"], left_out=left_out, fingerprint=str(matrix.splits.facts["fingerprint"]),
    )  # fmt: skip


def write_trained(space: Workspace, at: str, network: Network, progress: Progress, said: np.ndarray) -> None:
    """The network, its forecasts of the wanted rows and its history; JSON last, it vouches for the others."""
    tensors = {k: v.detach().cpu().contiguous() for k, v in network.state_dict().items()}
    space.write_bytes(f"{at}/{TENSORS}", save_tensors(tensors))
    sink = io.BytesIO()
    np.save(sink, said, allow_pickle=False)
    space.write_bytes(f"{at}/{SAID}", sink.getvalue())
    history = [asdict(epoch) for epoch in progress.history]
    facts = {"mark": progress.mark, "best": progress.best, "history": history,
             "parameters": parameters(network)}  # fmt: skip
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
    """float64, of Prepared.wanted; see loop.forecast"""


def read_trained(space: Workspace, at: str, prepared: Prepared) -> Done:
    """UserError: damaged, or of other rows."""
    facts = space.read_json(f"{at}/{TRAINED}")
    with space.taken_apart(f"{at}/{TRAINED}", f"delete {at}, and run `vvp finetune` again"):
        said = np.load(io.BytesIO(space.read_bytes(f"{at}/{SAID}")), allow_pickle=False)
        if said.shape != prepared.wanted.shape or said.dtype != np.float64 or not np.isfinite(said).all():
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
    said, mark = done.said, done.mark
    matrix, test, name = prepared.matrix, prepared.test, settings.network
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    times = opened.note(space, f"{at.split('/')[1]} {name}-{mark}", matrix, when)
    y, channels = matrix.y[test], matrix.channel_id[test]
    rule = best_rule(matrix, prepared.task.validation)
    predicted = {name: said[len(prepared.task.validation) :], rule.name: rule.predict(matrix, test)}
    intervals = bootstrap(y, predicted, channels, resamples)
    warnings = [w for w in flags({name: predicted[name]}) if w.kind == "constant"]
    if hardly_moves(predicted[name], y) and not warnings:
        text = f"{name} says nearly the same of every video: it has learned next to nothing from the clips"
        warnings = [Warning(kind="constant", text=text)]
    if len(test) < 50:
        text = f"the test holds {len(test)} clips: small differences are mostly chance"
        warnings.append(Warning(kind="few test", text=text))
    result = NetworkResult(
        network=name, settings=json.dumps(asdict(settings), sort_keys=True), mark=mark, split="time",
        target=matrix.target.target.name, scale=matrix.target.target.scale,
        fingerprint=prepared.fingerprint, parameters=done.parameters, parts=prepared.parts,
        left_out=prepared.left_out, best=done.best, history=done.history, rule=rule.name,
        metrics=record(intervals[name]),
        rule_metrics=record(intervals[rule.name]),
        versus_rule=record(paired(y, predicted[name], predicted[rule.name], channels, resamples)),
        warnings=warnings, times_opened=times,
    )  # fmt: skip
    space.write_json(f"{at}/{RESULT}", result.as_dict())
    return result


def best_rule(matrix: Matrix, validation: np.ndarray) -> candidates.Candidate:
    """The rule with the least error on the validation rows, fitted on the rows before the test."""
    able = [rule for rule in candidates.rules(matrix) if rule.model is not None]
    train = matrix.rows("train")
    tried = {r.name: candidates.fit_rule(matrix, r, train).predict(matrix, validation) for r in able}
    return min(able, key=lambda r: MAE(matrix.y[validation], tried[r.name]))


def hardly_moves(said: np.ndarray, y: np.ndarray) -> bool:
    """Whether forecasts vary by less than a twentieth of what the labels do."""
    return float(said.std()) < 0.05 * float(y.std())
