"""Section 4, the reduction: variance kept, blocks, overlap of neighbourhoods, inertia and silhouette over
K."""

from typing import Any

import numpy as np

from vvp.report.figures.maps import unavailable
from vvp.report.figures.plot import BLUE, GREEN, GREY, ORANGE, SKY, Plot, absent, canvas, short
from vvp.report.gather import Facts
from vvp.report.numbers import share

BLOCKS = {"picture": BLUE, "sound": ORANGE, "words": GREEN}


def plots(facts: Facts) -> list[Plot]:
    made = []
    for name, subject, section, draw in (
        ("variance", "Variance kept by the components", "pca", variance),
        ("blocks", "What the components are made of", "pca", blocks),
        ("overlap", "Do neighbours stay neighbours?", "umap", overlap),
        ("inertia", "Inertia over the number of clusters", "kmeans", inertia),
        ("silhouette", "Silhouette over the number of clusters", "kmeans", silhouette),
    ):
        why = unavailable(facts, section)
        if why is None and section == "umap":
            why = (
                (facts.map or {})["umap"]
                .get("overlap", {"unavailable": "It was not measured."})
                .get("unavailable")
            )
        made.append(absent(name, subject, why) if why else draw((facts.map or {})[section]))
    return made


def variance(pca: dict[str, Any]) -> Plot:
    curve = np.array(pca["curve"])
    figure, ax = canvas()
    ax.plot(np.arange(1, len(curve) + 1), 100 * curve, color=BLUE, linewidth=2, label="blocks scaled")
    if unscaled := pca.get("curve_unscaled"):
        x = np.arange(1, len(unscaled) + 1)
        ax.plot(x, 100 * np.array(unscaled), color=ORANGE, linestyle="--", label="blocks as they come")
    for need, level in ((pca.get("need_86"), 86), (pca.get("need_95"), 95)):
        ax.axhline(level, color=GREY, linewidth=0.8, linestyle=":")
        if need and need <= len(curve):
            ax.plot(need, level, marker="o", color=BLUE)
            ax.annotate(
                f"{need} keep {level} %",
                (need, level),
                xytext=(4, -12),
                textcoords="offset points",
                fontsize=9,
            )
    ax.set_ylim(0, 103)
    ax.set_xlabel("principal components")
    ax.set_ylabel("variance kept, % (training part)")
    ax.legend(loc="lower right")
    needs = [
        f"{need or f'more than {len(curve)}'} keep {share(level / 100)}"
        for need, level in ((pca.get("need_86"), 86), (pca.get("need_95"), 95))
    ]
    return Plot(
        name="variance",
        title=f"{pca['components']} components keep {share(pca['kept'])} of the variance; {needs[0]},"
        f" {needs[1]}",
        alt=f"Curve of cumulative variance: 1 component {share(curve[0])}, half of them"
        f" {share(curve[(len(curve) - 1) // 2])}, all {len(curve)} {share(curve[-1])}.",
        figure=figure,
    )


def blocks(pca: dict[str, Any]) -> Plot:
    scaled, unscaled = pca["block_share"], pca["block_share_unscaled"]
    figure, ax = canvas(2.4)
    for row, shares in enumerate((scaled, unscaled)):
        left = 0.0
        for block, colour in BLOCKS.items():
            value = 100 * (shares.get(block) or 0.0)
            ax.barh(row, value, left=left, color=colour, label=block if row == 0 else None, height=0.6)
            if value >= 8:
                text = {"color": "white", "ha": "center", "va": "center", "fontsize": 9}
                ax.text(left + value / 2, row, f"{value:.0f} %", **text)
            left += value
    ax.set_yticks([0, 1], ["scaled", "as they come"])
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlabel("share of the variance that the components keep, %")
    figure.legend(loc="outside upper center", ncols=3)

    def words(shares: dict[str, float]) -> str:
        return ", ".join(f"{b} {share(shares.get(b) or 0.0)}" for b in BLOCKS)

    top = max(unscaled, key=lambda b: unscaled[b] or 0.0)
    before, after = share(unscaled[top] or 0.0), share(scaled.get(top) or 0.0)
    if sum(bool(value) for value in unscaled.values()) == 1:
        title = f"The map is made of {top} alone: no other block is there"
    else:
        title = f"As the vectors come, {top} would make {before} of the map; scaled it makes {after}"
    return Plot(
        name="blocks",
        title=title,
        alt=f"Two stacked bars of the blocks' shares. Scaled: {words(scaled)}. As they come:"
        f" {words(unscaled)}.",
        figure=figure,
    )


