"""The app's own HTTP side, without Ray, with answers that a real predictor cannot be made to give."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from math import exp, expm1
from typing import Any

import uvicorn

from serve.api import make_api
from serve.config import Limits
from serve.errors import ApiError
from serve.schemas import ForecastReply, PredictorReply

HEADLINE = "Between 4,000 and 16K views: no channel was given."
PROMISE = "After 30 days, four times in five (it held 79% of 40 tested). The middle of that range is 8,000."
HOSTILE = '<img src="/never" onerror="document.title=\'taken\'"><b>bold</b>'
PREDICTOR_ID = "0123456789abcdef"


def forecast(**other: Any) -> dict[str, Any]:
    """An answer of /v1/forecasts: from 4,000 views to 16,000, between them 8,000; `other` replaces fields."""
    start = 8.0
    blocks = {"picture": 0.9, "sound": -0.3, "words": 0.387, "timing": 0.0, "channel": 0.0}
    log_views = start + sum(blocks.values())
    return {
        "predictor": PREDICTOR_ID, "headline": HEADLINE, "promise": PROMISE, "kind": "model",
        "channel": {"given": None, "known": False, "learned_from": 3, "counted": True},
        "counts_age_days": 200.0,
        "views": expm1(log_views), "log_views": log_views, "horizon_days": 30.0,
        "interval": {"low": 4000.0, "high": 16000.0, "coverage": 0.8}, "percentile": 0.0,
        "training_videos": 1, "top_tenth": {"probability": 0.004, "views_at_least": 900_000.0},
        "starting_point": {"views": expm1(start), "log_views": start},
        "blocks": [{"block": b, "log_views": v, "factor": exp(v)} for b, v in blocks.items()],
        "baselines": {"train mean": 3000.0, "channel's earlier videos": None},
        "missing": ["speech"],
        "outside": [{"feature": "log_horizon_days", "value": 3.434, "low": 5.39, "high": 6.47}],
        "notes": [HOSTILE],
        "nearest": [
            {"video_id": "v1", "title": HOSTILE, "views": 20.0, "channel_id": HOSTILE,
             "published_at": "2025-03-02T10:00:00+00:00", "similarity": 0.83},
        ],
        "model": "ridge", "quality": {"verdict": HOSTILE}, "seconds": {"decode": None},
        **other,
    }  # fmt: skip


def lines(*values: dict[str, Any]) -> str:
    """A body of application/x-ndjson."""
    return "".join(json.dumps(value) + "\n" for value in values)


class Answers:
    """Acts as the Ingress: every draft gets `forecast()`. key: asked for when set; words_alone: accepted."""

    def __init__(self, scratch: str) -> None:
        self.scratch, self.bounds, self.words_alone, self.key = scratch, Limits(), True, ""
        self.hosts: list[str] | None = None  # it answers to every name
        self.targets = ["views"]

    def admit(self, key: str | None) -> None:
        if self.key and key != self.key:
            raise ApiError("unauthorized", "Send the API key.")

    def place(self) -> Any:
        return nullcontext()

    def uploading(self, client: str) -> Any:
        return nullcontext()

    async def forecast(self, submitted: Any, events: Any = None) -> ForecastReply:
        return ForecastReply(**forecast())

    async def predictor(self) -> PredictorReply:
        return PredictorReply(
            id=PREDICTOR_ID, created_at="2026-01-01T00:00:00+00:00", profile="offline", encoders={},
            model="ridge", kind="model", rule="this channel's earlier videos", channels=["c1", HOSTILE],
            horizon_matters=True,
            trained_on={"videos": 1, "channels": 1, "published": [], "horizon_days": None},
            quality={"verdict": "ridge does as well as a rule."}, quality_metadata_only=None,
            cannot_know=["the future"], warnings=[], targets=self.targets,
            accepts_metadata_only=self.words_alone, refused=None,
            upload_limits={"bytes": self.bounds.upload_bytes, "seconds": 60},
        )  # fmt: skip

    def ended(self, *_: Any) -> None:
        """Nothing is counted."""


@contextmanager
def serving(answers: Answers) -> Iterator[str]:
    """The address at which the app answers so."""
    server = uvicorn.Server(uvicorn.Config(make_api(answers), port=0, log_level="error"))
    socket = server.config.bind_socket()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
    thread.start()
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join()
