"""The online app against one plain process: both run, pinned to the same cores, and are asked in turn.

single   benchmarks/serve_single.py: FastAPI, the same encoders, one request at a time, all cores per model
fused    the app of serve/ in the layout of a laptop (benchmarks/serve_app.py), or `--layout staged`

At each number of clients, without a video and with one, the two are asked in turn (A B A B …), `--rounds`
times, by a closed loop in a process of its own: each client asks again as soon as it is answered, always
with another draft. Of each turn: CPU-seconds per request of all the app's processes, requests per second,
p50 and p99. What counts is the ratio within a round, for the machine may have other things to do; its median
is shown. "overhead" is the difference of the p50 at one client without a video. Memory: proportional set
size.

    python benchmarks/serve.py --workspace demo/workspace --clips demo/unseen
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp
import numpy as np

# Run as a script, this file would be found where the package of the app is meant.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.common import RESULTS, machine, tree, tree_cpu_s, tree_gb  # noqa: E402

WORDS = (
    "why",
    "how",
    "nobody",
    "talks",
    "about",
    "this",
    "day",
    "cat",
    "city",
    "food",
    "best",
    "first",
    "last",
)
START_S = 300.0
IDLE_S = 10.0
AIMS = {"per_second_16": 1.2, "p99_16": 1.0, "overhead_ms": 8.0, "memory": 1.5}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="demo/workspace")
    parser.add_argument("--name", default="default")
    parser.add_argument("--clips", type=Path, default=Path("demo/unseen"), help="a folder of mp4, or one")
    parser.add_argument("--layout", default="fused", choices=["fused", "staged"])
    parser.add_argument("--cores", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--video-clients", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--requests", type=int, default=128, help="a turn, without a video")
    parser.add_argument("--videos", type=int, default=16, help="a turn, with one; twice the clients if more")
    parser.add_argument("--out", type=Path, default=RESULTS / "serve.json")
    options = parser.parse_args()
    clips = [options.clips] if options.clips.is_file() else sorted(options.clips.glob("*.mp4"))
    if not clips:
        raise SystemExit(f"no mp4 in {options.clips}: run `make demo` first, or give --clips and --workspace")
    films = [clip.read_bytes() for clip in clips]
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    os.sched_setaffinity(0, cores)  # all that is started from here on inherits it
    workspace = str(Path(options.workspace).absolute())
    result: dict[str, Any] = {
        "date": date.today().isoformat(), "machine": machine(), "cores": len(cores),
        "layout": options.layout, "rounds": options.rounds, "aims": AIMS, "levels": [],
    }  # fmt: skip
    options.out.parent.mkdir(exist_ok=True)
    with (
        multiprocessing.get_context("spawn").Pool(1) as asking,
        running("serve_single.py", workspace, options.name) as single,
        running("serve_app.py", workspace, options.name, options.layout) as app,
    ):
        apps = {"single": single, options.layout: app}
        result["idle_cores"] = {name: idle(one[1]) for name, one in apps.items()}
        # Ray makes its workers nicer, by 15 unless told otherwise, which matters where others work too.
        result["niceness"] = {name: niceness(one[1]) for name, one in apps.items()}
        for with_video, levels in ((False, options.clients), (True, options.video_clients)):
            for clients in levels:
                least = options.videos if with_video else options.requests
                count = max(least if clients > 1 else least // 2, 2 * clients if clients < 64 else clients)
                turns = measured(asking, apps, clients, count, films if with_video else [], options.rounds)
                result["levels"].append(summary(with_video, clients, turns, options.layout))
                _print(result["levels"][-1])
            when = "with_video" if with_video else "without_video"
            result.setdefault("memory_gb", {})[when] = {n: tree_gb(one[1]) for n, one in apps.items()}
            alone = [one for one in result["levels"] if not one["video"] and one["clients"] == 1]
            result["overhead_ms"] = alone[0]["p50_more_ms"] if alone else None
            options.out.write_text(json.dumps(result, indent=1) + "\n")  # kept as it goes
    print(f"overhead at one client: {result['overhead_ms']} ms; memory, GB: {result['memory_gb']}")


def measured(
    asking: Any, apps: dict[str, Any], clients: int, count: int, films: list[bytes], rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """Turns of each app, in the order of the rounds. The first of every level is not counted: it warms up."""
    turns: dict[str, list[dict[str, Any]]] = {name: [] for name in apps}
    for turn in range(rounds + 1):
        for name, (url, process) in apps.items():
            before = tree_cpu_s(process)
            few = count if turn else min(count, 2 * clients)
            row = asking.apply(load, (url, clients, few, films, 1000 * turn + clients))
            row["cpu_s_per_request"] = (tree_cpu_s(process) - before) / row["requests"]
            if turn:
                turns[name].append(row)
    return turns


def summary(video: bool, clients: int, turns: dict[str, Any], layout: str) -> dict[str, Any]:
    """Medians over the rounds, and the median of the rounds' ratios, app to single."""
    level: dict[str, Any] = {"video": video, "clients": clients}
    for name, rows in turns.items():
        times = np.concatenate([row.pop("times_s") for row in rows])
        p50, p99 = np.percentile(times, [50, 99])
        level[name] = {
            "requests": len(times), "wrong": sum(row["wrong"] for row in rows),
            "per_second": median(row["per_second"] for row in rows),
            "cpu_s_per_request": median(row["cpu_s_per_request"] for row in rows),
            "p50_s": float(p50), "p99_s": float(p99), "rounds": rows,
        }  # fmt: skip
    pairs = list(zip(turns[layout], turns["single"], strict=True))
    for key in ("per_second", "cpu_s_per_request", "p50_s", "p99_s"):
        ratios = sorted(one[key] / other[key] for one, other in pairs)
        level[f"{key}_ratio"] = {"median": median(ratios), "from": ratios[0], "to": ratios[-1]}
    level["p50_more_ms"] = 1000 * median(one["p50_s"] - other["p50_s"] for one, other in pairs)
    return level


