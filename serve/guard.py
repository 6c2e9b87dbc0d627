"""Who may talk to the app: pages of other sites may not, neither under a name of theirs nor from their own.

A page elsewhere can make its own name point here (DNS rebinding), and then reads what it likes; and it can
post a form here without reading the answer. So the Host must be one that this app is known by, and what a
browser says of a request's origin must be the app itself. Programs say nothing of an origin, and may.
Not known here: keys, routes.
"""

import ipaddress
from collections.abc import Collection
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from serve.errors import ApiError

READS = ("GET", "HEAD", "OPTIONS")


class Guard:
    """ASGI around the app. hosts: names it answers to, besides addresses and localhost; None: to every name,
    for an app behind a proxy that checks."""

    def __init__(self, app: Any, hosts: Collection[str] | None, headers: dict[str, str]) -> None:
        self.app, self.headers = app, headers
        self.hosts = None if hosts is None else {"localhost", *(host.lower() for host in hosts)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":  # there is none here, and whoever asks for one shall not wait
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] == "http" and (error := self._refused(scope["method"], Headers(scope=scope))):
            await JSONResponse(error.body(), error.status, self.headers)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _refused(self, method: str, headers: Headers) -> ApiError | None:
        host = headers.get("host", "")
        if self.hosts is not None and not self._ours(host):
            return ApiError("forbidden", "This app is not known by that host name (vvp serve --allow-host).")
        if method in READS:
            return None
        if headers.get("upgrade", "").lower() == "websocket":  # what stands behind the head is not read then
            return ApiError("bad_request", "There are no websockets here: send the form by plain HTTP.")
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None:
            foreign = site not in ("same-origin", "none")
        else:
            foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        return ApiError("forbidden", "Pages of other sites may not post here.") if foreign else None

    def _ours(self, host: str) -> bool:
        """An address is always ours: a page that has it in its own address came from here."""
        with suppress(ValueError):
            name = urlsplit(f"//{host}").hostname or ""
            with suppress(ValueError):
                ipaddress.ip_address(name)
                return True
            return name.rstrip(".") in (self.hosts or ())
        return False
