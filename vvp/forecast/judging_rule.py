"""Judging where no model can be tried: the simple rule, checked row by row in time."""

import numpy as np

from vvp.dataset.embedded import embedded_dims
from vvp.dataset.matrix import WHOLE, assemble_whole, population
from vvp.dataset.targets import Fitted, find
from vvp.forecast.files import Forecaster
from vvp.forecast.keeping import qualities, save_rule
from vvp.learn import candidates, evaluate, evidence
from vvp.learn.candidates import HISTORY, MEAN
from vvp.learn.intervals.distribution import COVERAGE, clearly_under, distribution
from vvp.learn.records import Coverage, Evaluation, Measured, Quality, Saved, Warning
from vvp.learn.run_records import Run
from vvp.paths import EMBED_RECIPE, RunPaths
from vvp.workspace import Workspace

FIRST_CHECKED = 3  # errors that an interval is made from before it is checked on the next row


def rule_alone(space: Workspace, at: RunPaths, run: Run, result: Evaluation) -> Evaluation:
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
        "quality": qualities(quality, quality, warnings), "fitted_on": "every labelled video",
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
