"""The verb `evaluate`: opens the test part of a run once, says what it is worth, saves the predictor.

The predictor is what the evidence chose before the test was opened. What is taken home is fitted on every
labelled video, the test's too: the figures are those of its recipe, fitted on the videos before the test.
A rule's interval comes from all videos, each forecast from others; a model's from its out-of-fold errors and
the test's.
Not known here: how results are printed.
"""

from dataclasses import replace
from datetime import datetime, timezone

import numpy as np

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import Matrix, assemble, assemble_whole, population
from vvp.dataset.targets import VIEWS, find
from vvp.errors import UserError
from vvp.forecast import files
from vvp.forecast.evaluations import read_evaluation
from vvp.forecast.files import Forecaster
from vvp.forecast.judging_rule import rule_alone
from vvp.forecast.keeping import qualities, save, second_of
from vvp.learn import candidates, classes, evaluate, evidence, looks, opened
from vvp.learn.candidates import Candidate
from vvp.learn.intervals import traits
from vvp.learn.records import Evaluation, Quality, Saved
from vvp.learn.run_records import Run
from vvp.learn.tuning import read_run
from vvp.paths import EMBED_RECIPE, RunPaths
from vvp.workspace import Workspace


def judge(
    space: Workspace, *, name: str = "default", target: str = VIEWS.name, resamples: int = 1000
) -> Evaluation:
    """The evaluation of a run; what was found the first time where it was made before.

    UserError: no such run, or the tables changed since it was made.
    """
    at, run = RunPaths(name, target), read_run(space, name, target)
    if run is None:
        of = "" if target == VIEWS.name else f" --target {target}"
        raise UserError(
            f"there is no run called {name}{of} in {space.root}: run `vvp tune --name {name}{of}` first."
        )
    what = find(run.target, run.viral)
    marks = {s: _mark(space, at.candidates(s)) for s in run.splits}
    saved = read_evaluation(space, name, target)
    if saved is not None and (saved.run_id, saved.resamples) == (run.id, resamples):
        return _here(saved, space, at)
    result = Evaluation(
        name=name, split=run.split, profile=run.profile, resamples=resamples, format=files.FORMAT,
        opened_at=datetime.now(timezone.utc).isoformat(timespec="seconds"), run_id=run.id, counts=run.counts,
        horizon=run.horizon, rules_only=run.rules_only, unavailable=run.unavailable,
        target=run.target, unit=what.unit, scale=what.scale, log=what.log,
    )  # fmt: skip
    if run.rules_only:
        result = rule_alone(space, at, run, result)
    else:
        settings = run.split_settings
        for split in run.splits:
            matrix = assemble(space, split, settings, embedded_dims(space), what)
            if candidates.fingerprint(matrix) != marks[split]:
                raise UserError(
                    f"the tables changed since `vvp tune --name {name}`: run it again, then evaluate."
                )
            one_split = _class_split if what.classes else _one_split
            result = one_split(space, at, run, matrix, result)
    if target != VIEWS.name and not what.classes:
        result = result.model_copy(update={"verdict": f"{target}: {result.verdict}"})
    space.write_json(at.evaluation, result.as_dict())
    return _here(result, space, at)


def _here(result: Evaluation, space: Workspace, at: RunPaths) -> Evaluation:
    """With the predictor's whole place: what is written says where in the workspace, which may be copied."""
    if result.predictor is None:
        return result
    return result.model_copy(
        update={"predictor": result.predictor.model_copy(update={"at": space.uri(at.predictor)})}
    )


def _mark(space: Workspace, candidates_at: str) -> str:
    facts = space.read_json(candidates_at)
    with space.taken_apart(candidates_at, "run `vvp tune` again"):
        return str(facts["fingerprint"])


def _one_split(space: Workspace, at: RunPaths, run: Run, matrix: Matrix, result: Evaluation) -> Evaluation:
    """The evaluation with one split more; the deciding one also saves predictions and predictor."""
    rows = population(matrix)
    found, _ = candidates.read(space, at.split(matrix.split), matrix)
    choice = evidence.choose(matrix, rows, found, run.seed)
    calibrations = {name: traits.calibrated(matrix, errors) for name, errors in choice.errors.items()}
    own = evaluate.evaluate_split(matrix, rows, found, choice, calibrations, resamples=result.resamples)
    if matrix.split == run.split:
        own = own.model_copy(update={"looks": looks.look(matrix, rows, choice, run.seed)})
    splits = {**result.splits, matrix.split: own}
    if matrix.split != run.split:
        return result.model_copy(update={"splits": splits})
    space.write_bytes(at.predictions, evaluate.predictions(matrix, rows, found, calibrations))
    verdict, warnings = evaluate.verdict(own), evaluate.warnings(matrix, own)
    kept = save(
        space, at, run, matrix, found, choice, calibrations, own, verdict, warnings, result.resamples
    )  # fmt: skip
    known = {
        "splits": splits, "verdict": verdict, "warnings": warnings, "predictor": kept,
        "times_opened": opened.note(space, at.name, matrix, result.opened_at),
    }  # fmt: skip
    return result.model_copy(update=known)


