"""Whatever is absent, the report opens and says what could not be computed, why, and what would make it."""

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import report_tables as tables
from learn_tables import fill, world

from jobs.cli import run
from vvp import words
from vvp.paths import RunPaths
from vvp.report import page, sentences
from vvp.report.figures import plot
from vvp.report.figures.plot import Plot
from vvp.report.gather import Facts, gather
from vvp.report.html import escaped
from vvp.workspace import Workspace


def opened(space: Workspace, name: str = "default") -> tuple[Facts, dict[str, Plot], str]:
    """The facts, every place of a figure, and the page; each figure is titled, described or explained."""
    facts = gather(space, name)
    with plot.style():
        drawn = page.draw(facts)
        html = page.write(facts, {}, drawn)
    plots = {one.name: one for group in drawn.values() for one in group}
    assert len(plots) == 24
    for one in plots.values():
        if one.figure is None:
            assert one.absent and one.absent[0].isupper() and one.absent.endswith("."), one.name
            said = html[html.index("<main>") :].count(f"<p>{escaped(one.absent)}</p>")
            said += html.count(f'<p class="missing">{escaped(one.absent)}</p>')
            assert said == 1 or "evaluation" in facts.why, f"{one.name}: {one.absent} stands {said} times"
        else:
            assert f'id="figure-{one.name}"' in html
            assert one.title and len(one.alt) > 40, one.name
    return facts, plots, html


def test_without_a_run_and_without_a_map(tmp_path: Path) -> None:
    facts, plots, html = opened(tables.posts(tmp_path, 40))
    assert {n for n, one in plots.items() if one.figure} == {
        "views", "durations", "posted", "hours", "post_creators",
    }  # fmt: skip
    assert "`vvp explore`" in (plots["map_views"].absent or "")
    assert "`vvp tune`" in (plots["predicted"].absent or "")
    main = html[html.index("<main>") :]
    assert main.count("run <code>vvp explore</code>") == 1, "one sentence for the map, its parts and clusters"
    assert main.count("run <code>vvp tune</code>") == 1, "one sentence for all that needs a model"
    assert 'id="figure-map_' not in html and 'href="#reduction"' not in html
    [line] = sentences.headline(facts)
    assert "not known" in line and "<code>vvp tune</code>" in html


def test_swept_but_not_evaluated_shows_the_sweep(tmp_path: Path) -> None:
    space = tables.tested(tables.posts(tmp_path, 60))
    space.remove(RunPaths("default").evaluation)
    _, plots, _ = opened(space)
    assert plots["sweep"].figure is not None
    assert "`vvp evaluate --name default`" in (plots["rules"].absent or "")


def test_an_evaluation_of_another_sweep_is_not_shown(tmp_path: Path) -> None:
    space = tables.tested(tables.posts(tmp_path, 60))
    run = RunPaths("default").run
    space.write_json(run, space.read_json(run) | {"id": "r2"})
    facts, plots, html = opened(space)
    assert plots["predicted"].figure is None and "earlier sweep" in facts.notes[0]
    assert "earlier sweep" in html


def test_a_map_of_another_state_is_named(tmp_path: Path) -> None:
    space = tables.mapped(tables.posts(tmp_path, 40))
    videos, embeddings = world(42)
    fill(tmp_path, videos[1:], embeddings[1:])
    facts, plots, _ = opened(space)
    assert "1 of its videos are gone, 2 are new" in facts.notes[0]
    assert plots["map_clusters"].figure is not None


def test_one_channel(tmp_path: Path) -> None:
    facts, plots, _ = opened(tables.tested(tables.posts(tmp_path, 60, channel_id="c", channel_followers=5)))
    said = " ".join(sentences.limits(facts))
    assert "one channel's" in said and "%" not in said.split("one channel's")[0]
    assert "Too few channels" in plots["residuals"].title
    assert "No model is shown to beat the simple rule" in sentences.headline(facts)[0]


