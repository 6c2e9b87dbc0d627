"""The parts of the page that are no figures: tiles, lists, tables and cards, as HTML. All of it escaped.

Not known here: the page around them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from vvp import words
from vvp.report import numbers
from vvp.report.figures import clusters, collection, comparison, maps, posts
from vvp.report.gather import Facts, Tested
from vvp.report.numbers import count, factor, plural, share


def escaped(value: object) -> str:
    """Escaped, without characters that nobody sees; what stands between backticks becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(words.visible(str(value))))


def tiles(pairs: Sequence[tuple[str, str]]) -> str:
    return (
        '<ul class="tiles">'
        + "".join(f"<li><b>{escaped(n)}</b><span>{escaped(w)}</span></li>" for n, w in pairs)
        + "</ul>"
    )


def bullets(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escaped(line)}</li>" for line in lines) + "</ul>"


def terms(words: Mapping[str, str]) -> str:
    """A list of words with what each means."""
    lines = "".join(f"<dt>{escaped(word)}</dt><dd>{escaped(what)}</dd>" for word, what in words.items())
    return f'<dl class="terms">{lines}</dl>'


def plain(table: posts.Table) -> str:
    """A table of words and numbers under its heading, or the sentence in its place."""
    head = f"<h3>{escaped(table.head)}</h3>"
    if not table.rows:
        return f'{head}<p class="missing">{escaped(table.absent)}</p>'
    top = "".join(f"<th>{escaped(c)}</th>" for c in table.columns)
    lines = "".join(
        f'<tr><td class="words">{escape(words.visible(first))}</td>'
        + "".join(f"<td>{escaped(c)}</td>" for c in rest)
        + "</tr>"
        for first, *rest in table.rows
    )
    return (
        f'{head}<div class="scroll" tabindex="0"><table class="plain"><thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def left_out(facts: Facts) -> str:
    rows = collection.left_out(facts)
    head = "<h3>Set aside, unusable or incomplete</h3>"
    if not rows:
        return (
            f"{head}<p>Nothing was set aside, and every video has a count, a date, a picture and a sound.</p>"
        )
    lines = "".join(
        f'<tr><td>{escaped(what)}</td><td>{n:,}</td><td class="words">{escaped(why)}</td></tr>'
        for what, n, why in rows
    )
    return (
        f'{head}<div class="scroll" tabindex="0"><table class="plain"><thead><tr>'
        f"<th>what</th>"
        f"<th>videos or rows</th>"
        f'<th class="words">why</th></tr></thead><tbody>{lines}</tbody></table></div>'
    )


def map_note(facts: Facts, thumbs: dict[str, str]) -> str:
    drawn = maps.points(facts)
    if isinstance(drawn, str):
        return ""
    lines = [
        "Each point is a video; points that lie close look, sound or read alike. Point at one, touch it, or"
        " move"
        " with the arrow keys, to see which it is."
    ]
    lines += drawn.notes
    shown = sum(facts.videos.video_id[row] in thumbs for row in drawn.row)
    if 0 < shown < len(drawn.row):
        lines.append(f"{shown:,} of the drawn points have a thumbnail.")
    elif not shown:
        has_media = any(facts.videos.media_path[row] for row in drawn.row)
        lines.append(
            f"There are no thumbnails: no {'media could be read' if has_media else 'video has media'}."
        )
    return f'<p class="hint soft">{escaped(" ".join(lines))}</p>'


def rules(facts: Facts) -> str:
    """What explore found that no figure shows, and how it went about it."""
    shape = facts.map or {}
    lines = [text for text in [(shape.get("kmeans") or {}).get("sentence")] if text]
    hdbscan, agreement = (shape.get(key) or {} for key in ("hdbscan", "agreement"))
    if "clusters" in hdbscan:
        text = (
            f"HDBSCAN finds {plural(hdbscan['clusters'], 'dense cluster')}, {share(hdbscan['noise'])} noise"
        )
        if agreement.get("adjusted_rand") is not None:
            text += (
                f"; it agrees with KMeans to {agreement['adjusted_rand']:.2f} (adjusted Rand: 1 same, 0"
                " chance)"
            )
        lines.append(f"{text}.")
    elif "unavailable" in hdbscan:
        lines.append(f"HDBSCAN: {hdbscan['unavailable']}")
    lines += shape.get("notes", [])
    how = [text for text in ((shape.get(key) or {}).get("rule") for key in ("pca", "umap", "kmeans")) if text]
    method = f"<details><summary>how it was done</summary>{bullets(how)}</details>" if how else ""
    return (bullets(lines) if lines else "") + method


def cards(facts: Facts, thumbs: dict[str, str]) -> str:
    place = {video: i for i, video in enumerate(facts.videos.video_id)}
    made = []
    for card in clusters.cards(facts):
        chips = "".join(f'<span class="chip">{escaped(w)}</span>' for w in card.words)
        shots = "".join(
            f"<li>{_shot(video, thumbs)}{_name(facts.videos.name(place[video]))}</li>"
            for video in card.central
            if video in place
        )
        made.append(
            f'<article class="card"><h4><span class="badge" style="background:{maps.look(card.number)[0]}">'
            f"{card.number}</span> {card.size:,} videos ({share(card.share)})</h4>"
            + (f"<p>{chips}</p>" if chips else '<p class="soft">no telling title words</p>')
            + (
                bullets(card.differences)
                if card.differences
                else '<p class="soft">no sure difference from the rest</p>'
            )
            + f'<p class="soft">{escaped(card.error)}</p><ul class="strip">{shots}</ul></article>'
        )
    return f'<h3>Each cluster</h3><div class="cards">{"".join(made)}</div>' if made else ""


def extremes(facts: Facts, thumbs: dict[str, str]) -> str:
    if facts.tested is None or facts.deciding is None or facts.deciding.chosen not in facts.tested.by_model:
        return ""
    best, worst = numbers.extremes(facts.tested, facts.chosen)
    if not best:
        return ""
    return (
        '<h3>The closest and the furthest forecasts</h3><div class="cards">'
        + "".join(
            f'<article class="card"><h4>{head}</h4><ul class="film">'
            + "".join(_shown(facts, facts.tested, at, thumbs) for at in places)
            + "</ul></article>"
            for head, places in (("closest", best), ("furthest off", worst))
        )
        + "</div>"
    )


def _shown(facts: Facts, tested: Tested, at: int, thumbs: dict[str, str]) -> str:
    row, truth, guess = tested.row[at], tested.truth[at], tested.by_model[facts.chosen][at]
    video = facts.videos.video_id[row]
    off = "too low" if truth > guess else "too high"
    return (
        f"<li>{_shot(video, thumbs)}{_name(facts.videos.name(row))}"
        f"{words.views(count(guess))} forecast, {words.views(count(truth))} real"
        f'<br><span class="soft">× {factor(truth - guess)} {off}</span></li>'
    )


def films(
    facts: Facts, groups: Sequence[tuple[str, Sequence[tuple[str, str, str]]]], thumbs: dict[str, str]
) -> str:
    """A card a group of videos: heading, then each (video_id, what is said of it, and smaller)."""
    row = {video: i for i, video in enumerate(facts.videos.video_id)}
    cards = []
    for head, lines in groups:
        shown = "".join(
            f"<li>{_shot(video, thumbs)}{_name(facts.videos.name(row[video]) if video in row else video)}"
            f'{escaped(text)}<br><span class="soft">{escaped(aside)}</span></li>'
            for video, text, aside in lines
        )
        cards.append(f'<article class="card"><h4>{escaped(head)}</h4><ul class="film">{shown}</ul></article>')
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _name(name: str) -> str:
    return f'<span class="name">{escaped(name)}</span>'


def _shot(video: str, thumbs: dict[str, str]) -> str:
    """Its thumbnail, or a place that says there is none; nothing where no video at all has one."""
    if not thumbs:
        return ""
    inner = f'<img src="{escape(thumbs[video])}" alt="">' if video in thumbs else "<span>no picture</span>"
    return f'<div class="shot">{inner}</div>'


def table(facts: Facts) -> str:
    if facts.deciding is None:
        return ""
    heads, rows = comparison.table(facts.deciding)
    top = "".join(f"<th>{escaped(h)}</th>" for h in heads)
    lines = "".join(
        "<tr>"
        + "".join(f"<td>{escaped(cell)}</td>" if len(row) > 2 else
                  f'<td{"" if i == 0 else f" class=words colspan={len(heads) - 1}"}>{escaped(cell)}</td>'
                  for i, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )  # fmt: skip
    return (
        "<h3>All models and simple rules, 95 % intervals by channel; ◂ forecasts</h3>"
        f'<div class="scroll" tabindex="0"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
        f'<p class="soft">{escaped(facts.deciding.population)}</p>'
    )
