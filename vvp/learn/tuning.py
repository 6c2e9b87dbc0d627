"""The verb `tune`: a workspace's embedded videos → the fitted candidates of a run, under each split.

Where the deciding split cannot be made, because the videos are too few or have no dates, no model can be
shown to be worth anything. The run then holds the rules alone, and says why.
Not known here: Ray (the sweep is handed in), the test part (judging.py), how a run is printed.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import HORIZON, WHOLE, Matrix, assemble, assemble_whole, population
from vvp.dataset.split_rules import SplitSettings
from vvp.dataset.splits import SPLITS
from vvp.dataset.targets import TARGETS, VIEWS, Target
from vvp.errors import SplitError, UserError
from vvp.learn import candidates
from vvp.learn.candidates import Sweeper
from vvp.learn.folds import folds
from vvp.learn.run_records import FittedSplit, Run
from vvp.models.base import criterion
from vvp.models.registry import SWEPT
from vvp.paths import RunPaths
from vvp.workspace import Workspace

SweepFor = Callable[[str], Sweeper]
"""split → what sweeps the families on its data"""


def tune(
    space: Workspace,
    sweep_for: SweepFor,
    *,
    name: str = "default",
    split: str = "time",
    others: bool = True,
    settings: SplitSettings | None = None,
    trials: int = 8,
    families: Sequence[str] = SWEPT,
    seed: int = 0,
    target: Target = VIEWS.target,
    viral: str | None = None,
) -> Run:
    """Fits every candidate and writes the run. others: the other splits as well.

    settings: how labels and splits are made. target, viral: `targets.find`.

    UserError: nothing embedded, no label at all, an unknown split, a split asked for that cannot be made.
    """
    if split not in SPLITS:
        raise UserError(f"there is no split called {split}; there are {', '.join(SPLITS)}.")
    at, started = RunPaths(name, target.name), time.monotonic()
    space.remove(at.run)  # a sweep that is killed leaves no run to evaluate
    settings, dims = settings or SplitSettings(), embedded_dims(space)
    digest = hashlib.sha256(
        json.dumps([name, target.name, viral, split, ",".join(families), trials, seed]).encode()
    )
    run = Run(
        name=name,
        target=target.name,
        viral=viral,
        criterion=f"{criterion(target.classes).name}, {target.scale}" if not target.classes else "log loss",
        split=split,
        trials=trials,
        seed=seed,
        families=list(families),
        embargo_days=settings.embargo_days,
        min_age_days=settings.min_age_days,
        lag_days=settings.lag_days,
        train=settings.train,
        validation=settings.validation,
    )
    fitted: dict[str, FittedSplit] = {}
    unavailable: dict[str, str] = {}
    for one in [split, *(s for s in SPLITS if s != split and others)]:
        try:
            matrix = assemble(space, one, run.split_settings, dims, target)
        except UserError as error:
            if one != split:
                unavailable[one] = str(error)
                continue
            if not SPLITS[split].in_time or target.classes or not isinstance(error, SplitError):
                raise
            whole = assemble_whole(space, settings, dims, target)
            digest.update(candidates.fingerprint(whole).encode())
            run = _of(run, whole).model_copy(update={"rules_only": str(error), "split": WHOLE})
            break
        if one == split:
            run = _of(run, matrix)
        rows = population(matrix)
        if target.classes and not folds(matrix, rows.rows, seed):
            raise UserError(f"too few videos with the target {target.name} to try a model of it.")
        found = candidates.fit(matrix, rows, sweep_for(one), seed)
        facts = {
            "fingerprint": candidates.fingerprint(matrix),
            "population": rows.sentence,
            "families": ",".join(families),
        }
        digest.update(candidates.save(space, at.split(one), found, facts).encode())
        fitted[one] = FittedSplit(
            population=rows.sentence,
            validation_loss={c.name: c.validation_loss for c in found},
            unavailable_models={c.name: c.unavailable for c in found if c.unavailable},
        )
    done = {
        "splits": fitted, "unavailable": unavailable, "id": digest.hexdigest()[:16],
        "seconds": round(time.monotonic() - started, 1),
    }  # fmt: skip
    run = run.model_copy(update=done)
    space.write_json(at.run, run.as_dict())
    return run


def read_run(space: Workspace, name: str, target: str = VIEWS.name) -> Run | None:
    """The run of this name; None when there is none. UserError when it is damaged or of another version."""
    at = RunPaths(name, target)
    if not space.exists(at.run):
        return None
    return Run.read(space.read_json(at.run), space.uri(at.run), f"`vvp tune --name {name}`")


def impossible(
    space: Workspace, targets: Sequence[Target], split: str, settings: SplitSettings
) -> dict[str, str]:
    """Target → why it cannot be had under the deciding split; views are left to `tune`, which has a rule for
    every table."""
    found, dims = {}, embedded_dims(space)
    for target in targets:
        if target.name == VIEWS.name:
            continue
        try:
            assemble(space, split, settings, dims, target)
        except SplitError as error:
            if target.classes:
                found[target.name] = str(error)
                continue
            try:  # then the rule alone, fitted on every labelled video
                assemble_whole(space, settings, dims, target)
            except UserError as why:
                found[target.name] = str(why)
        except UserError as error:
            found[target.name] = str(error)
    return found


def targets_of(space: Workspace, name: str) -> list[str]:
    """The targets that the run of this name has, views first."""
    return [target for target in TARGETS if space.exists(RunPaths(name, target).run)]


def _of(run: Run, matrix: Matrix) -> Run:
    """The run with what the deciding split's matrix says of it."""
    facts = {
        "profile": matrix.profile, "encoders": matrix.encoders, "counts": matrix.counts,
        "splits_origin": matrix.splits_origin, "dropped": len(matrix.dropped),
        "horizon": matrix.dropped.get(HORIZON), "labels_note": matrix.labels_note,
        "numbers": dict(matrix.target.numbers),
    }  # fmt: skip
    return run.model_copy(update=facts)
