"""What the API says of a forecast and of a predictor: schemas.py filled in, as JSON-ready dicts.

Not known here: HTTP, Ray, how forecasts are made.
"""

from math import exp
from typing import Any

import numpy as np

from vvp.dataset.matrix import HORIZON
from vvp.dataset.targets import VIEWS
from vvp.forecast.forecasts import Forecast
from vvp.forecast.head import Head
from vvp.learn.evaluate import rule_in_words

CANNOT_KNOW = [
    "What happens after posting: a share by somebody famous, a new trend, a change of the ranking.",
    "Whatever no training video showed; values outside the training range are named in each forecast.",
    "Other people's posts: it learned from one collection and is as narrow as that is.",
    "How a count grows: each training video has one count, read at one age.",
    "Why people watch: what a block added explains the model, not the world.",
]


def forecast_facts(f: Forecast, head: Head) -> dict[str, Any]:
    """A ForecastReply without seconds. head: of the predictor that made it."""
    interval = top = None
    if f.low is not None and f.high is not None:
        interval = {"low": f.low, "high": f.high, "coverage": f.coverage}
    if f.top_tenth is not None:
        top = {"probability": f.top_tenth, "views_at_least": f.top_tenth_views}
    start = {"views": VIEWS.value(f.starting_log_views), "log_views": f.starting_log_views}
    same = ("headline", "promise", "kind", "channel", "views", "log_views", "horizon_days", "counts_age_days")
    rest = ("percentile", "baselines", "missing", "outside", "notes", "nearest", "model", "quality")
    return {
        **{name: getattr(f, name) for name in (*same, *rest)},
        "predictor": head.id,
        "training_videos": head.training.videos,
        "interval": interval,
        "top_tenth": top,
        "starting_point": start,
        "targets": {name: one.as_dict() for name, one in f.targets.items()},
        "blocks": [{"block": b, "log_views": v, "factor": exp(v)} for b, v in f.blocks.items()],
    }


def predictor_facts(head: Head) -> dict[str, Any]:
    """A PredictorReply without upload_limits and refused."""
    training, quality = head.training, head.quality
    labels = {**head.embedding.encoders, "transcriber": head.embedding.speech}
    kept = training.as_dict()
    trained_on = {k: kept[k] for k in ("videos", "channels", "published", "horizon_days")}
    trained_on["median_views"] = VIEWS.value(float(np.median(training.quantiles)))
    return {
        "id": head.id,
        "created_at": head.created_at,
        "profile": head.profile,
        "encoders": {k: v for k, v in labels.items() if v is not None},
        "model": head.models.main.name,
        "kind": head.models.main.role,
        "rule": rule_in_words(head.rule),
        "channels": training.channel_ids,
        "trained_on": trained_on,
        "quality": quality.main.as_dict(),
        "quality_metadata_only": quality.metadata.as_dict() if head.models.metadata is not None else None,
        "cannot_know": CANNOT_KNOW,
        "warnings": [warning.text for warning in quality.warnings],
        "horizon_matters": any(HORIZON in spec.columns for spec in head.models.by_name().values()),
        "accepts_metadata_only": head.accepts_metadata_only,
    }
