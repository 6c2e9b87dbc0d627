"""What one GPU does for vvp: the encoders, `vvp embed`, the networks, the online app. Each beside the CPUs.

encoders  clips per second of each encoder alone at several batches, in float32 and in what it settles on;
          the least cosine of its vectors with those of a CPU in float32; the most memory it took
embed     `vvp embed`, warm, without speech recognition: on the CPUs, on the GPU, with more decoders, with
          other blocks; the GPU's utilisation while it ran (nvidia-smi, ten times a second)
finetune  clips per second of a training step and of a forecast, float32 and bfloat16, at several batches;
          then the training loop on a clip cache, and the share of time that it waited for clips
serve     the app with its encoders on the CPUs and on the GPU: a closed loop of clients with a video

Weights are random and of the published sizes: weights change no time.

    python benchmarks/gpu.py encoders embed finetune serve [--clips 64]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

# Run as a script, this file would be found where the package of the app is meant.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.common import RESULTS, clips_of, machine, random_weights, videos_table, warm_rate  # noqa: E402

FILE = RESULTS / "gpu.json"
BATCHES = (1, 4, 8, 16, 32, 64)
SECONDS = 2.0  # that each figure of a forward pass is taken over, at least
SOUND = 16_000 * 15  # samples: fifteen seconds, a usual short clip
CLIENTS = (1, 4, 16)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="+", choices=list(PARTS))
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--profile", default="paper")
    parser.add_argument("--models", type=Path, help="weights that are there already; default: random ones")
    parser.add_argument("--workspace", help="for serve: one that has a predictor; default: it is made")
    parser.add_argument("--media", help="for serve, with --workspace: a folder of clips")
    parser.add_argument("--out", type=Path, default=FILE)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        options.home = Path(scratch)
        options.models = options.models or random_weights(options.home / "models")
        for part in options.parts:
            found = PARTS[part](options)
            result = json.loads(options.out.read_text()) if options.out.exists() else {}
            result |= {"date": date.today().isoformat(), "chip": chip(), "machine": machine(), part: found}
            options.out.parent.mkdir(exist_ok=True)
            options.out.write_text(json.dumps(result, indent=1) + "\n")
            print(f"{part}: {json.dumps(found, indent=1)}", flush=True)


def chip() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"


# --- encoders -------------------------------------------------------------------------------------------
def encoders(options: argparse.Namespace) -> dict[str, Any]:
    from vvp.encoders.profiles import profile

    rng = np.random.default_rng(0)
    t = np.arange(SOUND) / 16_000
    made: dict[str, Callable[[int], Any]] = {
        "video": lambda i: rng.integers(0, 256, (16, 224, 224, 3), dtype=np.uint8),
        "audio": lambda i: (np.sin((300 + 40 * i) * t) + 0.1 * rng.standard_normal(SOUND)).astype(np.float32),
        "text": lambda i: (f"Why does nobody talk about number {i}? #short #fyp", None),
    }
    found: dict[str, Any] = {}
    chosen = profile(options.profile)
    for modality, cls in chosen.encoders.items():
        inputs = [made[modality](i) for i in range(max(BATCHES))]
        found[cls.name] = one_encoder(cls, cls.locate(str(options.models)), inputs)
    return found


def one_encoder(cls: Any, weights: Any, inputs: Sequence[Any]) -> dict[str, Any]:
    import torch

    plain = cls(weights, "cpu", os.cpu_count() or 1)
    right = plain.encode(inputs[:4])
    began = time.perf_counter()
    plain.encode(inputs[:4])
    cpu = 4 / (time.perf_counter() - began)
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    encoder = cls(weights, "cuda", 1)
    loading = time.perf_counter() - began
    found = encoder.encode(inputs[:4])
    near = (found * right).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(right, axis=1)
    rates = {}
    for batch in BATCHES:
        encoder.batch_size = batch
        rates[batch] = round(per_second(partial(encoder.encode, inputs[:batch]), batch), 1)
    return {
        "precision": vars(encoder.precision), "own_batch": cls(weights, "cuda", 1).batch_size,
        "cosine_with_cpu": float(near.min()), "loading_s": round(loading, 2), "cpu_per_second": round(cpu, 2),
        "per_second_by_batch": rates, "peak_gb": round(torch.cuda.max_memory_allocated() / 2**30, 2),
    }  # fmt: skip


def per_second(work: Callable[[], Any], rows: int) -> float:
    """Rows per second of `work`, which ends with a copy to the host, after two unmeasured calls."""
    for _ in range(2):
        work()
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        work()
        calls += 1
    return calls * rows / (time.perf_counter() - began)


# --- embed ----------------------------------------------------------------------------------------------
def embed(options: argparse.Namespace) -> dict[str, Any]:
    import ray

    from jobs.cluster import connect
    from vvp.embed.graph import EmbedSettings, embed
    from vvp.encoders.profiles import profile
    from vvp.media.decode import DecodeSettings
    from vvp.workspace import Workspace

    paths = clips_of(None, options.home, options.clips)
    cores = os.cpu_count() or 1
    plans: dict[str, dict[str, Any]] = {
        "cpus": {"gpu": False, "repeat": 1},
        "gpu": {},
        "gpu, calls of 4 clips": {"gpu_rows": 4},
        "gpu, a decoder a core": {"actors": {"decode": (cores, cores)}},
        "gpu, two picture and two sound actors": {
            "actors": {"decode": (cores, cores), "video": (2, 2), "audio": (2, 2)}, "gpus_per_actor": 0.2,
        },
    }  # fmt: skip
    found: dict[str, Any] = {"clips": len(paths)}
    for name, plan in plans.items():
        plan = dict(plan)
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        if not plan.pop("gpu", True):
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        repeat = plan.pop("repeat", 8)
        connect()
        marks: list[tuple[int, float]] = []

        def mark(done: int, total: int, outcomes: Counter[str], marks: list[Any] = marks) -> None:
            marks.append((done, time.perf_counter()))

        with tempfile.TemporaryDirectory() as root, watched() as used:
            space = Workspace(root)
            space.append("videos", videos_table([p for _ in range(repeat) for p in paths]))
            settings = EmbedSettings(
                transcribe=False, models=str(options.models), decode=DecodeSettings(fast=True), **plan
            )
            summary = embed(space, profile(options.profile), settings, mark)
        ray.shutdown()
        if hidden is None:
            os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        found[name] = {
            "clips_per_second": round(warm_rate(marks), 2), "with_start_up": summary.clips_per_second,
            "outcomes": summary.by_status, "pools": summary.pools, **used,
        }  # fmt: skip
        print(name, found[name], flush=True)
    return found


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Fills in the GPU's mean and median utilisation, %, and the most memory used, GB, while it lasts."""
    used: dict[str, float] = {}
    fields = "--query-gpu=utilization.gpu,memory.used"
    with subprocess.Popen(
        ["nvidia-smi", fields, "--format=csv,noheader,nounits", "-lms", "100"],
        stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        lines: list[str] = []
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
        reader.start()
        try:
            yield used
        finally:
            process.terminate()
            reader.join()
            rows = np.array([[float(v) for v in line.split(",")] for line in lines if "," in line])
            if len(rows):
                busy = rows[rows[:, 0] > 0]
                used |= {
                    "utilisation_mean": round(float(rows[:, 0].mean()), 1),
                    "utilisation_while_busy": round(float(busy[:, 0].mean()), 1) if len(busy) else 0.0,
                    "memory_gb": round(float(rows[:, 1].max()) / 1024, 2),
                }


# --- finetune -------------------------------------------------------------------------------------------
def finetune(options: argparse.Namespace) -> dict[str, Any]:
    from vvp.finetune.networks.base import parameters
    from vvp.finetune.networks.registry import NETWORKS, make

    found: dict[str, Any] = {}
    for name in NETWORKS:
        network = make(name)
        rows = {}
        for low in (False, True):
            for batch in (8, 32):
                rows["bfloat16" if low else "float32", batch] = steps(make(name), batch, low)
        found[name] = {
            "parameters": parameters(network),
            **{f"{kind}, batch {batch}": row for (kind, batch), row in rows.items()},
        }
        print(name, found[name], flush=True)
    return found


def steps(network: Any, batch: int, low: bool) -> dict[str, float]:
    """Clips per second of training and of forecasting on windows that lie on the GPU already."""
    import torch

    from vvp.finetune.networks.base import Batch

    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    network.to("cuda").train()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-4)
    windows = Batch(
        pixels=torch.randn(batch, 3, 32, 112, 112, device="cuda"),
        mel=torch.randn(batch, 400, 64, device="cuda"),
        heard=torch.ones(batch, 400, dtype=torch.bool, device="cuda"),
    )
    y = torch.randn(batch, device="cuda")

    def step() -> None:
        with torch.autocast("cuda", torch.bfloat16, enabled=low):
            out = network(windows)
        loss = torch.nn.functional.mse_loss(out.float(), y)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        loss.item()

    def ask() -> None:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=low):
            network(windows).float().cpu()

    trained = per_second(step, batch)
    network.eval()
    return {
        "trained_per_second": round(trained, 1), "forecast_per_second": round(per_second(ask, batch), 1),
        "peak_gb": round(torch.cuda.max_memory_allocated() / 2**30, 2),
    }  # fmt: skip


