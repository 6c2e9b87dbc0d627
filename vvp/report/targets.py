"""What the run forecasts beside views: one part of the page each, and a table of them all.

Not known here: the page around them, how a figure is drawn (figures/targets.py).
"""

from vvp.learn.candidates import MEAN, RULE
from vvp.learn.class_metrics import IN_WORDS, OF_MORE, OF_TWO
from vvp.learn.metrics import NO_HEADLINE
from vvp.learn.records import ClassSplit, Evaluation, Measured, SplitResult
from vvp.report.figures.posts import Table
from vvp.report.numbers import plural, share, span

NOT_AVAILABLE = "not available"


def summary(others: list[Evaluation]) -> Table:
    """What evaluation found of each target beside views."""
    rows: list[tuple[str, ...]] = []
    for evaluation in others:
        chosen, standing = "the simple rule", "rule"
        if deciding := evaluation.splits.get(evaluation.split):
            chosen, standing = deciding.chosen, deciding.standing
        elif classes := evaluation.classes.get(evaluation.split):
            chosen, standing = classes.chosen, classes.standing
        rows.append((_called(evaluation), chosen, "it is the rule" if standing == "rule" else standing))
    return Table(
        head="What it forecasts beside views",
        columns=("target", "forecast by", "against the simple rule"),
        rows=rows,
        absent="Views are all that this run forecasts; `vvp tune --target all` makes it forecast more.",
    )


def _called(evaluation: Evaluation) -> str:
    return (
        evaluation.unit
        if evaluation.unit.startswith(evaluation.target)
        else f"{evaluation.target} ({evaluation.unit})"
    )


def title(evaluation: Evaluation) -> str:
    return _called(evaluation)[:1].upper() + _called(evaluation)[1:]


def tables(one: Evaluation) -> list[Table]:
    """Every candidate on the test part of the deciding split, and what belongs to its kind."""
    if deciding := one.splits.get(one.split):
        return [_numbers(one, deciding)]
    if classes := one.classes.get(one.split):
        found = [_classes(classes), _confusion(classes)]
        return [*found, _two_ways(classes)] if classes.by_views or classes.no_by_views else found
    return []


def notes(one: Evaluation) -> list[str]:
    """What a reader of the tables should know."""
    found = [f"{warning.text[:1].upper()}{warning.text[1:]}." for warning in one.warnings]
    if deciding := one.splits.get(one.split):
        if deciding.mape_rows is not None:
            zeros = deciding.test_rows - deciding.mape_rows
            left = f"; {plural(zeros, 'video')} with a count of 0 left out of it" if zeros else ""
            found.append(f"{NO_HEADLINE}{left}.")
        held = deciding.interval.measured
        if held is not None and held.point is not None:
            found.append(f"The 80 % interval held {share(held.point)} of the test videos.")
    if classes := one.classes.get(one.split):
        usual = ", ".join(
            f"{label} {share(p)}" for label, p in zip(classes.labels, classes.base, strict=True)
        )
        found.append(f"In the test: {usual}.")
        if classes.mapping is not None:
            found.append(f"Probabilities: {classes.mapping}, chosen by log loss before the test.")
        if len(classes.labels) == 2:
            found.append(f"A yes from {classes.threshold:.2f} on, chosen before the test by F1.")
    return found


def _numbers(one: Evaluation, split: SplitResult) -> Table:
    counted = split.mape_rows is not None
    rows: list[tuple[str, ...]] = []
    for name, result in split.results.items():
        label = _label(name, result.role, split.chosen)
        if result.metrics is None:
            rows.append((label, NOT_AVAILABLE, *["–"] * (4 if counted else 3)))
            continue
        m, gap = result.metrics, result.versus_rule
        against = "(it is the rule)" if gap is None else _span(gap.mae, "+")
        cells = [_span(m.spearman), _span(m.r2), _span(m.mae), against]
        rows.append((label, *cells, *([_percent(result.mape)] if counted else [])))
    columns = ("", "Spearman", "R²", f"error ({one.scale})", "error against the rule")
    return Table(
        head=_head(split.test_rows, split.test_channels), rows=rows,
        columns=(*columns, "MAPE") if counted else columns,
    )  # fmt: skip


def _classes(split: ClassSplit) -> Table:
    shown = OF_TWO if len(split.labels) == 2 else OF_MORE
    rows: list[tuple[str, ...]] = []
    for name, result in split.results.items():
        label = _label(
            "base rate" if name == MEAN else name, result.role, split.chosen if name != MEAN else ""
        )
        if name == MEAN and split.chosen == MEAN:
            label += " ◂"
        if result.metrics is None:
            rows.append((label, NOT_AVAILABLE, *["–"] * len(shown)))
            continue
        gap = result.versus_rule
        against = "(it is the rule)" if gap is None else _span(gap["log_loss"], "+")
        rows.append((label, *(_span(result.metrics[m]) for m in shown), against))
    columns = ("", *(IN_WORDS[m] for m in shown), "log loss against the rule")
    return Table(head=_head(split.test_rows, split.test_channels), columns=columns, rows=rows)


def _confusion(split: ClassSplit) -> Table:
    rows: list[tuple[str, ...]] = [
        (label, *(f"{n:,}" for n in row)) for label, row in zip(split.labels, split.confusion, strict=True)
    ]
    head = "What came (rows) and what was said (columns)"
    return Table(head=head, columns=("", *split.labels), rows=rows)


def _two_ways(split: ClassSplit) -> Table:
    """The yes or no by its own forecaster and by the distribution of views."""
    head = "The same chance from the distribution of views"
    names = ("auc", "brier", "log_loss")
    columns = ("", *(IN_WORDS[m] for m in names))
    two, own = split.by_views, split.results[split.chosen].metrics
    if two is None or own is None:
        return Table(head=head, columns=columns, rows=[], absent=f"There is none: {split.no_by_views}.")
    return Table(head=head, columns=columns, rows=[
        (f"{split.chosen}, of the yes or no", *(_span(own[m]) for m in names)),
        (f"{two.forecaster}, by the distribution of views", *(_span(two.metrics[m]) for m in names)),
        ("the second less the first, paired", *(_span(two.versus_own[m], "+") for m in names)),
    ])  # fmt: skip


def _head(rows: int, channels: int) -> str:
    return (
        f"All models and simple rules on {plural(rows, 'test video')} of {plural(channels, 'channel')},"
        " 95 % intervals by channel; ◂ forecasts"
    )


def _label(name: str, role: str, chosen: str) -> str:
    kind = "rule: " if role == RULE else ""
    return f"{kind}{name} ◂" if name == chosen else f"{kind}{name}"


def _span(measured: Measured, sign: str = "") -> str:
    return span(measured.as_dict(), sign=sign)


def _percent(measured: Measured | None) -> str:
    if measured is None or measured.point is None:
        return "–"
    text = share(measured.point)
    if measured.low is None or measured.high is None:
        return text
    return f"{text} [{share(measured.low)}, {share(measured.high)}]"
