"""What Serve's proxy does differently for this app. It runs in the proxy's own process, before it listens.

Serve's proxy answers a dying replica's requests with "Internal Server Error" as plain text; here they get the
API's own JSON, and are told to come again. And it takes whatever asks for a websocket away from HTTP, where a
POST is then never answered; there is no websocket here, so such a request is an ordinary one.
Not known here: the app, and anything that takes long to import.
"""

import json
from typing import Any

import uvicorn.config
from starlette.middleware import Middleware

# Serve's processes read them when they start. A proxy counts as dead after three checks in vain: here
# three seconds, not thirty. A machine with much to do may take more than Serve's five seconds to start one.
SETTINGS = {
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve.proxy:prepare",
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "30",
}
BODY = json.dumps(
    {"error": {"kind": "unavailable", "message": "A part of the service is not running; try again."}}
).encode()
HEADERS = [
    (b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode()),
    (b"retry-after", b"5"), (b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"),
]  # fmt: skip


def prepare() -> list[Middleware]:
    """Called by Serve's proxy: what goes around it."""
    uvicorn.config.WS_PROTOCOLS["auto"] = None
    return [Middleware(Told)]


class Told:
    """ASGI around the proxy: an error that Serve made up itself, without a word of ours, becomes a 503."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = replaced = False

        async def instead() -> None:
            nonlocal begun, replaced
            begun = replaced = True
            await send({"type": "http.response.start", "status": 503, "headers": HEADERS})
            await send({"type": "http.response.body", "body": BODY})

        async def told(message: Any) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and _bare(message):
                await instead()
            elif not replaced:
                begun = True
                await send(message)

        try:
            await self.app(scope, receive, told)
        except Exception:  # noqa: BLE001  Serve has logged it; uvicorn would answer it in plain text
            if begun:
                raise
            await instead()


def _bare(start: Any) -> bool:
    """Whether it is a server's error in plain text; ours are JSON."""
    if start["status"] < 500:
        return False
    kinds = [value for name, value in start.get("headers", ()) if name.lower() == b"content-type"]
    return not any(value.startswith((b"application/json", b"application/x-ndjson")) for value in kinds)