# --- the load, in a process of its own ----------------------------------------------------------------
def load(url: str, clients: int, requests: int, films: list[bytes], seed: int) -> dict[str, Any]:
    """films: one of them goes with each draft; []: none does."""
    return asyncio.run(_load(url, clients, requests, films, seed))


async def _load(url: str, clients: int, requests: int, films: list[bytes], seed: int) -> dict[str, Any]:
    times: list[float] = []
    wrong = 0
    drawn = random.Random(seed)
    left = iter(range(requests))

    async def ask(session: aiohttp.ClientSession, number: int) -> None:
        nonlocal wrong
        title = " ".join(drawn.choices(WORDS, k=drawn.randint(4, 12))) + f" {seed} {number}"
        fields = {"title": title, "channel_id": f"c0_{number % 8:03d}"}
        form = aiohttp.FormData(fields, default_to_multipart=True)
        if films:
            film = films[(seed + number) % len(films)]
            form.add_field("video", film, filename="draft.mp4", content_type="video/mp4")
        started = time.perf_counter()
        async with session.post(f"{url}/v1/forecasts", data=form) as reply:
            await reply.read()
            wrong += reply.status != 200
        times.append(time.perf_counter() - started)

    async def client(session: aiohttp.ClientSession) -> None:
        for number in left:
            await ask(session, number)

    limits = aiohttp.ClientTimeout(total=900)
    async with aiohttp.ClientSession(timeout=limits, connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()
        await asyncio.gather(*(client(session) for _ in range(clients)))
        seconds = time.perf_counter() - started
    p50, p99 = np.percentile(times, [50, 99])
    return {
        "requests": len(times), "wrong": wrong, "per_second": len(times) / seconds,
        "p50_s": float(p50), "p99_s": float(p99), "times_s": times,
    }  # fmt: skip


# --- the two apps -------------------------------------------------------------------------------------
@contextmanager
def running(script: str, workspace: str, name: str, *more: str) -> Iterator[tuple[str, int]]:
    """(address, process) of one of the two, once it answers a draft."""
    port = free_port()
    command = [sys.executable, str(Path(__file__).with_name(script)), workspace, name, str(port), *more]
    with subprocess.Popen(command) as process:
        try:
            deadline = time.monotonic() + START_S
            while not _answers(f"http://127.0.0.1:{port}/docs"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{script} did not start")
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def idle(process: int) -> float:
    """Cores that it takes while nobody asks."""
    before = tree_cpu_s(process)
    time.sleep(IDLE_S)
    return (tree_cpu_s(process) - before) / IDLE_S


def niceness(process: int) -> int:
    """The most of it and its descendants."""
    return max(os.getpriority(os.PRIO_PROCESS, member) for member in tree(process))


def _print(level: dict[str, Any]) -> None:
    kind = f"{'video' if level['video'] else 'words'} {level['clients']:3} clients"
    for name, row in level.items():
        if isinstance(row, dict) and "rounds" in row:
            print(
                f"{kind}  {name:7} {row['per_second']:7.2f}/s  p50 {1000 * row['p50_s']:7.0f}  "
                f"p99 {1000 * row['p99_s']:7.0f} ms  CPU {1000 * row['cpu_s_per_request']:6.0f} ms  "
                f"{row['wrong'] or ''}"
            )
    ratios = {key: value["median"] for key, value in level.items() if key.endswith("_ratio")}
    print(kind, " ".join(f"{key}: {value:.2f}" for key, value in ratios.items()), flush=True)


if __name__ == "__main__":
    main()
