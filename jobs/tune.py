"""`vvp tune`: embeddings/ → the models of a run, under each split."""

from typing import TYPE_CHECKING, Annotated

import typer

from jobs import options, show
from vvp.errors import UserError
from vvp.paths import RunPaths

if TYPE_CHECKING:  # pydantic is not needed to print a help text
    from vvp.dataset.targets import Target
    from vvp.learn.run_records import Run
    from vvp.workspace import Workspace


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    target: Annotated[
        list[str] | None,
        typer.Option(help="What is forecast: views (default), likes, viral, …; repeat for more; all."),
    ] = None,
    viral: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="What viral is: top:10% or views:1000000; default: four medians."),
    ] = None,
    split: Annotated[str, typer.Option(help="The split that decides: time, channel, …")] = "time",
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
        bool, typer.Option("--only", help="Only the deciding split, not the others beside it.")
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
    from vvp.learn.tuning import impossible, tune
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    wanted = _targets(space, target, viral, min_age_days)
    settings = SplitSettings(embargo_days=embargo_days, min_age_days=min_age_days, lag_days=label_lag_days)
    missing = impossible(space, wanted, split, settings) if len(wanted) > 1 else {}  # tune looks itself
    if missing and "all" not in (target or []):
        raise UserError(next(iter(missing.values())))
    for name_of, why in missing.items():
        show.err.print(f"left out: {name_of} ({why.rstrip('.')})", markup=False)
    wanted = [one for one in wanted if one.name not in missing]
    chosen = {one.name: _families(families, one.classes) for one in wanted}
    runs = []
    for one in wanted:
        label = "tune" if len(wanted) == 1 else f"tune {one.name}"
        with show.progress(label) as update:
            sweeps = Sweeps(
                space=space, at=RunPaths(name, one.name), families=chosen[one.name], deciding=split,
                trials=trials, seed=seed, cpus_per_trial=cpus_per_trial, start=lambda: connect(min_cpus),
                progress=update,
            )  # fmt: skip
            run = tune(
                space, sweeps, name=name, split=split, others=not only, settings=settings,
                trials=trials, families=chosen[one.name], seed=seed, target=one, viral=viral,
            )  # fmt: skip
        runs.append(run)
        if not json:
            _print(run)
    if json:
        show.as_json(runs[0].as_dict() if len(runs) == 1 else [run.as_dict() for run in runs])
    elif not runs[0].rules_only:
        show.out.print("next: `vvp evaluate`, which opens the test part")


def _targets(
    space: "Workspace", names: list[str] | None, viral: str | None, min_age_days: float
) -> "list[Target]":
    """In the order asked for; "all": those whose counts the table has, and the others are said."""
    from vvp.dataset.labels import read_labels
    from vvp.dataset.targets import VIRAL, find, lacking, possible

    asked = [n.strip() for text in names or ["views"] for n in text.split(",") if n.strip()]
    if "all" in asked:
        labels = read_labels(space.read("videos"), min_age_days)
        for name_of, counts in lacking(labels).items():
            show.err.print(f"left out: {name_of} (the table has no {' and no '.join(counts)})", markup=False)
        asked = possible(labels) or ["views"]
    if viral is not None and VIRAL.name not in asked:
        raise UserError("--viral says what the target viral is: give --target viral as well.")
    return [find(one, viral) for one in dict.fromkeys(asked)]


def _families(text: str | None, classes: int) -> tuple[str, ...]:
    from vvp.models.registry import swept

    if text is None:
        return swept(classes)
    able = swept(classes)
    names = tuple(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    if not names or any(n not in able for n in names):
        raise UserError(f"--families {text}: choose among {', '.join(able)}.")
    return names


def _print(run: "Run") -> None:
    counts = run.counts
    if run.rules_only:
        n = counts["train"]
        show.out.print(f"no model is tried: {run.rules_only}", markup=False)
        show.facts(
            f"tune {run.name}, {run.target}: the simple rule alone",
            [
                ("videos with a count", n),
                ("without a count", counts["without_label"]),
                ("took", f"{run.seconds:.0f} s"),
            ],
        )
        show.out.print("next: `vvp evaluate`, which says how far the rule is off, and saves it")
        return
    names = list(dict.fromkeys(name for fitted in run.splits.values() for name in fitted.validation_loss))
    rows = []
    for name in names:
        errors = [fitted.validation_loss.get(name) for fitted in run.splits.values()]
        rows.append((name, *(None if e is None else f"{e:.3f}" for e in errors)))
    show.table(
        f"tune {run.name}, {run.target}: error on videos not learned from, before the test ({run.criterion})",
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
