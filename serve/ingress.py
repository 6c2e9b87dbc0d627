"""The one deployment that speaks HTTP: takes requests in, holds them to the limits, ends them cleanly.

Not known here: the routes (api.py), the order of the steps (pipeline.py).
"""

import asyncio
import hmac
import logging
from collections import Counter
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, TypeVar

from fastapi import FastAPI
from pydantic import ValidationError
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError

from serve.api import make_api
from serve.config import Limits, PredictorAt
from serve.drafts import Submitted
from serve.errors import NO_ROOM, ApiError, no_room
from serve.metrics import Metrics
from serve.pipeline import Events, Handles, Here, Steps, by_video, call, embed, side_by_side
from serve.ranking import ranked
from serve.schemas import ForecastReply, Health, PredictorReply, RankingReply, Seconds
from vvp.dataset.scales import log_count
from vvp.dataset.targets import VIEWS

logger = logging.getLogger("ray.serve")
T = TypeVar("T")


@serve.ingress()
class Ingress:
    """One replica. Its limits change by user_config; wrong ones are refused and the old ones stay."""

    def __init__(
        self,
        handles: Handles,
        key_sha256: str | None,
        scratch: str | None,
        hosts: list[str] | None,
        predictor: PredictorAt,
    ) -> None:
        """key_sha256: hex, of the key that every /v1 call must carry; null: none is asked for.
        scratch, hosts, predictor: see config.AppArgs."""
        self.hosts = hosts
        self.uploads: Counter[str] = Counter()  # under way, by the client's address
        self.handles, self.key_sha256, self.scratch = handles.direct(), key_sha256, scratch
        self.limits: Limits | None = None
        self.predictor_at = predictor
        self.loaded: dict[str, Any] | None = None  # what the fused forecaster was told last
        self.metrics = Metrics()
        self.at_work = 0
        self.outcomes: Counter[str] = Counter()
        self.closing = False
        self.whole = False  # all deployments have answered

    async def reconfigure(self, config: dict[str, Any]) -> None:
        """config: Limits; in the fused layout also `predictor`, a PredictorAt (without it: the args')."""
        limits = dict(config)
        if isinstance(self.handles.forecaster, Here):
            at = limits.pop("predictor", None) or self.predictor_at.model_dump()
            if at != self.loaded:
                await asyncio.to_thread(self.handles.forecaster.thing.reconfigure, at)
                self.loaded = at
        try:
            self.limits = Limits.model_validate(limits)
        except ValidationError as error:
            if self.limits is None:
                raise
            logger.error("limits refused", extra={"vvp_reason": str(error).replace("\n", " ")})

    def __serve_build_asgi_app__(self) -> FastAPI:  # noqa: N807 - Serve's name for it
        return make_api(self)

    @property
    def bounds(self) -> Limits:
        """The limits in force."""
        assert self.limits is not None, "Serve calls reconfigure before the first request"
        return self.limits

    def admit(self, key: str | None) -> None:
        """ApiError unauthorized unless the key is the one asked for, compared in constant time."""
        # A header's bytes come as latin-1; they were sent as the environment holds the key: UTF-8.
        given = sha256((key or "").encode("latin-1")).hexdigest()
        if self.key_sha256 is not None and not hmac.compare_digest(given, self.key_sha256):
            raise ApiError("unauthorized", "Send the API key of this app in the header X-API-Key.")

    @contextmanager
    def uploading(self, client: str) -> Iterator[None]:
        """While a body comes in. ApiError busy when there is no place to work on it, or when this client, or
        all together, have too many under way. It holds no place at work: whoever is slow waits alone."""
        if self.closing:  # what had come before is answered
            raise ApiError("unavailable", "The service is ending; try again later.")
        self._refuse_when_full()
        most = self.bounds.uploads
        if self.uploads.total() >= most or self.uploads[client] >= max(1, most // 2):
            raise ApiError("busy", "Too many uploads are under way; try again in a few seconds.")
        self.uploads[client] += 1
        try:
            yield
        finally:
            self.uploads[client] -= 1
            self.uploads += Counter()  # forgets clients without any

    def _refuse_when_full(self) -> None:
        if self.at_work >= self.bounds.at_once:
            raise ApiError("busy", "The service is busy; try again in a few seconds.")

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among those at work, for a request that is here whole. ApiError busy when all are taken."""
        self._refuse_when_full()
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1

    async def in_time(self, work: Awaitable[T]) -> T:
        """The work's result. ApiError time_limit, busy or unavailable in place of what Ray raises."""
        try:
            return await asyncio.wait_for(work, self.bounds.time_s)
        except asyncio.TimeoutError as error:
            raise ApiError(
                "time_limit", f"The forecast took longer than {self.bounds.time_s:g} s."
            ) from error
        except BackPressureError as error:
            raise ApiError("busy", "The service is busy; try again in a few seconds.") from error
        except DeploymentUnavailableError as error:
            raise ApiError("unavailable", "A part of the service is not running; try later.") from error
        except (OSError, RayError) as error:
            if no_room(error):
                raise ApiError(*NO_ROOM) from error
            raise

    async def forecast(self, submitted: Submitted, events: Events = None) -> ForecastReply:
        """The forecast of one draft. ApiError for everything that can be said about why there is none.
        events: see pipeline.Steps."""
        [reply], _ = await self._forecasts([submitted], events)
        return reply

    async def ranking(
        self, submitted: Sequence[Submitted], by: str = VIEWS.name, events: Events = None
    ) -> RankingReply:
        """by: the target that orders them; ApiError bad_request where the predictor has none such."""
        replies, answer = await self._forecasts(submitted, events, by)
        titles = [one.draft.title for one in submitted]
        return ranked(replies, titles, answer["strengths"], answer["beats"], self.bounds.too_close, by)

    async def _forecasts(
        self, submitted: Sequence[Submitted], events: Events, by: str = VIEWS.name
    ) -> tuple[list[ForecastReply], dict[str, Any]]:
        """Replies in the order sent, from one predictor; what Forecaster.forecast said."""
        groups, everyone = by_video(submitted, events), Steps(range(len(submitted)), events)
        try:
            answer = await self.in_time(self._answer(submitted, groups, everyone, by))
        finally:
            for done in (*groups, everyone):
                for step, seconds in done.seconds.items():
                    self.metrics.step(step, seconds)
        if "no_model" in answer:
            raise ApiError("no_model", answer["no_model"])
        if "no_target" in answer:
            raise ApiError("bad_request", answer["no_target"][:1].upper() + answer["no_target"][1:])
        took = {i: Seconds(**group.seconds, **everyone.seconds) for group in groups for i in group.drafts}
        replies = [ForecastReply(**one, seconds=took[i]) for i, one in enumerate(answer["forecasts"])]
        for reply in replies:
            self._count(reply)
        return replies, answer

    async def _answer(
        self, submitted: Sequence[Submitted], groups: Sequence[Steps], everyone: Steps, by: str
    ) -> dict[str, Any]:
        """What Forecaster.forecast says of the drafts, embedded group by group, side by side."""
        longest_s = self.bounds.duration_s
        rows: dict[int, Any] = {}

        async def embedded(group: Steps) -> None:
            some = [submitted[i] for i in group.drafts]
            try:
                found = await embed(
                    self.handles, [one.draft for one in some], some[0].video, longest_s, group
                )
            except ApiError as error:
                where = f"Draft {group.drafts[0] + 1}: " if len(submitted) > 1 else ""
                raise ApiError(error.kind, where + error.message) from error
            rows.update(zip(group.drafts, found, strict=True))

        await side_by_side(*map(embedded, groups))
        drafts = [(one.draft.values(), rows[i], one.draft.horizon_days) for i, one in enumerate(submitted)]
        with everyone.step("forecast"):
            answer: dict[str, Any] = await call(self.handles.forecaster.forecast, drafts, by)
        return answer

    def _count(self, reply: ForecastReply) -> None:
        span = reply.interval
        width = None if span is None else float(log_count(span.high) - log_count(span.low))
        self.metrics.forecast(width, bool(reply.outside))

    async def predictor(self) -> PredictorReply:
        limits = {"bytes": self.bounds.upload_bytes, "seconds": self.bounds.duration_s}
        facts = await self.in_time(call(self.handles.forecaster.facts))
        return PredictorReply(**facts, upload_limits=limits)

    async def health(self) -> Health:
        """ApiError unavailable, or time_limit, when no forecast could be made now."""
        if self.closing:
            raise ApiError("unavailable", "The service is ending; try again later.")
        if not self.whole:  # asked once: later an answer would have to wait behind the films in work
            await self.in_time(self.handles.ready())
            self.whole = True
        facts = await self.in_time(call(self.handles.forecaster.facts))
        return Health(status="ok", predictor=facts["id"], refused=facts["refused"])

    def close(self) -> None:
        """From here on new requests get 503."""
        self.closing = True

    def busy(self) -> int:
        """Requests that are here and not yet answered."""
        return self.at_work + self.uploads.total()

    def tally(self) -> dict[str, int]:
        """Requests of the API so far, by what they ended in."""
        return dict(self.outcomes)

    def ended(self, route: str, outcome: str, seconds: float) -> None:
        """Counts and logs a finished request: where, what became of it, how long; nothing of what it held."""
        self.metrics.ended(route, outcome)
        self.outcomes[outcome] += 1
        logger.info("request", extra={"vvp_route": route, "vvp_outcome": outcome, "vvp_seconds": seconds})
