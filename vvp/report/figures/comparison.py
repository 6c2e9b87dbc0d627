"""Section 6, second half: every model beside the simple rules, the splits side by side, the sweep."""

from vvp.learn.candidates import RULE
from vvp.learn.evaluate import verdict
from vvp.learn.records import Metrics, ModelResult, SplitResult
from vvp.report.figures.plot import BLUE, GREEN, GREY, ORANGE, Plot, absent, canvas, forest
from vvp.report.gather import Facts
from vvp.report.numbers import plural, running_best, span

SPLITS = {"time": (BLUE, "o"), "channel": (ORANGE, "s"), "random": (GREEN, "^")}
FAMILIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "^"), (GREY, "D"))
LABELS = {
    "spearman": "Spearman",
    "r2": "R²",
    "mae": "typical error (log views)",
    "pairwise_accuracy": "pairs right",
}


def plots(facts: Facts) -> list[Plot]:
    return [rules(facts), sweep(facts), splits(facts)]


def measured(split: SplitResult) -> dict[str, tuple[ModelResult, Metrics]]:
    """The models of a split that have metrics, with them."""
    return {
        name: (result, result.metrics) for name, result in split.results.items() if result.metrics is not None
    }


def rules(facts: Facts) -> Plot:
    name, subject = "rules", "Models and simple rules on the test part"
    split = facts.deciding
    if split is None:
        return absent(name, subject, facts.why["evaluation"])
    results = measured(split)
    ranks = {n: m.spearman for n, (_, m) in results.items() if m.spearman.point is not None}
    ranked = sorted(ranks, key=lambda n: -(ranks[n].point or 0.0))
    if not ranked:
        return absent(
            name, subject, "No model could be ranked: the real or the predicted views are all equal."
        )
    figure, ax = canvas(1.2 + 0.3 * len(ranked))
    for i, n in enumerate(ranked):
        is_model = results[n][0].role != RULE
        forest(ax, [(i, ranks[n].as_dict())], BLUE if is_model else GREY, "o" if is_model else "s")
    for colour, marker, label in ((BLUE, "o", "model"), (GREY, "s", "simple rule")):
        ax.plot([], [], color=colour, marker=marker, linestyle="none", label=label)
    ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
    ax.set_yticks(range(len(ranked)), [f"{n} ◂" if n == split.chosen else n for n in ranked])
    ax.set_ylim(len(ranked) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Spearman, forecast and real")
    figure.legend(loc="outside upper left", ncols=3, title="◂ forecasts", title_fontsize=9)
    return Plot(
        name=name,
        title=verdict(split).rstrip("."),
        alt="Spearman of every model and simple rule on the test: "
        + "; ".join(f"{n} {span(ranks[n].as_dict())}" for n in ranked) + ".",
        figure=figure,
    )  # fmt: skip


def splits(facts: Facts) -> Plot:
    name, subject = "splits", "The splits side by side"
    if facts.evaluation is None:
        return absent(name, subject, facts.why["evaluation"])
    made = {s: measured(by_model) for s, by_model in facts.evaluation.splits.items()}
    models = list(dict.fromkeys(n for by_model in made.values() for n in by_model))
    at = {
        s: {n: m.spearman.as_dict() for n, (_, m) in by_model.items() if m.spearman.point is not None}
        for s, by_model in made.items()
    }
    models = [n for n in models if any(n in by_model for by_model in at.values())]
    if not models:
        return absent(name, subject, "No model could be ranked under any split.")
    figure, ax = canvas(1.3 + 0.42 * len(models))
    for k, (s, by_model) in enumerate(at.items()):
        rows = [(i + 0.24 * (k - (len(at) - 1) / 2), by_model.get(n)) for i, n in enumerate(models)]
        forest(ax, rows, *SPLITS.get(s, (GREY, "D")), label=s)
    for i in range(1, len(models)):
        ax.axhline(i - 0.5, color="#80848855", linewidth=0.7)
    ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
    ax.set_yticks(range(len(models)), models)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("Spearman, forecast and real")
    figure.legend(loc="outside upper left", ncols=3)
    chosen = facts.chosen
    reached = ", ".join(
        f"{by_model[chosen]['point']:.2f} by {s}" for s, by_model in at.items() if chosen in by_model
    )
    return Plot(
        name=name,
        title=f"{chosen} reaches Spearman {reached}" if reached else "Spearman under each split",
        alt=" ".join(
            f"{s} split: " + "; ".join(f"{n} {span(by_model[n])}" for n in models if n in by_model) + "."
            for s, by_model in at.items()
        ),
        figure=figure,
    )


def sweep(facts: Facts) -> Plot:
    name, subject = "sweep", "The sweep"
    trials = facts.trials.get(facts.split)
    if not trials:
        return absent(
            name, subject, facts.why.get("run", "The trials of this sweep were not kept: run `vvp tune`.")
        )
    curves = running_best(trials)
    figure, ax = canvas()
    for (family, errors), (colour, marker) in zip(curves.items(), FAMILIES * len(curves), strict=False):
        x = range(1, len(errors) + 1)
        ax.step(x, errors, where="post", color=colour, linewidth=1.5)
        values = [t["validation"] for t in trials if t["family"] == family]
        ax.plot(x, values, marker=marker, color=colour, linestyle="none", alpha=0.75, label=family)
    # One trial far off would press all others onto a line.
    best, first = min(t["validation"] for t in trials), sorted(t["validation"] for t in trials)
    top = first[int(0.9 * (len(first) - 1))]
    hidden = sum(m > top + 0.3 * (top - best) + 1e-9 for m in first)
    if hidden and top > best:
        ax.set_ylim(best - 0.1 * (top - best), top + 0.3 * (top - best))
    longest = max(map(len, curves.values()))
    ax.set_xticks(range(1, longest + 1, max(1, longest // 10)))
    ax.set_xlabel("trial (line: the least error so far)")
    ax.set_ylabel("error before the test (log views)")
    figure.legend(loc="outside upper left", ncols=4)
    winner = min(curves, key=lambda family: curves[family][-1])
    first_trial, last = curves[winner][0], curves[winner][-1]
    gain = f"from {first_trial:.3f} at its start" if len(curves[winner]) > 1 else "in one trial"
    reached = [f"{f} {errors[-1]:.3f} after {plural(len(errors), 'trial')}" for f, errors in curves.items()]
    return Plot(
        name=name,
        title=f"{winner} was best before the test: error {last:.3f}, {gain}"
        + (f" (not drawn: {plural(hidden, 'trial')} of larger error)" if hidden else ""),
        alt=f"Validation error of {len(trials)} trials, {facts.split} split. Best per family: "
        + "; ".join(reached)
        + ".",
        figure=figure,
    )


def table(split: SplitResult) -> tuple[list[str], list[list[str]]]:
    """(heads, rows) of the table of all candidates; what could not be fitted is a row that says why."""
    heads = ["", *LABELS.values(), "typical error against the rule"]
    rows = []
    for name, result in split.results.items():
        kind = "rule: " if result.role == RULE else ""
        label = f"{kind}{name} ◂" if name == split.chosen else f"{kind}{name}"
        if result.metrics is None:
            rows.append([label, f"not available: {result.unavailable}"])
            continue
        gap = result.versus_rule
        against = "(it is the rule)" if gap is None else span(gap.mae.as_dict(), sign="+")
        rows.append([label, *(span(result.metrics.of(m).as_dict()) for m in LABELS), against])
    return heads, rows
