"""The verb `evaluate`: opens the test part of a run once, says what it is worth, saves the predictor.

The predictor is what the evidence chose before the test was opened. A rule costs nothing to fit, so the rule
that is taken home is fitted on every labelled video, and its interval comes from all of them, each forecast
from others. A model stays as it was judged; its interval comes from its out-of-fold errors and the test's.
Not known here: how results are printed.
"""

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import numpy as np

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import WHOLE, Matrix, assemble, assemble_whole, population
from vvp.dataset.split_rules import SplitSettings
from vvp.errors import UserError
from vvp.forecast import files
from vvp.forecast.files import Forecaster
from vvp.learn import candidates, evaluate, evidence
from vvp.learn.candidates import HISTORY, MEAN, RULE, Candidate
from vvp.learn.intervals import COVERAGE, clearly_under, distribution
from vvp.paths import EMBED_RECIPE, TEST_OPENED, RunPaths
from vvp.workspace import Workspace

FIRST_CHECKED = 3  # errors that an interval is made from before it is checked on the next row


def judge(space: Workspace, *, name: str = "default", resamples: int = 1000) -> dict[str, Any]:
    """The evaluation of a run, JSON-ready; what was found the first time where it was made before.

    UserError: no such run, or the tables changed since it was made.
    """
    at = RunPaths(name)
    if not space.exists(at.run):
        raise UserError(f"there is no run called {name} in {space.root}: run `vvp tune --name {name}` first.")
    run = space.read_json(at.run)
    made = [split for split, one in run["splits"].items() if "unavailable" not in one]
    marks = {s: space.read_json(at.candidates(s))["fingerprint"] for s in made}
    if space.exists(at.evaluation):
        saved = space.read_json(at.evaluation)
        if (saved.get("run_id"), saved.get("resamples"), saved.get("format")) == (
            run["id"], resamples, files.FORMAT,
        ):  # fmt: skip
            return dict(saved)
    result: dict[str, Any] = {
        "name": name,
        "split": run["split"],
        "profile": run["profile"],
        "opened_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "resamples": resamples,
        "format": files.FORMAT,
        "run_id": run["id"],
        "counts": run["counts"],
        "horizon": run["horizon"],
        "rules_only": run["rules_only"],
        "splits": {s: one for s, one in run["splits"].items() if "unavailable" in one},
        "times_opened": 0,
    }
    if run["rules_only"]:
        result |= _rule_alone(space, at, run)
    else:
        settings = SplitSettings(embargo_days=run["embargo_days"])
        for split in made:
            matrix = assemble(space, split, settings, embedded_dims(space))
            if candidates.fingerprint(matrix) != marks[split]:
                raise UserError(
                    f"the tables changed since `vvp tune --name {name}`: run it again, then evaluate."
                )
            result |= _one_split(space, at, run, matrix, result, resamples)
    space.write_json(at.evaluation, result)
    return result


def _one_split(
    space: Workspace,
    at: RunPaths,
    run: dict[str, Any],
    matrix: Matrix,
    result: dict[str, Any],
    resamples: int,
) -> dict[str, Any]:
    """What one split adds to the evaluation; the deciding one also saves predictions and predictor."""
    rows = population(matrix)
    found, _ = candidates.read(space, at.split(matrix.split))
    choice = evidence.choose(matrix, rows, found, run["seed"])
    own = evaluate.evaluate_split(matrix, rows, found, choice, resamples=resamples)
    splits = {**result["splits"], matrix.split: own}
    if matrix.split != run["split"]:
        return {"splits": splits}
    space.write_bytes(at.predictions, evaluate.predictions(matrix, rows, found, choice.errors))
    verdict, warnings = evaluate.verdict(own), evaluate.warnings(matrix, own)
    kept = save(space, at, matrix, found, choice, own, verdict, warnings, resamples)
    parts = matrix.splits.facts["fingerprint"]
    opened = space.read_json(TEST_OPENED) if space.exists(TEST_OPENED) else []
    opened.append({"run": at.name, "split": matrix.split, "parts": parts, "at": result["opened_at"]})
    space.write_json(TEST_OPENED, opened)
    times = {o["run"] for o in opened if (o.get("split"), o.get("parts")) == (matrix.split, parts)}
    return {
        "splits": splits, "verdict": verdict, "warnings": warnings, "predictor": kept,
        "times_opened": len(times),
    }  # fmt: skip


