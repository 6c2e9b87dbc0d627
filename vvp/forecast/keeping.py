"""The predictor that people take home: fitted on every labelled video, with the figures of its recipe.

Not known here: how a split is judged (judging.py), or how a predictor's files look (files.py).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import Matrix, assemble_whole, population
from vvp.dataset.targets import Fitted, find
from vvp.forecast import files
from vvp.forecast.files import Forecaster
from vvp.learn import candidates, evaluate, evidence
from vvp.learn.candidates import HISTORY, MEAN, METADATA_ONLY, RECENT, RULE, Candidate
from vvp.learn.intervals import traits
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.records import Quality, Saved, SplitResult, Warning
from vvp.learn.rule_errors import Errors, join
from vvp.learn.run_records import Run
from vvp.paths import EMBED_RECIPE, RunPaths
from vvp.workspace import Workspace


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
    second = second_of(found, choice)

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

    quality = qualities(record(choice.chosen, verdict), record(second, None), warnings)
    facts = {
        "run": at.name, "split": matrix.split, "embedding": space.read_json(EMBED_RECIPE), "quality": quality,
        "fitted_on": "every labelled video",
    }  # fmt: skip

    def forecaster(one: Candidate) -> Forecaster:
        raw = matrix.y[test] - one.predict(matrix, test)
        tested = Errors(test, raw, traits.scales(matrix, one, test))
        return Forecaster(one, traits.calibrated(matrix, join([choice.errors[one.name], tested])))

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


def qualities(main: Quality, metadata: Quality, warnings: list[Warning]) -> dict[str, Any]:
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
        calibration = traits.calibrated(whole, evidence.rule_errors_of(whole, fitted, rows.rows, []))
    judged = Forecaster(fitted, calibration)
    return files.save(space, at.predictor, whole, rows, judged, None, rule.name, facts)


def _on_everything(whole: Matrix, rule: Candidate) -> Candidate:
    column = rule.columns[0] if rule.name != MEAN else whole.columns[0].name
    fitted = candidates.fit_rule(whole, replace(rule, columns=(column,)), whole.rows("train"))
    return candidates.with_history(fitted, whole.history) if rule.name in (HISTORY, RECENT) else fitted


def second_of(found: list[Candidate], choice: evidence.Choice) -> Candidate:
    """Who forecasts drafts without a video: the metadata model, shown to be better, or the rule."""
    proven = {e.candidate for e in choice.evidence if e.better}
    metadata = next((c for c in found if c.name == METADATA_ONLY and c.name in proven), None)
    return metadata if metadata is not None and metadata.model is not None else choice.rule
