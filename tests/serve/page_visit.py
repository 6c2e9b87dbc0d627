"""Visits to the page in a real browser, and the fixtures that the page's tests share.

Every visit also checks that nothing was asked of another origin, that nothing was remembered, and that the
console stayed silent.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import textured, write

Visit = Callable[..., Any]
# Chromium does not tell a test what an upload held, so the page keeps a list: [field, text or "a file"].
SENT = """() => {
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (body) {
        window.sent = [...body.entries()].map(([k, v]) => [k, v instanceof File ? 'a file' : v]);
        send.call(this, body);
    };
}"""
RESULT = "#result[aria-busy=false] .range-words"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a second that a browser and the decoders can read."""
    path = tmp_path_factory.mktemp("page") / "draft.mp4"
    write(path, [np.roll(textured(160, 96, seed=1), 4 * i, axis=1) for i in range(15)])
    return path


@pytest.fixture
def visit(browser: Any, app_url: str) -> Iterator[Visit]:
    """visit(**context options) → a page at the app's address, the predictor's part of it loaded."""
    contexts, complaints, asked = [], [], []

    def go(refused: int = 0, **options: Any) -> Any:
        """refused: how many answers with an error status the test brings about; the console tells of each."""
        context = browser.new_context(locale="en-GB", timezone_id="America/New_York", **options)
        context.set_default_timeout(60_000)
        page = context.new_page()
        contexts.append((context, page, refused))
        page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: complaints.append(str(e)))
        page.on("request", lambda r: asked.append(r.url))
        page.goto(app_url)
        page.wait_for_selector("#about[aria-busy=false]")
        return page

    yield go
    expected = sum(refused for *_, refused in contexts)
    assert len([c for c in complaints if "the server responded with a status" in c]) == expected
    assert [c for c in complaints if "the server responded with a status" not in c] == []
    assert {u.split("//")[-1].split("/")[0] for u in asked if not u.startswith(("blob:", "data:"))} == {
        app_url.split("//")[1].strip("/")
    }
    for context, page, _ in contexts:
        kept = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
        assert kept == [0, 0, ""] and context.cookies() == []
        context.close()
