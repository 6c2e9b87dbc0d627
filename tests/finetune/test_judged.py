"""What is measured of trained networks: numbers and classes, on the test rows, beside the best rule."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clip_spaces import coloured
from torch import nn

from jobs.evaluate_networks import print_networks
from jobs.finetune_tables import print_network
from vvp.dataset.matrix import assemble
from vvp.dataset.targets import find
from vvp.errors import UserError
from vvp.finetune import judge
from vvp.finetune.clips import ClipCache
from vvp.finetune.loop import Epoch, Progress
from vvp.finetune.results import RESULT, NetworkResult, networks
from vvp.finetune.settings import TrainSettings
from vvp.finetune.task import losses_of
from vvp.learn.run_records import Run
from vvp.models.base import log_losses
from vvp.paths import RunPaths
from vvp.workspace import Workspace


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    space = coloured(tmp_path_factory.mktemp("judged") / "ws", 160, channels=20)
    run = Run(name="default", target="viral", viral="top:30%", split="time", trials=0, seed=0,
              embargo_days=None)  # fmt: skip
    space.write_json(RunPaths("default", "viral").run, run.as_dict())
    fitted = assemble(space, "time", run.split_settings, target=find("viral", "top:30%")).target
    run = run.model_copy(update={"numbers": dict(fitted.numbers)})
    space.write_json(RunPaths("default", "viral").run, run.as_dict())
    return space


def measured(space: Workspace, target: str, sure: float, mark: str) -> NetworkResult:
    """The record of a network that says the truth with this share of the weight, and else what is usual."""
    cache, _ = ClipCache.open(space)
    prepared = judge.prepare(space, "default", cache, target=judge.target_of(space, "default", target))
    classes = prepared.matrix.target.classes
    y = prepared.matrix.y[prepared.wanted]
    if not classes:
        said = sure * y + (1 - sure) * prepared.task.centre
    else:
        shares = np.bincount(y.astype(int), minlength=classes) / len(y)
        said = sure * np.eye(classes)[y.astype(int)] + (1 - sure) * shares
        said = said[:, 1] if classes == 2 else said
    at = RunPaths("default", target).finetune("c3d", mark)
    epochs = [
        Epoch(epoch=0, loss=1.0, validation=0.5, lr=1e-3, seconds=1.0, waited=0.1, clips_per_second=9.0)
    ]
    judge.write_trained(space, at, nn.Linear(2, 1), Progress(mark=mark, history=epochs, best=0), said)  # type: ignore[arg-type]
    settings = TrainSettings(network="c3d", loss=losses_of(classes)[0])
    result = judge.judge(space, at, prepared, settings, resamples=100)
    assert NetworkResult.read(space.read_json(f"{at}/{RESULT}"), "", "") == result
    return result


def test_a_yes_or_no_has_auc_beside_its_base_rate_and_the_rule(space: Workspace, capsys: Any) -> None:
    result = measured(space, "viral", 0.6, "good")
    point = {name: one.point for name, one in result.metrics.items()}
    assert point["auc"] == 1 and point["average_precision"] == 1 and point["f1"] == 1
    assert result.shown[-1] == "log_loss" and point["log_loss"] < result.rule_metrics["log_loss"].point
    gap = result.versus_rule["log_loss"]
    assert gap.point == pytest.approx(point["log_loss"] - result.rule_metrics["log_loss"].point)
    assert gap.high is not None and gap.high < 0
    assert sum(result.base) == pytest.approx(1) and 0 < result.base[1] < 0.6
    assert 0.6 < result.threshold <= 0.6 + 0.4 * 0.6
    assert result.numbers, "the bound of views that makes a video viral"
    measured(space, "viral", 0.0, "nothing")
    found, others = networks(space, "default", "viral")
    assert [one.mark for one in found] == ["good", "nothing"] and not others
    assert found[1].metrics["auc"].point == pytest.approx(0.5)
    assert [w.kind for w in found[1].warnings][0] == "constant" and "the same" in found[1].warnings[0].text
    print_networks(found, others)
    print_network(result, {}, "here")
    text = capsys.readouterr().out
    assert "ROC-AUC" in text and "log loss vs a rule" in text and "log loss, validation" in text
    assert text.count(f"viral {result.base[1]:.0%}") == 2, "beside each table"


def test_a_network_of_another_rule_of_viral_is_told_and_not_shown(space: Workspace) -> None:
    measured(space, "viral", 0.6, "early")
    at = RunPaths("default", "viral").run
    run = Run.read(space.read_json(at), "", "")
    space.write_json(at, run.model_copy(update={"viral": "top:10%", "numbers": {"views": 99.0}}).as_dict())
    found, others = networks(space, "default", "viral")
    space.write_json(at, run.as_dict())
    assert not found and "other thresholds of viral" in others[0]


def test_ordered_classes_have_accuracy_and_steps(space: Workspace) -> None:
    result = measured(space, "quartile", 0.5, "good")
    assert len(result.labels) == len(result.base) == 4 and result.threshold is None
    assert result.metrics["accuracy"].point == 1 and result.metrics["steps"].point == 0
    assert result.metrics["log_loss"].point < result.rule_metrics["log_loss"].point
    for clip in (*result.closest, *result.furthest):
        assert clip.said >= 0.5, "the chance of the class that came"


def test_a_number_is_measured_as_before_and_names_its_best_and_worst_clips(space: Workspace) -> None:
    result = measured(space, "views", 0.9, "good")
    assert result.metrics["spearman"].point == pytest.approx(1) and not result.labels
    assert result.metrics["mae"].point < result.rule_metrics["mae"].point
    off = [abs(clip.truth - clip.said) for clip in (*result.closest, *reversed(result.furthest))]
    assert len(off) == 6 and off == sorted(off) and off[2] < off[3]
    assert len({clip.video_id for clip in (*result.closest, *result.furthest)}) == 6
    assert json.loads(result.settings)["loss"] == "mse"


def test_forecasts_that_do_not_fit_the_target_are_refused(space: Workspace, tmp_path: Path) -> None:
    result = measured(space, "quartile", 0.5, "shape")
    cache, _ = ClipCache.open(space)
    at = RunPaths("default", "quartile").finetune("c3d", "shape")
    prepared = judge.prepare(space, "default", cache)
    with pytest.raises(UserError, match="damaged"):
        judge.read_trained(space, at, prepared)
    assert result.parts["test"] == len(prepared.test)


def test_extremes_of_classes_go_by_the_chance_of_what_came() -> None:
    ids, y = np.array(list("abcdef")), np.array([0.0, 1, 2, 0, 1, 2])
    said = np.full((6, 3), 0.1)
    said[np.arange(6), y.astype(int)] = [0.9, 0.2, 0.5, 0.8, 0.3, 0.1]
    closest, furthest = judge.extremes(ids, y, said, 2)
    assert [c.video_id for c in closest] == ["a", "d"] and [c.video_id for c in furthest] == ["f", "b"]
    two = np.array([0.1, 0.9])
    closest, furthest = judge.extremes(ids[:2], y[:2], two)
    assert len(closest) == len(furthest) == 1
    assert log_losses(y[:2], two).max() < 0.2
