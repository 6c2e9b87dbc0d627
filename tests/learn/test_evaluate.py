"""From a matrix to a verdict: planted effects are found, shuffled labels are not, the test stays closed."""

import io
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from learn_tables import DIMS, fill, world

from vvp.dataset.embedded import join
from vvp.dataset.matrix import Matrix, Population, assemble, population
from vvp.errors import UserError
from vvp.forecast import files as predictor_store
from vvp.forecast import predictor
from vvp.learn import candidates
from vvp.learn.evaluate import evaluate_split, predictions, verdict, warnings
from vvp.learn.evidence import Choice, choose
from vvp.learn.first_points import at_first_points
from vvp.learn.folds import before_test
from vvp.learn.intervals import traits
from vvp.learn.intervals.calibration import Calibration
from vvp.learn.records import SplitResult
from vvp.learn.rule_errors import Errors
from vvp.schema import TABLES

MEASURED = {"rule": "train mean", "interval": None, "test_rows": 0, "test_channels": None}
QUALITY = {
    "main": {"verdict": "as measured", "standing": "better"} | MEASURED,
    "metadata": {"verdict": "of the other model", "standing": "not shown to be better"} | MEASURED,
    "warnings": [],
}
EMBEDDING = {"profile": "tiny", "encoders": {}, "speech": None, "decode": {}}
FACTS = {
    "run": "x", "split": "time", "embedding": EMBEDDING, "quality": QUALITY, "fitted_on": "the training part",
}  # fmt: skip
one_trial = at_first_points(["ridge", "gbdt"])("time")


def fitted(matrix: Matrix) -> tuple[Population, list[candidates.Candidate]]:
    rows = population(matrix)
    return rows, candidates.fit(matrix, rows, one_trial)


@pytest.fixture(scope="module")
def planted(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Any, Matrix, Population, list[candidates.Candidate]]:
    space = fill(tmp_path_factory.mktemp("planted"), *world(n=1200, channels=60))
    matrix = assemble(space)
    return space, matrix, *fitted(matrix)


def judged(matrix: Matrix, rows: Population, found: list[candidates.Candidate]) -> tuple[SplitResult, Choice]:
    choice = choose(matrix, rows, found)
    return evaluate_split(matrix, rows, found, choice, calibrated(matrix, choice), resamples=300), choice


def calibrated(matrix: Matrix, choice: Choice) -> dict[str, Calibration | None]:
    return {name: traits.calibrated(matrix, errors) for name, errors in choice.errors.items()}


def forecaster(matrix: Matrix, one: candidates.Candidate, errors: list[float]) -> predictor_store.Forecaster:
    """One that was this far off on the first rows before the test."""
    rows = before_test(matrix)[: len(errors)]
    known = traits.calibrated(matrix, Errors(rows, np.array(errors), np.ones(len(rows))))
    return predictor_store.Forecaster(one, known)


def test_every_rule_is_there_and_the_planted_effect_beats_them(planted: Any) -> None:
    _, matrix, rows, found = planted
    names = [c.name for c in found]
    assert names[:8] == [
        "train mean", "log followers", "channel's earlier videos", "channel's recent videos",
        "metadata only", "picture alone", "sound alone", "words alone",
    ]  # fmt: skip
    assert [name for name in names[8:] if name != "average"] == ["ridge", "gbdt", "best, no counters"]
    assert all(c.model is not None for c in found), [(c.name, c.unavailable) for c in found]
    result, choice = judged(matrix, rows, found)
    assert [c.role for c in found] == ["rule"] * 4 + ["single"] * 4 + ["model"] * (len(found) - 8)
    mae = {c.name: c.validation_loss for c in found[8:-1]}
    assert min(mae.values()) == mae.get("average", min(mae.values())), "an average is no worse on the folds"
    before = int(np.isin(matrix.part, ("train", "validation")).sum())
    assert {c.rows for c in found} == {before}, "fitted on all that lies before the test"
    r2 = {n: result.results[n].metrics.r2.point for n in names}
    assert choice.chosen.role == "model" and choice.rule.role == "rule"
    assert r2["ridge"] > 0.6 > r2["words alone"] and r2["ridge"] > r2["metadata only"] + 0.1
    gap = result.own.versus_rule.mae
    assert gap.high < 0 and result.standing == "better"
    assert "beats the simple rule" in verdict(result)
    assert result.results["train mean"].metrics.spearman.point is None, "a constant has no rank"
    assert any("train mean predicts the same" in flag.text for flag in result.flags)
    json.dumps(result.as_dict(), allow_nan=False)


