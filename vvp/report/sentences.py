"""What the report says in words: the headline, and what this run cannot know, from the run's own facts."""

from collections import Counter

import numpy as np

from vvp.dataset.splits import SPLITS
from vvp.learn.candidates import NO_COUNTERS
from vvp.learn.evaluate import verdict
from vvp.learn.records import Evaluation, Measured, ModelResult, SplitResult
from vvp.report.gather import Facts
from vvp.report.numbers import factor, plural, share
from vvp.words import percent


def headline(facts: Facts) -> list[str]:
    """The verdict first, then what was asked and how far off it was; one when there is nothing to say yet."""
    split = facts.deciding
    if split is None:
        if facts.evaluation is not None:
            return [facts.evaluation.verdict, *_rule_alone(facts.evaluation)]
        return [f"How good a forecast would be is not known. {facts.why['evaluation']}"]
    chosen = split.chosen
    result = split.own
    assert result.metrics is not None, "a candidate without a model is never chosen"
    pairs = result.metrics.pairwise_accuracy
    asked = (
        f"Asked about {plural(split.test_rows, 'video')} of {plural(split.test_channels, 'channel')},"
        f" {SPLITS[facts.split].tested},"
    )
    if pairs.point is None:
        second = f"{asked} nothing could be ranked, because all their views are equal."
    else:
        second = (
            f"{asked} the forecast ({chosen}) put {_of_100(pairs)[0]} of 100 pairs of videos in the"
            f" right order{_of_100(pairs)[1]}; a coin gets 50."
        )
    return [_verdict(split), second, f"{_error(result)}{_few(split)}."]


def _verdict(split: SplitResult) -> str:
    """evaluate.verdict, and what is known of the interval where it held too little."""
    text = verdict(split)
    interval = split.interval
    if interval.clearly_under and interval.measured and interval.measured.point is not None:
        held = interval.measured.point
        text += f" Its 80 % interval is too narrow: it held {share(held)} of {interval.of} test videos."
    return text


def _rule_alone(evaluation: Evaluation) -> list[str]:
    typical, interval = evaluation.typical_factor, evaluation.interval
    if typical is None or interval is None:
        return []
    text = f"The typical error of a forecast from the videos before it is a factor of {typical:.1f}"
    if interval.of:
        text += f"; the 80 % interval held {interval.held} of {interval.of} checked in turn"
    return [f"{text}."]


def _few(split: SplitResult) -> str:
    """A reader who stops after the headline must know that it rests on a handful."""
    n, channels = split.test_rows, split.test_channels
    if n < 30:
        return f"; on only {plural(n, 'video')} such numbers say little"
    if channels < 5:
        return f"; on only {plural(channels, 'channel')} such numbers say little of others"
    return ""


def _of_100(measured: Measured) -> tuple[str, str]:
    """Such as ("82", " (95 % interval 74 to 89)"); the second is empty where there is no interval."""
    text = "–" if measured.point is None else _hundredths(measured.point)
    if measured.low is None or measured.high is None:
        return text, ""
    return text, f" (95 % interval {_hundredths(measured.low)} to {_hundredths(measured.high)})"


def _hundredths(part: float) -> str:
    return percent(part).removesuffix("%")


def _error(result: ModelResult) -> str:
    error = None if result.metrics is None else result.metrics.mae.point
    return f"The typical error of a forecast is a factor of {'–' if error is None else factor(error)}"


def tiles(facts: Facts) -> list[tuple[str, str]]:
    """(number, what it is): the few that stand beside the headline."""
    split, videos = facts.deciding, facts.videos
    embedded, counted = int(videos.embedded.sum()), int(videos.labelled.sum())
    pairs = [
        (
            f"{len(videos.video_id):,}",
            f"videos collected, {embedded:,} embedded, {counted:,} with a view count",
        )
    ]
    if split is None:
        return pairs
    metrics, interval = split.own.metrics, split.interval
    if metrics is not None and metrics.pairwise_accuracy.point is not None:
        pairs.append((share(metrics.pairwise_accuracy.point), "of pairs in the right order"))
    if metrics is not None and metrics.mae.point is not None:
        pairs.append((f"× or ÷ {factor(metrics.mae.point)}", "typical error of a forecast"))
    if interval.half_width is None or interval.measured is None or interval.measured.point is None:
        return [*pairs, ("–", f"no 80 % interval: {interval.reason}")]
    half = factor(interval.half_width)
    return [*pairs, (share(interval.measured.point), f"held by the 80 % interval (÷ {half} to × {half})")]


