"""The routes: HTTP in, schemas.py out. Every outcome is JSON, or a page.

Not known here: Ray, how a forecast is made. `make_api` is handed an Ingress, or in tests what acts as one.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack
from functools import partial, wraps
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from fastapi.security import APIKeyHeader
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from serve import docs, drafts
from serve.errors import NO_ROOM, RETRY_AFTER, ApiError, no_room
from serve.guard import Guard
from serve.schemas import ForecastReply, Health, PredictorReply, RankingReply
from serve.uploads import Form, lively, read_form, too_large
from vvp import __version__

logger = logging.getLogger("ray.serve")
PAGE = Path(__file__).parent / "page"
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
SAFE = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
LINES = "application/x-ndjson"
SLACK_BYTES = 4 << 20  # of a body: texts and part headers beside the files
KEY = "X-API-Key"
Handler = Callable[[Request], Awaitable[Response]]
Work = Callable[..., Awaitable[ForecastReply | RankingReply]]  # given a queue, it tells it of its steps


def make_api(ingress: Any) -> FastAPI:
    """The ASGI app of one replica."""
    app = FastAPI(
        title="vvp", version=__version__, description=docs.INTRODUCTION, docs_url=None, redoc_url=None
    )
    guarded = _guard(ingress)
    shown = Depends(APIKeyHeader(name=KEY, auto_error=False))  # for /openapi.json; _guard compares

    async def answer(request: Request, name: str, work: Work, started: float, held: ExitStack) -> Response:
        """The result of the work as JSON, or line by line where that is asked for."""
        if LINES not in request.headers.get("accept", ""):
            return _json(await work())
        return Lines(ingress, name, work, started, held.pop_all())

    @app.post("/v1/forecasts", response_model=ForecastReply, dependencies=[shown], **docs.FORECASTS)
    @guarded("/v1/forecasts")
    async def forecasts(request: Request) -> Response:
        """Forecast the views of one draft: a video, or words alone where the predictor can."""
        started = time.monotonic()
        with ExitStack() as held:
            form = held.enter_context(Form(ingress.scratch))
            await _read(request, form, ingress, 1)
            held.enter_context(ingress.place())
            work = partial(ingress.forecast, drafts.one(form))
            return await answer(request, "forecast", work, started, held)

    @app.post("/v1/rankings", response_model=RankingReply, dependencies=[shown], **docs.RANKINGS)
    @guarded("/v1/rankings")
    async def rankings(request: Request) -> Response:
        """Put two to ten drafts in order, by views or another target that the predictor has, and say which
        neighbours cannot be told apart."""
        started = time.monotonic()
        with ExitStack() as held:
            form = held.enter_context(Form(ingress.scratch))
            await _read(request, form, ingress, drafts.MOST)
            held.enter_context(ingress.place())
            work = partial(ingress.ranking, drafts.several(form), drafts.ranked_by(form))
            return await answer(request, "ranking", work, started, held)

    @app.get("/v1/predictor", response_model=PredictorReply, dependencies=[shown], **docs.PREDICTOR)
    @guarded("/v1/predictor")
    async def predictor(request: Request) -> Response:
        """What answers here: what it was trained on, how good it was measured to be, what it cannot know."""
        return _json(await ingress.predictor())

    @app.get("/healthz", response_model=Health, **docs.HEALTH)
    @guarded(None)
    async def healthz(request: Request) -> Response:
        """200 when a forecast can be made."""
        return _json(await ingress.health())

    _pages(app)
    app.add_middleware(Guard, hosts=ingress.hosts, headers=SAFE)
    return app


def _pages(app: FastAPI) -> None:
    """What a browser gets: the page, its parts, the documentation."""
    parts = {p.name: p for p in PAGE.iterdir() if p.suffix in TYPES}

    @app.get("/", include_in_schema=False)
    async def page() -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html", headers=SAFE)

    @app.get("/static/{name}", include_in_schema=False)
    async def static(name: str) -> Response:
        if name not in parts:
            raise HTTPException(404)
        return FileResponse(parts[name], media_type=TYPES[parts[name].suffix], headers=SAFE)

    @app.get("/docs", include_in_schema=False)
    async def documentation(request: Request) -> Response:
        return HTMLResponse(docs.page(app.openapi(), str(request.base_url).rstrip("/")), headers=SAFE)

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        kind = "not_allowed" if error.status_code == 405 else "not_found"
        body = ApiError(kind, "There is nothing here; see /docs.").body()
        return JSONResponse(body, error.status_code, {**SAFE, **(error.headers or {})})


def _guard(ingress: Any) -> Callable[[str | None], Callable[[Handler], Handler]]:
    """Around a route: the key before anything else, errors as JSON, what became of it counted under the name
    that is given; null: a route that needs no key and is not counted."""

    def reply(error: ApiError) -> Response:
        again = {"Retry-After": str(ingress.bounds.retry_after_s)} if error.kind in RETRY_AFTER else {}
        return JSONResponse(error.body(), error.status, {**SAFE, **again})

    def guard(route: str | None) -> Callable[[Handler], Handler]:
        def around(handler: Handler) -> Handler:
            @wraps(handler)
            async def guarded(request: Request) -> Response:
                started, outcome, counts = time.monotonic(), "cancelled", route is not None
                try:
                    if route is not None:
                        ingress.admit(request.headers.get(KEY))
                    response = await handler(request)
                    counts, outcome = counts and not isinstance(response, Lines), "ok"  # it counts itself
                    return response
                except ApiError as error:
                    outcome = error.kind
                    return reply(error)
                except ClientDisconnect:
                    return Response(status_code=499)  # nobody reads it
                except Exception as error:  # noqa: BLE001 - a mistake of ours: logged, and told without its text
                    outcome = "internal"
                    return reply(_internal(error))
                finally:
                    if counts:
                        ingress.ended(route, outcome, round(time.monotonic() - started, 4))

            return guarded

        return around

    return guard


class Lines(StreamingResponse):
    """What the drafts go through as it happens, one JSON object a line; last the answer, or the error.

    It gives back what the request holds, and counts it, however it ends.
    """

    def __init__(self, ingress: Any, name: str, work: Work, started: float, held: ExitStack) -> None:
        """name: of the answer in the last line; started: when the request came, time.monotonic."""
        super().__init__(self._stages(), headers=SAFE, media_type=LINES)
        self.ingress, self.name, self.begin, self.held = ingress, name, work, held
        self.started, self.received = started, round(time.monotonic() - started, 4)
        self.outcome = "cancelled"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            with self.held:
                await super().__call__(scope, receive, send)
        finally:
            seconds = round(time.monotonic() - self.started, 4)
            self.ingress.ended(f"/v1/{self.name}s", self.outcome, seconds)

    async def _stages(self) -> AsyncIterator[str]:
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        work = asyncio.ensure_future(self.begin(events))
        work.add_done_callback(lambda _: events.put_nowait({}))
        try:
            yield _line({"stage": "received", "state": "done", "seconds": self.received})
            while event := await events.get():
                yield _line(event)
            try:
                last = {self.name: work.result().model_dump(mode="json")}
                self.outcome = "ok"
            except ApiError as error:
                last, self.outcome = error.body(), error.kind
            except Exception as error:  # noqa: BLE001 - the status is sent: this line is all that can be said
                last, self.outcome = _internal(error).body(), "internal"
            yield _line(last)
        finally:
            work.cancel()


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _json(reply: Any) -> Response:
    return Response(reply.model_dump_json(), media_type="application/json", headers=SAFE)


async def _read(request: Request, form: Form, ingress: Any, most_files: int) -> None:
    """The body into `form`, within the limits; ApiError otherwise."""
    limits, client = ingress.bounds, request.client.host if request.client else ""
    stated = request.headers.get("content-length", "")
    if stated.isdigit() and int(stated) > most_files * limits.upload_bytes + SLACK_BYTES:
        raise too_large(limits.upload_bytes)
    kind = request.headers.get("content-type")
    body = lively(request.stream(), limits.least_rate)
    work = read_form(form, body, kind, limits.upload_bytes, most_files)
    try:
        with ingress.uploading(client):
            await asyncio.wait_for(work, limits.upload_s)
    except asyncio.TimeoutError as error:
        raise ApiError("slow_upload", f"The upload took longer than {limits.upload_s:g} s.") from error
    except OSError as error:
        if no_room(error):
            raise ApiError(*NO_ROOM) from error
        raise


def _internal(error: Exception) -> ApiError:
    # The class alone: a message may quote what was sent.
    logger.error("internal error", extra={"vvp_error": type(error).__name__})
    return ApiError("internal", "Something went wrong in the service; it has been logged.")
