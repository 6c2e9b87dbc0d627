"""The predictor sees a draft as the matrix would see it: its words, its channel's history, its features."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from learn_tables import START, fill, fresh, world

from vvp.dataset.columns import TOPIC, design
from vvp.dataset.embedded import embedded_dims, join
from vvp.dataset.matrix import assemble_whole
from vvp.forecast import files
from vvp.forecast.judging import judge
from vvp.forecast.predictor import ROW, Predictor, draft_rows
from vvp.learn.candidates import RECENT, within
from vvp.learn.first_points import at_first_points
from vvp.learn.tuning import tune
from vvp.paths import RunPaths

TITLES = ("knit a wool scarf", "engine and brake oil", "黒猫の動画です", "白犬と散歩する")


def test_a_draft_after_training_is_seen_as_a_row_of_the_table_would_be(tmp_path: Path) -> None:
    videos, embeddings = world(n=240, channels=8)
    for i, row in enumerate(videos):
        row["title"] = f"{TITLES[i % 4]} {i}"
    draft = videos[-1] | {"published_at": START + timedelta(days=300), "title": "engine oil for a 黒猫"}
    draft |= {"video_id": "draft", "views": None, "observed_at": None, "label_issue": "views_missing"}
    made = embeddings[-1] | {"video_id": "draft", "motion_mean": 0.5}
    space = fresh(fill(tmp_path / "with", videos, embeddings))
    tune(space, at_first_points(["ridge"]), others=False)
    assert judge(space, resamples=100).splits["time"].own.role == "model"
    known = files.load(space, RunPaths("default").predictor)

    # The same collection with the draft among its videos, which is what the matrix knows of it.
    among = assemble_whole(fresh(fill(tmp_path / "among", [*videos, draft], [*embeddings, made])))
    row = int(np.flatnonzero(among.video_id == "draft")[0])
    values = {name: draft[name] for name in ("title", "channel_id", "channel_followers", "duration_s")}
    drafted = draft_rows(
        values | {"published_at": draft["published_at"]},
        {**dict.fromkeys(ROW.names), **made, "transcript": None},
    )
    horizon = np.array([np.nan])
    one = design(drafted, known.dims, horizon, known.history, known.words)[0]
    place = {column.name: i for i, column in enumerate(known.columns)}
    assert [c.name for c in known.columns] == among.column_names
    topics = np.array([c.kind == TOPIC for c in known.columns])
    # The draft's own words are among those that the other matrix learned its topics from.
    np.testing.assert_allclose(one[~topics], among.X[row][~topics], rtol=1e-5, atol=1e-6)
    itself = among.words.transform([among.texts[row]])[0]
    np.testing.assert_allclose(among.X[row][topics], itself, rtol=1e-5, atol=1e-6)
    whole = assemble_whole(space, dims=embedded_dims(space))
    np.testing.assert_allclose(
        one[topics], whole.words.transform([among.texts[row]])[0], rtol=1e-5, atol=1e-6
    )
    assert one[topics].any() and np.isfinite(one[place["channel_last"]])
    ripe = [v for v in videos if v["channel_id"] == draft["channel_id"]]
    assert np.isclose(np.expm1(one[place["channel_history_log_n"]]), len(ripe), rtol=1e-4)
    assert np.isclose(one[place["channel_last"]], np.log1p(ripe[-1]["views"]), rtol=1e-6)

    said = known.predict(drafted)[0]
    spec = known.head.models.by_name()["main"]
    asked = known.horizon(None)[0]
    X = design(drafted, known.dims, np.array([asked]), known.history, known.words)
    raw = known.models["main"].predict(X[:, [place[c] for c in spec.columns]])[0]
    assert np.isclose(said.log_views, within(np.array([raw]), spec.bounds)[0])
    recent = np.expm1(one[place["channel_recent_mean"]])
    assert np.isclose(said.baselines[RECENT], recent, rtol=1e-5)


def test_every_row_of_the_table_is_seen_so_by_the_predictor_that_is_fitted_on_it(tmp_path: Path) -> None:
    """History as of each row's publication, counts of other rows entering when they are ripe."""
    videos, embeddings = world(n=120, channels=8)
    for i, row in enumerate(videos):
        row["title"] = f"{TITLES[i % 4]} {i}"
    space = fresh(fill(tmp_path, videos, embeddings))
    tune(space, at_first_points(["ridge"]), others=False)
    judge(space, resamples=50)
    known: Predictor = files.load(space, RunPaths("default").predictor)
    whole = assemble_whole(space, dims=embedded_dims(space))
    rows, _ = join(space.read("videos"), space.latest("embeddings", "video_id", "embedded_at"))
    X = design(rows, known.dims, whole.horizon_days, known.history, known.words)
    np.testing.assert_allclose(X, whole.X, rtol=1e-4, atol=1e-5)
