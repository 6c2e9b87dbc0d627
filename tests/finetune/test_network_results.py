"""Which trained networks a run shows: those of the workspace's own split, the least error first."""

from pathlib import Path
from typing import Any

import pytest

from vvp.errors import UserError
from vvp.finetune.results import RESULT, NetworkResult, networks
from vvp.learn.records import Measured
from vvp.paths import SPLITS_FACTS, RunPaths
from vvp.workspace import Workspace


def result(network: str, mae: float, fingerprint: str = "f", **changes: Any) -> NetworkResult:
    known, error = (Measured(point=point, low=None, high=None) for point in (0.5, mae))
    metrics = {"spearman": known, "r2": known, "mae": error, "pairwise_accuracy": known}
    facts = {
        "network": network, "settings": "{}", "mark": f"{network}-mark", "target": "views",
        "scale": "log views", "split": "time", "fingerprint": fingerprint, "parameters": 1,
        "parts": {"test": 9}, "left_out": {}, "best": 0, "history": [], "rule": "the rule",
        "metrics": metrics, "rule_metrics": metrics, "versus_rule": metrics, "warnings": [],
        "times_opened": 1,
    }  # fmt: skip
    return NetworkResult(**(facts | changes))


def keep(space: Workspace, one: NetworkResult) -> str:
    at = f"{RunPaths('default').finetune(one.network, one.mark)}/{RESULT}"
    space.write_json(at, one.as_dict())
    return at


def test_other_splits_are_told_and_not_shown(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    assert networks(space, "default") == ([], [])
    space.write_json(SPLITS_FACTS, {"fingerprint": "f"})
    keep(space, result("c3d", 1.2))
    keep(space, result("swin3d", 0.9))
    keep(space, result("r2plus1d", 0.1, "another"))
    found, others = networks(space, "default")
    assert [one.network for one in found] == ["swin3d", "c3d"]
    assert len(others) == 1 and "r2plus1d" in others[0] and "another split" in others[0]
    assert networks(space, "default", "likes") == ([], [])


def test_a_damaged_record_is_one_sentence(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    space.write_json(SPLITS_FACTS, {"fingerprint": "f"})
    at = keep(space, result("c3d", 1.2))
    space.write_json(at, {**result("c3d", 1.2).as_dict(), "parts": 3})
    with pytest.raises(UserError, match="damaged or of another version.*vvp finetune"):
        networks(space, "default")
