"""Figures and sentences → one HTML page that needs nothing but itself, and each figure as SVG and PNG.

Titles, words and names come from strangers: everything is escaped, the data of the script is JSON that cannot
end its element, and a content security policy lets no other script run and nothing be fetched.
Not known here: how a figure is drawn, where files go (jobs/report.py).
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

from vvp import __version__
from vvp.report import counts, glossary, networks, sentences, targets
from vvp.report import html as pieces
from vvp.report.figures import clusters, collection, comparison, maps, plot, posts, reduction
from vvp.report.figures import errors as model
from vvp.report.figures import networks as curves
from vvp.report.figures import targets as target_figures
from vvp.report.figures.plot import Plot
from vvp.report.gather import Facts
from vvp.report.html import escaped


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """report.html, the figures' files (name → bytes), and every place of a figure, made or absent."""

    html: str
    files: dict[str, bytes]
    plots: list[Plot]


def build(facts: Facts, thumbs: dict[str, str]) -> Built:
    """thumbs: video_id → data URI of a JPEG, for those that have one."""
    with plot.style():
        drawn = draw(facts)
        plots = [figure for group in drawn.values() for figure in group]
        html = write(facts, thumbs, drawn)
        exported = {k: v for figure in plots if figure.figure for k, v in plot.export(figure).items()}
    return Built(html=html, files=exported, plots=plots)


def draw(facts: Facts) -> dict[str, list[Plot]]:
    """Module's name → its figures, or why they are absent. Within plot.style()."""
    modules = (collection, posts, maps, reduction, clusters, model, comparison, target_figures, curves)
    drawn = {module.__name__.rsplit(".", 1)[-1]: module.plots(facts) for module in modules}
    names = [figure.name for group in drawn.values() for figure in group]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two figures are called {twice[0]}: the files of one would replace the other's")
    return drawn


def write(facts: Facts, thumbs: dict[str, str], drawn: dict[str, list[Plot]]) -> str:
    """The page. drawn: as `draw` made it, not exported yet. Within plot.style()."""
    sections = [
        (
            "collection",
            "The collection",
            _grid(drawn["collection"])
            + "".join(map(pieces.plain, counts.tables(facts.videos)))
            + pieces.left_out(facts),
        ),
        (
            "posts",
            "What goes with more views",
            f'<p class="soft">{escaped(posts.note(facts.videos))}</p>'
            + _grid(drawn["posts"])
            + "".join(map(pieces.plain, posts.tables(facts.videos))),
        ),
        *_map_sections(facts, thumbs, drawn),
        ("model", "The model", _model(facts, thumbs, drawn)),
        ("targets", "Beside views", _targets(facts, drawn)),
        ("networks", "Networks on the clips", _networks(facts, thumbs, drawn)),
        ("limits", "What this cannot know", pieces.bullets(sentences.limits(facts))),
        ("glossary", "Glossary", pieces.terms(glossary.WORDS)),
    ]
    script = _asset("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}';"
        " base-uri 'none'; form-action 'none'"
    )
    first, *rest = sentences.headline(facts)
    links = "".join(f'<a href="#{name}">{escaped(head)}</a>' for name, head, _ in sections)
    body = "".join(
        f'<section id="{name}"><h2>{escaped(head)}</h2>{html}</section>' for name, head, html in sections
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>vvp report: {escaped(facts.name)}</title><style>{_asset('page.css')}</style></head>\n"
        f'<body><header id="headline"><h1>vvp report of the run {escaped(facts.name)}</h1>'
        f'<p class="headline">{escaped(first)}</p>'
        + "".join(f'<p class="headline">{escaped(sentence)}</p>' for sentence in rest)
        + "".join(f'<p class="banner">{escaped(note)}</p>' for note in facts.notes)
        + pieces.tiles(sentences.tiles(facts))
        + f'</header>\n<nav aria-label="Sections">{links}</nav>\n<main>{body}</main>\n{_footer(facts)}'
        + _data(facts, thumbs, drawn["maps"])
        + f"<script>{script}</script></body></html>\n"
    )


def _map_sections(
    facts: Facts, thumbs: dict[str, str], drawn: dict[str, list[Plot]]
) -> list[tuple[str, str, str]]:
    """Three sections, or one with one sentence where there is no map: all three are made by one command."""
    if facts.map is None:
        head = "The map, the reduction and the clusters"
        return [("map", head, f'<p class="missing">{escaped(facts.why["map"])}</p>')]
    return [
        ("map", "The map", pieces.map_note(facts, thumbs) + _grid(drawn["maps"])),
        ("reduction", "The reduction", pieces.rules(facts) + _grid(drawn["reduction"])),
        ("clusters", "The clusters", _grid(drawn["clusters"]) + pieces.cards(facts, thumbs)),
    ]


