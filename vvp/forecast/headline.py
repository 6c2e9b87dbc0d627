"""The two sentences that a forecast leads with. They obey the evidence, and every surface shows these.

headline  what will happen: the rule's sentence where no model is shown to be better than the rule or the test
          found it no better; else the range
promise   after how many days, and how often such ranges held when that was measured. "Four times in five" is
          said only where the measured coverage does not contradict it
Not known here: how a forecast was made, where it is shown.
"""

from collections.abc import Mapping
from typing import Any

from vvp.learn.candidates import FOLLOWERS, HISTORY, RECENT
from vvp.learn.evaluate import NO_BETTER, RULE_ITSELF
from vvp.learn.intervals.distribution import COVERAGE
from vvp.learn.records import Coverage
from vvp.words import days, percent
from vvp.words import views as views_text

CHANNEL_RULES = (HISTORY, RECENT)
OFTEN = {0.5: "one time in two", 0.8: "four times in five", 0.9: "nine times in ten"}


def headline(
    views: float,
    low: float | None,
    high: float | None,
    *,
    rule: str,
    rule_views: float | None,
    standing: str,
    channel: Mapping[str, Any],
    media: bool,
    unit: str = "views",
    doubt: str | None = None,
) -> str:
    """rule: a name of candidates.py; rule_views: what it says (null: it cannot); standing: evaluate.standing;
    channel: `Predictor.channel_facts`; media: the draft has picture or sound; unit: what is counted; doubt:
    why the forecast says little (intervals.unusual), which then comes first."""

    def text(number: float) -> str:
        return views_text(number) if unit == "views" else f"{views_text(number)} {unit}"

    span = f"{views_text(views)} {unit}"
    if low is not None and high is not None:
        span = f"between {views_text(low)} and {views_text(high)} {unit}"
    unmoved = "what this clip shows does not change that" if media else "its words do not change that"
    stranger = _stranger(channel)
    if standing == RULE_ITSELF:
        if rule in CHANNEL_RULES and channel["known"]:
            return f"About {_usual(channel, text(views))}; {unmoved}."
        if rule in CHANNEL_RULES and stranger:
            return f"About {text(views)}, the middle of all videos it learned from: {stranger}."
        basis = "as channels with so many followers get" if rule == FOLLOWERS else "the middle of its videos"
        return f"About {text(views)}, {basis}; {unmoved}."
    if standing == NO_BETTER and rule_views is not None:
        usual = f"{text(rule_views)} by the simple rule"
        if rule in CHANNEL_RULES and channel["known"]:
            usual = _usual(channel, text(rule_views))
        first = f"{doubt} " if doubt else ""
        return f"{first}About {usual}. The model, no better than that rule when tested, says {span}."
    found = f"{span[0].upper()}{span[1:]}" + (f": {stranger}." if stranger else ".")
    if doubt:
        found = f"{doubt} {found}"
    if standing == NO_BETTER:  # what the rule says of this draft is not at hand
        return f"The model was no better than the simple rule when tested. It says: {found}"
    return found


def _usual(channel: Mapping[str, Any], views: str) -> str:
    if not channel.get("counted", True):
        why = "no count of this channel is old enough yet"
        return f"{views}, the middle of all videos it learned from: {why}"
    if channel["given"]:
        return f"your usual {views}"
    return f"{views}, the usual of the one channel it learned from"


def _stranger(channel: Mapping[str, Any]) -> str:
    """Why nothing of the draft's channel is known; empty where something is."""
    if channel["known"]:
        return ""
    many = channel["learned_from"]
    if channel["given"] is None:
        return "no channel was given"
    if many == 1:
        return f"{channel['given']} is not the one channel it learned from"
    return f"{channel['given']} is not among the {many:,} channels it learned from"


def promise(
    views: float,
    has_interval: bool,
    *,
    horizon_days: float | None,
    counts_age_days: float | None,
    interval: Coverage | None,
) -> str:
    """interval: the measured coverage (evaluate.coverage); None: never measured."""
    when = asked(horizon_days, counts_age_days)
    if not has_interval:
        return f"{when}; how far off that may be is not known, so take it as a hint."
    middle = f" The middle of that range is {views_text(views)}."
    measured = None if interval is None or interval.measured is None else interval.measured.point
    if interval is None or measured is None:
        return f"{when}; how often such ranges hold could not be measured yet.{middle}"
    if interval.clearly_under:
        held = f"{percent(measured)} of {interval.of} videos"
        return (
            f"{when}; but such ranges held only {held} they were tested on, so the real number may well lie"
            f" outside.{middle}"
        )
    often = OFTEN.get(COVERAGE, f"{100 * COVERAGE:.0f} times in a hundred")
    few = ", too few to be sure" if interval.of < 30 else ""
    return f"{when}, {often} (it held {percent(measured)} of {interval.of} tested{few}).{middle}"


def asked(horizon_days: float | None, counts_age_days: float | None) -> str:
    """After how many days the count is meant to be."""
    if horizon_days is not None:
        return f"After {days(horizon_days)}"
    if counts_age_days is None:
        return "At the age of your videos' counts, which is not known"
    return f"At the age of your videos' counts: about {days(counts_age_days)}"
