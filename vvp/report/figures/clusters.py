"""Section 5, the clusters: what tells each from the rest, its words, its most central videos, its error."""

from dataclasses import dataclass
from typing import Any

from vvp.dataset.targets import VIEWS
from vvp.report.figures.maps import look, unavailable
from vvp.report.figures.plot import INK, Plot, absent, canvas, forest
from vvp.report.gather import Facts
from vvp.report.numbers import factor, plural

FEATURES = {
    "log_views": "views",
    "duration_s": "duration",
    "motion_mean": "motion",
    "cut_rate_per_min": "cuts per minute",
    "audio_rms_mean": "loudness",
    "audio_rms_std": "change of loudness",
    "visual_density": "visual density",
}


@dataclass(frozen=True, kw_only=True)
class Card:
    """One cluster, ready to be written."""

    number: int
    size: int
    share: float
    words: tuple[str, ...]
    central: tuple[str, ...]  # video ids
    differences: tuple[str, ...]  # sentences, the surest first
    error: str


def plots(facts: Facts) -> list[Plot]:
    names = (
        ("cluster_differences", "How the clusters differ"),
        ("cluster_errors", "Forecast error in each cluster"),
    )
    clusters = (facts.map or {}).get("clusters")
    if not clusters:
        why = unavailable(facts, "kmeans") or "There are no clusters to describe."
        return [absent(name, subject, why) for name, subject in names]
    return [differences(clusters), errors(clusters)]


def differences(clusters: list[dict[str, Any]]) -> Plot:
    name = "cluster_differences"
    present = [f for f in FEATURES if any(f in c["differences"] for c in clusters)]
    if not present:
        why = "No feature could be compared between the clusters."
        return absent(name, "How the clusters differ", why)
    height = 1.3 + len(present) * (0.25 + 0.16 * len(clusters))
    figure, ax = canvas(height)
    step = 0.8 / len(clusters)
    for c in clusters:
        colour, marker = look(c["cluster"])
        rows = [
            (i - 0.4 + step * (clusters.index(c) + 0.5), c["differences"].get(f))
            for i, f in enumerate(present)
        ]
        forest(ax, rows, colour, marker, label=f"{c['cluster']}")
    ax.axvline(0, color=INK, linewidth=1)
    for i in range(1, len(present)):
        ax.axhline(i - 0.5, color="#80848855", linewidth=0.7)
    ax.grid(axis="y", visible=False)
    ax.set_yticks(range(len(present)), [FEATURES[f] for f in present])
    ax.set_ylim(len(present) - 0.5, -0.5)
    ax.set_xlabel("difference from the rest, standard deviations")
    figure.legend(loc="outside upper center", ncols=min(len(clusters), 8), title="cluster")
    sure = [
        (abs(difference["point"]), c["cluster"], feature, difference)
        for c in clusters
        for feature, difference in c["differences"].items()
        if feature in FEATURES and _sure(difference)
    ]
    compared = sum(f in c["differences"] for c in clusters for f in present)
    if sure:
        _, cluster, feature, difference = max(sure, key=lambda entry: entry[0])
        title = (
            f"The clearest difference: cluster {cluster} has {'more' if difference['point'] > 0 else 'less'}"
            f" {FEATURES[feature]} than the rest, by {abs(difference['point']):.1f} standard deviations"
            f" [{difference['low']:.1f}, {difference['high']:.1f}];"
            f" {len(sure)} of {compared} intervals leave 0 out (chance alone: 1 in 20)"
        )
    else:
        title = "No cluster surely differs from the rest in any of these"
    return Plot(
        name=name,
        title=title,
        alt="Points with 95 % bootstrap intervals, per feature and cluster. "
        + " ".join(
            f"Cluster {c['cluster']}: {'; '.join(sentences(c)) or 'no sure difference'}." for c in clusters
        ),
        figure=figure,
    )


