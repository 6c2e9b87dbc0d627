"""The floors of the house: nothing imports from a higher one, and Ray stays in its rooms."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up. A room may import from its own floor's earlier names and from any floor below.
FLOORS = (
    ("errors", "words", "sheets"), ("schema", "paths", "parquet"), ("workspace",),
    ("synthetic", "collect", "media"), ("encoders",), ("embed",), ("dataset",), ("models",), ("learn",),
    ("finetune",), ("forecast",), ("explore", "export"), ("report",), ("api",),
)  # fmt: skip
LEVEL = {name: number for number, floor in enumerate(FLOORS) for name in floor}
RAY = {
    "vvp/embed/graph.py",
    "vvp/embed/losses.py",
    "vvp/embed/pools.py",
    "vvp/learn/sweep.py",
    "vvp/learn/ray_trials.py",
    "vvp/finetune/caching.py",
    "vvp/finetune/ray_trainer.py",
    "vvp/api.py",
}
FILES = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("vvp/**/*.py") if p.name != "__init__.py")


def imports(file: str) -> set[str]:
    """Dotted names of all modules that the file imports, at its top or later."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("file", FILES)
def test_nothing_imports_from_a_higher_floor(file: str) -> None:
    own = LEVEL[Path(file).parts[1].removesuffix(".py")]
    rooms = {name.split(".")[1] for name in imports(file) if name.startswith("vvp.")} & set(LEVEL)
    assert {room for room in rooms if LEVEL[room] > own} == set()
    assert not {name for name in imports(file) if name.split(".")[0] in ("jobs", "serve")}


@pytest.mark.parametrize("file", FILES)
def test_ray_stays_in_its_rooms(file: str) -> None:
    assert "ray" not in {name.split(".")[0] for name in imports(file)} or file in RAY


@pytest.mark.parametrize("package", sorted({str(Path(f).parent) for f in FILES}))
def test_a_package_is_a_docstring(package: str) -> None:
    body = ast.parse((ROOT / package / "__init__.py").read_text()).body
    version = [node for node in body[1:] if not isinstance(node, ast.Assign)]
    assert isinstance(body[0], ast.Expr) and not version


def test_paths_and_the_scale_of_counts_are_spelled_once() -> None:
    owners = {"vvp/paths.py", "vvp/dataset/scales.py"}
    edges = [str(p.relative_to(ROOT)) for folder in ("jobs", "serve") for p in ROOT.glob(f"{folder}/*.py")]
    for file in {*FILES, *edges} - owners:
        for spelled in spellings(file):
            path = spelled.startswith(("runs/", "map/")) and " " not in spelled
            known = spelled in ("splits.parquet", "splits.json", "embed.json", "log1p", "expm1")
            assert not path and not known, f"{file} spells out {spelled}"


def spellings(file: str) -> Iterator[str]:
    """Strings in the code that are no docstrings, and attributes that are called."""
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            yield node.value
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_no_two_test_files_have_one_name() -> None:
    """Without packages, pytest imports a test file by its bare name."""
    names = [path.name for path in ROOT.glob("tests/**/test_*.py")]
    assert sorted(names) == sorted(set(names))
