"""The `vvp` command: one Typer app made of the drivers beside it.

Exit codes: 0 done, 1 failed, 2 the user's mistake, 141 the reader of its output has gone, 143 ended by
SIGTERM.
"""

import os
import pwd
import signal
import sys
import tempfile
from typing import Annotated

import typer

from jobs import show, signals
from vvp import __version__
from vvp.errors import UserError, VvpError

INTERRUPTED = 130  # what Typer makes of a KeyboardInterrupt

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=(
        "Forecast how many views a short video will get, with an interval and a baseline "
        "beside every number.\n\n"
        "The way: collect → embed → tune → evaluate → predict. Each verb reads and writes tables in one "
        "workspace; each can be run again and does only what is missing. `vvp words` says what the words of "
        "its answers mean."
    ),
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    on: Annotated[
        str | None,
        typer.Option(
            "--on", metavar="URL", help="Run the command as a job on a Ray cluster: http://HEAD:8265."
        ),
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="Start a Ray of its own, though one runs on this machine.")
    ] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        show.out.print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)
    if local:
        os.environ["RAY_ADDRESS"] = "local"  # read by Ray and by every process that it starts
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


@app.command()
def words() -> None:
    """Say what the words of forecasts and reports mean; docs/glossary.md has all of them."""
    from vvp.report.glossary import WORDS

    show.facts("words", list(WORDS.items()))


def _verbs() -> None:
    # Imported here so that `jobs.cli` itself stays light; each driver imports its heavy parts when called.
    from jobs import (
        clips,
        collect,
        demo,
        embed,
        evaluate,
        explore,
        export,
        finetune,
        predict,
        report,
        serve,
        tune,
    )  # fmt: skip

    app.add_typer(collect.app, name="collect")
    for driver in (embed, clips, finetune, tune, evaluate, explore, report, predict, export, serve):
        app.command(name=driver.__name__.rsplit(".", 1)[-1])(driver.command)
    app.command(name="demo")(demo.command_of(run))


def run(arguments: list[str]) -> int:
    """The exit code of `vvp ARGUMENTS`. A programmer's mistake is not caught: it shows its traceback."""
    try:
        if not app.registered_groups:
            _verbs()
        typer.main.get_command(app).main(arguments, prog_name="vvp", obj=arguments)
    except SystemExit as end:  # Typer prints a wrong option itself and exits with 2
        if isinstance(end.__context__, BrokenPipeError):
            return show.PIPE_CLOSED
        if not (signals.told() and end.code == INTERRUPTED):
            return end.code if isinstance(end.code, int) else 0
    except Exception as error:  # noqa: BLE001  what is not told in a sentence here is raised again
        if not signals.told():  # else it is what a library made of the signal
            return _told(error)
    except KeyboardInterrupt:  # outside of Typer, so while the verbs were imported
        if not signals.told():
            raise
    else:
        return 0
    # Out here the exception is gone: it held what runs, and Ray's streams must end before Ray does.
    return _stopped(signals.heard())


def _told(error: Exception) -> int:
    """Says what went wrong in one sentence; the exit code. Raises anything that is a programmer's mistake."""
    from jobs.causes import cause_of, of_the_machine

    cause = cause_of(error)
    if isinstance(cause, VvpError):
        show.err.print(f"vvp: {cause}", markup=False)
        return 2 if isinstance(cause, UserError) else 1
    sentence = of_the_machine(cause)
    if sentence is None:
        raise error
    show.err.print(f"vvp: {sentence}", markup=False)
    return 2


def _stopped(number: int) -> int:
    """Takes down what a signal ended, says so in one sentence; the exit code, as shells give it."""
    signals.ignore(signal.SIGTERM, signal.SIGINT)  # it is ending; a second one would leave parts running
    show.err.print(
        f"vvp: stopped by {signal.Signals(number).name}; what was written is kept, and the same command "
        "goes on from there."
    )
    if "ray" in sys.modules:
        from jobs.cluster import disconnect

        disconnect()
    return 128 + number


def _name_the_user() -> None:
    """Containers run under numbers that no passwd file knows; Ray and torch ask for a name and a home."""
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        os.environ.setdefault("HOME", tempfile.gettempdir())
        os.environ.setdefault("USER", str(os.getuid()))


def main() -> None:
    if sys.stdout is None:
        # The next file to be opened would get its descriptor, and tables would be printed into that file.
        if sys.stderr is not None:
            sys.stderr.write("vvp: stdout is closed, nothing could be shown: send it to a file.\n")
        sys.exit(2)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115  open as long as the process lives
    _name_the_user()
    signals.listen(signal.SIGTERM)
    sys.exit(run(sys.argv[1:]))