def test_predictions_say_whose_each_video_is_and_where_it_may_lie(planted: Any) -> None:
    _, matrix, rows, found = planted
    result, choice = judged(matrix, rows, found)
    table = pq.read_table(io.BytesIO(predictions(matrix, rows, found, calibrated(matrix, choice))))
    own = table.filter(pc.equal(table["model"], result.chosen)).to_pylist()
    at = matrix.rows("test", rows.rows)
    assert [row["channel_id"] for row in own] == matrix.channel_id[at].tolist()
    held = sum(row["low"] <= row["log_views"] <= row["high"] for row in own)
    assert held == result.interval.held and len(own) == result.interval.of
    other = table.filter(pc.equal(table["model"], "words alone")).to_pylist()
    assert all(row["low"] is None and row["high"] is None for row in other)


def test_the_interval_holds_about_as_often_as_it_says(planted: Any) -> None:
    _, matrix, rows, found = planted
    interval = judged(matrix, rows, found)[0].interval
    assert interval.half_width > 0
    assert 0.65 <= interval.measured.point <= 0.95


def test_shuffled_labels_are_not_found(tmp_path: Path) -> None:
    videos, embeddings = world(n=400, channels=40)
    views = np.random.default_rng(1).permutation([v["views"] for v in videos])
    videos = [{**v, "views": int(n)} for v, n in zip(videos, views, strict=True)]
    matrix = assemble(fill(tmp_path, videos, embeddings))
    rows, found = fitted(matrix)
    result, choice = judged(matrix, rows, found)
    for name in ("ridge", "gbdt", "picture alone"):
        r2 = result.results[name].metrics.r2
        assert r2.point < 0.1 and r2.low < 0.05, (name, r2)
    assert choice.chosen.role == "rule"
    assert verdict(result).startswith("No model is shown to beat the simple rule")


def test_without_counters_no_counter_is_looked_at(planted: Any) -> None:
    found = planted[3]
    blind = next(c for c in found if c.input == "full_without_counters")
    full = next(c for c in found if c.input == "full")
    assert "log_channel_followers" in full.columns
    assert not [c for c in blind.columns if c.startswith("log_channel_")]


def test_rows_without_media_train_metadata_but_not_the_multimodal_models(tmp_path: Path) -> None:
    matrix = assemble(fill(tmp_path, *world(n=300, channels=20, media=0.6)))
    rows, found = fitted(matrix)
    by_name = {c.name: c for c in found}
    before = np.isin(matrix.part, ("train", "validation"))
    everything, with_media = int(before.sum()), int((before & matrix.has_media).sum())
    assert with_media < everything
    assert by_name["metadata only"].rows == everything and by_name["words alone"].rows == everything
    assert by_name["ridge"].rows == by_name["picture alone"].rows == with_media
    result, _ = judged(matrix, rows, found)
    assert result.test_rows == int(((matrix.part == "test") & matrix.has_media).sum())


def test_posts_without_any_media_still_train(tmp_path: Path) -> None:
    matrix = assemble(fill(tmp_path, *world(n=200, channels=20, media=0.0)))
    _, found = fitted(matrix)
    by_name = {c.name: c for c in found}
    assert by_name["picture alone"].unavailable and by_name["sound alone"].model is None
    before = int(np.isin(matrix.part, ("train", "validation")).sum())
    assert by_name["ridge"].model is not None and by_name["ridge"].rows == before


def test_candidates_come_back_as_they_were(planted: Any) -> None:
    space, matrix, rows, found = planted
    candidates.save(space, "runs/x/time", found, {"fingerprint": candidates.fingerprint(matrix)})
    again, facts = candidates.read(space, "runs/x/time")
    assert facts["fingerprint"] == candidates.fingerprint(matrix)
    at = matrix.rows("test")
    for before, after in zip(found, again, strict=True):
        bare = {"model": None, "oof": None}
        assert asdict(replace(after, **bare)) == asdict(replace(before, **bare))
        assert after.recipe == before.recipe
        assert np.array_equal(after.oof, before.oof) if before.oof is not None else after.oof is None
        assert np.array_equal(before.predict(matrix, at), after.predict(matrix, at))


