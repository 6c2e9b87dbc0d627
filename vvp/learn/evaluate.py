"""Opens the test part: every candidate's metrics with intervals, each against the best baseline, per split.

The metrics, the bootstrap over channels and the paired differences are metrics.py's; this module decides what
is compared with what. Which models there are was settled before (candidates.py); choosing again by what is
seen here would spoil it, so the predictor is the validation part's choice.
Not known here: how anything was fitted, files (jobs/evaluate.py), how a table is printed.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vvp.dataset.channels import channel_codes
from vvp.dataset.matrix import Matrix, Population
from vvp.learn.candidates import BASELINE, MODEL, Candidate
from vvp.learn.metrics import METRICS, bootstrap, conformal_half_width, flags, paired

COVERAGE = 0.8


def choose(candidates: Sequence[Candidate]) -> Candidate:
    """The predictor: least validation error of all, baselines included; on a tie the one listed first.

    A baseline that our models cannot beat on validation is what an honest forecast should use.
    """
    able = [c for c in candidates if c.model is not None]
    return min(able, key=lambda c: c.validation_mae if c.validation_mae is not None else np.inf)


def evaluate_split(
    matrix: Matrix,
    population: Population,
    candidates: Sequence[Candidate],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """One split's results, JSON-ready. Intervals are {point, low, high, …}, None where undefined.

    "versus_baseline": per metric, the candidate's minus that of the baseline best at this metric on the test
    (the hardest to beat), paired on the same resamples; the best baseline itself has no entry.
    """
    rows = matrix.rows("test", population.rows)
    y, channels = matrix.y[rows], matrix.channel_id[rows]
    able = [c for c in candidates if c.model is not None]
    predicted = {c.name: c.predict(matrix, rows) for c in able}
    intervals = bootstrap(y, predicted, channels, resamples, seed)
    rivals = {m: _best_baseline(able, intervals, m) for m in METRICS}

    def versus(name: str) -> dict[str, Any]:
        """Per metric: name of the best baseline at it, and this candidate's paired difference from it."""
        against = {
            rival: paired(y, predicted[name], predicted[rival], channels, resamples, seed)
            for rival in set(rivals.values()) - {name}
        }
        return {m: {"baseline": r, **against[r][m].as_dict()} for m, r in rivals.items() if r != name}

    chosen = choose(able)
    results = {}
    for c in candidates:
        head = {
            "role": c.role,
            "family": c.family,
            "input": c.input,
            "columns": len(c.columns),
            "rows": c.rows,
        }
        if c.model is None:
            results[c.name] = {**head, "unavailable": c.unavailable}
            continue
        results[c.name] = {
            **head,
            "validation_mae": c.validation_mae,
            "metrics": {m: intervals[c.name][m].as_dict() for m in METRICS},
            "versus_baseline": versus(c.name),
        }
    return {
        "parts": {
            part: int((matrix.part == part).sum()) for part in ("train", "validation", "test", "embargo")
        },
        "population": population.sentence,
        "test_rows": len(rows),
        "test_channels": len(set(channel_codes(channels).tolist())),  # unknown: its own
        "best_baseline": rivals["spearman"],
        "best_baselines": rivals,
        "chosen": chosen.name,
        "results": results,
        "interval": _coverage(matrix, population, chosen, rows, channels, resamples, seed),
        "flags": flags(predicted),
    }


def _best_baseline(able: Sequence[Candidate], intervals: dict[str, Any], metric: str) -> str:
    """The best at `metric` on the test; undefined (a constant has no rank) comes last."""
    baselines = [c.name for c in able if c.role == BASELINE]

    def strength(name: str) -> tuple[float, float]:
        found, error = intervals[name][metric].point, intervals[name]["mae"].point
        if found is None:
            return -np.inf, -error
        return (-found if metric == "mae" else found), -error

    return max(baselines, key=strength)


