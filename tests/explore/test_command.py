"""`vvp explore` itself: what it prints and writes. The whole way through Ray is slow, since each worker
compiles UMAP; videos too few for UMAP show the rest."""

import json
from pathlib import Path

import pytest
from explore_tables import fill, world

from jobs.cli import run

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("ray_session")


def test_few_videos_get_what_can_be_computed(tmp_path: Path, capsys: Capture) -> None:
    space = fill(tmp_path, *world(8))
    assert run(["explore", "-w", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "8 training videos, all of them" in out
    assert "not computed: 8 training videos are too few for a map: 10 are needed." in out
    assert "note: 8 of 8 videos have a usable view count, too few for a split" in out
    assert f"written: {space.uri('map')}" in out
    assert run(["explore", "-w", str(tmp_path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts.pop("at") == space.uri("map")
    assert facts == space.read_json("map/map.json")
    assert facts["pca"]["components"] == 7 and "unavailable" in facts["kmeans"] and facts["clusters"] == []
    assert space.exists("map/points.parquet") and space.exists("map/placer.safetensors")


def test_equal_vectors_leave_no_placer_of_an_earlier_map(tmp_path: Path, capsys: Capture) -> None:
    videos, embeddings = world(8)
    space = fill(tmp_path, videos, embeddings)
    assert run(["explore", "-w", str(tmp_path)]) == 0
    vectors = {name: value for name, value in embeddings[0].items() if name.endswith("_embedding")}
    fill(tmp_path, videos, [{**row, **vectors} for row in embeddings])
    assert run(["explore", "-w", str(tmp_path)]) == 0
    assert "The vectors of all 8 training videos are equal" in capsys.readouterr().out
    assert not space.exists("map/placer.safetensors")
    assert space.read_json("map/map.json")["train_rows"] == 8


@pytest.mark.parametrize(
    ("options", "said"), [(["--name", "../x"], "--name"), (["-w", "/nowhere/at/all"], "no workspace yet")]
)
def test_mistakes_get_a_sentence(tmp_path: Path, capsys: Capture, options: list[str], said: str) -> None:
    fill(tmp_path, *world(8))
    assert run(["explore", "-w", str(tmp_path), *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
def test_the_whole_way_through_ray_is_the_same_as_in_one_process(tmp_path: Path, capsys: Capture) -> None:
    from vvp.explore.collection import collect
    from vvp.explore.explore import explore

    space = fill(tmp_path, *world(120))
    assert run(["explore", "-w", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "3 clusters stand apart" in out and "chess" in out and "motion" in out
    facts = space.read_json("map/map.json")
    alone = explore(collect(space, "default")).facts
    assert facts["kmeans"]["silhouette"] == pytest.approx(alone["kmeans"]["silhouette"], abs=1e-4)
    assert facts["umap"]["overlap"]["value"] == pytest.approx(alone["umap"]["overlap"]["value"], abs=0.02)
    assert facts["hdbscan"]["clusters"] == alone["hdbscan"]["clusters"] == 3
    assert [c["central"] for c in facts["clusters"]] == [c["central"] for c in alone["clusters"]]
