"""Drafts in order, and how sure that order is. Not known here: HTTP, Ray, how forecasts are made."""

from collections.abc import Sequence

from serve.schemas import ForecastReply, Pair, Ranked, RankingReply
from vvp.dataset.targets import VIEWS
from vvp.learn.evaluate import NO_BETTER, NOT_SHOWN, RULE_ITSELF
from vvp.words import views


def ranked(
    replies: Sequence[ForecastReply],
    titles: Sequence[str | None],
    strengths: Sequence[float],
    beats: Sequence[Sequence[float | None]],
    too_close: float,
    by: str = VIEWS.name,
) -> RankingReply:
    """Best first, by `strengths`; titles, strengths and replies in the order sent.

    beats[i][j]: probability that draft i gets more of the target `by` than draft j; too_close: see
    config.Limits.
    """
    order = sorted(range(len(replies)), key=lambda i: -strengths[i])
    pairs = []
    for better, worse in zip(order, order[1:], strict=False):
        probability = beats[better][worse]
        unproven = _standing(replies[better], by) == NO_BETTER
        close = unproven or probability is None or probability < too_close
        pairs.append(Pair(better=better, worse=worse, probability=probability, too_close_to_call=close))
    return RankingReply(
        predictor=replies[0].predictor,
        by=by,
        order=[Ranked(draft=i, title=titles[i], forecast=replies[i]) for i in order],
        pairs=pairs,
        sentence=_sentence(pairs, replies, len(set(strengths)) == 1, by),
    )


def _standing(reply: ForecastReply, by: str) -> str | None:
    """Of the forecaster against the simple rule."""
    found = reply.quality.get("standing") if by == VIEWS.name else reply.targets[by].standing
    return None if found is None else str(found)


def _sentence(pairs: list[Pair], replies: Sequence[ForecastReply], same: bool, by: str) -> str:
    """What the order is worth; what evaluation measured of the forecaster comes before the odds."""
    standing, of_views = _standing(replies[0], by), by == VIEWS.name
    if same and standing == RULE_ITSELF:
        said = views(replies[0].views) if of_views else replies[0].targets[by].text
        return (
            "These drafts cannot be told apart: no model is shown to beat the simple rule"
            f"{'' if of_views else f' for {by}'}, and the rule forecasts {said} for each."
        )
    caution = ""
    if standing == NO_BETTER:
        caution = "Take this order as a hint: when tested, the model was no better than the simple rule. "
    elif standing == NOT_SHOWN:
        caution = "The model is not shown to beat the simple rule. "
    first, clear = pairs[0], [p for p in pairs if not p.too_close_to_call]
    lead = f"{caution}Draft {first.better + 1} comes first{'' if of_views else f' by {by}'}"
    if first.probability is None:
        return f"{lead}, but there are no measured errors to say how sure that is."
    chance = f"{first.probability:.0%}".replace("100%", "over 99%").replace("%", " %")
    if not first.too_close_to_call:
        return f"{lead}: it beats the next, draft {first.worse + 1}, with a probability of {chance}."
    rest = "" if clear else " No neighbours in this order can be told apart."
    more = "gets more views" if of_views else "comes above"
    return (
        f"{lead}, but between it and draft {first.worse + 1} it is too close to call "
        f"({chance} that it {more}).{rest if len(pairs) > 1 else ''}"
    )
