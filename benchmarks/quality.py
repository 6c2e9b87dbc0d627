"""How good forecasts are on real tables of posts: every rule and family, three splits' worth of questions.

For each table of a folder (posts with counts, no media) and each seed: `tune` and `evaluate` under the time
split (online and frozen) and under the channel split. Written down: Spearman, R² and mean absolute error of
every rule and model on the test part, the chosen one's paired difference to the best rule with its interval
by channel, coverage of the 80 % interval overall and by slice, interval score against one width for all, and
seconds. "Best rule" is the one that did best on the test, in hindsight: nobody could have picked it before.
The tables are nobody's to give away, so they are not part of the project; without them nothing is measured.
"""

import json
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from common import RESULTS, machine

from jobs import show
from vvp import api
from vvp.learn.first_points import at_first_points
from vvp.learn.metrics import paired
from vvp.learn.records import SplitResult
from vvp.learn.run_records import Run
from vvp.models.registry import SWEPT
from vvp.paths import RunPaths
from vvp.workspace import Workspace

TABLES = Path(__file__).parents[2] / "shared" / "data" / "posts"
SPLITS = ("time", "channel")


def prepared(table: Path, home: Path) -> Path:
    """An embedded workspace of the table; made once."""
    space = home / table.stem
    if not (space / "embed.json").exists():
        api.collect(table, space)
        api.embed(space, transcribe=False)
    return space


def measure(space: Path, split: str, seed: int, lag_days: float | None, trials: int | None) -> dict[str, Any]:
    """One cell. trials: of each family by Ray Tune; None: the families' first points in this process."""
    name = f"quality-{split}-{seed}-{lag_days}"
    began = time.monotonic()
    run = api.tune(
        space, name=name, split=split, others=False, seed=seed, label_lag_days=lag_days,
        trials=trials or 1, sweep_for=None if trials else at_first_points(SWEPT),
    )  # fmt: skip
    tuned = time.monotonic()
    found = api.evaluate(space, name=name)
    cell: dict[str, Any] = {
        "table": space.name, "split": split, "seed": seed, "lag_days": lag_days, "rows": run.counts["rows"],
        "too_young": run.counts["too_young"], "embargo": run.counts["embargo"],
        "tune_s": round(tuned - began, 1), "evaluate_s": round(time.monotonic() - tuned, 1),
    }  # fmt: skip
    if run.rules_only:
        return {**cell, "rules_only": run.rules_only}
    own = found.splits[split]
    return {**cell, **_figures(own), "gap": _gap(Workspace(space), run, own), "verdict": found.verdict}


def _figures(own: SplitResult) -> dict[str, Any]:
    interval = own.interval
    return {
        "test_rows": own.test_rows, "test_channels": own.test_channels, "chosen": own.chosen,
        "rule_to_beat": own.rule,
        "results": {
            name: [_point(r.metrics.spearman), _point(r.metrics.r2), _point(r.metrics.mae)]
            for name, r in own.results.items() if r.metrics is not None
        },
        "frozen": {n: [_point(m.spearman), _point(m.r2), _point(m.mae)] for n, m in own.frozen.items()},
        "coverage": None if interval.measured is None else interval.measured.model_dump(),
        "parts": interval.parts, "score": interval.score,
        "score_gain": None if interval.gain is None else interval.gain.model_dump(),
        "slices_off": [
            f"{s.by}, {s.value} ({s.rows}): {s.measured.point:.2f}" for s in interval.slices
            if s.rows >= 150 and s.measured.low is not None and s.measured.high is not None
            and not s.measured.low <= interval.wanted <= s.measured.high
        ],
    }  # fmt: skip


def _gap(space: Workspace, run: Run, own: SplitResult) -> dict[str, Any]:
    """The chosen one against the best rule in hindsight: Spearman and error, paired, by channel."""
    rules = {n: r.metrics for n, r in own.results.items() if r.role == "rule" and r.metrics is not None}
    best = min(rules, key=lambda n: float(rules[n].mae.point or 0))
    if best == own.chosen:
        return {"rule": best, "mae": None, "spearman": None}
    import pyarrow.parquet as pq

    table = pq.read_table(str(Path(space.root) / RunPaths(run.name).predictions)).to_pandas()
    one, two = (table[table["model"] == name] for name in (own.chosen, best))
    gaps = paired(
        one["log_views"].to_numpy(), one["predicted"].to_numpy(), two["predicted"].to_numpy(),
        one["channel_id"].to_numpy(), 1000, 0,
    )  # fmt: skip
    return {"rule": best, **{m: [gaps[m].point, gaps[m].low, gaps[m].high] for m in ("mae", "spearman")}}


def _point(measured: Any) -> float | None:
    return None if measured.point is None else round(float(measured.point), 4)


def main(
    tables: Annotated[Path, typer.Option(help="Folder of tables of posts.")] = TABLES,
    home: Annotated[Path, typer.Option(help="Where their workspaces are kept.")] = Path("quality"),
    seeds: Annotated[str, typer.Option(help="The seeds of each cell.")] = "0,1,2",
    trials: Annotated[int, typer.Option(help="Trials per family by Ray Tune; 0: first points alone.")] = 0,
    lags: Annotated[str, typer.Option(help="Label lags in days, of the time split.")] = "3,1",
    only: Annotated[str, typer.Option(help="A part of the tables' names.")] = "",
    out: Annotated[str, typer.Option(help="Name of the results file.")] = "quality",
) -> None:
    """Real tables of posts."""
    files = sorted(p for p in tables.glob("*") if p.suffix in (".jsonl", ".csv") and only in p.name)
    if not files:
        raise SystemExit(f"no table in {tables}: nothing is measured")
    cells = []
    for table in files:
        space = prepared(table, home)
        for split in SPLITS:
            for lag in [float(x) for x in lags.split(",")] if split == "time" else [None]:
                for seed in [int(x) for x in seeds.split(",")]:
                    cells.append(measure(space, split, seed, lag, trials or None))
                    show.err.print(json.dumps(cells[-1]), markup=False)
                    _write(out, trials, cells)  # a run that is stopped keeps what it measured
    show.table(
        "Real tables: the chosen forecaster against the best rule in hindsight, on the test part",
        ("table", "split", "lag", "seed", "chosen", "Spearman", "best rule", "Spearman", "MAE gap", "held"),
        [_row(c) for c in cells],
        left=(0, 1, 4, 6),
    )


def _write(out: str, trials: int, cells: list[dict[str, Any]]) -> None:
    RESULTS.mkdir(exist_ok=True)
    facts = {
        "date": datetime.now(timezone.utc).date().isoformat(), "machine": machine(),
        "trials": trials or "first points",
        "cells": cells,
    }  # fmt: skip
    (RESULTS / f"{out}.json").write_text(json.dumps(facts, indent=1) + "\n")


def _row(c: dict[str, Any]) -> tuple[Any, ...]:
    if "rules_only" in c:
        return (c["table"], c["split"], c["lag_days"], c["seed"], "rules only", *[""] * 5)
    gap = c["gap"]["mae"]
    return (
        c["table"], c["split"], c["lag_days"], c["seed"], c["chosen"], f"{c['results'][c['chosen']][0]}",
        c["gap"]["rule"], f"{c['results'][c['gap']['rule']][0]}",
        "" if gap is None else f"{gap[0]:+.3f} [{gap[1]:+.3f}, {gap[2]:+.3f}]",
        "" if c["coverage"] is None else f"{c['coverage']['point']:.2f}",
    )  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
