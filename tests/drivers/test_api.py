"""The verbs as functions, and the examples that use them, on a small workspace without Ray."""

import runpy
import sys
from pathlib import Path

import pytest
from learn_tables import fill, fresh, world

from vvp import api
from vvp.errors import UserError
from vvp.learn.first_points import at_first_points
from vvp.workspace import Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    """A folder as `make demo` leaves it, with a run of one trial."""
    space = fresh(fill(tmp_path / "workspace", *world(n=120, channels=12)))
    api.tune(space.root, sweep_for=at_first_points(["ridge"]))
    return tmp_path


def test_from_a_run_to_a_report(demo: Path) -> None:
    result = api.evaluate(demo / "workspace", resamples=100)
    assert result.verdict.endswith(".") and result == api.evaluate(demo / "workspace", resamples=100)
    known = api.open_predictor(demo / "workspace")
    assert known.id == result.predictor.id
    page = Path(api.report(demo / "workspace", thumbnails=False))
    assert page.is_file() and result.verdict.rstrip(".")[:40] in page.read_text("utf-8")


def test_mistakes_are_sentences(tmp_path: Path) -> None:
    for call in (api.embed, api.tune, api.evaluate, api.explore, api.report, api.open_predictor):
        with pytest.raises(UserError, match="is no workspace yet"):
            call(tmp_path / "nothing")
    with pytest.raises(UserError, match="no kind called tape"):
        api.collect(tmp_path, tmp_path / "ws", kind="tape")


def test_collect_finds_out_what_it_was_given(tmp_path: Path) -> None:
    table = tmp_path / "posts.csv"
    table.write_text("video_id,views,title\na,10,one\nb,20,two\n")
    assert api.collect(table, tmp_path / "ws").source == "posts"
    assert Workspace(tmp_path / "ws").read("videos").num_rows == 2


def run_example(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [name, str(home)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_the_analysts_example(
    demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run_example("analyst.py", demo, monkeypatch)
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith((".", ").")) and any(line.startswith("  ridge ") for line in said)


def test_the_engineers_example(
    demo: Path, ray_session: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run_example("engineer.py", demo, monkeypatch)
    assert "report.html" in capsys.readouterr().out


def test_the_creators_example_asks_the_predictor_about_its_draft(
    demo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """The encoders of this workspace are made up, so the draft's row is handed in."""
    api.evaluate(demo / "workspace", resamples=100)
    monkeypatch.setattr("vvp.forecast.drafts.embed_draft", lambda *_: None)
    run_example("creator.py", demo, monkeypatch)
    headline, promise = capsys.readouterr().out.splitlines()
    assert headline.endswith(".") and promise.startswith(("After ", "At the age of"))
