"""The verb `evaluate`: opens the test part of a run once, says what it is worth, saves the predictor.

The predictor is what the evidence chose before the test was opened. What is taken home is fitted on every
labelled video, the test's too: the figures are those of its recipe, fitted on the videos before the test.
A rule's interval comes from all videos, each forecast from others; a model's from its out-of-fold errors and
the test's.
Not known here: how results are printed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import WHOLE, Matrix, assemble, assemble_whole, population
from vvp.dataset.targets import VIEWS, Fitted, find
from vvp.errors import UserError
from vvp.forecast import files
from vvp.forecast.files import Forecaster
from vvp.learn import candidates, classes, evaluate, evidence, looks, opened, ranges
from vvp.learn.calibration import Calibration
from vvp.learn.candidates import HISTORY, MEAN, METADATA_ONLY, RECENT, RULE, Candidate
from vvp.learn.intervals import COVERAGE, clearly_under, distribution
from vvp.learn.records import Coverage, Evaluation, Measured, Quality, Run, Saved, SplitResult, Warning
from vvp.learn.rule_errors import Errors, join
from vvp.learn.tuning import read_run
from vvp.paths import EMBED_RECIPE, RunPaths
from vvp.workspace import Workspace

FIRST_CHECKED = 3  # errors that an interval is made from before it is checked on the next row


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
        result = _rule_alone(space, at, run, result)
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


def read_evaluation(space: Workspace, name: str, target: str = VIEWS.name) -> Evaluation | None:
    """The evaluation of a run; None when there is none, or it is of another version of vvp."""
    at = RunPaths(name, target)
    if not space.exists(at.evaluation):
        return None
    try:
        found = Evaluation.read(
            space.read_json(at.evaluation), at.evaluation, f"`vvp evaluate --name {name}`"
        )
    except UserError:
        return None
    return found if found.format == files.FORMAT else None


def read_predictions(space: Workspace, name: str, target: str = VIEWS.name) -> pa.Table:
    """What was said of the test videos: schema evaluate.PREDICTIONS, model by model, each of the same videos.

    UserError: absent or damaged.
    """
    at = RunPaths(name, target).predictions
    found = space.read_file(at, evaluate.PREDICTIONS, "predictions")
    with space.taken_apart(at, f"run `vvp evaluate --name {name}` again"):
        if any(found[column].null_count for column in ("video_id", "model", "predicted", "log_views")):
            raise ValueError("a row without a forecast")
        models = found["model"].to_pylist()
        ids = [found.filter(pc.equal(found["model"], one))["video_id"].to_pylist() for one in set(models)]
        if any(one != ids[0] or len(set(one)) < len(one) for one in ids):
            raise ValueError("models that speak of different videos")
    return found


def _one_split(space: Workspace, at: RunPaths, run: Run, matrix: Matrix, result: Evaluation) -> Evaluation:
    """The evaluation with one split more; the deciding one also saves predictions and predictor."""
    rows = population(matrix)
    found, _ = candidates.read(space, at.split(matrix.split), matrix)
    choice = evidence.choose(matrix, rows, found, run.seed)
    calibrations = {name: ranges.calibrated(matrix, errors) for name, errors in choice.errors.items()}
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
    second = _second(found, choice)
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
        "quality": _qualities(quality(choice.chosen), quality(second), warnings),
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
    calibration = ranges.calibrated(same, choice.errors[choice.chosen.name])
    if calibration is None:
        return None, "no distribution of views could be made"
    test = matrix.rows("test", population(matrix).rows)
    return (choice.chosen.name, ranges.above(same, test, choice.chosen, calibration, bound)), None


def _second(found: list[Candidate], choice: evidence.Choice) -> Candidate:
    """Who forecasts drafts without a video: the metadata model, shown to be better, or the rule."""
    proven = {e.candidate for e in choice.evidence if e.better}
    metadata = next((c for c in found if c.name == METADATA_ONLY and c.name in proven), None)
    return metadata if metadata is not None and metadata.model is not None else choice.rule


def save(
    space: Workspace,
    at: RunPaths,
    run: Run,
    matrix: Matrix,
    found: list[Candidate],
    choice: evidence.Choice,
    calibrations: Mapping[str, Calibration | None],
    own: SplitResult,
    verdict: str,
    warnings: list[Warning],
    resamples: int = 1000,
) -> Saved:
    """Saves the predictor of the deciding split."""
    rows = population(matrix)
    test = matrix.rows("test", rows.rows)
    second = _second(found, choice)

    def record(one: Candidate, sentence: str | None) -> Quality:
        interval = own.interval
        if one.name != own.chosen:
            errors, made = choice.errors[one.name], calibrations[one.name]
            interval = evaluate.coverage(matrix, test, one, errors, made, resamples, 0)
        results = own.results[one.name]
        return Quality(
            verdict=sentence or evaluate.alone(own, one.name, interval),
            standing=evaluate.standing(results), metrics=results.metrics, rule=own.rule,
            rule_metrics=own.results[own.rule].metrics, interval=interval, test_rows=own.test_rows,
            test_channels=own.test_channels,
        )  # fmt: skip

    quality = _qualities(record(choice.chosen, verdict), record(second, None), warnings)
    facts = {
        "run": at.name, "split": matrix.split, "embedding": space.read_json(EMBED_RECIPE), "quality": quality,
        "fitted_on": "every labelled video",
    }  # fmt: skip

    def forecaster(one: Candidate) -> Forecaster:
        raw = matrix.y[test] - one.predict(matrix, test)
        tested = Errors(test, raw, ranges.scales(matrix, one, test))
        return Forecaster(one, ranges.calibrated(matrix, join([choice.errors[one.name], tested])))

    if choice.chosen.role == RULE:
        mark = save_rule(space, at, run, forecaster(choice.chosen), facts)
    else:
        whole = assemble_whole(space, run.split_settings, embedded_dims(space), matrix.target)
        whole = whole.only(matrix.column_names)
        everything, used = whole.rows("train"), whole.part == "train"
        # The judged recipe's rows: `population` has no test part to look at here.
        among = replace(rows, rows=used & whole.has_media if rows.name == "with_media" else used)

        def again(one: Candidate) -> Forecaster:
            judged = forecaster(one)
            return replace(judged, candidate=candidates.refit(whole, among, one, everything, run.seed))

        mark = files.save(
            space, at.predictor, whole, among, again(choice.chosen), again(second), own.rule, facts
        )
    return Saved(id=mark, model=choice.chosen.name, at=at.predictor)


def _qualities(main: Quality, metadata: Quality, warnings: list[Warning]) -> dict[str, Any]:
    return {
        "main": main.as_dict(),
        "metadata": metadata.as_dict(),
        "warnings": [one.as_dict() for one in warnings],
    }


def save_rule(space: Workspace, at: RunPaths, run: Run, judged: Forecaster, facts: dict[str, Any]) -> str:
    """Fits a rule on every labelled video and saves it as the predictor; its id.

    judged: the rule with its errors as judged. The mean and the channel rule get theirs anew, from every
    labelled video forecast from others; a line through followers keeps those that it was judged by.
    """
    rule, calibration = judged.candidate, judged.calibration
    whole = assemble_whole(
        space, run.split_settings, embedded_dims(space), Fitted(find(run.target, run.viral), run.numbers)
    )
    rows = population(whole)
    fitted = _on_everything(whole, rule)
    if rule.name in (HISTORY, MEAN):
        calibration = ranges.calibrated(whole, evidence.rule_errors_of(whole, fitted, rows.rows, []))
    judged = Forecaster(fitted, calibration)
    return files.save(space, at.predictor, whole, rows, judged, None, rule.name, facts)


def _on_everything(whole: Matrix, rule: Candidate) -> Candidate:
    column = rule.columns[0] if rule.name != MEAN else whole.columns[0].name
    fitted = candidates.fit_rule(whole, replace(rule, columns=(column,)), whole.rows("train"))
    return candidates.with_history(fitted, whole.history) if rule.name in (HISTORY, RECENT) else fitted


def _rule_alone(space: Workspace, at: RunPaths, run: Run, result: Evaluation) -> Evaluation:
    """Without a split: the channel rule (the mean, where no channel is known), checked row by row in time."""
    whole = assemble_whole(
        space, run.split_settings, embedded_dims(space), Fitted(find(run.target, run.viral), run.numbers)
    )
    rows = population(whole)
    rule = candidates.rule_alone(whole, HISTORY if whole.history.log_views else MEAN)
    errors = evidence.rule_errors_of(whole, rule, rows.rows, [])
    interval = _checked_in_turn(errors.scaled)
    n, why = run.counts["train"], (run.rules_only or "").rstrip(".")
    words = evaluate.rule_in_words(rule.name)
    verdict = f"No model can be tried ({why}), so the forecast is the simple rule, {words}."
    videos = f"{n} {'video' if n == 1 else 'videos'}"
    warnings = [Warning(kind="few videos", text=f"it rests on {videos} with a count")]
    if n > 1 and float(np.ptp(whole.y[whole.rows("train")])) == 0:
        text = "all counts are equal: how far a forecast may be off cannot be seen from them"
        warnings.append(Warning(kind="equal counts", text=text))
    quality = Quality(
        verdict=verdict, standing=evaluate.RULE_ITSELF, rule=rule.name, interval=interval,
        test_rows=interval.of, test_channels=None,
    )  # fmt: skip
    facts = {
        "run": at.name, "split": WHOLE, "embedding": space.read_json(EMBED_RECIPE),
        "quality": _qualities(quality, quality, warnings), "fitted_on": "every labelled video",
    }  # fmt: skip
    mark = save_rule(space, at, run, Forecaster(rule, None), facts)
    typical = None if not len(errors.raw) else float(np.exp(np.mean(np.abs(errors.raw))))
    known = {
        "verdict": verdict, "warnings": warnings, "rule": rule.name, "typical_factor": typical,
        "interval": interval, "predictor": Saved(id=mark, model=rule.name, at=at.predictor),
    }  # fmt: skip
    return result.model_copy(update=known)


def _checked_in_turn(errors: np.ndarray) -> Coverage:
    """Each error checked by the interval made of those before it."""
    held = of = 0
    for i in range(FIRST_CHECKED, len(errors)):
        before = distribution(0.0, errors[:i])
        assert before is not None
        held += bool(abs(errors[i]) <= before.half_width(COVERAGE))
        of += 1
    last = distribution(0.0, errors)
    if last is None:
        return Coverage(
            half_width=None, reason="one video with a count", measured=None, held=0, of=0, clearly_under=False
        )
    return Coverage(
        half_width=last.half_width(COVERAGE), wanted=COVERAGE, held=held, of=of,
        measured=Measured(point=held / of, low=None, high=None) if of else None,
        clearly_under=clearly_under(held, of),
    )  # fmt: skip
