"""What `vvp evaluate` prints of a target of classes."""

from typing import TYPE_CHECKING

from jobs import show

if TYPE_CHECKING:  # pydantic is not needed to print a help text
    from vvp.learn.records import ByViews, ClassSplit, Evaluation, Measured

TWO, MORE = ("auc", "average_precision", "log_loss"), ("accuracy", "macro_f1", "log_loss")


def print_classes(result: "Evaluation") -> None:
    """The deciding split in full, and the log loss of all beside it."""
    own = result.classes[result.split]
    for evidence in own.evidence:
        show.out.print(f"evidence: {evidence.sentence}", markup=False)
    show.out.print(f"{result.target}: {result.unit}", markup=False)
    shares = ", ".join(f"{label} {share:.0%}" for label, share in zip(own.labels, own.base, strict=True))
    show.out.print(f"in the test: {shares}", markup=False)
    _metrics(result.split, own)
    if own.curve:
        show.table(
            f"{own.chosen}: said and come, tenth by tenth",
            ("videos", "said", "came"),
            [(str(rows), f"{said:.0%}", f"{came:.0%}") for said, came, rows in own.curve],
        )
    said = "yes from" if len(own.labels) == 2 else "the likeliest class"
    bound = f" {own.threshold:.2f}" if len(own.labels) == 2 else ""
    show.table(
        f"{own.chosen}: rows are what came, columns what was said ({said}{bound}, chosen on validation)",
        ("", *own.labels),
        [(label, *(str(n) for n in row)) for label, row in zip(own.labels, own.confusion, strict=True)],
    )
    if own.by_views is not None:
        _two_ways(own, own.by_views)
    if own.no_by_views:
        show.out.print(f"by the distribution of views: {own.no_by_views}", markup=False)
    names = list(dict.fromkeys(name for split in result.classes.values() for name in split.results))
    rows = []
    for name in names:
        found = [split.results.get(name) for split in result.classes.values()]
        losses = [None if r is None or r.metrics is None else _one(r.metrics["log_loss"]) for r in found]
        rows.append((_called(name), *losses))
    show.table("log loss under the splits", ("", *(f"{s} split" for s in result.classes)), rows)
    for split, reason in result.unavailable.items():
        show.out.print(f"{split} split: {reason}", markup=False)


def _two_ways(own: "ClassSplit", by_views: "ByViews") -> None:
    """The model of the yes or no and the distribution of views, on the same test rows."""
    from vvp.learn.class_metrics import IN_WORDS

    mine, names = own.results[own.chosen].metrics or {}, ("auc", "brier", "log_loss")
    rows: list[tuple[str | None, ...]] = [
        (f"{_called(own.chosen)}, of the yes or no", *(_one(mine[m]) for m in names)),
        (f"{by_views.forecaster}, by the distribution of views", *(_one(by_views.metrics[m]) for m in names)),
        ("the second less the first, paired", *(_one(by_views.versus_own[m], "+") for m in names)),
    ]
    rank = "" if by_views.rank is None else f"; their order agrees with Spearman {by_views.rank:.2f}"
    show.table(
        f"the chance that a video is {own.labels[1]}, said two ways, on the same {own.test_rows} test videos",
        ("", *(IN_WORDS[m] for m in names)),
        rows,
        note=f"the two lie {100 * by_views.apart:.0f} points of 100 apart in the mean{rank}",
    )


def _metrics(split: str, own: "ClassSplit") -> None:
    from vvp.learn.class_metrics import IN_WORDS

    shown = TWO if len(own.labels) == 2 else MORE
    absent: list[str] = []
    rows: list[tuple[str | None, ...]] = []
    for name, one in own.results.items():
        if one.metrics is None:
            absent.append(f"{name}: not available, {one.unavailable}")
            continue
        gap = "(the rule)" if one.versus_rule is None else _one(one.versus_rule["log_loss"], "+")
        kind = "rule: " if one.role == "rule" else ""
        mark = " ◂" if name == own.chosen else ""
        rows.append((f"{kind}{_called(name)}{mark}", *(_one(one.metrics[m]) for m in shown), gap))
    show.table(
        f"evaluate: {split} split, {own.test_rows} test videos of {own.test_channels} channels, "
        "95 % intervals by channel; ◂ forecasts",
        ("", *(IN_WORDS[m] for m in shown), "log loss vs the rule"),
        rows,
        note="\n".join([own.population, *absent]),
    )
    chosen = own.results[own.chosen].metrics or {}
    pairs = [(IN_WORDS[m], _one(value)) for m, value in chosen.items() if m not in shown]
    if own.mapping is not None:
        pairs.append(("probabilities", f"{own.mapping}, chosen by log loss before the test"))
    show.facts(f"{own.chosen}, further", pairs)


def _called(name: str) -> str:
    """A candidate's name; the mean of classes is their base rate."""
    from vvp.learn.candidates import MEAN

    return "base rate" if name == MEAN else name


def _one(value: "Measured", sign: str = "") -> str | None:
    if value.point is None:
        return None
    point = f"{value.point:{sign}.3f}"
    return point if value.low is None else f"{point} [{value.low:{sign}.2f}, {value.high:{sign}.2f}]"