def errors(clusters: list[dict[str, Any]]) -> Plot:
    name, subject = "cluster_errors", "Forecast error in each cluster"
    with_error = [c for c in clusters if c.get("error") and c["error"]["mae"]["point"] is not None]
    if not with_error:
        reasons = dict.fromkeys(c.get("error_unavailable") for c in clusters)
        why = next(filter(None, reasons), "No cluster holds test videos with a forecast.")
        return absent(name, subject, why)
    figure, ax = canvas(1.2 + 0.32 * len(with_error))
    for i, c in enumerate(with_error):
        forest(ax, [(i, c["error"]["mae"])], *look(c["cluster"]))
    ax.set_yticks(
        range(len(with_error)), [f"cluster {c['cluster']} ({c['error']['rows']})" for c in with_error]
    )
    ax.set_ylim(len(with_error) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel("typical error, log views (in brackets: test videos)")
    order = sorted(with_error, key=lambda c: c["error"]["mae"]["point"])
    low, high = order[0], order[-1]
    title = (
        f"Cluster {low['cluster']} is forecast best (typical error a factor of"
        f" {factor(low['error']['mae']['point'])})"
    )
    if len(with_error) > 1:
        title += f", cluster {high['cluster']} worst ({factor(high['error']['mae']['point'])})"
        a, b = low["error"]["mae"], high["error"]["mae"]
        if a.get("high") is None or b.get("low") is None:
            title += "; too few channels to be sure"
        elif a["high"] >= b["low"]:
            title += "; the intervals overlap"
    return Plot(
        name=name,
        title=title,
        alt="Typical error (mean absolute error of log views) with 95 % intervals: "
        + "; ".join(_said(c) for c in with_error) + ".",
        figure=figure,
    )  # fmt: skip


def _said(c: dict[str, Any]) -> str:
    return f"cluster {c['cluster']} {c['error']['mae']['point']:.2f}, {plural(c['error']['rows'], 'video')}"


def cards(facts: Facts) -> list[Card]:
    return [
        Card(
            number=c["cluster"], size=c["size"], share=c["share"],
            words=tuple(str(word) for word, _ in c.get("words", [])), central=tuple(c.get("central", [])),
            differences=tuple(sentences(c)), error=_error(c),
        )
        for c in (facts.map or {}).get("clusters", [])
    ]  # fmt: skip


def sentences(cluster: dict[str, Any]) -> list[str]:
    """What surely differs, strongest first, with the figures behind it."""
    sure = {
        f: difference
        for f, difference in cluster["differences"].items()
        if f in FEATURES and _sure(difference)
    }
    said = []
    for feature, difference in sorted(sure.items(), key=lambda pair: -abs(pair[1]["point"])):
        more = "more" if difference["point"] > 0 else "less"
        text = f"{more} {FEATURES[feature]} ({difference['point']:+.1f} sd"
        mean, rest = difference.get("mean"), difference.get("rest")
        if mean is not None and rest is not None:
            text += f"; {_amount(feature, mean)} against {_amount(feature, rest)}"
        said.append(text + ")")
    return said


def _amount(feature: str, value: float) -> str:
    if feature == "log_views":
        return f"{VIEWS.value(value):,.0f} views"
    return f"{value:.0f} s" if feature == "duration_s" else f"{value:.3g}"


def _sure(difference: dict[str, Any] | None) -> bool:
    """Its interval lies on one side of 0."""
    if (
        difference is None
        or difference.get("point") is None
        or difference.get("low") is None
        or difference.get("high") is None
    ):
        return False
    return bool(difference["low"] > 0 or difference["high"] < 0)


def _error(c: dict[str, Any]) -> str:
    if not c.get("error") or c["error"]["mae"]["point"] is None:
        return c.get("error_unavailable") or "no forecast error: it holds no test video with a forecast"
    measured = c["error"]["mae"]
    text = f"typical error a factor of {factor(measured['point'])}"
    if measured.get("low") is not None:
        text += f" [{factor(measured['low'])}, {factor(measured['high'])}]"
    return f"{text} on {plural(c['error']['rows'], 'test video')}"
