"""Drafts in order, and how sure that order is. Not known here: HTTP, Ray, how forecasts are made."""

from collections.abc import Sequence

from serve.schemas import ForecastReply, Pair, Ranked, RankingReply
from vvp.learn.evaluate import NO_BETTER, NOT_SHOWN, RULE_ITSELF
from vvp.words import views


def ranked(
    replies: Sequence[ForecastReply],
    titles: Sequence[str | None],
    beats: Sequence[Sequence[float | None]],
    too_close: float,
) -> RankingReply:
    """Best first, by the middle of the forecasts; titles and replies in the order sent.

    beats[i][j]: probability that draft i gets more views than draft j; too_close: see config.Limits.
    """
    log_views = [reply.log_views for reply in replies]
    order = sorted(range(len(replies)), key=lambda i: -log_views[i])
    pairs = []
    for better, worse in zip(order, order[1:], strict=False):
        probability = beats[better][worse]
        unproven = replies[better].quality.get("standing") == NO_BETTER
        close = unproven or probability is None or probability < too_close
        pairs.append(Pair(better=better, worse=worse, probability=probability, too_close_to_call=close))
    return RankingReply(
        predictor=replies[0].predictor,
        order=[Ranked(draft=i, title=titles[i], forecast=replies[i]) for i in order],
        pairs=pairs,
        sentence=_sentence(pairs, replies),
    )


def _sentence(pairs: list[Pair], replies: Sequence[ForecastReply]) -> str:
    """What the order is worth; what evaluation measured of the forecaster comes before the odds."""
    standing = replies[0].quality.get("standing")
    if len({reply.log_views for reply in replies}) == 1 and standing == RULE_ITSELF:
        return (
            "These drafts cannot be told apart: no model is shown to beat the simple rule, and the rule"
            f" forecasts {views(replies[0].views)} for each."
        )
    caution = ""
    if standing == NO_BETTER:
        caution = "Take this order as a hint: when tested, the model was no better than the simple rule. "
    elif standing == NOT_SHOWN:
        caution = "The model is not shown to beat the simple rule. "
    first, clear = pairs[0], [p for p in pairs if not p.too_close_to_call]
    lead = f"{caution}Draft {first.better + 1} comes first"
    if first.probability is None:
        return f"{lead}, but there are no measured errors to say how sure that is."
    chance = f"{first.probability:.0%}".replace("100%", "over 99%").replace("%", " %")
    if not first.too_close_to_call:
        return f"{lead}: it beats the next, draft {first.worse + 1}, with a probability of {chance}."
    rest = "" if clear else " No neighbours in this order can be told apart."
    return (
        f"{lead}, but between it and draft {first.worse + 1} it is too close to call "
        f"({chance} that it gets more views).{rest if len(pairs) > 1 else ''}"
    )
