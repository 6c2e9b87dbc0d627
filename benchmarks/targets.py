"""Every target that real tables of posts can have: tune, evaluate, one table with intervals and baselines.

For each table of a folder (posts with counts, no media) and each target whose counts it has: `tune` with a
few trials of each family under the time split, and `evaluate`. What is left out is a row that says why. A
second run holds the yes or no of "among the tenth with most views" beside the distribution of views.
A workspace that has a run already is not tuned again. The tables are nobody's to give away, so they are not
part of the project; without them nothing is measured.
"""

import json
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from common import RESULTS, machine
from quality import TABLES, prepared

from jobs import show
from vvp import api
from vvp.dataset.labels import read_labels
from vvp.dataset.targets import TARGETS, lacking
from vvp.errors import UserError
from vvp.learn.candidates import MEAN, RULE
from vvp.learn.first_points import at_first_points
from vvp.learn.records import Evaluation
from vvp.learn.tuning import read_run
from vvp.models.registry import swept
from vvp.workspace import Workspace

TOP = "top:10%"
SHOWN = {2: "auc", 4: "accuracy"}  # classes → what their order or rightness is told by
CALLED = {"spearman": "Spearman", "auc": "ROC-AUC", "accuracy": "accuracy"}


def measured(space: Path, trials: int) -> Iterator[dict[str, Any]]:
    """A cell for each target, in the order of TARGETS."""
    missing = lacking(read_labels(Workspace(space).read("videos")))
    for target in TARGETS:
        cell: dict[str, Any] = {"table": space.name, "target": target}
        if target in missing:
            yield {**cell, "left_out": f"the table has no {' and no '.join(missing[target])}"}
            continue
        began = time.monotonic()
        try:
            run = read_run(Workspace(space), "default", target)
            run = run or api.tune(space, target=target, others=False, trials=trials)
            found = api.evaluate(space, target=target)
        except UserError as error:
            yield {**cell, "left_out": str(error).rstrip(".")}
            continue
        seconds = round(run.seconds + time.monotonic() - began, 1)
        yield {**cell, "seconds": seconds, "verdict": found.verdict, **_figures(found)}


def _figures(found: Evaluation) -> dict[str, Any]:
    """The chosen one, the rule to beat, and the best in hindsight, all on the test part."""
    if found.rules_only:
        return {"rules_only": found.rules_only}
    metric, loss = "spearman", "mae"
    if found.classes:
        split: Any = found.classes[found.split]
        metric, loss = SHOWN[len(split.labels)], "log_loss"
    else:
        split = found.splits[found.split]
    able = {name: one for name, one in split.results.items() if one.metrics is not None}
    one = able[split.chosen]

    def of(metrics: Any, which: str) -> list[float | None]:
        value = metrics[which] if isinstance(metrics, dict) else metrics.of(which)
        return [value.point, value.low, value.high]

    best = min(able, key=lambda name: of(able[name].metrics, loss)[0] or 0.0)
    facts = {
        "test_rows": split.test_rows, "test_channels": split.test_channels, "metric": metric, "loss": loss,
        "chosen": split.chosen, "is_rule": one.role == RULE, "standing": split.standing, "rule": split.rule,
        "chosen_metric": of(one.metrics, metric), "rule_metric": of(able[split.rule].metrics, metric),
        "chosen_loss": of(one.metrics, loss), "rule_loss": of(able[split.rule].metrics, loss),
        "gap": None if one.versus_rule is None else of(one.versus_rule, loss),
        "best": best, "best_metric": of(able[best].metrics, metric),
        "best_gap": None if able[best].versus_rule is None else of(able[best].versus_rule, loss),
    }  # fmt: skip
    if found.classes:
        return {**facts, "base": split.base, "warnings": [w.text for w in found.warnings]}
    held = split.interval.measured
    mape = None if one.mape is None else [one.mape.point, one.mape.low, one.mape.high]
    return {
        **facts, "held": None if held is None else [held.point, held.low, held.high], "mape": mape,
        "mape_rows": split.mape_rows, "warnings": [w.text for w in found.warnings],
    }  # fmt: skip


def two_ways(space: Path) -> dict[str, Any]:
    """The yes or no of TOP by a model of it and by the distribution of views; the families' first points."""
    cell = {"table": space.name, "viral": TOP}
    try:
        for target, viral in (("views", None), ("viral", TOP)):
            families = swept(TARGETS[target].classes)
            if read_run(Workspace(space), "top10", target) is None:
                api.tune(
                    space, name="top10", target=target, viral=viral, others=False, families=families,
                    sweep_for=at_first_points(families),
                )  # fmt: skip
            found = api.evaluate(space, name="top10", target=target)
    except UserError as error:
        return {**cell, "left_out": str(error).rstrip(".")}
    own = found.classes[found.split]
    if own.by_views is None:
        return {**cell, "left_out": own.no_by_views}
    mine = own.results[own.chosen].metrics
    assert mine is not None
    return {
        **cell, "test_rows": own.test_rows, "base": own.base[1], "own": own.chosen,
        "views_by": own.by_views.forecaster, "rank": own.by_views.rank, "apart": own.by_views.apart,
        **{f"own_{m}": _three(mine[m]) for m in ("auc", "brier", "log_loss")},
        **{f"views_{m}": _three(value) for m, value in own.by_views.metrics.items()},
        **{f"gap_{m}": _three(value) for m, value in own.by_views.versus_own.items()},
    }  # fmt: skip


