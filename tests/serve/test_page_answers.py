"""The page in a real browser, given answers that the running app cannot be made to say; and how it looks."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import textured, write
from page_answers import HEADLINE, HOSTILE, PREDICTOR_ID, PROMISE, Answers, forecast, lines, serving
from page_visit import RESULT, SENT, Visit
from playwright.sync_api import expect

from serve.config import Limits

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
PHONE = {"width": 390, "height": 844}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def answers(tmp_path: Any) -> Answers:
    return Answers(str(tmp_path))


@pytest.fixture
def app_url(answers: Answers) -> Iterator[str]:
    with serving(answers) as url:
        yield url


CONTRAST = """() => {
    const light = (c) => c.slice(0, 3).map((v) => v / 255)
        .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const rgb = (s) => s.match(/[\\d.]+/g).map(Number);
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const c = rgb(getComputedStyle(e).backgroundColor);
            if (c.length === 3 || c[3] === 1) return c;
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const e of document.querySelectorAll('main *, header *')) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.checkVisibility()) continue;
        const style = getComputedStyle(e);
        const ink = rgb(e instanceof SVGElement ? style.fill : style.color);
        const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
        if ((a + 0.05) / (b + 0.05) < 4.5) poor.push(e.className + ': ' + e.textContent);
    }
    return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_legibly(visit: Visit, scheme: str) -> None:
    page = visit(viewport=PHONE, color_scheme=scheme, reduced_motion="reduce", has_touch=True)
    answer = forecast(notes=["unbroken" * 60])
    body = lines({"forecast": answer})
    page.route("**/v1/forecasts", lambda r: r.fulfill(body=body, content_type="application/x-ndjson"))
    page.fill("[name=title]", "w" * 300)
    page.tap("#go")
    page.wait_for_selector(RESULT)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    cut = """[...document.querySelectorAll('main :not(.unseen, .unseen *)')].filter((e) => e.checkVisibility()
        && !e.closest('.unseen, [aria-hidden]') && e.getBoundingClientRect().right > innerWidth).length"""
    assert page.evaluate(cut) == 0
    assert page.evaluate(CONTRAST) == []
    page.click("#add")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_what_others_wrote_is_text_and_odd_answers_are_said_plainly(visit: Visit) -> None:
    page = visit(refused=2)
    body = {"text": ""}

    def answer(route: Any) -> None:
        status = 502 if body["text"] == "oops" else 200
        route.fulfill(body=body["text"], content_type="application/x-ndjson", status=status)

    page.route("**/v1/forecasts", answer)
    page.fill("[name=title]", "a")

    def shown(*answers: dict[str, Any]) -> str:
        body["text"] = lines(*answers)
        page.click("#go")
        page.wait_for_selector(RESULT)
        return str(page.inner_text("#result"))

    text = shown({"forecast": forecast()})
    assert text.count(HOSTILE) == 4  # a title, a channel, a note and a verdict
    assert page.locator("#result img, #result b").count() == 0 and "taken" not in page.title()
    assert HEADLINE in text and PROMISE in text and "below every one of the 1 video it" in text
    assert "under 1\xa0%" in text and "218 to 644 days" in text
    assert "× 2.5" in text and "÷ 1.3" in text and "no change" in text

    rule = "About your usual 66K; what this clip shows does not change that."
    text = shown(
        {"forecast": forecast(interval=None, top_tenth=None, nearest=[], headline=rule, kind="rule")}
    )
    assert rule in text and "Between" not in text and "Where the middle comes from" not in text
    assert page.locator("#result rect.range").count() == 0

    for broken in (lines({"stage": "decode", "state": "started"}), '{"forecast": {', "oops"):
        body["text"] = broken
        page.click("#go")
        page.wait_for_selector("#error:not([hidden])")
        sentence = page.inner_text("#error")
        assert re.fullmatch(r"(The server stopped|Something went wrong).*please try again\.", sentence)

    page.unroute("**/v1/forecasts")
    busy = {"error": {"kind": "busy", "message": "Too many at once; try again soon."}}
    page.route("**/v1/forecasts", lambda r: r.fulfill(status=503, json=busy))
    page.click("#go")
    expect(page.locator("#error")).to_have_text("Too many at once; try again soon.")


