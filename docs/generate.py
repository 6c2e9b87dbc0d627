"""The pages made from the code, so that they cannot lag behind it: CLI, HTTP API, tables, READMEs of rooms.

`write(folder)` is called by conf.py. Not known here: Sphinx.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def write(folder: Path) -> None:
    """Writes every generated page; a page that would not change keeps its time."""
    pages = {
        "cli.md": cli(),
        "http.md": http(),
        "tables.md": tables(),
        "cluster.md": readme("jobs"),
        "serving.md": readme("serve"),
        "python.md": python(),
    }
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        page = folder / name
        if not page.is_file() or page.read_text("utf-8") != text:
            page.write_text(text, "utf-8")


# --- the command line -------------------------------------------------------------------------------
def verbs() -> Iterator[tuple[str, Any]]:
    """(words after `vvp`, Click command) of every command that does something, in the order of --help."""
    import typer

    from jobs import cli

    if not cli.app.registered_groups:
        cli._verbs()

    def walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "commands"):
            yield name, command
            return
        for word, child in command.commands.items():
            yield from walk(f"{name} {word}".strip(), child)

    yield from walk("", typer.main.get_command(cli.app))


def cli() -> str:
    """Every verb with its arguments and options."""
    parts = [
        "# Command line",
        "This page is made from the code that prints `vvp --help`.",
        "Exit codes: 0 done, 1 failed, 2 a mistake of the user. Results go to stdout, progress and complaints"
        " to stderr. `vvp --on URL VERB …` runs the verb as a job on a Ray cluster"
        " ([how](cluster.md)).",
    ]
    for name, command in verbs():
        parts.append(f"## vvp {name}")
        parts.append(_prose(command.help or ""))
        for kind, title in (("argument", "Argument"), ("option", "Option")):
            params = [p for p in command.params if p.param_type_name == kind and p.name != "help"]
            if params:
                parts.append(_table((title, "Meaning", "Default"), [_parameter(p) for p in params]))
    return "\n\n".join(parts) + "\n"


def _parameter(param: Any) -> tuple[str, str, str]:
    if param.param_type_name == "argument":
        names = f"`{param.name}`"
    else:
        names = ", ".join(f"`{word}`" for word in (*param.opts, *param.secondary_opts))
    meaning = param.help or ""
    if param.required:
        return names, meaning, "required"
    default = param.default
    if default is None or default is False or default == "" or callable(default):
        return names, meaning, ""
    return names, meaning, f"`{param.opts[0] if default is True else default}`"


# --- the HTTP API -----------------------------------------------------------------------------------
def http() -> str:
    """Routes, fields and answers, from the OpenAPI document that the app serves."""
    from serve.api import make_api

    document = make_api(_NoIngress()).openapi()
    models = document["components"]["schemas"]
    parts = [
        "# HTTP API",
        "This page is made from `/openapi.json` of the app. " + document["info"]["description"],
    ]
    parts.append("[Serving](serving.md) says how to start it, and how to protect it.")
    used: list[str] = []
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            parts.append(f"## {method.upper()} {path}")
            parts.append(_prose(call.get("description", "")))
            content = call.get("requestBody", {}).get("content", {})
            for media, body in content.items():
                fields = body["schema"].get("properties", {})
                if fields:
                    parts.append(f"Fields of the request (`{media}`):")
                    parts.append(_table(("Field", "Type", "Meaning"), _fields(fields)))
            answers = call["responses"].get("200", {}).get("content", {}).get("application/json", {})
            if "$ref" in answers.get("schema", {}):
                name = answers["schema"]["$ref"].rsplit("/", 1)[-1]
                parts.append(f"Answer: `{name}`, described below.")
                used.append(name)
            errors = [
                (f"`{status}`", answer["description"])
                for status, answer in call["responses"].items()
                if status != "200"
            ]
            if errors:
                parts.append(_table(("Status", "Error kinds"), errors))
    parts.append("## What the answers hold")
    for name, model in models.items():
        if "properties" in model and name not in ("HTTPValidationError", "ValidationError"):
            parts.append(f"### {name}")
            parts.append(_table(("Field", "Type", "Meaning"), _fields(model["properties"])))
    return "\n\n".join(parts) + "\n"


class _NoIngress:
    """Stands in for the deployment: describing the API calls none of it."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self


