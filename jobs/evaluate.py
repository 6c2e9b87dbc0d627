"""`vvp evaluate`: opens the test part once, prints what the models are worth, saves the predictor."""

from math import exp, log
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from jobs import options, show
from jobs.evaluate_classes import print_classes
from jobs.evaluate_networks import print_networks

if TYPE_CHECKING:  # pydantic is not needed to print a help text
    from vvp.learn.records import Evaluation, Looks, Measured, SplitResult


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of channels.", min=100)] = 1000,
    csv: Annotated[
        str | None,
        typer.Option("--csv", metavar="FILE", help="Write forecasts and outcomes to a .csv or .xlsx."),
    ] = None,
    json: options.Json = False,
) -> None:
    """Metrics with 95 % intervals on the test part, every model against the simple rule, under each split.

    Called again it shows what was found the first time. Each further run that opens the same test part makes
    its numbers a little too good; how often that happened is printed.
    """
    from jobs import forecast_sheet
    from vvp import sheets
    from vvp.finetune.results import networks
    from vvp.forecast.judging import judge
    from vvp.learn.tuning import targets_of
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    if csv is not None:
        sheets.check(csv)
    results, trained = [], []
    for target in targets_of(space, name) or ["views"]:  # views: judge says that there is no run
        results.append(judge(space, name=name, target=target, resamples=resamples))
        trained.append(networks(space, name, target))
        if not json:
            _print(results[-1])
            print_networks(*trained[-1])
    if csv is not None:
        rows = forecast_sheet.tested_rows(space, results)
        sheets.write(csv, rows, forecast_sheet.TESTED)
        show.err.print(f"{len(rows)} rows written to {csv}", markup=False)
    if json:
        said = [
            one.as_dict() | {"networks": [n.as_dict() for n in found], "other_networks": others}
            for one, (found, others) in zip(results, trained, strict=True)
        ]
        show.as_json(said[0] if len(said) == 1 else said)


def _print(result: "Evaluation") -> None:
    show.out.print(f"[bold]{escape(result.verdict)}[/bold]", highlight=False)
    if result.rules_only:
        _print_rule(result)
    elif result.classes:
        print_classes(result)
    else:
        deciding = result.splits[result.split]
        for evidence in deciding.evidence:
            show.out.print(f"evidence: {evidence.sentence}", markup=False)
        _print_split(result, deciding)
        _print_side_by_side(result)
        if deciding.looks is not None:
            _print_looks(deciding.looks)
    for warning in result.warnings:
        show.out.print(f"note: {warning.text}", markup=False)
    if result.horizon:
        show.out.print(f"note: {result.horizon}: forecasts are for counts as old as yours", markup=False)
    if result.times_opened > 1:
        show.out.print(
            f"note: this test part was opened by {result.times_opened} runs; each look makes the best number"
            " less honest"
        )
    if result.predictor is not None:
        kept = result.predictor
        show.out.print(f"predictor {kept.id} ({kept.model}) saved at {kept.at}", markup=False)


def _print_rule(result: "Evaluation") -> None:
    interval, typical = result.interval, result.typical_factor
    off = "not known"
    if typical is not None:
        size = f"a factor of {typical:.1f}" if result.log else f"{log(typical):.2f} ({result.scale})"
        off = f"{size}, each forecast from those before it"
    span = "none"
    if interval is not None and interval.half_width is not None:
        span = _width(interval.half_width, result)
        if interval.of:
            span += f"; it held {interval.held} of {interval.of} checked in turn"
    show.facts("how good it is", [("typically off by", off), ("80 % interval", span)])


def _width(half: float, result: "Evaluation") -> str:
    """Half an interval's width in words: a factor on a logarithm's scale, else a distance."""
    if result.log:
        return f"forecast ÷ {exp(half):.1f} to × {exp(half):.1f}"
    return f"forecast ± {half:.2f} ({result.scale})"


