"""`vvp tune`: embeddings/ → the models of a run, under each split."""

from typing import TYPE_CHECKING, Annotated

import typer

from jobs import options, show
from vvp.errors import UserError
from vvp.paths import RunPaths

if TYPE_CHECKING:  # pydantic is not needed to print a help text
    from vvp.learn.records import Run


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    split: Annotated[str, typer.Option(help="The split that decides: time, channel or random.")] = "time",
    embargo_days: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=3650,
            help="Gap between parts of the time split; default: the lag, less if it holds over 5 % of rows.",
        ),
    ] = None,
    min_age_days: Annotated[
        float,
        typer.Option(min=0, max=3650, help="A count read sooner after posting is no label; 0: any age."),
    ] = 3.0,
    label_lag_days: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=3650,
            help="Days until a count is known to the channel's later videos; default: --min-age-days.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials per family and split.", min=1)] = 8,
    families: Annotated[
        str | None, typer.Option(help="Comma-separated; default: all. A wrong name is told which there are.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Only the deciding split, not the other two beside it.")
    ] = False,
    cpus_per_trial: Annotated[float, typer.Option(help="CPUs of one trial.")] = 1.0,
    seed: options.Seed = 0,
    min_cpus: options.MinCpus = 0,
    json: options.Json = False,
) -> None:
    """Sweep linear models, trees and a network on Ray Tune, and fit every simple rule beside them.

    Killed and started again it goes on. The test part is not looked at: that is `vvp evaluate`.
    """
    from jobs.cluster import connect
    from vvp.dataset.split_rules import SplitSettings
    from vvp.learn.sweep import Sweeps
    from vvp.learn.tuning import tune
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    chosen = _families(families)
    settings = SplitSettings(embargo_days=embargo_days, min_age_days=min_age_days, lag_days=label_lag_days)
    with show.progress("tune") as update:
        sweeps = Sweeps(
            space=space, at=RunPaths(name), families=chosen, deciding=split, trials=trials, seed=seed,
            cpus_per_trial=cpus_per_trial, start=lambda: connect(min_cpus), progress=update,
        )  # fmt: skip
        run = tune(
            space, sweeps, name=name, split=split, others=not only, settings=settings,
            trials=trials, families=chosen, seed=seed,
        )  # fmt: skip
    if json:
        show.as_json(run.as_dict())
        return
    _print(run)


def _families(text: str | None) -> tuple[str, ...]:
    from vvp.models.registry import SWEPT

    if text is None:
        return SWEPT
    names = tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    if not names or any(n not in SWEPT for n in names):
        raise UserError(f"--families {text}: choose among {', '.join(SWEPT)}.")
    return names


def _print(run: "Run") -> None:
    counts = run.counts
    if run.rules_only:
        n = counts["train"]
        show.out.print(f"no model is tried: {run.rules_only}", markup=False)
        show.facts(
            f"tune {run.name}: the simple rule alone",
            [
                ("videos with a count", n),
                ("without a count", counts["without_label"]),
                ("took", f"{run.seconds:.0f} s"),
            ],
        )
        show.out.print("next: `vvp evaluate`, which says how far the rule is off, and saves it")
        return
    names = list(dict.fromkeys(name for fitted in run.splits.values() for name in fitted.validation_mae))
    rows = []
    for name in names:
        errors = [fitted.validation_mae.get(name) for fitted in run.splits.values()]
        rows.append((name, *(None if e is None else f"{e:.3f}" for e in errors)))
    show.table(
        f"tune {run.name}: error on videos not learned from, before the test (mean absolute, log views)",
        ("", *(f"{split} split" for split in run.splits)),
        rows,
    )
    for split, reason in run.unavailable.items():
        show.out.print(f"{split} split not made: {reason}", markup=False)
    for split, fitted in run.splits.items():
        for name, reason in fitted.unavailable_models.items():
            show.out.print(f"{split} split, {name}: {reason}", markup=False)
    if run.labels_note:
        show.out.print(f"note: {run.labels_note}", markup=False)
    if run.horizon:
        show.out.print(f"left out: the age of the counts ({run.horizon})", markup=False)
    show.facts(
        f"{counts['rows']} embedded videos",
        [
            (
                "in the parts",
                ", ".join(f"{counts[p]} {p}" for p in ("train", "validation", "test", "embargo")),
            ),
            ("without a label", counts["without_label"]),
            ("of these: count too young", counts["too_young"]),
            ("without picture and sound", counts["without_media"]),
            ("failed", counts["failed"]),
            ("compared", run.splits[run.split].population),
            ("took", f"{run.seconds:.0f} s"),
        ],
    )
    show.out.print("next: `vvp evaluate`, which opens the test part")