def limits(facts: Facts) -> list[str]:
    """Section 7: one sentence each, the run's own facts first."""
    videos = facts.videos
    labelled, n = videos.labelled, int(videos.embedded.sum())
    sentences = [_sample(facts)]
    if n < 30:
        sentences.append(
            f"Only {plural(n, 'video')} could be embedded: below 30 every figure here shows single videos,"
            " not rules."
        )
    if (y := videos.log_views[labelled]).size and np.ptp(y) < 1e-9:
        sentences.append(
            "All views are equal: there is nothing to learn from them, and no forecast can be judged."
        )
    named = [c for c, known in zip(videos.channel_id, labelled, strict=True) if known and c is not None]
    if named:
        counts = Counter(named)
        top = max(counts.values())
        if top == int(labelled.sum()):
            sentences.append(
                "All of them are one channel's: what holds for others was not seen, and no interval by"
                " channel exists."
            )
        elif top / int(labelled.sum()) >= 0.25:
            sentences.append(
                f"One channel has {share(top / int(labelled.sum()))} of the counted videos: the findings are"
                " largely about it."
            )
    sentences += [s for s in (_time(facts), _age(facts)) if s]
    for what, present in (("picture", videos.picture), ("sound", videos.sound), ("speech", videos.speech)):
        missing = int((videos.embedded & ~present).sum())
        if missing == n:
            sentences.append(
                f"No video has {what}: nothing was learned from it, and nothing can be said of it."
            )
        elif missing > 0.1 * n:
            sentences.append(f"{share(missing / n)} of the embedded videos have no {what}.")
    blind = None if facts.deciding is None else facts.deciding.results.get(NO_COUNTERS)
    if blind is not None and blind.metrics is not None:
        sentences.append(
            "Followers were counted when the videos were collected, often after they did well; the row"
            " “best, no"
            " counters” shows the result without them."
        )
    if facts.evaluation is not None:
        opened = facts.evaluation.times_opened
        if opened > 1:
            sentences.append(
                f"This test part was opened by {opened} runs: each look makes the best number less honest."
            )
        # What the sentences above say already is left out.
        already_said = ("one channel", "unknown age")
        sentences += [
            f"{warning.text[0].upper()}{warning.text[1:]}."
            for warning in facts.evaluation.warnings
            if warning.kind not in already_said
        ]
    sentences.append(
        "What happens after posting is not in any of these numbers: a share by somebody famous, a trend that"
        " starts"
        " tomorrow, a change of the platform's ranking."
    )
    sentences.append("What goes with more views in these videos need not be what causes them.")
    return sentences


def _sample(facts: Facts) -> str:
    split = facts.deciding
    n, labelled = len(facts.videos.video_id), int(facts.videos.labelled.sum())
    text = f"It rests on {plural(labelled, 'video')} with a view count, of {n:,} collected"
    if split is None:
        return f"{text}."
    parts = split.parts
    text += (
        f": {parts['train']:,} to learn from, {parts['validation']:,} more to choose by and"
        f" {split.test_rows:,} to be tested on, of {plural(split.test_channels, 'channel')}"
    )
    rest = labelled - parts["train"] - parts["validation"] - split.test_rows
    return f"{text}; {rest:,} of them are in none of these parts." if rest > 0 else f"{text}."


def _time(facts: Facts) -> str | None:
    videos = facts.videos
    when = videos.published_at[videos.labelled & ~np.isnat(videos.published_at)]
    if not len(when):
        return "No video has a date of publication: whether it holds for later ones could not be tried."
    first, last = when.min().astype("datetime64[D]"), when.max().astype("datetime64[D]")
    days = int((last - first).astype(int))
    if days == 0:
        return f"All dated videos were posted on {first}: seasons and trends cannot be seen."
    short = ": less than a year, so seasons cannot be seen" if days < 365 else ""
    return (
        f"The videos were posted between {first} and {last} ({plural(days, 'day')}{short}); later ones"
        " may differ."
    )


def _age(facts: Facts) -> str | None:
    age = facts.videos.horizon_days[facts.videos.labelled]
    if not len(age):
        return None
    ages = age[np.isfinite(age)]
    if not len(ages):
        return (
            "How old the counts are is not known: an old count and a fresh one are taken as the same thing."
        )
    low, middle, high = np.quantile(ages, [0.1, 0.5, 0.9])
    text = (
        f"Views were counted {middle:,.0f} days after posting in the middle (80 %: {low:,.0f} to"
        f" {high:,.0f});"
    )
    text += " how a count grew before that was not seen"
    unknown = len(age) - len(ages)
    return f"{text}; for {share(unknown / len(age))} the age is unknown." if unknown else f"{text}."