def _print_split(of: "Evaluation", result: "SplitResult") -> None:
    split = of.split
    rows: list[tuple[str | None, ...]] = []
    absent = []
    for name, model in result.results.items():
        if model.metrics is None:
            absent.append(f"{name}: not available, {model.unavailable}")
            continue
        m = model.metrics
        against = "(the rule)" if model.versus_rule is None else _interval(model.versus_rule.mae, signed=True)
        kind = "rule: " if model.role == "rule" else ""
        marked = f"{kind}{name} ◂" if name == result.chosen else f"{kind}{name}"
        shown = (_interval(measured) for measured in (m.spearman, m.r2, m.mae, m.pairwise_accuracy))
        rows.append((marked, *shown, against))
    heads = ("", "Spearman", "R²", f"MAE ({of.scale})", "pairs right", "MAE vs the rule")
    show.table(
        f"evaluate: {split} split, {result.test_rows} test videos of {result.test_channels} channels, "
        "95 % intervals by channel; ◂ forecasts",
        heads,
        rows,
        note="\n".join([result.population, *absent]),
    )
    if result.mape_rows is not None:
        _print_percentages(result, result.mape_rows)
    if result.frozen:
        _print_frozen(result)
    interval = result.interval
    if interval.half_width is None:
        show.out.print(f"no 80 % interval: {interval.reason}")
    else:
        width = _width(interval.half_width, of)
        show.out.print(f"80 % interval: {width}; it held {_interval(interval.measured)} of the test videos")
        if interval.gain is not None and interval.parts:
            shaped = ", ".join(interval.parts)
            show.out.print(
                f"its width and middle follow the video ({shaped}): interval score smaller by"
                f" {_interval(interval.gain, signed=True)} than with one width for all"
            )
        off = [s for s in interval.slices if s.rows >= 150 and _misses(s.measured)]
        for one_slice in off:
            show.out.print(
                f"note: by {one_slice.by}, {one_slice.value}: it held {_interval(one_slice.measured)}"
                f" of {one_slice.rows} videos"
            )


def _print_percentages(result: "SplitResult", counted: int) -> None:
    from vvp.learn.metrics import NO_HEADLINE

    zeros = result.test_rows - counted
    left = f" ({zeros} with a count of 0 are left out, of which no share can be taken)" if zeros else ""
    show.table(
        f"mean absolute percentage error (MAPE), of {counted} test videos{left}",
        ("", "MAPE"),
        [(name, _percent(model.mape)) for name, model in result.results.items() if model.mape is not None],
        note=NO_HEADLINE,
    )


def _print_looks(looks: "Looks") -> None:
    from vvp.learn.looks import worth_more

    def error(value: float | None) -> str | None:
        return None if value is None else f"{value:.2f}"

    show.table(
        "error before the test, fold by fold (mean absolute)",
        ("fold", "videos", "chosen", "rule"),
        [(str(i + 1), str(f.rows), error(f.error), error(f.rule_error)) for i, f in enumerate(looks.folds)],
    )
    if looks.channels:
        show.table(
            "the largest channels, each left out of the fit as if it were new",
            ("channel", "videos", "error as new", "with its history"),
            [(c.channel, str(c.rows), error(c.error), error(c.known_error)) for c in looks.channels],
        )
    if sentence := worth_more(looks):
        show.out.print(sentence)


def _print_frozen(one: "SplitResult") -> None:
    rows = []
    for name, frozen in one.frozen.items():
        online = one.results[name].metrics
        assert online is not None
        values = (online.spearman, frozen.spearman, online.mae, frozen.mae)
        rows.append((name, *(_interval(value) for value in values)))
    show.table(
        "online (counts enter when they are ripe) and frozen (none after the test began)",
        ("", "Spearman online", "frozen", "MAE online", "frozen"),
        rows,
    )


def _print_side_by_side(result: "Evaluation") -> None:
    names = list(dict.fromkeys(n for split_result in result.splits.values() for n in split_result.results))
    cells = []
    for n in names:
        by_split = [split_result.results.get(n) for split_result in result.splits.values()]
        shown = (None if r is None or r.metrics is None else _interval(r.metrics.spearman) for r in by_split)
        cells.append((n, *shown))
    show.table("Spearman under each split", ("", *(f"{s} split" for s in result.splits)), cells)
    for split, reason in result.unavailable.items():
        show.out.print(f"{split} split: {reason}", markup=False)


def _misses(measured: "Measured") -> bool:
    """Whether the coverage of a slice is shown to be another than wanted."""
    low, high = measured.low, measured.high
    return low is not None and high is not None and not low <= 0.8 <= high


def _percent(value: "Measured | None") -> str | None:
    if value is None or value.point is None:
        return None
    point = f"{value.point:.0%}"
    return point if value.low is None else f"{point} [{value.low:.0%}, {value.high:.0%}]"


def _interval(value: "Measured | None", signed: bool = False) -> str | None:
    if value is None or value.point is None:
        return None
    sign = "+" if signed else ""
    point = f"{value.point:{sign}.2f}"
    return point if value.low is None else f"{point} [{value.low:{sign}.2f}, {value.high:{sign}.2f}]"