def overlap(umap: dict[str, Any]) -> Plot:
    kept = umap["overlap"]
    figure, ax = canvas(1.9)
    bars = {
        f"UMAP, {umap.get('dimensions', 15)} dimensions": (kept["value"], BLUE),
        "a random layout": (kept["random"], GREY),
    }
    for row, (name, (value, colour)) in enumerate(bars.items()):
        ax.barh(row, 100 * value, color=colour, height=0.6)
        ax.annotate(f" {100 * value:.0f} %", (100 * value, row), va="center")
        del name
    ax.set_yticks([0, 1], list(bars))
    ax.invert_yaxis()
    ax.grid(axis="y", visible=False)
    ax.set_xlim(0, 100)
    ax.set_xlabel(f"of {kept['k']} nearest by components, still nearest, %")
    return Plot(
        name="overlap",
        title=f"{share(kept['value'])} of a video's {kept['k']} nearest stay its nearest after UMAP"
        f" (by chance {share(kept['random'])})",
        alt=f"Two bars: overlap of neighbourhoods {share(kept['value'], 1)} against"
        f" {share(kept['random'], 1)} for a random layout, measured on {kept['rows']} videos.",
        figure=figure,
    )


def inertia(kmeans: dict[str, Any]) -> Plot:
    k, values = kmeans["k"], kmeans["inertia"]
    figure, ax = canvas()
    ax.plot(k, values, color=BLUE, marker="o")
    ax.set_ylim(0, max(values) * 1.05)
    ax.set_xticks(k[:: 1 if len(k) < 16 else 2])
    ax.yaxis.set_major_formatter(lambda value, _: short(value))
    ax.set_xlabel("number of clusters K")
    ax.set_ylabel("inertia (sum of squared distances)")
    drop = 1 - values[-1] / values[0] if values[0] else 0.0
    return Plot(
        name="inertia",
        title=f"From {k[0]} to {k[-1]} clusters the inertia falls by {share(drop)}",
        alt="Curve of KMeans inertia over K: "
        + ", ".join(f"{a}: {short(b)}" for a, b in zip(k, values, strict=True)) + ".",
        figure=figure,
    )  # fmt: skip


def silhouette(kmeans: dict[str, Any]) -> Plot:
    k, values, best = kmeans["k"], kmeans["silhouette"], kmeans["best"]
    figure, ax = canvas()
    ax.fill_between(k, kmeans["silhouette_low"], kmeans["silhouette_high"], color=SKY, alpha=0.4, linewidth=0)
    ax.plot(k, values, color=BLUE, marker="o", label="videos (band: all seeds)")
    ax.plot(
        k, kmeans["shuffled"], color=GREY, marker="x", linestyle="--", label="columns shuffled: no structure"
    )
    at = values[k.index(best)]
    ax.plot(best, at, marker="o", markersize=11, markerfacecolor="none", color=ORANGE, linestyle="none")
    ax.annotate(f"best: {best}", (best, at), xytext=(8, 6), textcoords="offset points")
    ax.set_xticks(k[:: 1 if len(k) < 16 else 2])
    ax.margins(y=0.2)
    ax.set_xlabel("number of clusters K")
    ax.set_ylabel("mean silhouette (−1 to 1)")
    figure.legend(loc="outside upper left", ncols=2)
    shuffled = kmeans["shuffled"][k.index(best)]
    judged = "separate" if kmeans["separates"] else "hardly separate"
    if kmeans.get("odd"):
        judged = "only set a few odd videos apart"
    elif kmeans.get("overlapping"):
        judged = "overlap, but are more than chance makes"
    return Plot(
        name="silhouette",
        title=f"{best} clusters {judged}: silhouette {at:.2f}, with shuffled columns {shuffled:.2f} in the"
        " mean",
        alt="Curve of silhouette over K: "
        + ", ".join(f"{a}: {b:.2f}" for a, b in zip(k, values, strict=True))
        + f". {kmeans.get('sentence', '')}",
        figure=figure,
    )
