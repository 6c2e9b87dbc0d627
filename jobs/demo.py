"""`vvp demo`: the whole way on generated clips, with the same verbs a user would type."""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from jobs import options, show
from vvp import words

Run = Callable[[list[str]], int]


def command_of(run: Run) -> Callable[..., None]:
    """The verb. run: the exit code of `vvp ARGUMENTS`; handed in, because the CLI gathers this verb too."""

    def command(
        workspace: options.Workspace = "demo",
        videos: Annotated[int, typer.Option(help="How many clips to generate.", min=40)] = 200,
        trials: Annotated[int, typer.Option(help="Trials per family and split.", min=1)] = 4,
        seed: options.Seed = 0,
    ) -> None:
        """Generate a small world, run the whole job on it, draw its report, and forecast an unseen clip."""
        from vvp.synthetic.write import write_unseen

        started = time.monotonic()
        home = Path(workspace).absolute()
        space = ["--workspace", str(home / "workspace")]
        steps = [
            [
                "collect",
                "synthetic",
                str(home / "clips"),
                "--videos",
                str(videos),
                "--seed",
                str(seed),
                *space,
            ],
            ["embed", "--profile", "offline", *space],
            ["tune", "--trials", str(trials), *space],
            ["evaluate", *space],
            ["explore", *space],
            ["report", *space],
        ]
        for step in steps:
            _step(step, run)
        draft = write_unseen(home / "unseen", seed)
        tags = [word for tag in draft.tags for word in ("--tag", tag)]
        _step(
            [
                "predict", str(draft.path), "--title", draft.title, "--description", draft.description, *tags,
                "--channel", draft.channel_id, "--followers", str(draft.channel_followers),
                "--published-at", draft.published_at.isoformat(),
                "--horizon-days", f"{draft.horizon_days:.1f}", *space,
            ],
            run,
        )  # fmt: skip
        truth = words.views(2.718281828459045**draft.log_views)
        best = words.views(2.718281828459045**draft.expected_log_views)
        show.out.print(f"the world's truth for this clip: {truth} views; without its noise: {best}")
        report = home / "workspace/runs/default/report/report.html"
        show.out.print(
            f"its report: {report}; ask it about a draft: vvp serve {' '.join(space)}", markup=False
        )
        show.out.print(
            f"demo done in {time.monotonic() - started:.0f} s; all of it lies in {home}", markup=False
        )

    return command


def _step(arguments: list[str], run: Run) -> None:
    show.out.print(f"\n$ vvp {shlex.join(arguments)}", markup=False, style="bold cyan")
    code = run(arguments)
    if code != 0:
        raise typer.Exit(code)
