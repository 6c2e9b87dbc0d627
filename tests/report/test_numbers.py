"""The numbers behind the figures: planted slices and quarters are found, intervals are the formula's."""

import re
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import report_tables as tables

from vvp import words
from vvp.report import gather, numbers, sentences


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> gather.Facts:
    return gather.gather(tables.tested(tables.posts(tmp_path_factory.mktemp("numbers"), 240)), "default")


def test_the_share_held_is_the_one_that_evaluation_measured(facts: gather.Facts) -> None:
    """One interval on the command line, on the page and in the figure; a slice of one channel has none."""
    assert facts.tested is not None and facts.deciding is not None
    inside = numbers.inside(facts)
    measured = facts.deciding.interval.measured
    assert inside is not None and measured is not None and measured.low is not None
    everything = numbers.slices(facts.videos, facts.tested, inside, measured.as_dict())[0]
    assert everything.share == measured.as_dict()
    alone = numbers.slices(facts.videos, facts.tested, inside)[0]
    assert alone.share["low"] == pytest.approx(measured.low, abs=0.03)
    one = replace(facts.videos, channel_id=np.full(len(facts.videos.channel_id), "c", dtype=object))
    assert numbers.slices(one, facts.tested, inside)[0].share["low"] is None


def test_slices_find_where_the_interval_fails(facts: gather.Facts) -> None:
    """Planted: it holds wherever there is sound, and nowhere else."""
    assert facts.tested is not None
    inside = facts.videos.sound[facts.tested.row]
    found = {s.name: s for s in numbers.slices(facts.videos, facts.tested, inside)}
    silent = int((~inside).sum())
    assert silent > 0 and (found["no sound"].n, found["no sound"].held) == (silent, 0)
    assert (found["all test videos"].n, found["all test videos"].held) == (len(inside), int(inside.sum()))
    assert "no picture" not in found, "there is no such video, so no such slice"
    assert "no speech" not in found, "all of them: it would say what the whole says"
    months = [s for s in found.values() if s.group == "month"]
    assert sum(s.n for s in months) == len(inside) and len(months) > 1


def test_channel_slices_count_the_training_videos_of_the_channel(facts: gather.Facts) -> None:
    """Planted: two channels are new to the test, and one has two training videos."""
    assert facts.tested is not None
    row, channel = facts.tested.row, facts.videos.channel_id.copy()
    trained = facts.videos.part == "train"
    channel[trained & np.isin(channel, ["c0", "c1", "c2"])] = "elsewhere"
    channel[np.flatnonzero(trained)[:2]] = "c2"
    videos = replace(facts.videos, channel_id=channel)
    found = {s.name: s.n for s in numbers.slices(videos, facts.tested, np.ones(len(row), bool))}
    expected = {
        "channel: no video in training": int(np.isin(channel[row], ["c0", "c1"]).sum()),
        "channel: 1 to 4 in training": int((channel[row] == "c2").sum()),
    }
    assert {name: found.get(name, 0) for name in expected} == expected and expected.popitem()[1] > 0


def test_confusion_is_cut_at_the_training_quartiles() -> None:
    training = np.arange(1.0, 101.0)
    truth = np.array([10.0, 30.0, 60.0, 90.0])
    assert np.array_equal(numbers.confusion(training, truth, truth), np.eye(4))
    backwards = numbers.confusion(training, truth, truth[::-1])
    assert backwards is not None and np.array_equal(backwards, np.eye(4)[::-1])
    assert numbers.confusion(np.full(50, 3.0), truth, truth) is None
    assert numbers.confusion(np.array([]), truth, truth) is None


def test_extremes_never_name_a_video_twice() -> None:
    truth = np.arange(5.0)
    said = {"m": truth + [0.1, 0.5, 0.2, 3.0, 2.0]}
    tested = gather.Tested(row=np.arange(5), truth=truth, by_model=said, low=truth - 1, high=truth + 1)
    assert numbers.extremes(tested, "m") == ([0, 2], [3, 4])
    one = gather.Tested(
        row=np.arange(1), truth=truth[:1], by_model={"m": truth[:1]}, low=truth[:1], high=truth[:1]
    )
    assert numbers.extremes(one, "m") == ([], [])


def test_mean_by_channel_is_wide_when_channels_agree_inside() -> None:
    """Fifty videos of five channels, each channel with an error of its own, are five observations."""
    errors = np.repeat([-1.0, -0.5, 0.0, 0.5, 1.0], 10)
    whole = numbers.mean_by_channel(errors, np.repeat([*"abcde"], 10))
    alone = numbers.mean_by_channel(errors, np.arange(50).astype(str))
    assert whole["high"] - whole["low"] > 2 * (alone["high"] - alone["low"])
    assert numbers.mean_by_channel(errors, np.repeat("a", 50))["low"] is None


def test_running_best_never_rises() -> None:
    trials = [{"family": f, "validation": m} for f, m in (("a", 2.0), ("b", 1.0), ("a", 3.0), ("a", 1.5))]
    assert numbers.running_best(trials) == {"a": [2.0, 2.0, 1.5], "b": [1.0]}


def test_the_facts_are_those_of_the_tables(facts: gather.Facts) -> None:
    assert len(facts.videos.video_id) == 240 and facts.videos.embedded.all()
    assert (
        facts.videos.published_at[0].astype(datetime).year == datetime(2025, 1, 1, tzinfo=timezone.utc).year
    )
    assert facts.chosen in ("ridge", "best, no counters") and facts.half_width is not None
    assert facts.tested is not None and set(facts.videos.part[facts.tested.row]) == {"test"}
    assert np.allclose(facts.videos.log_views[facts.tested.row], facts.tested.truth)


def test_factor_reads_as_a_person_would_say_it() -> None:
    assert [numbers.factor(np.log(x)) for x in (2.0, 0.5, 15.2, 2500.0)] == ["2.0", "2.0", "15", "2,500"]
    assert numbers.plural(1, "video") == "1 video" and numbers.plural(1200, "video") == "1,200 videos"


def test_halves_round_up_and_limits_are_those_of_the_rounded_number() -> None:
    assert [numbers.share(x) for x in (0.125, 0.625, 0.005)] == ["13\u00a0%", "63\u00a0%", "1\u00a0%"]
    assert [words.views(x) for x in (9_999.4, 9_999.6, 999_700, 1_234_000, 999_700_000)] == [
        "9,999", "10K", "1M", "1.23M", "1B",
    ]  # fmt: skip


def test_the_numbers_of_videos_agree(facts: gather.Facts) -> None:
    tile = sentences.tiles(facts)[0]
    assert tile == ("240", "videos collected, 240 embedded, 240 with a view count")
    sample = sentences.limits(facts)[0].replace(",", "")
    stated = [int(n) for n in re.findall(r"\d+", sample)]
    counted, collected, train, validation, test, _, *rest = stated
    assert (counted, collected) == (240, 240) and train + validation + test + sum(rest) == 240
    assert f"Asked about {test} videos" in sentences.headline(facts)[1]


def test_gather_writes_nothing(tmp_path: Path) -> None:
    space = tables.posts(tmp_path / "w", 30)
    before = sorted(p.name for p in (tmp_path / "w").rglob("*"))
    gather.gather(space, "default")
    assert sorted(p.name for p in (tmp_path / "w").rglob("*")) == before
