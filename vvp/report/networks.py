"""The networks trained on the clips, as a table: measured on the test part when they were trained.

Not known here: how they learned (figures/networks.py).
"""

from vvp.report.figures.posts import Table
from vvp.report.gather import Facts
from vvp.report.numbers import span

ABSENT = "No network was trained on the clips under this split; `vvp clips` and `vvp finetune` do that."


def table(facts: Facts) -> Table:
    """A row a network, the least error first."""
    rows: list[tuple[str, ...]] = []
    for network in facts.networks:
        m = network.metrics
        measured = (span(value.as_dict()) for value in (m.spearman, m.r2, m.mae))
        less = f"{span(network.versus_rule.mae.as_dict(), sign='+')} ({network.rule})"
        name = f"{network.network} ({network.mark[:6]})"
        rows.append((name, f"{network.parameters:,}", str(network.parts["test"]), *measured, less))
    scale = facts.networks[0].scale if facts.networks else "log views"
    heads = ("network", "parameters", "test clips", "Spearman", "R²", f"MAE ({scale})", "MAE less a rule's")
    return Table(head="Networks trained on the clips", columns=heads, rows=rows, absent=ABSENT)


def notes(facts: Facts) -> list[str]:
    """What a reader of the table should know."""
    said = [warning.text for network in facts.networks for warning in network.warnings]
    return [f"{text[:1].upper()}{text[1:]}." for text in (*said, *facts.other_networks)]
