"""The page in a real browser: opens from a file, fetches nothing, shows every figure, answers to hovering."""

import json
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clips
import pytest
import report_tables as tables
from learn_tables import fill, world

from jobs.cli import run
from vvp.words import UNSEEN


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that --out filled: a full world of 120 videos, one with a clip, one with a broken one."""
    root = tmp_path_factory.mktemp("report")
    clip = clips.write(root / "clip.mp4", [clips.textured(96, 64, 1)] * 4)
    (root / "broken.mp4").write_bytes(b"no video at all")
    videos, embeddings = world(120)
    for i, row in enumerate(videos):  # enough posts at one time of the day for its figure
        posted = row["published_at"].replace(hour=9)
        row.update(media_path=None, published_at=posted, description="word " * (1 + i % 11))
    videos[0] |= {"title": tables.EVIL, "media_path": clip}
    videos[1]["media_path"] = str(root / "broken.mp4")
    space = tables.mapped(tables.tested(fill(root / "workspace", videos, embeddings)))
    space.write_bytes("runs/default/report/of_last_time.png", b"a figure that is no longer drawn")
    assert run(["report", "-w", space.root, "--out", str(root / "out"), "--json"]) == 0
    kept = root / "workspace/runs/default/report"
    assert sorted(p.name for p in kept.iterdir()) == sorted(p.name for p in (root / "out").iterdir())
    assert not (kept / "of_last_time.png").exists()
    return root / "out"


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The page at a desk's width; whatever it complains of or fetches fails the test at its end."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    one = context.new_page()
    wrong: list[str] = []
    local = ("file:", "data:")
    one.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
    one.on("pageerror", lambda error: wrong.append(str(error)))
    one.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
    one.on("request", lambda asked: None if asked.url.startswith(local) else wrong.append(asked.url))
    one.goto((report / "report.html").as_uri())
    yield one
    context.close()
    assert wrong == []


def test_every_figure_is_there_with_a_title_and_a_text_alternative(page: Any, report: Path) -> None:
    figures = page.evaluate(
        """() => [...document.querySelectorAll("figure svg[role=img]")].map(svg => ({
            name: svg.closest("figure").id,
            title: document.getElementById(svg.getAttribute("aria-labelledby")).textContent,
            alt: document.getElementById(svg.getAttribute("aria-describedby")).textContent,
            width: svg.getBoundingClientRect().width,
            ids: [...svg.querySelectorAll("[id]")].map(e => e.id)}))"""
    )
    drawn = {p.stem for p in report.glob("*.png")}
    assert {f["name"] for f in figures} == {f"figure-{name}" for name in drawn} and len(figures) == 23
    assert all(f["title"] and len(f["alt"]) > 40 and f["width"] > 300 for f in figures)
    ids = [i for f in figures for i in f["ids"]]
    assert len(ids) == len(set(ids)), "two figures share an id, and one would borrow the other's parts"


def test_the_typical_error_is_one_number(page: Any) -> None:
    """The headline, the tile and the figure's title take one definition: the mean absolute error."""
    tile = page.locator(".tiles li", has_text="typical error of a forecast").locator("b").inner_text()
    said = "a factor of " + tile.removeprefix("× or ÷ ")
    assert said in page.locator("p.headline").nth(2).inner_text()
    assert said in page.locator("#predicted-title").inner_text()


def test_the_glossary_is_linked_and_has_ten_lines(page: Any) -> None:
    link = page.locator("nav a", has_text="Glossary")
    assert page.locator(f"{link.get_attribute('href')} dt").count() == 10
    assert page.locator("#glossary dd").count() == 10


def test_nothing_that_nobody_sees_is_in_the_page_or_a_figure(report: Path) -> None:
    files = [path for path in report.iterdir() if path.suffix in (".html", ".svg")]
    assert len(files) > 10
    for path in files:
        assert not UNSEEN.search(path.read_text(encoding="utf-8")), path.name
    assert "31mend" in (report / "report.html").read_text(encoding="utf-8")


