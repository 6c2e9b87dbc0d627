"""A calendar of drafts through a real predictor, with the encoders that cost nothing."""

from pathlib import Path

import pytest
from learn_tables import learn
from serve_fakes import PROFILE
from serve_world import fill

from jobs.forecast_sheet import draft_columns
from jobs.predict_table import forecast_table, tell
from vvp.collect.columns import Settings
from vvp.embed.recipe import Recipe, first_row
from vvp.embed.stages import embed_here
from vvp.forecast import files, predictor
from vvp.paths import RunPaths


def test_each_draft_gets_the_forecast_that_it_would_get_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = fill(tmp_path / "space", PROFILE)
    learn(space, "default")
    known = files.load(space, RunPaths("default").predictor)
    recipe = Recipe.of(known.head.embedding, PROFILE)
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    table = tmp_path / "drafts.csv"
    words = [f"draft {n}" for n in range(18)]
    lines = [f"{title},c{n % 8},2025-06-0{n % 9 + 1},{100 * n},20," for n, title in enumerate(words)]
    table.write_text(
        "Title,Channel,Date,Followers,Duration,Media\n"
        + "\n".join([*lines, "x,,,,,broken.mp4", f"y,,,,,{'a' * 5000}", "z,,,,,gone.mp4"])
    )
    rows = forecast_table(str(table), known, recipe, None, None, Settings())
    assert [row["row"] for row in rows] == list(range(2, 23))
    assert "unreadable" in rows[-3]["error"] and rows[-3].get("views") is None
    assert rows[-2]["error"].startswith("not_found: there is no file aaa") and rows[-2].get("views") is None
    assert rows[-1]["error"] == "not_found: there is no file gone.mp4" and rows[-1]["media"] == "gone.mp4"
    assert "2 files are not there, without a forecast (row 21: aaa" in capsys.readouterr().err
    facts = {"title": "draft 17", "channel_id": "c1", "published_at": rows[17]["published_at"],
             "channel_followers": 1700, "duration_s": 20.0}  # fmt: skip
    [embedded] = embed_here(
        first_row({"transcript": None, **facts}, None), PROFILE, None, recipe.decode
    ).to_pylist()
    alone = known.predict(predictor.draft_rows(facts, embedded))[0]
    assert rows[17]["views"] == pytest.approx(alone.views) and rows[17]["low"] == pytest.approx(alone.low)
    tell(rows, str(tmp_path / "out.csv"), False, "p", ["views"], "views")
    head = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()[0]
    assert head == ",".join(draft_columns(["views"]))
    assert "21 drafts, most views first" in capsys.readouterr().out