def predictions(matrix: Matrix, population: Population, candidates: Sequence[Candidate]) -> bytes:
    """Every available candidate's test predictions as one Parquet file, a row per video and model:
    video_id, channel_id (null: unknown), log_views and predicted (float64, log(1 + views)), model."""
    rows = matrix.rows("test", population.rows)
    able = [c for c in candidates if c.model is not None]
    table = pa.table(
        {
            "video_id": pa.array(np.tile(matrix.video_id[rows], len(able)), pa.string()),
            "channel_id": pa.array(np.tile(matrix.channel_id[rows], len(able)), pa.string()),
            "log_views": np.tile(matrix.y[rows], len(able)),
            "model": pa.array([c.name for c in able for _ in rows], pa.string()),
            "predicted": np.concatenate([c.predict(matrix, rows) for c in able]),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def residuals(matrix: Matrix, population: Population, one: Candidate) -> np.ndarray:
    """float64: y − prediction on the population's validation rows."""
    rows = matrix.rows("validation", population.rows)
    return matrix.y[rows] - one.predict(matrix, rows)


def _coverage(
    matrix: Matrix,
    population: Population,
    chosen: Candidate,
    rows: np.ndarray,
    channels: np.ndarray,
    n: int,
    seed: int,
) -> dict[str, Any]:
    """How often the 80 % interval of the chosen predictor held the truth, on the test."""
    half = conformal_half_width(residuals(matrix, population, chosen), COVERAGE)
    if half is None:
        return {"half_width": None, "reason": "fewer than 4 validation videos"}
    inside = (np.abs(matrix.y[rows] - chosen.predict(matrix, rows)) <= half).astype(float)
    share = bootstrap(inside, {"inside": np.zeros(len(rows))}, channels, n, seed)["inside"]["mae"]
    return {"half_width": half, "wanted": COVERAGE, "measured": share.as_dict()}


def verdict(split: dict[str, Any]) -> str:
    """One sentence: does the chosen model beat the best baseline, as far as the test can tell?"""
    chosen, rival = split["chosen"], split["best_baseline"]
    own = split["results"][chosen]
    few = split["test_channels"] < 5
    caution = (
        f" (channels in the test: {split['test_channels']}; read every interval with care)" if few else ""
    )
    if own["role"] == BASELINE or "spearman" not in own["versus_baseline"]:
        return (
            f"No model beat the baselines on validation, so the predictor is a baseline: {chosen}{caution}."
        )
    gap = own["versus_baseline"]["spearman"]
    if gap["point"] is None:
        return f"{chosen} cannot be ranked against {rival}: one of the two predicts a constant{caution}."
    if gap["low"] is None:
        return f"{chosen} against {rival}: too few channels in the test to say{caution}."
    where = f"Spearman {gap['point']:+.2f}, 95 % interval {gap['low']:+.2f} to {gap['high']:+.2f}"
    if gap["low"] > 0:
        return f"{chosen} beats the best baseline, {rival}: {where}{caution}."
    if gap["high"] < 0:
        return f"{chosen} is worse than the best baseline, {rival}: {where}{caution}."
    return f"{chosen} is not shown to beat the best baseline, {rival}: {where}{caution}."


def warnings(matrix: Matrix, split: dict[str, Any]) -> list[str]:
    """What a reader of the numbers should know, from the run's own facts."""
    found = list(split["flags"])
    labelled = np.isin(matrix.part, ("train", "validation", "test"))
    named = [c for c in matrix.channel_id[labelled] if c is not None]
    if named:
        top = max(set(named), key=named.count)
        share = named.count(top) / int(labelled.sum())
        if share >= 0.25:
            found.append(
                f"one channel has {share:.0%} of the labelled videos: the results are largely about it"
            )
    held = split["interval"].get("measured")
    if held and held["high"] is not None and held["high"] < COVERAGE:
        found.append(
            f"the 80 % interval is too narrow: it held {held['point']:.0%} of the test videos "
            f"({held['low']:.0%} to {held['high']:.0%}), so the newest videos differ from those before"
        )
    if int((matrix.part == "validation").sum()) < 30:
        found.append(
            "fewer than 30 validation videos: the choice of the model and its interval rest on little"
        )
    if split["test_rows"] < 50:
        found.append(
            f"the test holds {split['test_rows']} videos: small differences between models are mostly chance"
        )
    if split["test_channels"] < 5:
        found.append(f"channels in the test: {split['test_channels']}; intervals by channel say little")
    if np.isnan(matrix.horizon_days[labelled]).mean() > 0.5:
        found.append(
            "most counts have no known age: an old count and a fresh one are taken as the same thing"
        )
    return found


__all__ = ["COVERAGE", "MODEL", "choose", "evaluate_split", "residuals", "verdict", "warnings"]