def test_a_forecast_is_the_models_own_and_says_what_is_missing(planted: Any) -> None:
    """The predictor, loaded from its files and handed one video, gives what the matrix row gave."""
    space, matrix, rows, found = planted
    ridge = next(c for c in found if c.name == "ridge")
    metadata = next(c for c in found if c.name == "metadata only")
    facts = FACTS
    forecasters = [forecaster(matrix, one, [0.3, -0.2, 0.5, -0.6, 0.1]) for one in (ridge, metadata)]
    predictor_store.save(space, "runs/x/predictor", matrix, rows, *forecasters, "train mean", facts)
    known = predictor_store.load(space, "runs/x/predictor")
    at = int(matrix.rows("test")[3])
    videos = space.read("videos")
    table, index = join(videos, space.latest("embeddings", "video_id", "embedded_at"))
    row = table.slice(at, 1).select(predictor.ROW.names).cast(predictor.ROW)
    forecast = known.predict(row, float(matrix.horizon_days[at]))[0]
    assert forecast.log_views == pytest.approx(float(ridge.predict(matrix, np.array([at]))[0]), abs=1e-4)
    assert forecast.low < forecast.views < forecast.high and 0 <= forecast.percentile <= 100
    assert forecast.missing == (["speech"] if table["audio_embedding"][at].is_valid else ["sound", "speech"])
    assert forecast.baselines["train mean"] == pytest.approx(
        np.expm1(matrix.y[matrix.part == "train"].mean())
    )

    bare = predictor.draft_rows({"title": "Clip WOW!", "channel_id": "c1", "channel_followers": 10**12})
    guess = known.predict(bare)[0]
    assert guess.model == "metadata only" and guess.missing == ["picture", "sound", "speech"]
    assert any(one["feature"] == "log_channel_followers" for one in guess.outside)
    assert (forecast.quality["verdict"], guess.quality["verdict"]) == ("as measured", "of the other model")
    assert guess.views >= 0 and np.isfinite(guess.views)
    with pytest.raises(ValueError, match="not columns known before publication"):
        predictor.draft_rows({"views": 5})


def test_a_damaged_predictor_is_refused_in_a_sentence(planted: Any, tmp_path: Path) -> None:
    space, matrix, rows, found = planted
    folder = "runs/x/damaged"
    main = forecaster(matrix, choose(matrix, rows, found).chosen, [0.1, 0.2])
    facts = FACTS
    predictor_store.save(space, folder, matrix, rows, main, None, "train mean", facts)
    head = space.read_json(f"{folder}/predictor.json")
    with pytest.raises(UserError, match="no predictor"):
        predictor_store.load(space, "runs/x/nowhere")
    space.write_json(f"{folder}/predictor.json", {**head, "format": 99})
    with pytest.raises(UserError, match="format 99"):
        predictor_store.load(space, folder)
    space.write_json(f"{folder}/predictor.json", {k: v for k, v in head.items() if k != "models"})
    with pytest.raises(UserError, match="damaged"):
        predictor_store.load(space, folder)
    for changed in (
        {"dims": {"video": 10**11, "audio": 1, "text": 1}},
        {"models": {"main": {**head["models"]["main"], "files": ["../../../../etc/passwd"]}}},
        {"models": {"main": {**head["models"]["main"], "columns": ["nope"]}}},
        {"embedding": {}},
        {"quality": {}},
        {"training": {**head["training"], "videos": 1}},
    ):
        space.write_json(f"{folder}/predictor.json", {**head, **changed})
        with pytest.raises(UserError, match="damaged|changed"):
            predictor_store.load(space, folder)
    space.write_json(f"{folder}/predictor.json", head)
    history = space.read_bytes(f"{folder}/history.json")
    space.write_json(f"{folder}/history.json", {**json.loads(history), "mean": 3.0})
    with pytest.raises(UserError, match="a file was changed"):
        predictor_store.load(space, folder)
    space.write_bytes(f"{folder}/history.json", history)
    file = head["models"]["main"]["files"][-1]
    space.write_bytes(f"{folder}/main/{file}", b"\x80\x04garbage")
    with pytest.raises(UserError):
        predictor_store.load(space, folder)


def test_the_fingerprint_sees_a_changed_count(tmp_path: Path) -> None:
    videos, embeddings = world(n=120)
    before = candidates.fingerprint(assemble(fill(tmp_path / "a", videos, embeddings)))
    videos[5] = {**videos[5], "views": videos[5]["views"] + 100}
    assert candidates.fingerprint(assemble(fill(tmp_path / "b", videos, embeddings))) != before


def test_a_dominant_channel_and_a_small_test_are_named(tmp_path: Path) -> None:
    videos, embeddings = world(n=60, channels=12)
    videos = [{**v, "channel_id": "big"} if i % 2 else v for i, v in enumerate(videos)]
    matrix = assemble(fill(tmp_path, videos, embeddings))
    rows, found = fitted(matrix)
    text = " ".join(one.text for one in warnings(matrix, judged(matrix, rows, found)[0]))
    assert "one channel has" in text and "mostly chance" in text


def test_columns_of_the_predictor_are_the_schemas() -> None:
    assert set(predictor.ROW.names) <= {*TABLES["videos"].names, *TABLES["embeddings"].names}
    assert "views" not in predictor.ROW.names and DIMS
