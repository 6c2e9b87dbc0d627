"""A workspace that somebody else made: whatever its tables and files hold, a verb ends in one sentence.

Seeded, so that a failure comes back: the number of the case is in its name. VVP_FUZZ_CASES lengthens it.
"""

import io
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import report_tables as tables
from learn_tables import sweep_without_ray

from jobs import cli
from vvp.errors import VvpError
from vvp.explore import store
from vvp.explore.collection import collect
from vvp.explore.explore import explore
from vvp.learn.tuning import tune
from vvp.report.gather import gather
from vvp.workspace import Workspace

SEED = 12
CASES = int(os.environ.get("VVP_FUZZ_CASES", "150"))
FIRST = int(os.environ.get("VVP_FUZZ_FIRST", "0"))
VALUES: list[Any] = [
    None, True, -1, 0, 3, 2**31, 2**63, 1e308, -0.5, "", "x", "\x1b[31m", "../../x", [], [None], [[1]], {},
    {"a": {"b": []}}, float("nan"), float("inf"), "9999-12-31T23:59:59", "[" * 50,
]  # fmt: skip


def odd_columns(rng: random.Random, n: int) -> pa.Array:
    """A column of n values that no schema of ours has, or that no verb expects in it."""
    kinds: list[Callable[[], pa.Array]] = [
        lambda: pa.nulls(n),
        lambda: pa.array([float("nan")] * n),
        lambda: pa.array([float("inf")] * n),
        lambda: pa.array([1e300] * n),
        lambda: pa.array([-5] * n),
        lambda: pa.array([2**62] * n),
        lambda: pa.array(["many"] * n),
        lambda: pa.array([""] * n),
        lambda: pa.array(["7"] * n),
        lambda: pa.array(["same"] * n),
        lambda: pa.array([b"\xff\xfe"] * n),
        lambda: pa.array([[1.0, 2.0]] * n),
        lambda: pa.array([[]] * n, pa.list_(pa.float32())),
        lambda: pa.array([[None]] * n, pa.list_(pa.float32())),
        lambda: pa.array([[float("nan")] * 12] * n, pa.list_(pa.float32())),
        lambda: pa.array([[1e39] * 12] * n, pa.list_(pa.float64())),
        lambda: pa.array([[0.0] * rng.randint(1, 13) for _ in range(n)], pa.list_(pa.float32())),
        lambda: pa.array([[["a"]]] * n),
        lambda: pa.array([{"a": 1}] * n),
        lambda: pa.array([2**62] * n, pa.timestamp("us", tz="UTC")),
        lambda: pa.array([-(2**62)] * n, pa.timestamp("us", tz="UTC")),
        lambda: pa.array([0] * n, pa.timestamp("s")),
        lambda: pa.array(["ok", None] * (n // 2) + ["ok"] * (n % 2)),
        lambda: pa.array(["a" * 100_000] * n),
    ]
    return rng.choice(kinds)()


def damage_table(rng: random.Random, data: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(data)).replace_schema_metadata()
    for _ in range(rng.randint(1, 2)):
        name = rng.choice(table.column_names)
        at = table.column_names.index(name)
        kind = rng.randrange(6)
        if kind == 0:
            table = table.drop_columns([name])
        elif kind == 1:
            table = table.rename_columns([n if n != name else f"{n}_x" for n in table.column_names])
        elif kind == 2:
            table = pa.concat_tables([table, table.slice(0, rng.randint(1, 5))])
        elif kind == 3:
            table = table.slice(0, rng.choice([0, 1, 3, 25]))
        elif kind == 4:  # one value of the column alone
            try:
                odd = odd_columns(rng, 1).to_pylist()[0]
                values = table[name].to_pylist()
                if values:
                    values[rng.randrange(len(values))] = odd
                table = table.set_column(at, name, pa.array(values))
            except (pa.ArrowException, OverflowError, TypeError, ValueError):
                table = table.set_column(at, name, odd_columns(rng, len(table)))
        else:
            table = table.set_column(at, name, odd_columns(rng, len(table)))
        if not table.column_names:
            break
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def damage_json(rng: random.Random, data: bytes) -> bytes:
    whole = json.loads(data)
    holders: list[tuple[Any, Any]] = [({"": whole}, "")]
    waiting = [whole]
    while waiting:
        one = waiting.pop()
        pairs = one.items() if isinstance(one, dict) else enumerate(one) if isinstance(one, list) else ()
        for key, value in pairs:
            holders.append((one, key))
            waiting.append(value)
    holder, key = rng.choice(holders)
    if key == "":
        return json.dumps(rng.choice(VALUES)).encode()
    if rng.random() < 0.3:
        del holder[key]
    else:
        holder[key] = rng.choice(VALUES)
    return json.dumps(whole).encode()


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
                raw = bytearray(data)
                for _ in range(rng.randint(1, 8)):
                    if raw:
                        raw[rng.randrange(len(raw))] = rng.randrange(256)
                data = bytes(raw)
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
    tune(space, sweep_without_ray("ridge"), name="new", others=False)


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
    rng = random.Random(SEED * 10**6 + case)
    root = tmp_path / str(case)
    shutil.copytree(whole, root)
    np.random.seed(0)
    name = rng.choice(OFTEN)
    said = damage(rng, root)
    try:
        VERBS[name](Workspace(root))
    except VvpError as error:
        assert "\n" not in str(error), (case, name, said, str(error))
        return f"{name} refused"
    except Exception as error:
        raise AssertionError(f"case {case}, {name}, {said}: {type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return f"{name} done"


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_damage_to_a_workspace_gives_a_traceback(whole: Path, tmp_path: Path) -> None:
    found: Counter[str] = Counter()
    wrong = []
    for case in range(FIRST, FIRST + CASES):
        try:
            found[run(case, whole, tmp_path)] += 1
        except AssertionError as error:
            wrong.append(str(error)[:300])
    assert not wrong, "\n".join(wrong)
    assert {one.split()[-1] for one in found} == {"done", "refused"}, found
