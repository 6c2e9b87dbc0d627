"""The `vvp` command: one Typer app made of the drivers beside it.

Exit codes: 0 done, 1 failed, 2 the user's mistake.
"""

import sys
from typing import Annotated

import typer

from jobs import show
from vvp import __version__
from vvp.errors import UserError, VvpError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=(
        "Forecast how many views a short video will get, with an interval and a baseline "
        "beside every number.\n\n"
        "The way: collect → embed → tune → evaluate → predict. Each verb reads and writes tables in one "
        "workspace; each can be run again and does only what is missing."
    ),
)


@app.callback()
def root(
    context: typer.Context,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="URL", help="Run the command as a job on a Ray cluster: http://HEAD:8265."
        ),
    ] = None,
) -> None:
    if on and "--help" not in context.obj:
        if context.invoked_subcommand == "serve":
            raise UserError(
                "`vvp serve` is for this machine; on a cluster see serve/README.md (`serve deploy`)."
            )
        from jobs.submit import submit

        raise typer.Exit(submit(on, _without_on(context.obj)))


def _without_on(arguments: list[str]) -> list[str]:
    """The command line less `--on URL`; only what stands before the verb is looked at."""
    at = next(i for i, word in enumerate(arguments) if word == "--on" or word.startswith("--on="))
    return arguments[:at] + arguments[at + (2 if arguments[at] == "--on" else 1) :]


@app.command()
def version() -> None:
    """Print the version."""
    show.out.print(__version__)


def _verbs() -> None:
    # Imported here so that `jobs.cli` itself stays light; each driver imports its heavy parts when called.
    from jobs import collect, demo, embed, evaluate, explore, predict, report, serve, tune

    app.add_typer(collect.app, name="collect")
    for driver in (embed, tune, evaluate, explore, report, predict, serve):
        app.command(name=driver.__name__.rsplit(".", 1)[-1])(driver.command)
    app.command(name="demo")(demo.command_of(run))


def run(arguments: list[str]) -> int:
    """The exit code of `vvp ARGUMENTS`. A programmer's mistake is not caught: it shows its traceback."""
    if not app.registered_groups:
        _verbs()
    try:
        typer.main.get_command(app).main(arguments, prog_name="vvp", obj=arguments)
    except SystemExit as end:  # Typer prints a wrong option itself and exits with 2
        return end.code if isinstance(end.code, int) else 0
    except VvpError as error:
        show.err.print(f"vvp: {error}", markup=False)
        return 2 if isinstance(error, UserError) else 1
    return 0


def main() -> None:
    sys.exit(run(sys.argv[1:]))