def save(
    space: Workspace,
    at: RunPaths,
    matrix: Matrix,
    found: list[Candidate],
    choice: evidence.Choice,
    own: dict[str, Any],
    verdict: str,
    warnings: list[str],
    resamples: int = 1000,
) -> dict[str, Any]:
    """Saves the predictor of the deciding split; {id, model, at}."""
    rows = population(matrix)
    test = matrix.rows("test", rows.rows)
    proven = {e.candidate for e in choice.evidence if e.better}
    metadata = next((c for c in found if c.input == "metadata" and c.name in proven), None)
    second = metadata if metadata is not None and metadata.model is not None else choice.rule

    def record(one: Candidate, sentence: str | None) -> dict[str, Any]:
        interval = own["interval"]
        if one.name != own["chosen"]:
            interval = evaluate.coverage(matrix, test, one, choice.errors[one.name], resamples, 0)
        results = own["results"][one.name]
        return {
            "verdict": sentence or evaluate.alone(own, one.name, interval),
            "standing": evaluate.standing(results),
            "metrics": results["metrics"],
            "rule": own["rule"],
            "rule_metrics": own["results"][own["rule"]]["metrics"],
            "interval": interval,
            "test_rows": own["test_rows"],
            "test_channels": own["test_channels"],
        }

    quality = {"main": record(choice.chosen, verdict), "metadata": record(second, None), "warnings": warnings}
    facts = {
        "run": at.name, "split": matrix.split, "embedding": space.read_json(EMBED_RECIPE), "quality": quality,
        "fitted_on": "every labelled video" if choice.chosen.role == RULE else "the training part",
    }  # fmt: skip
    if choice.chosen.role == RULE:
        mark = save_rule(space, at, choice.chosen, facts)
    else:

        def forecaster(one: Candidate) -> Forecaster:
            errors = choice.errors[one.name]
            tested = (matrix.y[test] - one.predict(matrix, test)) / evaluate.scales(matrix, one, test)
            return Forecaster(one, np.concatenate([errors.scaled, tested]))

        mark = files.save(
            space,
            at.predictor,
            matrix,
            rows,
            forecaster(choice.chosen),
            forecaster(second),
            own["rule"],
            facts,
        )
    return {"id": mark, "model": choice.chosen.name, "at": space.uri(at.predictor)}


def save_rule(space: Workspace, at: RunPaths, rule: Candidate, facts: dict[str, Any]) -> str:
    """Fits a rule on every labelled video and saves it as the predictor; its id."""
    whole = assemble_whole(space, embedded_dims(space))
    rows = population(whole)
    fitted = _on_everything(whole, rule)
    if rule.name in (HISTORY, MEAN):
        errors = evidence.rule_errors_of(whole, fitted, rows.rows, []).scaled
    else:
        y = whole.y[labelled := whole.rows("train")]
        errors = y - fitted.predict(whole, labelled)
    return files.save(space, at.predictor, whole, rows, Forecaster(fitted, errors), None, rule.name, facts)


def _on_everything(whole: Matrix, rule: Candidate) -> Candidate:
    column = rule.columns[0] if rule.name != MEAN else whole.columns[0].name
    fitted = candidates.fit_rule(whole, replace(rule, columns=(column,)), whole.rows("train"))
    return candidates.with_history(fitted, whole.history) if rule.name == HISTORY else fitted


def _rule_alone(space: Workspace, at: RunPaths, run: dict[str, Any]) -> dict[str, Any]:
    """Without a split: the channel rule (the mean, where no channel is known), checked row by row in time."""
    whole = assemble_whole(space, embedded_dims(space))
    digest_of = candidates.fingerprint(whole)
    rows = population(whole)
    named = bool(whole.history.log_views)
    rule = candidates.rule_alone(whole, HISTORY if named else MEAN)
    errors = evidence.rule_errors_of(whole, rule, rows.rows, [])
    interval = _checked_in_turn(errors.scaled)
    words = evaluate.rule_in_words(rule.name)
    n = run["counts"]["train"]
    sentence = f"{run['rules_only'][0].lower()}{run['rules_only'][1:].rstrip('.')}"
    verdict = f"No model can be tried ({sentence}), so the forecast is the simple rule, {words}."
    typical = None if not len(errors.raw) else float(np.exp(np.median(np.abs(errors.raw))))
    warnings = [f"it rests on {n} {'video' if n == 1 else 'videos'} with a count"]
    if float(np.ptp(whole.y[whole.rows("train")])) == 0 and n > 1:
        warnings.append("all counts are equal: how far a forecast may be off cannot be seen from them")
    quality = {
        "verdict": verdict, "standing": evaluate.RULE_ITSELF, "metrics": None, "rule": rule.name,
        "rule_metrics": None, "interval": interval, "test_rows": interval["of"], "test_channels": None,
    }  # fmt: skip
    facts = {
        "run": at.name, "split": WHOLE, "embedding": space.read_json(EMBED_RECIPE),
        "quality": {"main": quality, "metadata": quality, "warnings": warnings},
        "fitted_on": "every labelled video",
    }  # fmt: skip
    mark = save_rule(space, at, rule, facts)
    return {
        "verdict": verdict, "warnings": warnings, "rule": rule.name, "typical_factor": typical,
        "interval": interval, "tables": digest_of,
        "predictor": {"id": mark, "model": rule.name, "at": space.uri(at.predictor)},
    }  # fmt: skip


def _checked_in_turn(errors: np.ndarray) -> dict[str, Any]:
    """The record of evaluate.coverage, each error checked by the interval of those before it."""
    held = of = 0
    for i in range(FIRST_CHECKED, len(errors)):
        before = distribution(0.0, errors[:i])
        assert before is not None
        held += bool(abs(errors[i]) <= before.half_width(COVERAGE))
        of += 1
    if not len(errors):
        return {"half_width": None, "reason": "one video with a count", "measured": None, "of": 0, "held": 0,
                "clearly_under": False}  # fmt: skip
    last = distribution(0.0, errors)
    assert last is not None
    point = {"point": held / of, "low": None, "high": None} if of else None
    return {
        "half_width": last.half_width(COVERAGE), "wanted": COVERAGE, "measured": point,
        "held": held, "of": of, "clearly_under": clearly_under(held, of),
    }  # fmt: skip
