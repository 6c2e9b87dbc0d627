"""Tables of posts that contradict themselves, each other or a yt-dlp folder; large and real ones."""

import json
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from collect_tables import save, videos

from vvp.collect.posts import collect_posts
from vvp.collect.ytdlp import collect_ytdlp
from vvp.workspace import Workspace

POSTS = Path(__file__).parents[3] / "shared" / "data" / "posts"


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def test_contradictions_within_a_file(tmp_path: Path, space: Workspace) -> None:
    base = {"video_id": "a", "views": 10, "likes": 1, "observed_at": None, "title": "t"}
    later = base | {"views": 8, "observed_at": "2024-05-02"}
    rows = [
        base | {"observed_at": "2024-05-01"},
        base,
        later,
        {**base, "video_id": "b", "views": 10},
        {**base, "video_id": "b", "views": 30, "title": None},
        {**base, "video_id": "b", "views": 20},
    ]
    for _ in range(2):
        summary = collect_posts(save(tmp_path / "p.jsonl", rows), space)
        assert summary.set_aside == {"duplicate": 1, "contradicting": 3}
        found = videos(space)
        assert (found["a"]["views"], found["b"]["views"], found["b"]["title"]) == (8, 30, "t")
        assert space.read("set_aside").num_rows == 4
    assert summary.already_known == 2


def test_contradictions_across_files_are_shown_once(tmp_path: Path, space: Workspace) -> None:
    collect_posts(save(tmp_path / "1.jsonl", [{"video_id": "a", "views": 10}]), space)
    small = save(tmp_path / "2.jsonl", [{"video_id": "a", "views": 5}])
    for _ in range(2):
        summary = collect_posts(small, space)
        assert (summary.already_known, summary.overruled, summary.set_aside) == (1, 1, {})
        assert space.read("set_aside").num_rows == 1 and videos(space)["a"]["views"] == 10
    summary = collect_posts(save(tmp_path / "3.jsonl", [{"video_id": "a", "views": 50}]), space)
    assert (summary.updated, summary.overruled) == (1, 0)


def test_one_id_on_two_platforms_is_set_aside(tmp_path: Path, space: Workspace) -> None:
    rows = [{"video_id": "a", "views": 10, "platform": "vine"}]
    collect_posts(save(tmp_path / "1.jsonl", rows), space)
    summary = collect_posts(
        save(tmp_path / "2.jsonl", [rows[0] | {"platform": "tiktok", "views": 99}]), space
    )
    assert summary.set_aside == {"contradicting": 1} and summary.videos == 0
    assert videos(space)["a"]["views"] == 10


@pytest.mark.parametrize("table_first", [True, False])
def test_a_table_and_a_folder_make_one_row(tmp_path: Path, space: Workspace, table_first: bool) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "a.mp4").write_bytes(b"x")
    facts = {"id": "a", "view_count": 10, "epoch": 1700000000, "extractor": "tiktok", "title": "whole title"}
    (box / "a.info.json").write_text(json.dumps(facts))
    table = save(
        tmp_path / "p.jsonl",
        [{"video_id": "a", "views": 90, "observed_at": 1710000000, "title": "who", "channel_id": "ann"}],
    )
    steps = [lambda: collect_posts(table, space), lambda: collect_ytdlp(box, space)]
    if not table_first:
        steps.reverse()
    assert [(s.added, s.updated) for s in (step() for step in steps)] == [(1, 0), (0, 1)]
    row = videos(space)["a"]
    assert (row["views"], row["title"], row["channel_id"], row["source"]) == (
        90,
        "whole title",
        "ann",
        "ytdlp",
    )
    assert row["media_path"] == str(box / "a.mp4") and row["observed_at"].year == 2024
    assert [s.already_known for s in (step() for step in steps)] == [1, 1]
    assert not space.has("set_aside")


def test_four_times_the_rows_cost_about_four_times_as_much(tmp_path: Path) -> None:
    """Sixteen times would be a loop within a loop. CPU time, because the machine may be busy."""
    cost = []
    for count in (8_000, 32_000):
        table = pa.table(
            {
                "video_id": [str(n) for n in range(count)],
                "views": [f"{n / 10}K" for n in range(count)],
                "title": [f"clip {n} #tag{n % 99}" for n in range(count)],
                "likes": list(range(count)),
                "published_at": ["2024-05-01T10:00:00Z"] * count,
            }
        )
        pq.write_table(table, tmp_path / "p.parquet")
        start = time.process_time()
        assert collect_posts(tmp_path / "p.parquet", Workspace(tmp_path / f"ws{count}")).added == count
        cost.append(time.process_time() - start)
    assert cost[1] < 9 * cost[0]


@pytest.mark.parametrize(
    ("name", "found", "added", "aside", "zero"),
    [
        ("tiktok_formats_dev", 1270, 1225, {"duplicate": 45}, {"views_zero": 1}),
        ("vine_nus_dev", 5111, 5111, {}, {}),
        ("tiktok_trending_dec2020", 1000, 1000, {}, {}),
    ],
)
def test_real_tables(
    space: Workspace, name: str, found: int, added: int, aside: dict[str, int], zero: dict[str, int]
) -> None:
    if not POSTS.is_dir():
        pytest.skip("shared/data/posts is not here")
    summary = collect_posts(POSTS / f"{name}.jsonl", space)
    assert (summary.preset, summary.found, summary.added) == ("posts", found, added)
    assert (summary.set_aside, summary.label_issues, summary.unreadable_values) == (aside, zero, {})
    assert summary.without_published_at == 0 and "author_total_loops" not in summary.mapping.values()
