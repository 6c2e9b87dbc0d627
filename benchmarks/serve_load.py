"""The clients of benchmarks/serve.py: a closed loop of requests, in a process of its own."""

import asyncio
import multiprocessing
import time
from typing import Any

import aiohttp
import numpy as np

FIELDS = {"title": "Why does nobody talk about this?", "channel_id": "c0_004"}
WARM = 3  # requests before the clock starts


def load(url: str, clients: int, requests: int, video: bytes | None) -> dict[str, Any]:
    """What so many clients got and how fast; from a fresh process, so that Serve's driver is not in it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found: dict[str, Any] = pool.apply(_run, (url, clients, requests, video))
    return found


def _run(*arguments: Any) -> dict[str, Any]:
    return asyncio.run(_load(*arguments))


async def _load(url: str, clients: int, requests: int, video: bytes | None) -> dict[str, Any]:
    times: list[float] = []
    left = iter(range(requests))
    outcomes: dict[int, int] = {}

    async def ask(session: aiohttp.ClientSession) -> None:
        form = aiohttp.FormData({**FIELDS}, default_to_multipart=True)
        if video is not None:
            form.add_field("video", video, filename="draft.mp4", content_type="video/mp4")
        started = time.perf_counter()
        async with session.post(f"{url}/v1/forecasts", data=form) as reply:
            await reply.read()
            outcomes[reply.status] = outcomes.get(reply.status, 0) + 1
        times.append(time.perf_counter() - started)

    async def client(session: aiohttp.ClientSession) -> None:
        for _ in left:
            await ask(session)

    limits = aiohttp.ClientTimeout(total=600)
    async with aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(limit=0)) as session:
        for _ in range(WARM):
            await ask(session)
        times.clear()
        outcomes.clear()
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        seconds = time.perf_counter() - started
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "clients": clients, "requests": len(times), "outcomes": outcomes, "per_second": len(times) / seconds,
        "p50_s": float(p50), "p99_s": float(p99),
    }  # fmt: skip
