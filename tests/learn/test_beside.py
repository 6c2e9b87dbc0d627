"""What a run forecasts beside views, asked for one draft, for several in order, and as a sheet."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_class_runs import made, run
from test_targets import facts, train

from jobs import forecast_sheet
from jobs.cli import run as cli
from vvp import api, sheets
from vvp.dataset.targets import TARGETS, find
from vvp.errors import UserError
from vvp.forecast import others


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of views, likes, and a yes or no by views alone; the encoders are made up."""
    space = made(tmp_path_factory.mktemp("beside"), n=400)
    run(space, "views", ["ridge"])
    run(space, "likes", ["ridge"])
    run(space, "viral", ["logistic"], viral="top:40%")
    found = api.open_predictor(space.root)
    found.root = space.root
    return found


def draft(known: Any, monkeypatch: pytest.MonkeyPatch, shown: float) -> Any:
    """The forecast of a clip whose picture shows so much of what gets views."""
    from vvp.dataset.embedded import MADE

    row = dict.fromkeys(MADE) | {
        "video_embedding": [shown] + [0.0] * 11, "audio_embedding": [0.0] * 8, "text_embedding": [0.0] * 6,
        "status": "ok", "transcript": None, "motion_mean": 0.5,
    }  # fmt: skip
    monkeypatch.setattr("vvp.forecast.drafts.embed_draft", lambda *_: row)
    return known.forecast("draft.mp4", title="Clip", channel="c1", followers=3000)


def test_the_open_predictor_says_every_target_of_a_draft(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    high, low = draft(known, monkeypatch, 3.0), draft(known, monkeypatch, -3.0)
    assert list(high.targets) == ["likes", "viral"]
    assert high.targets["likes"].value > low.targets["likes"].value
    assert high.as_dict()["targets"]["likes"]["text"] == high.targets["likes"].text
    assert "distribution" not in high.as_dict()["targets"]["likes"]


def test_the_chance_by_the_range_of_views_stands_beside_the_models(
    known: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    high, low = (draft(known, monkeypatch, shown).targets["viral"] for shown in (3.0, -3.0))
    assert 0 <= low.by_views < high.by_views <= 1
    assert high.chances["viral"] > low.chances["viral"]
    assert "of 100 is usual; by the range of its views" in high.text
    bound = known.predictor.beside["viral"].target.views_bound
    views = draft(known, monkeypatch, 3.0).distribution
    assert high.by_views == pytest.approx(views.probability_above(bound))


def test_evaluation_holds_the_model_of_a_yes_beside_the_distribution_of_views(known: Any) -> None:
    own = api.evaluate(known.root, target="viral", resamples=200).classes["time"]
    two, mine = own.by_views, own.results[own.chosen].metrics
    assert two.metrics["auc"].low > 0.6 and 0 < two.apart < 1 and two.rank > 0.5
    for name in ("auc", "brier", "log_loss"):
        assert two.versus_own[name].point == pytest.approx(two.metrics[name].point - mine[name].point)


def test_without_models_of_views_the_reason_is_said(tmp_path: Path) -> None:
    space = made(tmp_path, n=120)
    found = run(space, "viral", ["logistic"], viral="top:40%").classes["time"]
    assert found.by_views is None and "no models of views under the time split" in found.no_by_views


def test_viral_by_four_counts_is_no_bound_on_views() -> None:
    given = facts()
    assert TARGETS["viral"].fit(given, train(given)).views_bound is None
    assert TARGETS["channel-top"].fit(given, train(given)).views_bound is None
    bound = find("viral", "views:3000").fit(given, train(given)).views_bound
    assert bound == pytest.approx(np.log(3001))


def test_drafts_are_ordered_by_the_mean_class(known: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = draft(known, monkeypatch, 0.0)

    def with_chances(*chances: float) -> Any:
        said = replace(one.targets["viral"], chances=dict(zip("abcd", chances, strict=True)))
        return replace(one, targets={"quartile": said})

    high, low = with_chances(0.0, 0.0, 0.5, 0.5), with_chances(0.5, 0.5, 0.0, 0.0)
    assert others.strength(high, "quartile") == 2.5 and others.strength(low, "quartile") == 0.5
    assert others.beats(known.predictor, high, low, "quartile") == 1.0
    even = with_chances(0.25, 0.25, 0.25, 0.25)
    assert others.beats(known.predictor, even, even, "quartile") == pytest.approx(0.5)
    sure = with_chances(1.0, 0.0, 0.0, 0.0)
    assert others.beats(known.predictor, sure, sure, "quartile") is None


@pytest.mark.parametrize("by", ["views", "likes", "viral"])
def test_drafts_are_ordered_by_any_target(known: Any, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    high, low = draft(known, monkeypatch, 2.0), draft(known, monkeypatch, -2.0)
    assert others.strength(high, by) > others.strength(low, by)
    chance, back = (others.beats(known.predictor, a, b, by) for a, b in ((high, low), (low, high)))
    assert chance > 0.6 and chance + back == pytest.approx(1, abs=0.02)


def test_a_target_that_the_run_lacks_is_one_sentence(known: Any) -> None:
    with pytest.raises(UserError, match="does not forecast shares; it forecasts views, likes, viral"):
        others.check(known.predictor, "shares")


def test_a_sheet_of_drafts_holds_every_target_and_no_formula(
    known: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = forecast_sheet.draft_row(draft(known, monkeypatch, 3.0))
    columns = forecast_sheet.draft_columns(others.targets(known.predictor))
    harmless = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'=1", "'=1", "'=1", "plain"]
    titles = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "plain"]
    path = tmp_path / "drafts.csv"
    sheets.write(path, [{**row, "row": i, "title": title} for i, title in enumerate(titles)], columns)
    with path.open(newline="", encoding="utf-8-sig") as file:
        read = list(csv.DictReader(file))
    assert [one["title"] for one in read] == harmless
    first = read[0]
    assert float(first["likes low"]) < float(first["likes"]) < float(first["likes high"])
    assert 0 < float(first["viral"]) < 1


def test_the_command_writes_the_sheet(known: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vvp.forecast.drafts.embed_draft", lambda *_: None)
    out = tmp_path / "one.csv"
    assert cli(["predict", "-w", known.root, "--title", "=x", "--csv", str(out)]) == 0
    assert "'=x" in out.read_text("utf-8-sig") and "viral" in out.read_text("utf-8-sig")
