"""A predictor that somebody else made: it is refused in a sentence, or it forecasts; no process ends over it,
and no other file or address is opened.

Its id and the hashes inside are put right after the damage: whoever gives a predictor away can do that too.
See fuzz_loop.py.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canary import Canary
from fuzz_damage import VALUES, damage_bytes, damage_json, damage_table, damage_tensors
from fuzz_loop import fuzz, generator
from learn_tables import learn
from test_class_runs import made

from vvp import api
from vvp.dataset.embedded import join
from vvp.errors import VvpError
from vvp.forecast import files, others
from vvp.learn.first_points import at_first_points
from vvp.workspace import Workspace

FAMILIES = ("ridge", "gbdt", "mlp")
BESIDE = "beside"  # a run with predictors of other targets beside views
OTHERS = {"views": "ridge", "likes": "gbdt", "viral": "logistic", "quartile": "gbdt"}
CODE = [os.path.realpath(path) for path in (*sys.path, "/usr/share/zoneinfo") if path]


def forged(run: Path) -> None:
    """The models' hashes and the predictors' ids of what is there now, as far as it can still be read."""
    for path in run.glob("*/predictor/predictor.json"):
        folder = path.parent
        try:
            for model in folder.glob("*/model.json"):
                head = json.loads(model.read_bytes())
                head["sha256"] = {
                    name: hashlib.sha256((model.parent / name).read_bytes()).hexdigest()
                    for name in head["sha256"]
                }
                model.write_text(json.dumps(head))
            head = json.loads(path.read_bytes())
            of_views = head["target"]["name"] == "views"
            wanted = files._parts({name: spec["files"] for name, spec in head["models"].items()}, of_views)
            head["id"] = files._identity(head, {name: (folder / name).read_bytes() for name in wanted})
            path.write_text(json.dumps(head))
        except (OSError, KeyError, TypeError, ValueError, AttributeError):
            continue


def damage(rng: random.Random, run: Path) -> str:
    """One file of its predictors, or two; says which."""
    said = []
    for _ in range(rng.randint(1, 2)):
        path = rng.choice(sorted(path for path in run.glob("*/predictor/**/*") if path.is_file()))
        data = path.read_bytes()
        said.append(str(path.relative_to(run)))
        kind = rng.random()
        try:
            if kind < 0.1:
                data = damage_bytes(rng, data)
            elif kind < 0.13:
                data = data[: rng.randrange(len(data) + 1)]
            elif path.suffix == ".parquet":
                data = damage_table(rng, data)
            elif path.suffix == ".json":
                data = damage_json(rng, data)
            elif path.suffix == ".safetensors":
                data = damage_tensors(rng, data)
            else:
                data = damaged_text(rng, data)
        except Exception:  # noqa: BLE001  damaged already
            data = data[: len(data) // 2]
        path.write_bytes(data)
    if rng.random() < 0.9:
        forged(run)
    return ", ".join(said)


def damaged_text(rng: random.Random, data: bytes) -> bytes:
    """LightGBM's text with another number in one place."""
    lines = data.decode("utf-8", "replace").split("\n")
    at = rng.choice([i for i, line in enumerate(lines) if "=" in line])
    name, _, values = lines[at].partition("=")
    numbers = values.split(" ")
    odd = ["-1", "0", "7", "99999", "2147483648", "1e999", "nan", "", "x", "-3"]
    numbers[rng.randrange(len(numbers))] = rng.choice(odd)
    lines[at] = f"{name}={' '.join(numbers)}"
    return "\n".join(lines).encode()


def run(case: int, whole: Path, folder: Path) -> str:
    rng = generator(case)
    family = rng.choice([*FAMILIES, BESIDE])
    root = folder / "w"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(whole / "runs" / family, root / "runs" / family)
    said = damage(rng, root / "runs" / family)
    try:
        forecast(root, whole, family, rng.choice([None, 1.0, 400.0]))
    except VvpError as error:
        assert "\n" not in str(error) and len(str(error)) < 2_000, (said, str(error)[:300])
        return "refused"
    except Exception as error:
        raise AssertionError(f"{family}, {said}: {type(error).__name__}: {error}") from error
    return "forecast"


def forecast(root: Path, whole: Path, run: str, horizon_days: float | None) -> None:
    """Of three videos, and all that is said of them, as JSON."""
    known = others.open_run(Workspace(root), run)
    space = Workspace(whole)
    rows, _ = join(space.read("videos").slice(0, 3), space.read("embeddings").slice(0, 3))
    for one in others.forecast(known, rows, horizon_days):
        json.dumps(one.as_dict(), allow_nan=False, default=str)


def build(root: Path) -> None:
    space = made(root, n=100)
    for family in FAMILIES:
        learn(space, family, family=family)
    for target, family in OTHERS.items():
        sweep = at_first_points([family])
        asked: dict[str, Any] = {"name": BESIDE, "target": target}
        api.tune(root, others=False, families=[family], sweep_for=sweep, min_age_days=0, **asked)
        api.evaluate(root, resamples=100, **asked)


def main(whole: Path, folder: Path) -> None:
    """In a process of its own: what ends a process is what is looked for."""
    np.seterr(all="ignore")
    odd: list[str] = []
    at_work = False

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        """What Python itself opens; the canary sees the libraries' own doing."""
        if at_work and (event.startswith(("socket.", "subprocess.", "os.system")) or event == "os.exec"):
            odd.append(event)
        if at_work and event == "open" and isinstance(arguments[0], str):
            path = os.path.realpath(arguments[0])
            ours = (os.path.realpath(whole), os.path.realpath(folder))
            if not path.startswith((*ours, sys.prefix, sys.base_prefix, *CODE, "/proc/", "/sys/", "/dev/")):
                odd.append(f"{path} by {sys._getframe(1).f_code}")

    with Canary(folder) as canary:
        VALUES.extend([canary.path, f"file://{canary.path}", canary.url])

        def one(case: int) -> str:
            nonlocal at_work
            (folder / "case").write_text(str(case))
            at_work = True
            try:
                outcome = run(case, whole, folder)
            finally:
                at_work = False
            assert not odd and not canary.touched(), ("opened", odd[:3], odd.clear())
            return outcome

        for family in (*FAMILIES, BESIDE):  # now everything is imported
            forecast(whole, whole, family, None)
        sys.addaudithook(note)
        fuzz(one, 600)


@pytest.mark.slow
@pytest.mark.timeout(14_400)
@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_no_damage_to_a_predictor_gives_a_traceback_or_ends_the_process(tmp_path: Path) -> None:
    build(tmp_path / "whole")
    (tmp_path / "cases").mkdir()
    script = f"import test_fuzz_predictor as t, pathlib as p; t.main(p.Path({str(tmp_path / 'whole')!r}), "
    script += f"p.Path({str(tmp_path / 'cases')!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    case = (tmp_path / "cases" / "case").read_text()
    assert done.returncode == 0, (done.returncode, case, done.stderr[-500:])
    *wrong, last = done.stdout.splitlines()
    print(last)
    assert not wrong, "\n".join(wrong)
    found = json.loads(last)
    assert found["refused"] > found["cases"] / 3 and found["forecast"] > found["cases"] / 20, found
