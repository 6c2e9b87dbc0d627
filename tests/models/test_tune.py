"""The sweep: finds the planted effect with every family, names a failed trial, outlives a kill."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sweep_fakes import Fake, small_sweep, world

from vvp.errors import PlanError, TrialError, UserError
from vvp.learn.sweep import SweepData, fingerprint, sweep
from vvp.models.base import mae
from vvp.models.gbdt import Gbdt
from vvp.models.mlp import Mlp
from vvp.models.ridge import Ridge

pytestmark = pytest.mark.usefixtures("ray_session")


def fake(folder: Path, otherwise: str = "wait", **settings: int) -> Fake:
    return Fake(log=str(folder / "log"), gate=str(folder / "gate"), otherwise=otherwise, **settings)


def test_every_family_through_one_sweep(tmp_path: Path) -> None:
    data, test = small_sweep(), world(300, seed=3)
    families = [Ridge(), Gbdt(trees=100), Mlp(hidden=(32, 16), epochs=20)]
    told: list[tuple[int, int, float | None]] = []
    result = sweep(
        families,
        data,
        storage=str(tmp_path),
        name="s",
        trials=3,
        progress=lambda done, total, best: told.append((done, total, best)),
    )
    assert [trial.trial for trial in result.trials] == [
        f"{family}-{number:02d}" for family in ("ridge", "gbdt", "mlp") for number in range(3)
    ]
    assert result.trials[0].params == {"embedding_weight": 1.0}  # the start is tried first
    assert {trial.status for trial in result.trials} <= {"done", "stopped"}
    for family, best in result.best.items():
        errors = [trial.mae for trial in result.trials if trial.family == family]
        assert best.mae == min(errors) == mae(data.validation.y, best.model.predict(data.validation.X))
        r2 = 1 - np.mean((best.model.predict(test.X) - test.y) ** 2) / test.y.var()
        assert r2 > (0.6 if family == "ridge" else 0.3), family
    assert told[-1][:2] == (9, 9) and told[-1][2] == min(trial.mae for trial in result.trials)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)

    left = sorted(
        str(path.relative_to(tmp_path / "s")) for path in (tmp_path / "s").rglob("*") if path.is_file()
    )
    assert left == [
        *("gbdt.json", "gbdt/model.json", "gbdt/model.safetensors", "gbdt/model.txt"),
        *("mlp.json", "mlp/model.json", "mlp/model.safetensors"),
        *("ridge.json", "ridge/model.json", "ridge/model.safetensors"),
    ]  # nothing of Ray's pickles

    written = (tmp_path / "s" / "mlp.json").stat().st_mtime_ns
    again = sweep(families, data, storage=str(tmp_path), name="s", trials=3)
    assert again.trials == result.trials
    assert (tmp_path / "s" / "mlp.json").stat().st_mtime_ns == written  # read, not run
    for family, best in again.best.items():
        assert np.array_equal(best.model.predict(test.X), result.best[family].model.predict(test.X))


def test_one_at_a_time_the_sweep_follows_from_the_seed(tmp_path: Path) -> None:
    rows = []
    for name, seed in (("a", 5), ("b", 5)):
        result = sweep(
            [Ridge()], small_sweep(), storage=str(tmp_path), name=name, trials=4, seed=seed, max_concurrent=1
        )
        rows.append([(trial.params, trial.mae) for trial in result.trials])
    assert rows[0] == rows[1]


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
    assert result.best["fake"].params == {"x": 1.0}  # all alike: the first one, the clipped start


def test_a_sweep_that_was_cut_off_goes_on_in_a_copy_of_its_workspace(tmp_path: Path) -> None:
    family = fake(tmp_path, "crash")
    with pytest.raises(TrialError, match="planted failure"):
        sweep([family], small_sweep(), storage=str(tmp_path / "old"), name="s", trials=6)
    shutil.move(tmp_path / "old", tmp_path / "new")
    Path(family.gate).touch()
    result = sweep([family], small_sweep(), storage=str(tmp_path / "new"), name="s", trials=6)
    assert len(result.trials) == 6 and len(family.lines("end")) == 6
    assert result.best["fake"].trial == "fake-00"  # of those that ended in the old place
    assert not (tmp_path / "old").exists()


def test_a_trial_that_asha_stops_has_its_model_all_the_same(tmp_path: Path) -> None:
    family = fake(tmp_path, free=100, epochs=9)  # reports 1 - x: the start, x = 1, is unbeatable
    result = sweep([family], small_sweep(), storage=str(tmp_path), name="s", trials=5, max_concurrent=1)
    assert [trial.status for trial in result.trials] == ["done", *["stopped"] * 4]
    assert len(family.lines("begin")) == 5 and len(family.lines("end")) == 1
    assert np.isfinite(result.best["fake"].model.predict(world(3).X)).all()


DRIVER = """
import sys, ray
from sweep_fakes import Fake, small_sweep
from vvp.learn.sweep import sweep
ray.init(address=sys.argv[1], log_to_driver=False)
family = Fake(log=sys.argv[2] + "/log", gate=sys.argv[2] + "/gate")
sweep([family], small_sweep(), storage=sys.argv[2], name="s", trials=6)
"""


def test_killed_and_started_again_it_goes_on(tmp_path: Path) -> None:
    import ray

    family = fake(tmp_path)  # three trials end, the next wait at the gate
    address = ray.get_runtime_context().gcs_address
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, address, str(tmp_path)], env={**os.environ, "PYTHONPATH": path}
    ) as driver:
        ledger = tmp_path / "s" / "fake.state" / "trials.json"
        deadline = time.monotonic() + 90
        while not ledger.exists() or len(json.loads(ledger.read_text())) < 3:
            assert driver.poll() is None and time.monotonic() < deadline, "the driver got nowhere"
            time.sleep(0.1)
        while len(family.lines("begin")) < 4:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        driver.send_signal(signal.SIGKILL)
    finished = family.lines("end")
    assert len(finished) == 3
    Path(family.gate).touch()
    result = sweep([family], small_sweep(), storage=str(tmp_path), name="s", trials=6)
    assert len(result.trials) == 6
    begun = family.lines("begin")
    assert [begun.count(x) for x in finished] == [1, 1, 1]  # not one of them was fitted again
    assert {str(trial.params["x"]) for trial in result.trials} >= set(finished)


def test_other_data_or_settings_start_anew(tmp_path: Path) -> None:
    data = small_sweep()
    marks = {
        fingerprint(family, part, trials=trials, seed=seed)
        for family, part, trials, seed in (
            (Ridge(), data, 4, 0),
            (Ridge(), data, 5, 0),
            (Ridge(), data, 4, 1),
            (Gbdt(), data, 4, 0),
            (Gbdt(trees=7), data, 4, 0),
            (Ridge(), SweepData(train=data.train, validation=world(60, seed=9)), 4, 0),
            (
                Ridge(),
                SweepData(train=replace(data.train, y=data.train.y + 1e-9), validation=data.validation),
                4,
                0,
            ),
        )
    }
    assert len(marks) == 7
    for trials in (1, 2):
        result = sweep([Ridge()], data, storage=str(tmp_path), name="s", trials=trials)
        assert len(result.trials) == trials


def test_an_impossible_plan_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="64 CPUs"):
        sweep([Ridge()], small_sweep(), storage=str(tmp_path), name="s", cpus_per_trial=64)
    with pytest.raises(UserError):
        sweep([Ridge()], small_sweep(), storage=str(tmp_path), name="s", trials=0)
