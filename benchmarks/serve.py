"""The online app against one plain process, side by side in one run: same machine, predictor and weights.

single   benchmarks/serve_single.py: FastAPI, the same encoders, one request at a time, all cores per model
serve    the app of serve/ on Ray Serve, one replica of everything
serve 2  the same with two replicas of decoder, picture, sound, speech and forecaster

At 1, 4, 16 and 64 clients, each asking again as soon as it is answered (a closed loop, in a process of its
own), without a video and with one: requests per second, p50 and p99 of the answers, sizes of the encoders'
batches, memory of all processes (proportional set size). "overhead" is the difference of the p50 at one
client without a video.

    python benchmarks/serve.py --workspace demo/workspace --clip demo/unseen/s0_u00000.mp4

With --targets, what a further target costs instead: the run NAME, which forecasts views alone, and the run
SEVERAL of the same workspace, each served twice in turn, one client, without a video and with one.

    python benchmarks/serve.py --workspace demo/workspace --name default --targets SEVERAL
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

# Run as a script, this file would be found where the package of the app is meant.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.common import RESULTS, machine, tree_gb  # noqa: E402

CLIENTS = (1, 4, 16, 64)
FIELDS = {"title": "Why does nobody talk about this?", "channel_id": "c0_004"}
WARM = 3  # requests before the clock starts
START_S = 300.0
TRIES = 50


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="demo/workspace")
    parser.add_argument("--name", default="default")
    parser.add_argument("--clip", type=Path, default=Path("demo/unseen/s0_u00000.mp4"))
    parser.add_argument("--requests", type=int, default=192, help="per level, without a video")
    parser.add_argument("--videos", type=int, default=32, help="per level, with one (at least the clients)")
    parser.add_argument(
        "--targets", metavar="SEVERAL", help="a run with several targets; measure these alone"
    )
    options = parser.parse_args()
    if not options.clip.is_file():
        raise SystemExit(f"there is no {options.clip}: run `make demo` first, or give --clip and --workspace")
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "runs": {}}
    workspace = str(Path(options.workspace).absolute())
    RESULTS.mkdir(exist_ok=True)
    if options.targets:
        further_targets(workspace, options)
        return
    apps = {
        "single": lambda: single(workspace, options.name),
        "serve": lambda: serving(workspace, options.name, 1),
        "serve 2": lambda: serving(workspace, options.name, 2),
    }
    for name, app in apps.items():
        with app() as url:
            result["runs"][name] = levels(url, options)
        _print(name, result["runs"][name])
        if name == "serve":
            one, other = (result["runs"][n]["levels"][0]["p50_s"] for n in ("single", "serve"))
            result["overhead_ms"] = 1000 * (other - one)
            print(f"overhead at one client, without a video: {result['overhead_ms']:.1f} ms")
        # Each run is kept as it ends.
        (RESULTS / "serve.json").write_text(json.dumps(result, indent=1) + "\n")


def further_targets(workspace: str, options: argparse.Namespace) -> None:
    """benchmarks/results/serve_targets.json: the answer's p50 of both runs, and what a target adds to it."""
    from vvp.learn.tuning import targets_of
    from vvp.workspace import Workspace

    space, runs = Workspace(workspace), (options.name, options.targets)
    many = {run: len(targets_of(space, run)) for run in runs}
    if many[options.name] != 1 or many[options.targets] < 2:
        raise SystemExit(
            f"{options.name} must have one target and {options.targets} several; they have {many}"
        )
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "targets": many}
    alone = {run: in_process_ms(space, run) for run in runs}
    each = (alone[options.targets] - alone[options.name]) / (many[options.targets] - 1)
    result["in_process"] = {"least_ms": alone, "ms_per_target": each}
    print(f"in this process, the least of {TRIES}: {alone} ms, {each:.1f} ms a further target", flush=True)
    for kind, video, requests in (
        ("words", None, options.requests), ("video", options.clip.read_bytes(), options.videos)
    ):  # fmt: skip
        found: dict[str, list[float]] = {run: [] for run in runs}
        for run in (*runs, *runs):
            with serving(workspace, run, 1) as url:
                found[run].append(_apart(load, url, 1, requests, video)["p50_s"])
        one, several = (float(np.mean(found[run])) for run in runs)
        each = 1000 * (several - one) / (many[options.targets] - 1)
        result[kind] = {
            "p50_s": found, "ratio": several / one, "ms_per_target": each, "requests": requests
        }  # fmt: skip
        print(f"{kind}: {1000 * one:.0f} ms with one target, {1000 * several:.0f} ms with several:", end=" ")
        print(f"ratio {several / one:.2f}, {each:.1f} ms a further target", flush=True)
        # Each kind is kept as it ends.
        (RESULTS / "serve_targets.json").write_text(json.dumps(result, indent=1) + "\n")


