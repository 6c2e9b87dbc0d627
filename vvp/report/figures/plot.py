"""What every figure shares: one look, one size, and how it becomes SVG for the page, or PNG and SVG for
export.

Figures are drawn in plain colours on nothing. In the page two of those colours, ink and grid, become CSS
variables, so that text and axes follow light and dark; the exported files keep them, on white, and carry
their title. Colours: Okabe and Ito (2008), told apart by colour-blind readers; beside them always a marker or
a label. No pyplot, so no global state but the settings of one `with`.
Not known here: what any figure shows.
"""

import io
import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from vvp import words
from vvp.dataset.scales import log_count
from vvp.dataset.targets import VIEWS

INK, GRID = "#1a1b1c", "#d3d4d6"  # no other part of a figure may use these two
VARIABLES = {INK: "var(--ink)", GRID: "var(--line)"}
BLUE, ORANGE, GREEN, PINK, YELLOW, SKY, GREY = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#808488",
)  # fmt: skip
COLOURS = (BLUE, ORANGE, GREEN, PINK, YELLOW, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# Without its darkest blues, which a dark page would swallow.
GRADED = ListedColormap(matplotlib.colormaps["cividis"](np.linspace(0.12, 1, 256)), "vvp")
WIDTH = 4.8  # inches: at 10 points still readable on a phone 390 pixels wide
RASTER_FROM = 1500  # points; an SVG with more of them is slow to scroll, so they become one picture
PNG_DPI = 150
STYLE: dict[str, Any] = {
    "font.size": 10, "axes.labelsize": 10, "xtick.labelsize": 9, "ytick.labelsize": 9, "legend.fontsize": 9,
    "font.family": "sans-serif", "svg.fonttype": "none", "svg.hashsalt": "vvp", "text.parse_math": False,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.edgecolor": GRID, "grid.color": GRID, "grid.linewidth": 0.7, "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.major.size": 0, "ytick.major.size": 0,
    "axes.facecolor": "none", "figure.facecolor": "none", "savefig.facecolor": "none",
    "legend.frameon": False, "legend.handletextpad": 0.5, "legend.columnspacing": 1.2, "path.simplify": True,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Plot:
    """One figure, or why there is none.

    title: its finding, with numbers (of an absent one: what it would show). alt: what a reader who does not
    see it needs. wide: it takes the page's whole width.
    """

    name: str
    title: str
    alt: str = ""
    figure: Figure | None = None
    absent: str | None = None
    wide: bool = False


def absent(name: str, title: str, why: str) -> Plot:
    """The place of a figure that cannot be: `why` says what is missing and which command would make it."""
    return Plot(name=name, title=title, absent=why)


@contextmanager
def style() -> Iterator[None]:
    with matplotlib.rc_context(cast(Any, STYLE)):
        yield


def canvas(height: float = 3.4, axes: int = 1, **options: Any) -> tuple[Figure, Any]:
    """(figure, its Axes or an array of them); heights in inches."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots(1, axes, **options) if axes > 1 else figure.subplots(**options)


def views_axis(ax: Axes, which: str = "x", label: str = "views (log scale)") -> None:
    """Marks an axis that holds natural logs of 1 + views at round numbers of views."""
    low, high = ax.get_xlim() if which == "x" else ax.get_ylim()
    exponents = np.arange(np.floor(low / np.log(10)), np.ceil(high / np.log(10)) + 1)
    steps = (1, 3) if high - low < 4 * np.log(10) else (1,)
    ticks = [float(log_count(s * 10**e)) for e in exponents if e >= 0 for s in steps]
    ticks = [t for t in ticks if low <= t <= high] or [(low + high) / 2]
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_ticks(ticks, [words.views(VIEWS.value(t)) for t in ticks])
    (ax.set_xlabel if which == "x" else ax.set_ylabel)(label)


def whole(ax: Axes) -> None:
    """Marks the y axis at whole numbers only: it counts videos."""
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))


def short(number: float) -> str:
    """A count for reading: 950, 1.2K, 30K, 4.5M."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(number) >= 0.9995 * limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}"


def log_axis(ax: Axes, which: str = "x") -> None:
    """A log scale whose marks are plain numbers."""
    (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    axis.set_minor_locator(NullLocator())


def forest(
    ax: Axes,
    rows: Sequence[tuple[float, dict[str, Any] | None]],
    colour: str,
    marker: str = "o",
    **options: Any,
) -> None:
    """Points with their intervals: rows of (height, {point, low, high}); what is undefined is left out."""
    for y, measured in rows:
        if measured is None or measured["point"] is None:
            continue
        if measured.get("low") is not None:
            ax.plot(
                [measured["low"], measured["high"]], [y, y], color=colour, linewidth=2, solid_capstyle="butt"
            )
        ax.plot(measured["point"], y, marker=marker, color=colour, markersize=6, linestyle="none", **options)
        options.pop("label", None)


def svg_inline(plot: Plot) -> str:
    """The figure as an <svg> element for the page: ids of its own, colours that follow light and dark."""
    assert plot.figure is not None
    text = _svg(plot.figure)
    text = text[text.index("<svg") :]
    text = re.sub(r'\bid="([^"]+)"', rf'id="{plot.name}-\1"', text)
    text = re.sub(r'href="#([^"]+)"', rf'href="#{plot.name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{plot.name}-\1)", text)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, variable)
    return text.replace("<svg ", '<svg role="img" ', 1)


def export(plot: Plot) -> dict[str, bytes]:
    """{"NAME.svg": …, "NAME.png": …} with the title on it, on white. Changes the figure: call it last."""
    assert plot.figure is not None
    wrapped = "\n".join(textwrap.wrap(plot.title, 52))
    plot.figure.suptitle(wrapped, fontsize=11, fontweight="bold", x=0.02, ha="left")
    plot.figure.set_size_inches(WIDTH, plot.figure.get_figheight() + 0.22 * (1 + wrapped.count("\n")))
    png = io.BytesIO()
    plot.figure.savefig(png, format="png", dpi=PNG_DPI, facecolor="white")
    svg = _svg(plot.figure, facecolor="white")
    return {f"{plot.name}.svg": _described(svg, plot), f"{plot.name}.png": png.getvalue()}


def _svg(figure: Figure, **options: Any) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None}, dpi=PNG_DPI, **options)
    return out.getvalue()


def _described(svg: str, plot: Plot) -> bytes:
    """The SVG with its title and text alternative inside, as its own elements."""
    at = svg.index(">", svg.index("<svg")) + 1
    title, desc = ET.Element("title"), ET.Element("desc")
    title.text, desc.text = plot.title, plot.alt
    inside = ET.tostring(title, encoding="unicode") + ET.tostring(desc, encoding="unicode")
    return (svg[:at] + inside + svg[at:]).encode()
