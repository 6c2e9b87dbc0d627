"""The sweep: finds the planted effect with every family, names a failed trial, outlives a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from sweep_fakes import Fake, small_sweep

from vvp.errors import PlanError, TrialError, UserError
from vvp.learn.recipes import Recipe, held_forecasts
from vvp.learn.sweep import fingerprint, sweep
from vvp.models.base import Family, mae
from vvp.models.gbdt import Gbdt
from vvp.models.mlp import Mlp
from vvp.models.registry import family as family_of
from vvp.models.ridge import Ridge

pytestmark = pytest.mark.usefixtures("ray_session")


def fake(folder: Path, otherwise: str = "wait", **settings: int) -> Fake:
    return Fake(log=str(folder / "log"), gate=str(folder / "gate"), otherwise=otherwise, **settings)


def test_every_family_through_one_sweep(tmp_path: Path) -> None:
    data = small_sweep(folds=2, n=360)
    families: list[Family] = [Ridge(), Gbdt(trees=(10, 40, 100)), Mlp(hidden=(32, 16), epochs=(5, 15, 30))]
    by_name = {family.name: family for family in families}
    told: list[tuple[int, int, float | None]] = []
    result = sweep(
        families,
        data,
        storage=str(tmp_path),
        name="s",
        trials=3,
        progress=lambda done, total, best: told.append((done, total, best)),
    )
    names = [("ridge", "gbdt", "mlp")[i % 3] for i in range(9)]
    assert [trial.trial for trial in result.trials] == [f"{name}-{i:02d}" for i, name in enumerate(names)]
    assert [trial.input for trial in result.trials[:6]] == ["full"] * 3 + ["metadata"] * 3  # starts first
    assert result.trials[0].params == {"components": 32, "embedding_weight": 0.5}
    truth = data.y[data.held]
    for trial, tried in zip(result.trials, result.tried, strict=True):
        assert tried.recipe == Recipe(
            family=trial.family, input=trial.input, params=trial.params, point=trial.point
        )
        assert tried.oof.shape == truth.shape and tried.validation == trial.validation
        assert tried.validation == mae(truth, tried.oof)
    for family in by_name.values():
        best = min((t for t in result.tried if t.recipe.family == family.name), key=lambda t: t.validation)
        assert 1 - np.mean((best.oof - truth) ** 2) / truth.var() > (0.6 if family.name == "ridge" else 0.3)
        point, value, oof = held_forecasts(data, family, best.recipe.params, best.recipe.input)
        assert (point, value) == (best.recipe.point, best.validation) and np.array_equal(oof, best.oof)
    assert told[-1][:2] == (9, 9) and told[-1][2] == min(trial.validation for trial in result.trials)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)

    left = sorted(path.name for path in (tmp_path / "s").rglob("*"))
    assert left == ["oof.npy", "sweep.json"]  # nothing of Ray's pickles

    written = (tmp_path / "s" / "sweep.json").stat().st_mtime_ns
    again = sweep(families, data, storage=str(tmp_path), name="s", trials=3)
    assert again.trials == result.trials
    assert (tmp_path / "s" / "sweep.json").stat().st_mtime_ns == written  # read, not run
    for one, other in zip(again.tried, result.tried, strict=True):
        assert one.recipe == other.recipe and np.array_equal(one.oof, other.oof)


def test_one_at_a_time_the_sweep_follows_from_the_seed(tmp_path: Path) -> None:
    rows = []
    for name, seed in (("a", 5), ("b", 5)):
        result = sweep(
            [Ridge()], small_sweep(), storage=str(tmp_path), name=name, trials=4, seed=seed, max_concurrent=1
        )
        rows.append([(trial.params, trial.input, trial.point, trial.validation) for trial in result.trials])
    assert rows[0] == rows[1] and len({str(row) for row in rows[0]}) == 4


def test_a_failed_trial_is_named_and_the_finished_ones_are_kept(tmp_path: Path) -> None:
    family = fake(tmp_path, "crash")
    with pytest.raises(
        TrialError, match=r"trial fake-0[345] failed with ValueError: planted failure .*\"x\""
    ):
        sweep([family], small_sweep(), storage=str(tmp_path), name="s", trials=6)
    assert len(family.lines("end")) == 3
    Path(family.gate).touch()
    result = sweep([family], small_sweep(), storage=str(tmp_path), name="s", trials=6)
    assert len(result.trials) == 6 and len(family.lines("end")) == 6
    assert [trial.params for trial in result.trials[:2]] == [{"x": 1.0}] * 2  # the start, clipped
    assert {trial.point for trial in result.trials} == {0}  # the mean, not one more than it


def test_a_sweep_that_was_cut_off_goes_on_in_a_copy_of_its_workspace(tmp_path: Path) -> None:
    family = fake(tmp_path, "crash")
    with pytest.raises(TrialError, match="planted failure"):
        sweep([family], small_sweep(), storage=str(tmp_path / "old"), name="s", trials=6)
    shutil.move(tmp_path / "old", tmp_path / "new")
    Path(family.gate).touch()
    result = sweep([family], small_sweep(), storage=str(tmp_path / "new"), name="s", trials=6)
    assert len(result.trials) == 6 and len(family.lines("end")) == 6
    assert not (tmp_path / "old").exists()


DRIVER = """
import sys, ray
from sweep_fakes import Fake, small_sweep
from vvp.learn.sweep import sweep
from vvp.models.ridge import Ridge
ray.init(address=sys.argv[1], log_to_driver=False)
family = Fake(log=sys.argv[2] + "/log", gate=sys.argv[2] + "/gate", free=1)
sweep([family, Ridge()], small_sweep(), storage=sys.argv[2], name="s", trials=3)
"""


@pytest.mark.slow  # a driver of its own, killed
def test_killed_and_started_again_it_goes_on(tmp_path: Path) -> None:
    import ray

    family = fake(tmp_path, free=1)  # one of its trials ends, the next wait at the gate
    address = ray.get_runtime_context().gcs_address
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, address, str(tmp_path)], env={**os.environ, "PYTHONPATH": path}
    ) as driver:
        ledger = tmp_path / "s" / "state" / "trials.json"
        deadline = time.monotonic() + 90
        while not ledger.exists() or len(json.loads(ledger.read_text())) < 2:
            assert driver.poll() is None and time.monotonic() < deadline, "the driver got nowhere"
            time.sleep(0.1)
        while len(family.lines("begin")) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
    known = json.loads(ledger.read_text())
    assert len(family.lines("end")) == 1 and {row["family"] for row in known} == {"fake", "ridge"}
    Path(family.gate).touch()
    result = sweep([family, Ridge()], small_sweep(), storage=str(tmp_path), name="s", trials=3)
    assert [trial.family for trial in result.trials].count("fake") == 3 and len(result.trials) == 6
    assert len({trial.trial for trial in result.trials}) == 6
    for row in known:  # not one of them was fitted again
        kept = next(t for t in result.trials if t.trial == f"{row['family']}-{row['number']:02d}")
        assert {**asdict(kept), "trial": 0} == {
            **{name: row[name] for name in ("family", "input", "params", "point", "validation", "seconds")},
            "trial": 0,
        }
    assert all(np.isfinite(tried.oof).all() for tried in result.tried)


def test_other_data_or_settings_start_anew(tmp_path: Path) -> None:
    data, ridge = small_sweep(), Ridge()
    shorter = replace(data.folds[0], fit=data.folds[0].fit[1:])
    told = replace(data.folds[0], topics=np.ones((180, 1), np.float32))
    marks = [
        fingerprint([ridge], data, trials=4, seed=0),
        fingerprint([ridge], data, trials=5, seed=0),
        fingerprint([ridge], data, trials=4, seed=1),
        fingerprint([Gbdt()], data, trials=4, seed=0),
        fingerprint([Gbdt(trees=(7,))], data, trials=4, seed=0),
        fingerprint([ridge, Gbdt()], data, trials=4, seed=0),
        fingerprint([ridge], replace(data, y=data.y + 1e-9), trials=4, seed=0),
        fingerprint([ridge], replace(data, media=data.y > 8), trials=4, seed=0),
        fingerprint([ridge], replace(data, folds=[shorter]), trials=4, seed=0),
        fingerprint([ridge], replace(data, folds=[told]), trials=4, seed=0),
        fingerprint([ridge], data.only(["full"]), trials=4, seed=0),
    ]
    assert len(set(marks)) == len(marks)
    assert fingerprint([family_of("ridge")], small_sweep(), trials=4, seed=0) == marks[0]
    for trials in (1, 2):
        result = sweep([ridge], data, storage=str(tmp_path), name="s", trials=trials)
        assert len(result.trials) == trials


def test_an_impossible_plan_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="64 CPUs"):
        sweep([Ridge()], small_sweep(), storage=str(tmp_path), name="s", cpus_per_trial=64)
    with pytest.raises(UserError):
        sweep([Ridge()], small_sweep(), storage=str(tmp_path), name="s", trials=0)
    with pytest.raises(UserError):
        sweep([], small_sweep(), storage=str(tmp_path), name="s")