def test_all_views_equal(tmp_path: Path) -> None:
    facts, plots, _ = opened(tables.tested(tables.mapped(tables.posts(tmp_path, 60, views=1000))))
    assert "have the same" in (plots["views"].absent or "")
    assert plots["quarters"].figure is None and plots["rules"].figure is None
    assert "All views are equal" in " ".join(sentences.limits(facts))
    assert "nothing could be ranked" in sentences.headline(facts)[1]


def test_fewer_than_thirty_and_no_counts(tmp_path: Path) -> None:
    facts, plots, _ = opened(tables.posts(tmp_path, 8, views=None, label_issue="views_missing"))
    said = " ".join(sentences.limits(facts))
    assert "Only 8 videos" in said and "0 videos with a view count" in said
    assert "No video has a usable view count" in (plots["views"].absent or "")


def test_a_single_video(tmp_path: Path) -> None:
    _, plots, _ = opened(tables.posts(tmp_path, 1))
    assert plots["durations"].figure is not None and plots["posted"].figure is None


@pytest.mark.parametrize(("column", "word"), [("video_embedding", "picture"), ("audio_embedding", "sound")])
def test_a_modality_missing_everywhere(tmp_path: Path, column: str, word: str) -> None:
    videos, embeddings = world(60)
    for row in embeddings:
        row[column] = None
    facts, _, html = opened(tables.tested(fill(tmp_path, videos, embeddings)))
    assert f"No video has {word}" in " ".join(sentences.limits(facts))
    assert f"without {word}" in html


def test_posts_only_without_dates_durations_or_titles(tmp_path: Path) -> None:
    videos, embeddings = world(60, media=0.0)
    for row in videos:
        row.update(published_at=None, duration_s=None, title=None, observed_at=None, channel_id=None)
    facts, plots, _ = opened(fill(tmp_path, videos, embeddings))
    for name in ("durations", "posted", "hours"):
        assert plots[name].absent
    assert "How old the counts are is not known" in " ".join(sentences.limits(facts))


def test_sections_that_explore_could_not_compute(tmp_path: Path) -> None:
    space = tables.mapped(tables.posts(tmp_path, 40))
    shape: dict[str, Any] = space.read_json("map/map.json")
    for section in ("pca", "umap", "kmeans", "hdbscan", "agreement"):
        shape[section] = {"unavailable": f"Too few videos for {section}."}
    space.write_json("map/map.json", shape | {"clusters": []})
    _, plots, html = opened(space)
    assert plots["variance"].absent == "Too few videos for pca."
    assert plots["silhouette"].absent == plots["cluster_errors"].absent == "Too few videos for kmeans."
    assert "HDBSCAN: Too few videos for hdbscan." in html


def test_a_title_of_numbers_states_what_is_in_the_table(tmp_path: Path) -> None:
    videos, embeddings = world(40)
    for i, row in enumerate(videos):
        row.update(views=1000 * (i + 1), duration_s=10.0 + i)
        row["published_at"] = datetime(2025, 3, 4, 7, i, tzinfo=timezone.utc)
    _, plots, _ = opened(fill(tmp_path, videos, embeddings))
    assert (
        f"more than {words.views(float(np.median([r['views'] for r in videos])))} views"
        in plots["views"].title
    )
    assert "07:00 UTC" in plots["hours"].title and "Tue" in plots["hours"].title
    assert "longest lasts 49 s" in plots["durations"].title
    assert "one day, 2025-03-04" in (plots["posted"].absent or "")


@pytest.mark.parametrize("name", ["other", "../x"])
def test_a_wrong_run_name_is_the_users_mistake(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    space = tables.posts(tmp_path, 30)
    assert run(["report", "-w", space.root, "--name", name]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("vvp: ") and name in line
    assert not space.exists("runs")


def test_nothing_embedded_is_the_users_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "none", world(5)[0], [])
    assert run(["report", "-w", str(tmp_path / "none")]) == 2
    assert "vvp embed" in capsys.readouterr().err
    videos, embeddings = world(5)
    fill(
        tmp_path / "failed",
        videos,
        [row | {"status": "failed", "video_embedding": None} for row in embeddings],
    )
    assert run(["report", "-w", str(tmp_path / "failed")]) == 2
    assert "could be embedded" in capsys.readouterr().err
