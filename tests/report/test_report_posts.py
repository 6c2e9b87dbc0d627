"""What goes with more views: a planted effect is found, a shuffled one is not; titles are escaped."""

from pathlib import Path
from typing import Any

import numpy as np
import report_tables as tables
from learn_tables import fill, world

from vvp.report import page, usual
from vvp.report.figures import plot, posts
from vvp.report.gather import Facts, gather


def with_tag(root: Path, effect: float, shuffled: bool = False, **changes: Any) -> Facts:
    """A third of 240 posts has the tag, and views times `effect`; shuffled: others got the views."""
    videos, embeddings = world(240, channels=12)
    has = np.random.default_rng(1).random(len(videos)) < 1 / 3
    lifted = np.random.default_rng(2).permutation(has) if shuffled else has
    for row, tagged, more in zip(videos, has, lifted, strict=True):
        row.update({"media_path": None, "tags": ["Planted", "all"] if tagged else ["all"]} | changes)
        row["views"] = int(row["views"] * (effect if more else 1))
        row["description"] = "word " * (12 if more else 2 + int(row["video_id"][1:]) % 7)
    return gather(fill(root, videos, embeddings), "default")


def test_a_planted_hashtag_is_found_and_a_shuffled_one_is_not(tmp_path: Path) -> None:
    found = {}
    for shuffled in (False, True):
        videos = with_tag(tmp_path / str(shuffled), 6.0, shuffled).videos
        groups = {g.name: g for g in usual.hashtags(videos, usual.against_usual(videos))}
        assert set(groups) == {"#planted", "#all"}
        found[shuffled] = groups["#planted"]
    assert found[False].clear and found[False].low is not None and found[False].low > np.log(2)
    assert 60 < found[False].posts < 100 and found[False].channels == 12
    assert not found[True].clear


def test_long_captions_that_were_lifted_are_named(tmp_path: Path) -> None:
    facts = with_tag(tmp_path, 6.0)
    with plot.style():
        drawn = {one.name: one for one in page.draw(facts)["posts"]}
    assert drawn["post_captions"].figure is not None
    assert "differ clearly" in drawn["post_captions"].title


def test_the_note_says_how_many_would_look_clear_by_chance(tmp_path: Path) -> None:
    videos = with_tag(tmp_path, 6.0).videos
    difference = usual.against_usual(videos)
    n = sum(map(len, (usual.hashtags(videos, difference), usual.captions(videos, difference),
                      usual.hours(videos, difference))))  # fmt: skip
    said = posts.note(videos)
    assert f"Of {n} comparisons about {n / 20:.1f}" in said and "nothing of the model" in said


def test_a_viral_post_stands_first_and_its_title_stays_words(tmp_path: Path) -> None:
    videos, embeddings = world(240, channels=6)
    for row in videos:
        row["media_path"] = None
        row["tags"] = [tables.EVIL]
    videos[200] |= {"title": tables.EVIL, "views": 10**10}
    facts = gather(fill(tmp_path, videos, embeddings), "default")
    far = posts.tables(facts.videos)[-2]
    assert far.rows[0][:2] == (tables.SHOWN, "10B")
    with plot.style():
        html = page.write(facts, {}, page.draw(facts))
    assert "<img src=x" not in html and "<script>document" not in html
    assert "&lt;script&gt;document" in html


def test_few_posts_give_sentences(tmp_path: Path) -> None:
    facts = gather(tables.posts(tmp_path, 8), "default")
    with plot.style():
        drawn = {one.name: one for one in page.draw(facts)["posts"]}
    assert "at least 10 posts of 3 channels" in (drawn["post_hours"].absent or "")
    assert drawn["post_captions"].absent
    assert all(table.absent.endswith(".") for table in posts.tables(facts.videos) if not table.rows)
    assert posts.tables(facts.videos)[0].rows == [] and posts.tables(facts.videos)[-1].rows == []
    assert "comparison" not in posts.note(facts.videos)


def test_a_tag_of_two_channels_is_not_compared() -> None:
    channel = np.array(["a", "b"] * 10, dtype=object)
    assert usual.group("#x", np.ones(20, bool), np.ones(20), channel) is None
    three = np.array(["a", "b", "c", "a"] * 5, dtype=object)
    one = usual.group("#x", np.ones(20, bool), np.ones(20), three)
    assert one is not None and (one.posts, one.channels, one.point) == (20, 3, 1.0)
