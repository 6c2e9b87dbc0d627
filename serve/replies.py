"""Forecasts as the API gives them: schemas.py filled in. Not known here: HTTP, how forecasts are made."""

from math import exp
from typing import Any

import numpy as np

from serve.config import Limits
from serve.deployments import accepts_metadata_only
from serve.schemas import (
    Block,
    ForecastReply,
    Interval,
    Nearest,
    Pair,
    PredictorReply,
    Ranked,
    RankingReply,
    Seconds,
    StartingPoint,
    TopTenth,
)
from vvp.predictor import Forecast, count_of

CANNOT_KNOW = [
    "What happens after posting: a share by somebody famous, a new trend, a change of the ranking.",
    "Whatever no training video showed; values outside the training range are named in each forecast.",
    "Other people's posts: it learned from one collection and is as narrow as that is.",
    "How a count grows: each training video has one count, read at one age.",
    "Why people watch: what a block added explains the model, not the world.",
]


def forecast_reply(answer: dict[str, Any], index: int, seconds: dict[str, float]) -> ForecastReply:
    """The `index`-th forecast of the Forecaster's answer."""
    f: Forecast = answer["forecasts"][index]
    interval = top = None
    if f.low is not None and f.high is not None:
        interval = Interval(low=f.low, high=f.high, coverage=f.coverage)
    if f.top_tenth is not None:
        top = TopTenth(probability=f.top_tenth, views_at_least=f.top_tenth_views)
    start = StartingPoint(views=count_of(f.starting_log_views), log_views=f.starting_log_views)
    return ForecastReply(
        predictor=answer["predictor"],
        views=f.views,
        interval=interval,
        log_views=f.log_views,
        horizon_days=f.horizon_days,
        percentile=f.percentile,
        training_videos=answer["training_videos"],
        top_tenth=top,
        starting_point=start,
        blocks=[Block(block=b, log_views=v, factor=exp(v)) for b, v in f.blocks.items()],
        baselines=f.baselines,
        missing=f.missing,
        outside=f.outside,
        notes=f.notes,
        nearest=[Nearest(**near) for near in f.nearest],
        model=f.model,
        quality=f.quality,
        seconds=Seconds(**seconds),
    )


def ranking_reply(
    answer: dict[str, Any], titles: list[str | None], seconds: list[dict[str, float]], too_close: float
) -> RankingReply:
    """Best first, by the middle of the forecasts. too_close: see config.Limits."""
    forecasts: list[Forecast] = answer["forecasts"]
    order = sorted(range(len(forecasts)), key=lambda i: -forecasts[i].log_views)
    pairs = []
    for better, worse in zip(order, order[1:], strict=False):
        probability = answer["beats"][better][worse]
        close = probability is None or probability < too_close
        pairs.append(Pair(better=better, worse=worse, probability=probability, too_close_to_call=close))
    return RankingReply(
        predictor=answer["predictor"],
        order=[
            Ranked(draft=i, title=titles[i], forecast=forecast_reply(answer, i, seconds[i])) for i in order
        ],
        pairs=pairs,
        sentence=_sentence(pairs),
    )


def _sentence(pairs: list[Pair]) -> str:
    first, clear = pairs[0], [p for p in pairs if not p.too_close_to_call]
    lead = f"Draft {first.better + 1} comes first"
    if first.probability is None:
        return f"{lead}, but there are no measured errors to say how sure that is."
    chance = f"{first.probability:.0%}".replace("%", " %")
    if not first.too_close_to_call:
        return f"{lead}: it beats the next, draft {first.worse + 1}, with a probability of {chance}."
    rest = "" if clear else " No neighbours in this order can be told apart."
    return (
        f"{lead}, but between it and draft {first.worse + 1} it is too close to call "
        f"({chance} that it gets more views).{rest if len(pairs) > 1 else ''}"
    )


def predictor_reply(known: dict[str, Any], limits: Limits) -> PredictorReply:
    """known: what Forecaster.head gave."""
    head = known["head"]
    training, made = head["training"], head["embedding"]
    labels = {**made["encoders"], "transcriber": made["speech"]}
    return PredictorReply(
        id=head["id"],
        created_at=head["created_at"],
        profile=head["profile"],
        encoders={k: v for k, v in labels.items() if v is not None},
        model=head["models"]["main"]["name"],
        trained_on={
            **{k: training[k] for k in ("videos", "channels", "published", "horizon_days")},
            "median_views": count_of(float(np.median(training["log_views_quantiles"]))),
        },
        quality=head["quality"]["main"],
        quality_metadata_only=head["quality"].get("metadata") if "metadata" in head["models"] else None,
        cannot_know=CANNOT_KNOW,
        warnings=head["quality"].get("warnings", []),
        accepts_metadata_only=accepts_metadata_only(head),
        upload_limits={"bytes": limits.upload_bytes, "seconds": limits.duration_s},
        refused=known["refused"],
    )
