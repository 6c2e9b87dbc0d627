"""`vvp tune`: embeddings/ → the models of a run, under each split."""

import hashlib
import time
from json import dumps as json_text
from typing import Annotated, Any

import typer

from jobs import options, show
from vvp.errors import UserError


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
            help="Gap between parts of the time split; default: 7, less if that takes over 5 % of rows.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials per family and split.", min=1)] = 8,
    families: Annotated[str, typer.Option(help="Of ridge, gbdt, mlp; comma-separated.")] = "ridge,gbdt,mlp",
    only: Annotated[
        bool, typer.Option("--only", help="Only the deciding split, not the other two beside it.")
    ] = False,
    cpus_per_trial: Annotated[float, typer.Option(help="CPUs of one trial.")] = 1.0,
    seed: options.Seed = 0,
    min_cpus: options.MinCpus = 0,
    json: options.Json = False,
) -> None:
    """Sweep Ridge, LightGBM and an MLP on Ray Tune, and fit every baseline beside them.

    Killed and started again it goes on. The test part is not looked at: that is `vvp evaluate`.
    """
    from jobs.cluster import connect
    from vvp.dataset.matrix import assemble, embedded_dims, population
    from vvp.dataset.split_rules import SplitSettings
    from vvp.dataset.splits import SPLITS
    from vvp.learn import candidates
    from vvp.learn.sweep import SweepData, sweep
    from vvp.models.base import Data, Params
    from vvp.models.base import Model as FittedModel
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    home = options.run_folder(name)
    chosen = _families(families)
    if split not in SPLITS:
        raise UserError(f"there is no split called {split}; there are {', '.join(SPLITS)}.")
    connect(min_cpus)
    started = time.monotonic()
    settings = SplitSettings(embargo_days=embargo_days)
    space.remove(f"{home}/run.json")  # a sweep that is killed leaves no run to evaluate
    digest = hashlib.sha256(json_text([name, split, families, trials, seed]).encode())
    run: dict[str, Any] = {"name": name, "split": split, "trials": trials, "seed": seed, "splits": {}}
    run["embargo_days"] = embargo_days
    dims = embedded_dims(space)
    for one in [split, *(s for s in SPLITS if s != split and not only)]:
        try:
            matrix = assemble(space, one, settings, dims)
        except UserError as error:
            if one == split:
                raise
            run["splits"][one] = {"unavailable": str(error)}
            continue
        if one == split:
            run |= {"profile": matrix.profile, "encoders": matrix.encoders, "counts": matrix.counts}
            run |= {"splits_origin": matrix.splits_origin, "dropped": len(matrix.dropped)}
        folder = f"{home}/{one}"
        rows = population(matrix)
        mark = candidates.fingerprint(matrix)

        with show.progress(f"tune, {one} split") as update:

            def sweeper(
                train: Data, validation: Data, folder: str = folder, update: show.Update = update
            ) -> dict[str, tuple[FittedModel, Params, float]]:
                result = sweep(
                    chosen,
                    SweepData(train=train, validation=validation),
                    storage=space.uri(folder),
                    name="sweep",
                    trials=trials,
                    seed=seed,
                    cpus_per_trial=cpus_per_trial,
                    progress=lambda done, total, best: update(
                        done, total, "" if best is None else f"trials, least error {best:.3f}"
                    ),
                )
                space.write_json(f"{folder}/trials.json", [vars(t) for t in result.trials])
                return {family: (best.model, best.params, best.mae) for family, best in result.best.items()}

            found = candidates.fit(matrix, rows, sweeper, seed)
        facts = {"fingerprint": mark, "population": rows.sentence, "families": families}
        digest.update(candidates.save(space, folder, found, facts).encode())
        run["splits"][one] = {
            "population": rows.sentence,
            "validation_mae": {c.name: c.validation_mae for c in found},
            "unavailable_models": {c.name: c.unavailable for c in found if c.unavailable},
        }
    run["seconds"] = round(time.monotonic() - started, 1)
    run["id"] = digest.hexdigest()[:16]
    space.write_json(f"{home}/run.json", run)
    if json:
        show.as_json(run)
        return
    _print(run)


def _families(text: str) -> list[Any]:
    from vvp.learn.candidates import FAMILIES

    names = list(dict.fromkeys(n.strip() for n in text.split(",") if n.strip()))
    unknown = [n for n in names if n not in FAMILIES]
    if unknown or not names:
        raise UserError(f"--families {text}: choose among {', '.join(FAMILIES)}.")
    return [FAMILIES[n] for n in names]


def _print(run: dict[str, Any]) -> None:
    fitted = {split: one for split, one in run["splits"].items() if "validation_mae" in one}
    names = list(dict.fromkeys(name for one in fitted.values() for name in one["validation_mae"]))
    rows = []
    for name in names:
        errors = [one["validation_mae"].get(name) for one in fitted.values()]
        rows.append((name, *(None if e is None else f"{e:.3f}" for e in errors)))
    show.table(
        f"tune {run['name']}: validation error (mean absolute, log views; lower is better)",
        ("", *(f"{split} split" for split in fitted)),
        rows,
    )
    for split, one in run["splits"].items():
        if "unavailable" in one:
            show.out.print(f"{split} split not made: {one['unavailable']}", markup=False)
        for name, reason in one.get("unavailable_models", {}).items():
            show.out.print(f"{split} split, {name}: {reason}", markup=False)
    counts = run["counts"]
    show.facts(
        f"{counts['rows']} embedded videos",
        [
            (
                "in the parts",
                ", ".join(f"{counts[p]} {p}" for p in ("train", "validation", "test", "embargo")),
            ),
            ("without a label", counts["without_label"]),
            ("without picture and sound", counts["without_media"]),
            ("failed", counts["failed"]),
            ("compared", fitted[run["split"]]["population"]),
            ("took", f"{run['seconds']:.0f} s"),
        ],
    )
    show.out.print("next: `vvp evaluate`, which opens the test part")