def test_a_key_is_asked_for_only_when_the_app_wants_one(visit: Visit, answers: Answers) -> None:
    page = visit(refused=2)
    assert page.is_hidden("[name=key]")
    answers.key = "open sesame"
    page.fill("[name=title]", "locked out")
    page.click("#go")
    page.wait_for_selector("[name=key]")
    assert page.inner_text("#error") == "Send the API key."
    page.fill("[name=key]", "wrong")
    page.press("[name=key]", "Enter")
    expect(page.locator("#about")).to_contain_text("Send the API key.")
    page.fill("[name=key]", "open sesame")
    page.click("#use-key")
    page.wait_for_selector("[name=key]", state="hidden")
    page.click("#go")
    page.wait_for_selector(RESULT)
    assert page.input_value("[name=key]", strict=True) == "" and "sesame" not in page.content()


def test_a_locked_app_asks_for_its_key_at_once(visit: Visit, answers: Answers) -> None:
    answers.key = "open sesame"
    page = visit(refused=1)
    assert page.evaluate("document.activeElement.name") == "key"


def test_what_would_be_refused_is_not_sent_and_a_request_can_be_stopped(
    visit: Visit, answers: Answers
) -> None:
    answers.bounds, answers.words_alone = Limits(upload_mb=0.001), False
    page = visit()
    held: list[Any] = []
    page.route("**/v1/forecasts", lambda r: held.append(r))
    page.fill("[name=title]", "words are not enough here")
    page.click("#go")
    assert "choose a video" in page.inner_text("#error")
    page.set_input_files("[name=video]", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": bytes(2000)})
    expect(page.locator(".refused")).to_have_text("this file has 2 kB; at most 1.05 kB can be sent.")
    page.set_input_files("[name=video]", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": bytes(500)})
    expect(page.locator(".refused")).to_be_hidden()
    assert held == []
    page.click("#go")
    page.click("#stop")
    expect(page.locator("#status")).to_have_text("Stopped.")
    assert page.is_hidden("#error") and page.is_hidden("#progress")
    assert page.evaluate("document.activeElement.id") == "go"


@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}])
def test_the_documentation_is_one_column_and_nothing_of_it_is_cut_off(
    visit: Visit, viewport: dict[str, int]
) -> None:
    page = visit(viewport=viewport)
    page.goto(page.url + "docs")
    page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    lefts = page.locator("main > h1, main > h2, main > p, main > pre, main > table").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect()).map((box) => [box.left, box.right])"
    )
    assert len(lefts) > 12
    assert len({round(left) for left, _ in lefts}) == 1, "some of it stands beside the rest"
    assert max(right for _, right in lefts) <= viewport["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    cut = "all => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
    assert page.locator("main pre, main td, main p").evaluate_all(cut) == []
    assert page.evaluate(CONTRAST) == []


def test_a_video_that_the_browser_cannot_show_is_said_to_be_one(visit: Visit, tmp_path: Path) -> None:
    sentence = "this browser cannot show this video; the forecast can still read it"
    page = visit()
    images = [textured(160, 96, seed=1)] * 5
    shown = write(tmp_path / "shown.mp4", images)
    sound = np.zeros(44_100, np.float32)
    hevc = write(tmp_path / "hevc.mp4", images, sound=sound, codec="libx265")
    heard = write(tmp_path / "heard.mp4", [], sound=sound)  # it plays, and has no picture
    for path, said in ((hevc, sentence), (shown, ""), (heard, sentence)):
        page.set_input_files("[name=video]", path)
        expect(page.locator(".file")).to_have_text(Path(path).name)
        expect(page.locator(".unshown")).to_have_text(said)
        assert page.is_visible(".chosen video") == (not said)


WRONG = [
    ("notes.mp4", "video/mp4", "Nur Text, früh gespeichert".encode(), "notes.mp4 is no video: it is text."),
    ("a.mov", "video/quicktime", b"\xff\xd8\xff\xe0" + bytes(60), "a.mov is no video: it is a picture."),
    ("a.mp4", "", b"\0\0\0\x18ftypheic" + bytes(60), "a.mp4 is no video: it is a picture."),
    ("a.zip", "", b"PK\x03\x04" + bytes(60), "a.zip is no video: it is an archive or a document."),
    ("a.bin", "font/woff", b"\1\2" + bytes(60), "a.bin is no video: its type is font/woff."),
    ("a.mp4", "video/mp4", b"", "a.mp4 is empty."),
]


def test_a_wrong_file_is_refused_when_it_is_chosen(visit: Visit) -> None:
    page = visit()
    for name, kind, content, sentence in WRONG:
        page.set_input_files("[name=video]", {"name": name, "mimeType": kind, "buffer": content})
        expect(page.locator(".refused")).to_have_text(sentence)
        assert page.is_visible(".pick") and page.is_hidden(".chosen")
    for name, kind, content in (
        ("a.mp4", "video/mp4", b"\0\0\0\x18ftypisom" + bytes(60)),
        ("a.mkv", "", b"\x1a\x45\xdf\xa3" + bytes(60)),
        ("unknown", "application/octet-stream", bytes(range(60))),
    ):
        page.set_input_files("[name=video]", {"name": name, "mimeType": kind, "buffer": content})
        expect(page.locator(".file")).to_have_text(name)
        assert page.is_hidden(".refused")


def test_an_error_leaves_its_fields_label_in_sight(visit: Visit) -> None:
    page = visit(viewport={"width": 390, "height": 320})
    in_sight = """all => all.map((one) => {
        const words = document.createRange();
        words.selectNodeContents(one.firstChild);
        const box = words.getBoundingClientRect();
        return box.top >= 0 && box.bottom <= innerHeight;
    })"""
    page.locator("#go").scroll_into_view_if_needed()
    page.click("#go")
    page.wait_for_selector("#error:not([hidden])")
    assert page.evaluate("document.activeElement.name") == "title"
    assert page.locator("#error, .field:has([name=title])").evaluate_all(in_sight) == [True, True]
    page.click("#add")
    page.locator(".remove-draft").first.click()  # the error stood in it
    page.click("#go")
    assert page.locator("#error, .field:has([name=title])").evaluate_all(in_sight) == [True, True]

    page.fill("[name=title]", "a")
    page.fill("[name=channel_followers]", "-5")  # what the browser itself refuses
    page.locator(".about h2").scroll_into_view_if_needed()
    page.evaluate("document.getElementById('form').requestSubmit()")
    page.wait_for_function("document.activeElement.name === 'channel_followers'")
    page.wait_for_timeout(300)  # it may scroll smoothly
    assert page.locator(".field:has([name=channel_followers])").evaluate_all(in_sight) == [True]


def test_a_result_can_be_saved_printed_and_copied(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"], color_scheme="dark")
    page.fill("[name=title]", "a")
    page.click("#go")
    page.wait_for_selector(RESULT)
    with page.expect_download() as caught:
        page.click("text=Save (JSON)")
    assert caught.value.suggested_filename == "forecast.json"
    saved = json.loads(Path(caught.value.path()).read_text("utf-8"))
    assert saved["headline"] == HEADLINE and saved["notes"] == [HOSTILE] and saved["interval"]["low"] == 4000

    page.click("text=Copy as text")
    page.wait_for_selector("text=Copied >> visible=true")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{HEADLINE}\n{PROMISE}\nAverage training video: 3,000 views\n")
    assert HOSTILE in copied and PREDICTOR_ID in copied

    page.evaluate("window.print = () => { window.printed = true; }")
    page.click(".keep >> text=Print")
    assert page.evaluate("window.printed")
    page.emulate_media(media="print")
    assert page.is_hidden("#form") and page.is_hidden(".keep")
    assert page.is_visible(RESULT) and page.is_visible("#about")
    paper = "getComputedStyle(document.querySelector('.hero')).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"  # also where the screen is dark


def test_a_field_says_what_belongs_in_it(visit: Visit) -> None:
    page = visit()
    assert page.get_by_label("Channel its id").get_attribute("name") == "channel_id"
    assert page.get_attribute("[name=channel_id]", "placeholder") == "such as c1"
    labels = page.locator("#form .field:has(input, textarea)")
    bare = labels.evaluate_all(
        "all => all.filter((one) => one.checkVisibility() && !one.querySelector('.hint')?.textContent.trim())"
        ".map((one) => one.textContent)"
    )
    assert bare == []


def test_the_words_on_the_page_are_explained_as_in_the_documentation(visit: Visit) -> None:
    page = visit()
    page.click("text=Words used here")
    words = page.locator(".glossary dt").all_inner_texts()
    told = dict(zip(words, page.locator(".glossary dd").all_inner_texts(), strict=True))
    assert words == ["rule", "range, interval", "held", "horizon", "out of fold", "R²", "Spearman", "embargo",
                     "cluster", "likeness"]  # fmt: skip
    known = dict(re.findall(r"^(\S.*)\n: (.*)$", GLOSSARY.read_text("utf-8"), re.MULTILINE))
    assert told == {word: known[word] for word in words}


def test_a_comparison_is_kept_whole(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    order = [{"draft": 1, "title": HOSTILE, "forecast": forecast()},
             {"draft": 0, "title": None, "forecast": forecast(headline="Fewer.")}]  # fmt: skip
    pairs = [{"better": 1, "worse": 0, "probability": 0.9, "too_close_to_call": False}]
    ranking = {"order": order, "pairs": pairs, "sentence": "The second is ahead."}
    body = lines({"ranking": ranking})
    page.route("**/v1/rankings", lambda r: r.fulfill(body=body, content_type="application/x-ndjson"))
    page.fill("[name=title]", "a")
    page.click("#add")
    page.click("#go")
    page.wait_for_selector(RESULT)
    with page.expect_download() as caught:
        page.click("text=Save (JSON)")
    assert caught.value.suggested_filename == "ranking.json"
    assert json.loads(Path(caught.value.path()).read_text("utf-8")) == ranking
    page.click("text=Copy as text")
    page.wait_for_selector("text=Copied >> visible=true")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"The second is ahead.\n\nDraft 2: {HOSTILE}\n{HEADLINE}\n")
    assert "\n\nDraft 1\nFewer.\n" in copied

    opened = page.locator("#result details.full[open]")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.count() == 2  # paper cannot be unfolded
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.count() == 0


def test_drafts_are_ordered_by_the_target_that_is_chosen(visit: Visit, answers: Answers) -> None:
    answers.targets = ["views", "likes"]
    page = visit()
    page.evaluate(SENT)
    assert page.is_hidden("#by")  # one draft has no order
    page.click("#add")
    assert page.locator("#by option").all_inner_texts() == ["views", "likes"]
    page.select_option("#by", "likes")

    def likes(text: str) -> dict[str, Any]:
        return {"likes": {"target": "likes", "text": text}}

    said = {1: "90 likes; 40 is usual", 0: "20 likes; 40 is usual"}
    order = [
        {"draft": i, "title": "b", "forecast": forecast(targets=likes(text))} for i, text in said.items()
    ]
    pairs = [{"better": 1, "worse": 0, "probability": 0.9, "too_close_to_call": False}]
    ranking = {"order": order, "pairs": pairs, "sentence": "Draft 2 comes first by likes.", "by": "likes"}
    body = lines({"ranking": ranking})
    page.route("**/v1/rankings", lambda r: r.fulfill(body=body, content_type="application/x-ndjson"))
    page.locator("[name=title]").nth(0).fill("a")
    page.locator("[name=title]").nth(1).fill("b")
    page.click("#go")
    page.wait_for_selector(RESULT)
    assert dict(page.evaluate("window.sent"))["by"] == "likes"
    first = page.locator("#result .order li").first.inner_text()
    assert "Likes: 90 likes; 40 is usual." in first
    assert "Draft 2 comes above (by likes) Draft 1 with a probability of 90" in first


def test_without_further_targets_nothing_asks_for_an_order(visit: Visit) -> None:
    page = visit()
    page.click("#add")
    assert page.is_hidden("#by")