def _fields(properties: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(f"`{name}`", _type(spec), spec.get("description", "")) for name, spec in properties.items()]


def _type(spec: dict[str, Any]) -> str:
    if "$ref" in spec:
        return str(spec["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in spec:
        return " or ".join(_type(one) for one in spec["anyOf"])
    if spec.get("type") == "array":
        return f"list of {_type(spec.get('items', {}))}"
    return str(spec.get("format") or spec.get("type") or "any")


# --- tables -----------------------------------------------------------------------------------------
def tables() -> str:
    """The columns of every Parquet table, from vvp/schema.py."""
    from vvp import schema

    parts = [
        "# Columns of the tables",
        "This page is made from `vvp/schema.py`. *Known* is the moment a value becomes known. A feature may"
        " use `publish` columns; `counter` columns feed one block of features of their own; `after` columns"
        " become targets and nothing else; `id` columns say nothing about the video.",
    ]
    named = [
        ("videos/", schema.VIDEOS, "One row per video. `vvp collect` writes it."),
        ("set_aside/", schema.SET_ASIDE, "Rows of the input that are in no other table, and why."),
        ("embeddings/", schema.EMBEDDINGS, "One row per embedded video, whatever happened to it."),
        ("map/points.parquet", schema.POINTS, "`vvp explore` writes it."),
    ]
    for name, columns, meaning in named:
        parts += [f"## {name}", meaning]
        rows = [(f"`{c.name}`", str(c.type), c.known, c.doc) for c in columns]
        parts.append(_table(("Column", "Type", "Known", "Meaning"), rows))
    codes = [
        ("label_issue", schema.LABEL_ISSUES),
        ("reason", schema.SET_ASIDE_REASONS),
        ("error_kind", schema.ERROR_KINDS),
    ]
    for name, meanings in codes:
        parts.append(f"## Values of {name}")
        parts.append(_table(("Value", "Meaning"), [(f"`{value}`", text) for value, text in meanings.items()]))
    return "\n\n".join(parts) + "\n"


# --- the Python API ---------------------------------------------------------------------------------
def python() -> str:
    """The public functions, where vvp.api is there; else a sentence."""
    import importlib.util

    functions = ("collect", "embed", "tune", "evaluate", "explore", "report", "open_predictor")
    parts = [
        "# Python API",
        "`vvp.api` has the verbs as functions: " + ", ".join(f"`{name}`" for name in functions) + "."
        " The command line asks and prints; these functions do the work. Everything else in `vvp` may change"
        " without notice.",
    ]
    if importlib.util.find_spec("vvp.api") is None:
        parts.append("This version has no `vvp.api` yet: use the [command line](cli.md).")
    else:
        parts.append("```{eval-rst}\n.. automodule:: vvp.api\n   :members:\n   :undoc-members:\n```")
    parts.append("## Errors")
    parts.append("```{eval-rst}\n.. automodule:: vvp.errors\n   :members:\n   :show-inheritance:\n```")
    return "\n\n".join(parts) + "\n"


# --- the READMEs of rooms ---------------------------------------------------------------------------
PAGES = {"../jobs/README.md": "cluster.md", "../serve/README.md": "serving.md", "../README.md": "../index.md"}


def readme(room: str) -> str:
    """The room's README; links to READMEs become links to pages, links to code become names of files."""

    def link(match: re.Match[str]) -> str:
        words, target = match.groups()
        if "://" in target or target.startswith("#"):
            return match.group()
        if target in PAGES:
            return f"[{words}]({PAGES[target]})"
        if not (ROOT / room / target).exists():
            raise ValueError(f"{room}/README.md links to {target}, which does not exist")
        if target.startswith("../docs/"):
            return f"[{words}](../{target.removeprefix('../docs/')})"
        return f"`{room}/{target}`"

    return re.sub(r"\[([^\]]+)\]\(([^)\s]+)\)", link, (ROOT / room / "README.md").read_text("utf-8"))


# --- Markdown ---------------------------------------------------------------------------------------
def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _prose(text: str) -> str:
    """A docstring as Markdown paragraphs."""
    paragraphs = ("\n".join(line.strip() for line in p.splitlines()) for p in text.split("\n\n"))
    return "\n\n".join(p.replace("<", "&lt;") for p in paragraphs)