# --- serve ----------------------------------------------------------------------------------------------
def serve(options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks.serve import free_port
    from benchmarks.serve import load as closed_loop

    vvp = [sys.executable, "-m", "jobs"]
    space, clips = (options.workspace, options.media) if options.workspace else predictor(options, vvp)
    clip = next(Path(clips).glob("*.mp4")).read_bytes()
    found: dict[str, Any] = {}
    for name in ("cpus", "gpu"):
        port = free_port()
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if name == "cpus" else {}
        log = (options.home / f"{name}.log").open("w")
        process = subprocess.Popen(
            [*vvp, "serve", "-w", space, "--models", str(options.models), "--port", str(port)],
            env=os.environ | hidden, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _await(f"http://127.0.0.1:{port}/healthz", process, options.home / f"{name}.log")
            with watched() as used:
                rows = []
                for films, requests in (([], 96), ([clip], 32)):
                    for clients in CLIENTS:
                        url = f"http://127.0.0.1:{port}"
                        row = closed(closed_loop, url, clients, requests, films, clients)
                        del row["times_s"]
                        rows.append({"video": bool(films), "clients": clients, **row})
                        print(name, rows[-1], flush=True)
            found[name] = {"levels": rows, **used}
        finally:
            import signal

            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
    return found


def predictor(options: argparse.Namespace, vvp: list[str]) -> tuple[str, Path]:
    """A workspace with a predictor of a generated world, by the commands themselves; its clips."""
    clips_of(None, options.home, max(options.clips, 64))
    space, clips = str(options.home / "ws"), options.home / "clips"
    embedding = ("--profile", options.profile, "--models", str(options.models), "--no-transcribe")
    for words in (
        ("collect", "ytdlp", str(clips), "-w", space), ("embed", "-w", space, *embedding),
        ("tune", "-w", space, "--trials", "2", "--only"), ("evaluate", "-w", space),
    ):  # fmt: skip
        subprocess.run([*vvp, *words], check=True)
    return space, clips


def closed(loop: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    import multiprocessing

    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(loop, arguments)


def _await(url: str, process: Any, log: Path) -> None:
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + 240
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the app did not start: {log.read_text()[-3000:]}")
        time.sleep(0.5)


PARTS = {"encoders": encoders, "embed": embed, "finetune": finetune, "serve": serve}

if __name__ == "__main__":
    main()