def _class_split(space: Workspace, at: RunPaths, run: Run, matrix: Matrix, result: Evaluation) -> Evaluation:
    """As `_one_split`, for a target of classes."""
    rows = population(matrix)
    found, _ = candidates.read(space, at.split(matrix.split), matrix)
    choice = evidence.choose(matrix, rows, found, run.seed)
    able = classes.mapped(matrix, rows, found, run.seed)
    by_views = why = None
    if matrix.target.views_bound is not None:
        by_views, why = _by_views(space, run, matrix, matrix.target.views_bound)
    own = classes.evaluate(
        matrix, rows, found, choice, able, by_views=by_views, no_by_views=why, resamples=result.resamples
    )
    splits = {**result.classes, matrix.split: own}
    if matrix.split != run.split:
        return result.model_copy(update={"classes": splits})
    space.write_bytes(at.predictions, classes.predictions(matrix, rows, able))
    verdict, warnings = classes.verdict(own, run.target), own.flags
    mappings = {one.candidate.name: one.probabilities for one in able}
    second = second_of(found, choice)
    sentences = {choice.chosen.name: verdict, choice.rule.name: classes.about_rule(own, run.target)}

    def quality(one: Candidate) -> Quality:
        return Quality(
            verdict=sentences.get(one.name, f"{one.name}, which was judged on the same test."),
            standing=classes.standing(own.results[one.name]), rule=own.rule, interval=None,
            test_rows=own.test_rows, test_channels=own.test_channels,
        )  # fmt: skip

    whole = assemble_whole(space, run.split_settings, embedded_dims(space), matrix.target)
    whole = whole.only(matrix.column_names)
    everything, used = whole.rows("train"), whole.part == "train"
    among = replace(rows, rows=used & whole.has_media if rows.name == "with_media" else used)

    def again(one: Candidate) -> Forecaster:
        refitted = candidates.refit(whole, among, one, everything, run.seed)
        return Forecaster(refitted, None, mappings[one.name])

    facts = {
        "run": at.name, "split": matrix.split, "embedding": space.read_json(EMBED_RECIPE),
        "quality": qualities(quality(choice.chosen), quality(second), warnings),
        "fitted_on": "every labelled video",
    }  # fmt: skip
    mark = files.save(
        space, at.predictor, whole, among, again(choice.chosen), again(second), own.rule, facts, run.viral
    )
    known = {
        "classes": splits, "verdict": verdict, "warnings": warnings,
        "predictor": Saved(id=mark, model=choice.chosen.name, at=at.predictor),
        "times_opened": opened.note(space, at.name, matrix, result.opened_at),
    }  # fmt: skip
    return result.model_copy(update=known)


def _by_views(
    space: Workspace, run: Run, matrix: Matrix, bound: float
) -> tuple[tuple[str, np.ndarray] | None, str | None]:
    """((who forecasts views, the chance of more than `bound` by its distribution on the test rows), None), or
    (None, why there is none). bound: log views; matrix: of the target that is a bound on them."""
    views, again = read_run(space, run.name), f"run `vvp tune --name {run.name} --target views`"
    if views is None or views.rules_only or matrix.split not in views.splits:
        return None, f"this run has no models of views under the {matrix.split} split: {again}"
    if views.split_settings != run.split_settings:
        return None, f"views were split another way: {again} with the options of this target"
    same = assemble(space, matrix.split, run.split_settings, embedded_dims(space))
    at = RunPaths(run.name).candidates(matrix.split)
    if _mark(space, at) != candidates.fingerprint(same):
        return None, f"the tables changed since the models of views were fitted: {again} again"
    rows = population(same)
    found, _ = candidates.read(space, RunPaths(run.name).split(matrix.split), same)
    choice = evidence.choose(same, rows, found, views.seed)
    calibration = traits.calibrated(same, choice.errors[choice.chosen.name])
    if calibration is None:
        return None, "no distribution of views could be made"
    test = matrix.rows("test", population(matrix).rows)
    return (choice.chosen.name, traits.above(same, test, choice.chosen, calibration, bound)), None
