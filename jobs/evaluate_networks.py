"""What `vvp evaluate` prints of networks trained on the clips. They were measured when they were trained."""

from typing import TYPE_CHECKING, Any

from jobs import show

if TYPE_CHECKING:
    from vvp.finetune.results import NetworkResult


def print_networks(found: "list[NetworkResult]", others: list[str]) -> None:
    """found: those of the workspace's split; others: a sentence for each of another network."""
    if found:
        first = found[0]
        rows = []
        for network in found:
            name, loss = f"{network.network} ({network.mark[:6]})", network.shown[-1]
            measured = (interval(network.metrics[metric]) for metric in network.shown)
            rows.append(
                (
                    name,
                    network.parts["test"],
                    *measured,
                    interval(network.versus_rule[loss], signed=True),
                    network.rule_called,
                )
            )
        show.table(
            f"networks trained on the clips, {first.split} split, on test videos with a clip",
            ("", "test clips", *map(first.in_words, first.shown), f"{first.loss} vs a rule", "the rule"),
            rows,
        )
        if first.labels:
            show.out.print(f"of these clips: {first.usual}", markup=False)
        for network in found:
            for warning in network.warnings:
                show.out.print(f"note: {warning.text}", markup=False)
    for sentence in others:
        show.out.print(f"note: {sentence}", markup=False)


def interval(value: Any, signed: bool = False) -> str | None:
    """A measured value with its 95 % interval; None where there is none."""
    if value.point is None:
        return None
    sign = "+" if signed else ""
    span = "" if value.low is None else f" [{value.low:{sign}.2f}, {value.high:{sign}.2f}]"
    return f"{value.point:{sign}.2f}{span}"
