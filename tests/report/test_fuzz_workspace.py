"""A workspace that somebody else made: whatever its tables and files hold, a verb ends in one sentence.
See fuzz_loop.py.
"""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import report_tables as tables
from fuzz_damage import damage_bytes, damage_json, damage_table
from fuzz_loop import fuzz, generator

from jobs import cli
from vvp.errors import VvpError
from vvp.explore import store
from vvp.explore.collection import collect
from vvp.explore.explore import explore
from vvp.learn.first_points import at_first_points
from vvp.learn.tuning import tune
from vvp.report.gather import gather
from vvp.workspace import Workspace


def damage(rng: random.Random, root: Path) -> str:
    """Damages one file, or two; says which."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():  # many models are one kind, else the tables would seldom be met
            kinds.setdefault(path.name, []).append(path)
            kinds.setdefault("tables" if path.suffix == ".parquet" else "others", []).append(path)
    said = []
    for _ in range(rng.randint(1, 2)):
        path = rng.choice(kinds[rng.choice(sorted(kinds))])
        data = path.read_bytes()
        said.append(str(path.relative_to(root)))
        kind = rng.random()
        try:
            if kind < 0.15:
                data = damage_bytes(rng, data)
            elif kind < 0.2:
                data = data[: rng.randrange(len(data) + 1)]
            elif path.suffix == ".parquet":
                data = damage_table(rng, data)
            elif path.suffix == ".json":
                data = damage_json(rng, data)
        except (ValueError, pa.ArrowException):  # damaged already
            data = data[: len(data) // 2]
        path.write_bytes(data)
    return ", ".join(said)


def tuned(space: Workspace) -> None:
    tune(space, at_first_points(["ridge"]), name="new", others=False)


def evaluated(space: Workspace) -> None:
    space.remove("runs/default/views/evaluation.json")
    verb("evaluate", "--resamples", "100")(space)


def explored(space: Workspace) -> None:
    store.write(space, explore(collect(space, "default")))


def verb(*arguments: str) -> Callable[[Workspace], None]:
    def call(space: Workspace) -> None:
        code = cli.run([*arguments, "-w", space.root])
        assert code in (0, 2), code

    return call


VERBS: dict[str, Callable[[Workspace], Any]] = {
    "tune": tuned, "evaluate": evaluated, "evaluate again": verb("evaluate", "--resamples", "100"),
    "explore": explored, "gather": lambda space: gather(space, "default"), "report": verb("report"),
    "export": lambda space: verb("export", f"{space.root}.csv")(space),
}  # fmt: skip
OFTEN = [*VERBS, "tune", "evaluate", "gather", "gather", "export", "export"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "w"
    tables.mapped(tables.tested(tables.mapped(tables.posts(root, 60))))
    return root


def run(case: int, whole: Path, tmp_path: Path) -> str:
    rng = generator(case)
    root = tmp_path / str(case)
    shutil.copytree(whole, root)
    np.random.seed(0)
    name = rng.choice(OFTEN)
    said = damage(rng, root)
    try:
        VERBS[name](Workspace(root))
    except VvpError as error:
        assert "\n" not in str(error), (name, said, str(error))
        return f"{name} refused"
    except Exception as error:
        raise AssertionError(f"{name}, {said}: {type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return f"{name} done"


@pytest.mark.slow
@pytest.mark.timeout(14_400)
def test_no_damage_to_a_workspace_gives_a_traceback(whole: Path, tmp_path: Path) -> None:
    found = fuzz(lambda case: run(case, whole, tmp_path), 150)
    assert not found.wrong, "\n".join(found.wrong)
    assert {one.split()[-1] for one in found.outcomes} == {"done", "refused"}, found.outcomes