def in_process_ms(space: Any, run: str) -> float:
    """Milliseconds of a forecast of an embedded draft, all targets of the run, without HTTP: the least."""
    from serve.forecaster import _trial_row
    from vvp.forecast import others

    predictor = others.open_run(space, run)
    row = _trial_row(predictor, False)
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        others.forecast(predictor, row)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def levels(url: str, options: argparse.Namespace) -> dict[str, Any]:
    clip = options.clip.read_bytes()
    found = []
    before = batches()
    for video, least in ((None, options.requests), (clip, options.videos)):
        for clients in CLIENTS:
            row = _apart(load, url, clients, max(least, clients), video)
            after = batches()
            found.append({"video": video is not None, **row, "batches": _since(before, after)})
            before = after
    return {"levels": found, "memory_gb": tree_gb(os.getpid())}


# --- the load, in a process of its own ----------------------------------------------------------------
def load(url: str, clients: int, requests: int, video: bytes | None) -> dict[str, Any]:
    return asyncio.run(_load(url, clients, requests, video))


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


def _apart(function: Any, *arguments: Any) -> Any:
    """The function's result from a fresh process: the client's work must not sit in the driver of Serve."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


# --- the two kinds of app -----------------------------------------------------------------------------
@contextmanager
def single(workspace: str, name: str) -> Iterator[str]:
    port = free_port()
    file = Path(__file__).with_name("serve_single.py")
    with subprocess.Popen([sys.executable, file, workspace, name, str(port)]) as process:
        try:
            deadline = time.monotonic() + START_S
            while not _answers(f"http://127.0.0.1:{port}/openapi.json"):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("the single process did not start")
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def serving(workspace: str, name: str, replicas: int) -> Iterator[str]:
    import ray
    from ray import serve

    from jobs.cluster import connect
    from serve.app import build
    from serve.config import SWITCHES, AppArgs, Limits, on_this_machine

    os.environ.update(SWITCHES)  # as `vvp serve` does
    connect()
    have = ray.cluster_resources()
    sizes = on_this_machine(have["CPU"], 0, have["memory"] / 2**30)
    for stage, one in sizes["stages"].items():
        count = 1 if stage in ("ingress", "words") else replicas
        changed = {"min_replicas": count, "max_replicas": count, "num_cpus": one.num_cpus / count}
        sizes["stages"][stage] = one.model_copy(update={**changed, "max_queued_requests": 256})
    port, limits = free_port(), Limits(at_once=256, time_s=600)
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(build(AppArgs(workspace=workspace, name=name, limits=limits, **sizes)))
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()
        ray.shutdown()


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


# --- what is measured from outside --------------------------------------------------------------------
def batches() -> dict[str, tuple[float, float]]:
    """Stage → (drafts, batches) so far, from Ray's own metrics page; {} without Ray."""
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return {}
    time.sleep(12)  # Ray hands its metrics on every ten seconds
    found: dict[str, list[float]] = {}
    for node in ray.nodes():
        page = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
        with urllib.request.urlopen(page, timeout=10) as reply:
            for line in reply.read().decode().splitlines():
                for at, name in enumerate(("vvp_batched_drafts_total{", "vvp_batch_size_count{")):
                    if name in line:
                        stage = line.split('stage="')[1].split('"')[0]
                        found.setdefault(stage, [0.0, 0.0])[at] += float(line.rsplit(" ", 1)[1])
    return {stage: (drafts, count) for stage, (drafts, count) in found.items()}


def _since(before: dict[str, Any], after: dict[str, Any]) -> dict[str, float]:
    """Mean batch size per stage between the two."""
    found = {}
    for stage, (drafts, count) in after.items():
        old = before.get(stage, (0.0, 0.0))
        if count > old[1]:
            found[stage] = round((drafts - old[0]) / (count - old[1]), 2)
    return found


def _print(name: str, run: dict[str, Any]) -> None:
    print(f"\n{name:9} {'':6} {'clients':>7} {'per second':>10} {'p50 ms':>8} {'p99 ms':>8}  batches")
    for row in run["levels"]:
        kind = "video" if row["video"] else "words"
        wrong = {k: v for k, v in row["outcomes"].items() if str(k) != "200"}
        print(
            f"{name:9} {kind:6} {row['clients']:7} {row['per_second']:10.2f} {1000 * row['p50_s']:8.0f} "
            f"{1000 * row['p99_s']:8.0f}  {row['batches'] or ''} {wrong or ''}"
        )
    print(f"{name:9} memory {run['memory_gb']:.2f} GB", flush=True)


if __name__ == "__main__":
    main()
