"""The networks trained on the clips: a table a target, and the clips that each target's best one said best
and worst. They were measured on the test part when they were trained.

Not known here: how they learned (figures/networks.py).
"""

from vvp.dataset.targets import TARGETS, VIEWS, Fitted
from vvp.finetune.results import Extreme, NetworkResult
from vvp.forecast.others import amount
from vvp.report.figures.posts import Table
from vvp.report.gather import Facts
from vvp.report.numbers import factor, span

ABSENT = "No network was trained on the clips under this split; `vvp clips` and `vvp finetune` do that."
HEAD = "Networks trained on the clips"
Line = tuple[str, str, str]
"""(video_id, what was said and what came, how far that is off)"""


def tables(facts: Facts) -> list[Table]:
    """One a target that has any: a row a network, the least loss first."""
    groups: dict[str, list[NetworkResult]] = {}
    for network in facts.networks:
        groups.setdefault(network.target, []).append(network)
    if not groups:
        return [Table(head=HEAD, columns=(), rows=[], absent=ABSENT)]
    return [_table(target, found) for target, found in groups.items()]


def _table(target: str, found: list[NetworkResult]) -> Table:
    rows: list[tuple[str, ...]] = []
    for network in found:
        measured = (span(network.metrics[metric].as_dict()) for metric in network.shown)
        less = f"{span(network.versus_rule[network.shown[-1]].as_dict(), sign='+')} ({network.rule_called})"
        name = f"{network.network} ({network.mark[:6]})"
        rows.append((name, f"{network.parameters:,}", str(network.parts["test"]), *measured, less))
    first = found[0]
    measures = map(first.in_words, first.shown)
    heads = ("network", "parameters", "test clips", *measures, f"{first.loss} less a rule's")
    return Table(head=HEAD if target == VIEWS.name else f"{HEAD}: {target}", columns=heads, rows=rows)


def notes(facts: Facts) -> list[str]:
    """What a reader of the tables should know."""
    shares = {
        network.target: f"{network.target} of the test clips: {network.usual}"
        for network in facts.networks
        if network.labels
    }
    said = [warning.text for network in facts.networks for warning in network.warnings]
    return [f"{text[:1].upper()}{text[1:]}." for text in (*shares.values(), *said, *facts.other_networks)]


def clips(facts: Facts) -> list[tuple[str, list[Line]]]:
    """(heading, clips) of each target's best network: the closest three, then the furthest off."""
    best: dict[str, NetworkResult] = {}
    for network in facts.networks:
        best.setdefault(network.target, network)
    return [
        (f"{network.network}, {network.target}: {which}", [_line(network, clip) for clip in found])
        for network in best.values()
        for which, found in (("closest", network.closest), ("furthest off", network.furthest))
        if found
    ]


def _line(network: NetworkResult, clip: Extreme) -> Line:
    if network.labels:
        came = network.labels[int(clip.truth)]
        chance = clip.said if len(network.labels) > 2 or clip.truth == 1 else 1 - clip.said
        return clip.video_id, f"{came}", f"its chance was said to be {chance:.0%}"
    target = Fitted(TARGETS[network.target], network.numbers)
    said, came = (amount(target.target.kind, target.value(value)) for value in (clip.said, clip.truth))
    way = "too low" if clip.truth > clip.said else "too high"
    off = f"× {factor(clip.truth - clip.said)} {way}" if target.target.log else way
    return clip.video_id, f"{said} forecast, {came} real", off
