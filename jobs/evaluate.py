"""`vvp evaluate`: opens the test part once, prints what the models are worth, saves the predictor."""

from math import exp
from typing import Annotated, Any

import typer
from rich.markup import escape

from jobs import options, show


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of channels.", min=100)] = 1000,
    json: options.Json = False,
) -> None:
    """Metrics with 95 % intervals on the test part, every model against the simple rule, three splits.

    Called again it shows what was found the first time. Each further run that opens the same test part makes
    its numbers a little too good; how often that happened is printed.
    """
    from vvp.forecast.judging import judge
    from vvp.workspace import Workspace

    result = judge(Workspace.existing(workspace), name=name, resamples=resamples)
    if json:
        show.as_json(result)
        return
    _print(result)


def _print(result: dict[str, Any]) -> None:
    show.out.print(f"[bold]{escape(result['verdict'])}[/bold]", highlight=False)
    if result["rules_only"]:
        _print_rule(result)
    else:
        own = result["splits"][result["split"]]
        for one in own["evidence"]:
            show.out.print(f"evidence: {one['sentence']}", markup=False)
        _print_split(result["split"], own)
        _print_side_by_side(result)
    for warning in result["warnings"]:
        show.out.print(f"note: {warning}", markup=False)
    if result["horizon"]:
        show.out.print(f"note: {result['horizon']}: forecasts are for counts as old as yours", markup=False)
    opened = result["times_opened"]
    if opened > 1:
        show.out.print(
            f"note: this test part was opened by {opened} runs; each look makes the best number less honest"
        )
    kept = result["predictor"]
    show.out.print(f"predictor {kept['id']} ({kept['model']}) saved at {kept['at']}", markup=False)


def _print_rule(result: dict[str, Any]) -> None:
    interval, typical = result["interval"], result["typical_factor"]
    off = (
        "not known" if typical is None else f"a factor of {typical:.1f} (each forecast from those before it)"
    )
    span = "none"
    if interval["half_width"] is not None:
        factor = exp(interval["half_width"])
        span = f"forecast ÷ {factor:.1f} to × {factor:.1f}"
        if interval["of"]:
            span += f"; it held {interval['held']} of {interval['of']} checked in turn"
    show.facts("how good it is", [("typically off by", off), ("80 % interval", span)])


def _print_split(split: str, one: dict[str, Any]) -> None:
    rows: list[tuple[str | None, ...]] = []
    absent = []
    for name, r in one["results"].items():
        if "unavailable" in r:
            absent.append(f"{name}: not available, {r['unavailable']}")
            continue
        m = {k: _interval(v) for k, v in r["metrics"].items()}
        gap = r["versus_rule"]
        against = "(the rule)" if "mae" not in gap else _interval(gap["mae"], signed=True)
        kind = "rule: " if r["role"] == "rule" else ""
        marked = f"{kind}{name} ◂" if name == one["chosen"] else f"{kind}{name}"
        rows.append((marked, m["spearman"], m["r2"], m["mae"], m["pairwise_accuracy"], against))
    show.table(
        f"evaluate: {split} split, {one['test_rows']} test videos of {one['test_channels']} channels, "
        "95 % intervals by channel; ◂ forecasts",
        (
            "",
            "Spearman",
            "R²",
            "MAE (log views)",
            "pairs right",
            "MAE vs the rule",
        ),
        rows,
        note="\n".join([one["population"], *absent]),
    )
    interval = one["interval"]
    if interval["half_width"] is None:
        show.out.print(f"no 80 % interval: {interval['reason']}")
    else:
        factor = exp(interval["half_width"])
        show.out.print(
            f"80 % interval: forecast ÷ {factor:.1f} to × {factor:.1f}; "
            f"it held {_interval(interval['measured'])} of the test videos"
        )


def _print_side_by_side(result: dict[str, Any]) -> None:
    made = {s: one for s, one in result["splits"].items() if "unavailable" not in one}
    names = list(dict.fromkeys(n for one in made.values() for n in one["results"]))
    cells = [
        (
            n,
            *(
                _interval(one["results"].get(n, {}).get("metrics", {}).get("spearman"))
                for one in made.values()
            ),
        )
        for n in names
    ]
    show.table("Spearman under the three splits", ("", *(f"{s} split" for s in made)), cells)
    for split, one in result["splits"].items():
        if "unavailable" in one:
            show.out.print(f"{split} split: {one['unavailable']}", markup=False)


def _interval(value: dict[str, Any] | None, signed: bool = False) -> str | None:
    if value is None or value["point"] is None:
        return None
    sign = "+" if signed else ""
    point = f"{value['point']:{sign}.2f}"
    return point if value["low"] is None else f"{point} [{value['low']:{sign}.2f}, {value['high']:{sign}.2f}]"
