"""A map that does not fit: damaged, of another version, of older vectors, or of another evaluation."""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import report_tables as tables
from learn_tables import fill, world

from vvp.report import page, sentences
from vvp.report.figures import plot
from vvp.report.gather import gather
from vvp.workspace import Workspace


def changed(space: Workspace, change: Callable[[dict[str, Any]], Any]) -> None:
    space.write_json("map/map.json", change(space.read_json("map/map.json")))


def cluster(space: Workspace, change: dict[str, Any]) -> None:
    """The first cluster with another value."""
    changed(space, lambda m: m | {"clusters": [m["clusters"][0] | change, *m["clusters"][1:]]})


def points(space: Workspace, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    space.write_bytes("map/points.parquet", sink.getvalue())


HARMS: dict[str, Callable[[Workspace], Any]] = {
    "no JSON": lambda s: s.write_bytes("map/map.json", b"{"),
    "a list": lambda s: changed(s, lambda _: []),
    "another format": lambda s: changed(s, lambda m: m | {"format": 2}),
    "half a section": lambda s: changed(s, lambda m: m | {"pca": {"components": 3}}),
    "half a cluster": lambda s: changed(s, lambda m: m | {"clusters": [{"cluster": 0}]}),
    "no clusters": lambda s: changed(s, lambda m: m | {"clusters": None}),
    "no moment": lambda s: changed(s, lambda m: m | {"created_at": "yesterday"}),
    "a text among shares": lambda s: changed(s, lambda m: m | {"pca": m["pca"] | {"curve": [0.5, "x"]}}),
    "a share of 300": lambda s: changed(s, lambda m: m | {"pca": m["pca"] | {"kept": 300.0}}),
    "a K that was not tried": lambda s: changed(s, lambda m: m | {"kmeans": m["kmeans"] | {"best": 99}}),
    "a short curve": lambda s: changed(s, lambda m: m | {"kmeans": m["kmeans"] | {"inertia": [1.0]}}),
    "a reason that is no text": lambda s: changed(s, lambda m: m | {"umap": {"unavailable": [1]}}),
    "null in place of a section": lambda s: changed(s, lambda m: m | {"umap": None}),
    "an overlap of texts": lambda s: changed(s, lambda m: m | {"umap": {"overlap": {"k": "many"}}}),
    "a difference that is a number": lambda s: cluster(s, {"differences": {"log_views": 3}}),
    "words without weights": lambda s: cluster(s, {"words": ["chess"]}),
    "an error without rows": lambda s: cluster(s, {"error": {"mae": {"point": 0.1}}}),
    "centres that are numbers": lambda s: cluster(s, {"central": [1, 2]}),
    "notes that are a text": lambda s: changed(s, lambda m: m | {"notes": "all well"}),
    "cut off": lambda s: s.write_bytes("map/points.parquet", s.read_bytes("map/points.parquet")[:300]),
    "other columns": lambda s: points(s, pa.table({"a": [1]})),
    "other types": lambda s: points(
        s, pa.table({c: ["x"] for c in ("video_id", "part", "x", "y", "cluster", "density_cluster")})
    ),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_damaged_map_is_named_and_the_rest_is_shown(tmp_path: Path, harm: str) -> None:
    space = tables.mapped(tables.posts(tmp_path, 40))
    HARMS[harm](space)
    facts = gather(space, "default")
    assert facts.map is None and facts.points is None
    assert "damaged or of another version" in facts.notes[0] and "`vvp explore`" in facts.notes[0]
    with plot.style():
        drawn = page.draw(facts)
    assert facts.why["map"] in {one.absent for one in drawn["maps"]} and "\n" not in facts.why["map"]
    assert drawn["collection"][0].figure is not None


def test_posts_that_are_new_or_embedded_again_are_counted(tmp_path: Path) -> None:
    videos, embeddings = world(42)
    for row in embeddings:
        row.update(video_embedding=None, audio_embedding=None)
    space = tables.mapped(fill(tmp_path, videos[:40], embeddings[:40]))
    changed(space, lambda m: m | {"created_at": (embeddings[0]["embedded_at"]).isoformat()})
    assert gather(space, "default").notes == []
    embeddings[3]["embedded_at"] += timedelta(hours=1)
    fill(tmp_path, videos, embeddings)
    [note] = gather(space, "default").notes
    assert "2 are new, 1 were embedded again since" in note


def test_a_map_of_another_split_says_so(tmp_path: Path) -> None:
    space = tables.tested(tables.mapped(tables.posts(tmp_path, 60)))
    assert gather(space, "default").notes == []
    changed(space, lambda m: m | {"split": "channel"})
    [note] = gather(space, "default").notes
    assert "fitted on the training part of the channel split, the forecasts are of the time split" in note


def test_errors_of_another_evaluation_are_not_shown_as_this_ones(tmp_path: Path) -> None:
    space = tables.tested(tables.mapped(tables.posts(tmp_path, 60)))
    own = gather(space, "default").map
    assert own is not None and own["clusters"][0]["error"]["rows"] == 8
    changed(space, lambda m: m | {"forecasts_of": "another"})
    other = gather(space, "default").map
    assert other is not None and other["clusters"][0]["error"] is None
    assert "`vvp explore --name default`" in other["clusters"][0]["error_unavailable"]
    assert other["clusters"][0]["differences"] == own["clusters"][0]["differences"]


def test_one_named_channel_among_unknown_ones_is_not_all_there_is(tmp_path: Path) -> None:
    videos, embeddings = world(40)
    for row in videos[1:]:
        row["channel_id"] = None
    said = " ".join(sentences.limits(gather(fill(tmp_path, videos, embeddings), "default")))
    assert "one channel's" not in said


def test_a_handful_of_test_videos_is_in_the_headline(tmp_path: Path) -> None:
    few = sentences.headline(gather(tables.tested(tables.posts(tmp_path / "few", 60)), "default"))
    assert "videos such numbers say little." in few[2]
    many = sentences.headline(gather(tables.tested(tables.posts(tmp_path / "many", 240)), "default"))
    assert "say little" not in many[1]
