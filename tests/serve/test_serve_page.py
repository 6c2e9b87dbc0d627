"""The page in a real browser, against the real app: what a creator does with it, by mouse and by keyboard."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_visit import RESULT, SENT, Visit
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(120)


def _answer(page: Any, path: str, act: Callable[[], None]) -> Any:
    """What the server answers to `path` while `act` is done."""
    with page.expect_response(lambda r: r.url.endswith(path)) as caught:
        act()
    text = caught.value.text()
    return json.loads(text.splitlines()[-1])  # one JSON object, or the last of a stream of them


def _number(words: str) -> float:
    """ "5,450" or "54.5K" → the number."""
    unit = {"K": 1e3, "M": 1e6, "B": 1e9}.get(words[-1], 1.0)
    return float(words.rstrip("KMB").replace(",", "")) * unit


def test_a_video_becomes_a_forecast_that_says_what_the_server_said(visit: Visit, clip: Path) -> None:
    page = visit()
    page.evaluate(SENT)
    page.evaluate("""() => {
        window.seen = [];
        const note = (all) => window.seen.push(...all.map((m) => m.addedNodes[0]?.textContent ?? ''));
        new MutationObserver(note).observe(document.getElementById('status'), { childList: true });
    }""")
    page.set_input_files("[name=video]", clip)
    # The preview has read it.
    expect(page.locator(".about-file")).to_have_text(re.compile(r"kB, 0\.5\d* s$"))
    page.fill("[name=title]", "what is this?")
    page.fill("[name=published_at]", "2026-01-05T20:30")
    page.fill("[name=channel_followers]", "1200")
    said = _answer(page, "/v1/forecasts", lambda: page.click("#go"))["forecast"]
    page.wait_for_selector(RESULT)

    assert page.inner_text(RESULT) == said["headline"]
    assert page.inner_text("#result .promise") == said["promise"]
    low, high = re.match(r"Between (\S+) and (\S+) views", said["headline"]).groups()
    assert _number(low) == pytest.approx(said["interval"]["low"], rel=0.01, abs=0.6)
    assert _number(high) == pytest.approx(said["interval"]["high"], rel=0.01, abs=0.6)
    if 1 <= said["percentile"] <= 99:
        rank = f"more than {int(said['percentile'] + 0.5)}\xa0% of the {said['training_videos']} videos"
        assert rank in page.inner_text("#result")
    assert page.locator("#result .figure circle.like").count() == len(said["nearest"])
    told = page.locator("#result table.rows:not(.figure) tbody th").all_inner_texts()
    assert told == ["Starting point", "Picture", "Sound", "Words", "Timing", "Channel", "This draft"]
    # 20:30 in New York's winter is 01:30 of the next day in UTC.
    assert dict(page.evaluate("window.sent")) == {
        "title": "what is this?", "published_at": "2026-01-06T01:30:00.000Z", "channel_followers": "1200",
        "video": "a file",
    }  # fmt: skip
    assert page.evaluate("document.activeElement.className") == "range-words"
    seen = page.evaluate("window.seen")
    order = ["Sending", "Decoding", "Looking", "Forecasting", "The forecast is ready"]
    at = [next(i for i, s in enumerate(seen) if s.startswith(word)) for word in order]
    assert at == sorted(at)


def test_words_alone_and_nothing_at_all(visit: Visit) -> None:
    page = visit()
    page.click("#go")
    assert "at least a title" in page.inner_text("#error")
    assert page.evaluate("document.activeElement.name") == "title"
    page.fill("[name=title]", "only words")
    said = _answer(page, "/v1/forecasts", lambda: page.press("[name=title]", "Enter"))["forecast"]
    page.wait_for_selector(RESULT)
    assert page.is_hidden("#error")
    assert "picture" in said["missing"] and "There is no picture" in page.inner_text("#result")


def test_a_broken_file_gets_the_servers_sentence_and_the_form_still_works(visit: Visit) -> None:
    page = visit()
    junk = {"name": "broken holiday.mp4", "mimeType": "video/mp4", "buffer": b"\0is no video " * 500}
    page.set_input_files("[name=video]", junk)
    with page.expect_response(lambda r: r.url.endswith("/v1/forecasts")) as caught:
        page.click("#go")
    error = json.loads(caught.value.text().splitlines()[-1])["error"]
    page.wait_for_selector("#error:not([hidden])")
    assert page.inner_text("#error") == error["message"] and error["message"].endswith(".")
    assert page.is_hidden("#result") and page.is_hidden("#progress")
    page.click(".remove-video")
    page.fill("[name=title]", "then without it")
    page.click("#go")
    page.wait_for_selector(RESULT)
    assert page.is_hidden("#error")


def test_drafts_side_by_side(visit: Visit, clip: Path) -> None:
    page = visit()
    page.evaluate(SENT)
    page.set_input_files("[name=video]", clip)
    page.fill("[name=title]", "one")
    page.click("#add")
    page.click("#add")
    page.locator("[name=title]").nth(1).fill("two")
    page.locator("[name=title]").nth(2).fill("three")
    page.locator(".remove-video").nth(2).click()
    assert page.inner_text("#go") == "Compare 3 drafts"
    said = _answer(page, "/v1/rankings", lambda: page.click("#go"))["ranking"]
    page.wait_for_selector("#result .order")
    sent = page.evaluate("window.sent")
    assert [k for k, v in sent if v == "a file"] == ["video0"]  # the second started as a copy: one upload
    assert [draft["video"] for draft in json.loads(dict(sent)["drafts"])] == ["video0", "video0", None]
    steps = page.locator("#steps li")
    assert steps.all_text_contents()[0] == "Send" and steps.all_text_contents()[2] == "Encode 2 of 2"
    assert set(steps.evaluate_all("all => all.map((one) => one.className)")) == {"done"}
    assert page.evaluate("document.getElementById('bar').value") == 100
    assert page.inner_text(RESULT) == said["sentence"]
    told = page.locator("#result .who").all_inner_texts()
    assert told == [f"Draft {o['draft'] + 1} {o['title']}" for o in said["order"]]
    between = page.locator("#result .between").all_inner_texts()
    assert len(between) == 2
    assert [("too close to call" in b) for b in between] == [p["too_close_to_call"] for p in said["pairs"]]
    page.locator("#result details").first.locator("summary").click()
    assert page.locator("#result details[open] table.rows").count() == 2
    page.locator(".remove-draft").nth(2).click()
    assert page.inner_text("#go") == "Compare 2 drafts"


def test_the_keyboard_is_enough(visit: Visit) -> None:
    page = visit()
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        here = page.evaluate("""() => {
            const at = document.activeElement, ringed = at.closest('.pick') ?? at;
            return [at.name || at.id || at.className, getComputedStyle(ringed).outlineStyle];
        }""")
        reached.append(here[0])
        assert here[1] != "none", f"nothing shows that {here[0]} has the focus"
        if here[0] == "title":
            page.keyboard.type("typed by hand")
        if here[0] == "go":
            break
    once = list(dict.fromkeys(reached))  # a date field is several stops
    assert once == ["skip", "video", "title", "description", "tags", "published_at", "duration_s", "add",
                    "channel_id", "channel_followers", "horizon_days", "go"]  # fmt: skip
    page.keyboard.press("Enter")
    page.wait_for_selector(RESULT)
    assert page.evaluate("document.activeElement.matches('#result .range-words')")
    unnamed = page.evaluate("""[...document.querySelectorAll('input, textarea, button, progress, video')]
        .filter((e) => !e.labels?.length && !e.textContent.trim() && !e.ariaLabel).length""")
    assert unnamed == 0