def _three(value: Any) -> list[float | None]:
    return [value.point, value.low, value.high]


def main(
    tables: Annotated[Path, typer.Option(help="Folder of tables of posts.")] = TABLES,
    home: Annotated[Path, typer.Option(help="Where their workspaces are kept.")] = Path("targets"),
    trials: Annotated[int, typer.Option(help="Trials per family by Ray Tune.")] = 3,
    only: Annotated[str, typer.Option(help="A part of the tables' names.")] = "",
) -> None:
    """Every target of real tables of posts."""
    files = sorted(p for p in tables.glob("*") if p.suffix in (".jsonl", ".csv") and only in p.name)
    if not files:
        raise SystemExit(f"no table in {tables}: nothing is measured")
    facts: dict[str, Any] = {
        "date": datetime.now(timezone.utc).date().isoformat(), "machine": machine(), "trials": trials,
        "cells": [], "two_ways": [],
    }  # fmt: skip
    RESULTS.mkdir(exist_ok=True)
    for table in files:
        space = prepared(table, home)
        for cell in measured(space, trials):
            facts["cells"].append(cell)
            show.err.print(json.dumps(cell)[:200], markup=False)
        facts["two_ways"].append(two_ways(space))
        # Each table is kept as it ends.
        (RESULTS / "targets.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(markdown(facts))


def markdown(facts: dict[str, Any]) -> str:
    """The two tables of docs/benchmarks.md."""
    lines = [
        "| table | target | test | forecasts | Spearman, or as said | the rule to beat |"
        " loss less the rule's | 80 % held | best in hindsight |",
        "|---" * 9 + "|",
    ]
    for c in facts["cells"]:
        if "left_out" in c or "rules_only" in c:
            why = c.get("left_out") or c["rules_only"]
            lines.append(f"| {_table(c)} | {c['target']} | – | {why} | | | | | |")
            continue
        name = "" if c["metric"] == "spearman" else f"{CALLED[c['metric']]} "
        rule = f"{_called(c['rule'])}, {_span(c['rule_metric'])}"
        same = c["best"] == c["chosen"]
        best = "the same" if same else f"{_called(c['best'])}, {_number(c['best_metric'][0])}"
        gap = "the same" if c["gap"] is None else _span(c["gap"], "+")
        held = _share(c["held"]) if c.get("held") else ""
        lines.append(
            f"| {_table(c)} | {c['target']} | {c['test_rows']} | {_called(c['chosen'])} |"
            f" {name}{_span(c['chosen_metric'])} | {'the same' if c['is_rule'] else rule} |"
            f" {gap} | {held} | {best} |"
        )
    lines += [
        "",
        "| table | test | base rate | by a model of it: ROC-AUC, log loss | by the distribution of views |"
        " log loss, second less first |",
        "|---" * 6 + "|",
    ]
    for c in facts["two_ways"]:
        if "left_out" in c:
            lines.append(f"| {_table(c)} | – | {c['left_out']} | | | |")
            continue
        lines.append(
            f"| {_table(c)} | {c['test_rows']} | {c['base']:.0%} |"
            f" {_called(c['own'])}: {_span(c['own_auc'])}, {_number(c['own_log_loss'][0])} |"
            f" {_called(c['views_by'])}: {_span(c['views_auc'])}, {_number(c['views_log_loss'][0])} |"
            f" {_span(c['gap_log_loss'], '+')} |"
        )
    return "\n".join(lines)


def _table(cell: dict[str, Any]) -> str:
    return str(cell["table"]).replace("_dev", "").replace("_", " ")


def _called(name: str) -> str:
    return "base rate or mean" if name == MEAN else name


def _number(value: float | None, sign: str = "") -> str:
    return "–" if value is None else f"{value:{sign}.2f}"


def _span(value: list[float | None], sign: str = "") -> str:
    point, low, high = value
    return _number(point, sign) + ("" if low is None else f" [{_number(low, sign)}, {_number(high, sign)}]")


def _share(value: list[float | None]) -> str:
    point, low, high = ("–" if v is None else f"{100 * v:.0f}" for v in value)
    return f"{point} % [{low}, {high}]"


if __name__ == "__main__":
    typer.run(main)
