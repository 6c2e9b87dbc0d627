"""README.md and docs/: commands that the CLI takes, links that lead somewhere, pages made from the code."""

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from jobs import cli

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import generate  # noqa: E402

PAGES = sorted(
    [
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "jobs/README.md", "serve/README.md")
    ]
    + [
        page
        for page in (ROOT / "docs").rglob("*.md")
        if "_build" not in page.parts and "generated" not in page.parts
    ]
)
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def _commands(text: str) -> Iterator[list[str]]:
    """Words after `vvp` of every command in a shell block, or typed in a pasted session."""
    for kind, block in re.findall(r"```(\w*)\n(.*?)```", text, re.DOTALL):
        for line in re.sub(r" *\\\n *", " ", block).splitlines():
            line = (
                line.strip().removeprefix("$ ")
                if line.strip().startswith("$ ") or kind in ("sh", "console")
                else ""
            )
            for part in re.split(r" && | & ", line):
                words = shlex.split(part, comments=True) if part.count("'") % 2 == 0 else []
                words = [word for word in words if not re.match(r"[A-Z_]+=", word)]
                if words and words[0] == "vvp":
                    yield words[1:]


def _parse(words: list[str]) -> None:
    """Reads a command line as the CLI does, and runs nothing. Raises on an unknown verb or option."""
    if not cli.app.registered_groups:
        cli._verbs()
    command: Any = typer.main.get_command(cli.app)
    if words[:1] == ["--on"]:
        words = words[2:]
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, f"there is no verb {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    if words and words != ["--help"]:
        command.make_context("vvp", [word for word in words if word != "&"])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_of_a_page_is_one_that_the_cli_takes(page: Path) -> None:
    for words in _commands(page.read_text("utf-8")):
        if "VERB" not in words:
            _parse(words)


def test_the_reader_of_commands_finds_them_and_notices_a_mistake() -> None:
    text = "```sh\nmake x && vvp tune -w ws --trials 3   # a word\nA=1 vvp version\n```\n"
    text += "```\n$ vvp embed -w ws\nvvp is\n```"
    found = list(_commands(text))
    assert found == [["tune", "-w", "ws", "--trials", "3"], ["version"], ["embed", "-w", "ws"]]
    for words in found:
        _parse(words)
    with pytest.raises(Exception, match="trails"):
        _parse(["tune", "-w", "ws", "--trails", "3"])
    with pytest.raises(AssertionError, match="no verb"):
        _parse(["tuna"])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in target or target.startswith("#"):
            continue
        path = (page.parent / target.split("#")[0]).resolve()
        made = path.parent == ROOT / "docs" / "generated" and re.search(
            rf'"{path.name}"', (ROOT / "docs" / "generate.py").read_text()
        )
        assert made or path.exists(), f"{target} leads nowhere"


def test_the_readme_is_short_and_has_no_path_of_a_machine() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 200
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(tmp|root|home|work)/(?!ubuntu)", page.read_text("utf-8")), page


def test_the_cli_reference_has_every_verb_and_every_option_of_its_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # a narrow terminal cuts long names
    reference = generate.cli()
    sections = dict(re.findall(r"^## vvp (.+?)\n(.*?)(?=^## |\Z)", reference, re.DOTALL | re.MULTILINE))
    for name, command in generate.verbs():
        assert cli.run([*name.split(), "--help"]) == 0
        shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}
        own = {word for p in command.params for word in (*p.opts, *p.secondary_opts) if word.startswith("--")}
        own -= {"--help"}
        assert own <= shown, name
        assert all(f"`{word}`" in sections[name] for word in own), name
    assert set(sections) == {name for name, _ in generate.verbs()}


def test_the_other_generated_pages_have_what_they_are_made_from() -> None:
    from vvp import schema

    tables = generate.tables()
    assert all(
        f"`{column.name}`" in tables for column in (*schema.VIDEOS, *schema.EMBEDDINGS, *schema.POINTS)
    )
    http = generate.http()
    assert "## POST /v1/forecasts" in http and "### ForecastReply" in http and "`headline`" in http
    for room in ("jobs", "serve"):
        assert "README.md)" not in generate.readme(room)


def test_every_page_stands_in_the_navigation() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    named = {
        line
        for block in re.findall(r"```{toctree}\n(.*?)```", index, re.DOTALL)
        for line in block.splitlines()
    }
    pages = {
        str(page.relative_to(ROOT / "docs").with_suffix(""))
        for page in PAGES
        if page.is_relative_to(ROOT / "docs") and page.name != "index.md"
    }
    assert pages <= named