def _model(facts: Facts, thumbs: dict[str, str], drawn: dict[str, list[Plot]]) -> str:
    """Where no model was evaluated, one sentence, and the sweep if there was one."""
    errors, others = drawn["errors"], drawn["comparison"]
    if "evaluation" not in facts.why:
        return _grid(errors) + pieces.extremes(facts, thumbs) + _grid(others) + pieces.table(facts)
    made = [figure for figure in (*errors, *others) if figure.figure is not None]
    return f'<p class="missing">{escaped(facts.why["evaluation"])}</p>' + (_grid(made) if made else "")


def _targets(facts: Facts, drawn: dict[str, list[Plot]]) -> str:
    """A table of all, then each target: its verdict, every candidate, its figure."""
    figures = {figure.name: figure for figure in drawn["targets"]}
    parts = [pieces.plain(targets.summary(facts.others))]
    for evaluation in facts.others:
        figure = figures[target_figures.name_of(evaluation.target)]
        parts.append(
            f'<section id="{figure.name}" class="target"><h3>{escaped(targets.title(evaluation))}</h3>'
            f"<p><strong>{escaped(evaluation.verdict)}</strong></p>"
            + "".join(map(pieces.plain, targets.tables(evaluation)))
            + pieces.bullets(targets.notes(evaluation))
            + f'<div class="grid">{_figure(figure)}</div></section>'
        )
    return "".join(parts)


def _networks(facts: Facts, thumbs: dict[str, str], drawn: dict[str, list[Plot]]) -> str:
    text = "".join(map(pieces.plain, networks.tables(facts))) + pieces.bullets(networks.notes(facts))
    return text + _grid(drawn["networks"]) + pieces.films(facts, networks.clips(facts), thumbs)


def _figure(drawn: Plot) -> str:
    if drawn.figure is None:
        return (
            f'<figure id="figure-{drawn.name}" class="absent"><figcaption>{escaped(drawn.title)}</figcaption>'
            f"<p>{escaped(drawn.absent or '')}</p></figure>"
        )
    svg = plot.svg_inline(drawn).replace(
        "<svg ", f'<svg aria-labelledby="{drawn.name}-title" aria-describedby="{drawn.name}-alt" ', 1
    )
    point = ""
    if drawn.name.startswith("map_"):
        point = (
            f' map" data-figure="{drawn.name}" tabindex="0" role="group"'
            ' aria-label="Map of videos: move between them with the arrow keys'
        )
    return (
        f'<figure id="figure-{drawn.name}">'
        f'<figcaption id="{drawn.name}-title">{escaped(drawn.title)}</figcaption>'
        f'<div class="drawing{point}">{svg}</div>'
        f'<details><summary>in words</summary><div id="{drawn.name}-alt">{escaped(drawn.alt)}</div></details>'
        "</figure>"
    )


def _grid(figures: Iterable[Plot]) -> str:
    """The figures, and one placeholder for all that are absent for the same reason."""
    reasons: dict[str, list[Plot]] = {}
    for figure in figures:
        reasons.setdefault(figure.absent or figure.name, []).append(figure)
    shown = [
        replace(group[0], title="; ".join(figure.title for figure in group)) for group in reasons.values()
    ]
    return f'<div class="grid">{"".join(map(_figure, shown))}</div>'


def _footer(facts: Facts) -> str:
    made = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    encoders = ", ".join(facts.run.encoders.values()) if facts.run else ""
    parts = [f"vvp {__version__}, {made}", f"profile {facts.profile}", encoders, f"{facts.split} split"]
    return (
        f"<footer>{escaped(' · '.join(p for p in parts if p))}. Each figure lies beside this page as SVG"
        " and PNG.</footer>"
    )


def _data(facts: Facts, thumbs: dict[str, str], plots: Sequence[Plot]) -> str:
    drawn = maps.points(facts)
    if isinstance(drawn, str):
        return ""
    data: dict[str, Any] = maps.labels(facts, drawn, thumbs)
    data["places"] = {figure.name: maps.places(drawn, figure) for figure in plots if figure.figure}
    # "<" alone could end or comment out the element, whatever a title holds.
    text = json.dumps(data, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return f'<script type="application/json" id="map-data">{text}</script>'


def _asset(name: str) -> str:
    return files("vvp.report").joinpath(name).read_text("utf-8")