def test_strangers_words_stay_words(page: Any) -> None:
    assert page.title() == "vvp report: default"
    assert page.locator("img[src=x]").count() == 0
    assert "<b>chess</b>" in page.locator(".chip").first.inner_text()


def _hover(page: Any, figure: str, index: int) -> Any:
    map_ = page.locator(f"#figure-{figure} .map")
    map_.scroll_into_view_if_needed()
    places = json.loads(page.locator("#map-data").text_content())["places"][figure]
    box = map_.bounding_box()
    page.mouse.move(box["x"] + places[index][0] * box["width"], box["y"] + places[index][1] * box["height"])
    return map_.locator(".tip")


def test_hovering_shows_title_views_and_thumbnail(page: Any) -> None:
    for figure in ("map_clusters", "map_views"):
        tip = _hover(page, figure, 0)
        assert tip.locator(".name").text_content() == tables.SHOWN
        assert "views · cluster 0" in tip.inner_text()
        assert tip.locator("img").evaluate("image => image.naturalWidth") == 96
        tip = _hover(page, figure, 1)
        assert tip.locator(".name").text_content() == "Clip number 1 WOW!"
        assert tip.locator("img").count() == 0, "its file is broken, so it has no thumbnail"
    page.mouse.move(5, 5)
    assert tip.is_hidden()


def test_the_marks_of_the_map_lie_where_hovering_looks_for_them(page: Any) -> None:
    """The ring around a point, and the mark that matplotlib drew, within two pixels."""
    _hover(page, "map_views", 3)
    gap = page.evaluate(
        """() => {
            const figure = document.querySelector("#figure-map_views"), ring = figure.querySelector(".ring");
            const at = e => { const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height
            / 2]; }; const [x, y] = at(ring);
            return Math.min(...[...figure.querySelectorAll("svg use")].map(at)
                .map(([a, b]) => Math.hypot(a - x, b - y)));
        }"""
    )
    assert gap < 2


def test_the_map_answers_to_the_keyboard(page: Any) -> None:
    map_ = page.locator("#figure-map_clusters .map")
    page.keyboard.press("Tab")
    map_.focus()
    first = map_.locator(".tip .name").text_content()
    assert first == tables.SHOWN
    for key in ("ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    assert map_.locator(".tip .name").text_content() not in (first, "")
    page.keyboard.press("Escape")
    assert map_.locator(".tip").is_hidden()


def test_dark_phone_and_print(page: Any) -> None:
    ink = "() => getComputedStyle(document.querySelector('#figure-views svg text')).fill"
    paper = "() => getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ink), page.evaluate(paper)
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate(ink), page.evaluate(paper)
    assert _brightness(light[0]) < 80 < 200 < _brightness(light[1])
    assert _brightness(dark[1]) < 80 < 200 < _brightness(dark[0])
    page.emulate_media(media="print", color_scheme="dark")
    assert _brightness(page.evaluate(paper)) > 200, "paper is white, whatever the screen was"
    assert page.locator("nav").is_hidden() and page.locator("figure svg").first.is_visible()
    page.emulate_media(media="screen", color_scheme="light")
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll("figure svg text")]
            .map(e => e.getBoundingClientRect()).map(b => Math.min(b.width, b.height)).filter(x => x > 0))"""
    )
    assert smallest > 3
    assert page.pdf()[:5] == b"%PDF-"


def _brightness(colour: str) -> float:
    numbers = [float(x) for x in colour[colour.index("(") + 1 : -1].replace("/", ",").split(",")[:3]]
    return sum(numbers) / 3


def test_exported_figures_carry_their_title_and_open_elsewhere(report: Path) -> None:
    names = sorted(p.stem for p in report.glob("*.svg"))
    assert names == sorted(p.stem for p in report.glob("*.png")) and len(names) == 23
    for name in names:
        root = ET.parse(report / f"{name}.svg").getroot()
        found = {child.tag.rsplit("}", 1)[-1]: child.text for child in root[:2]}
        assert found["title"] and len(found["desc"] or "") > 40, name
        assert "var(--" not in (report / f"{name}.svg").read_text(), "a variable of the page"
        png = (report / f"{name}.png").read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", png[16:20])[0] == 720
