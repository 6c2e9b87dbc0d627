"""CPU-seconds per clip and stage, one thread each: what the cost of 100,000 videos is worked out from.

CPU time of this process, not the clock: other work on the machine changes it little. Every stage runs as
its actor would run it, on the same clips, after one clip of warming up; models load outside the count.
`paper` has randomly initialised weights of the real architectures for picture and sound.
Not measured: a GPU, Ray's own share, reading from an object store.

    python benchmarks/cost.py [--clips FOLDER] [--count 12] [--cpu-hour 0.05]
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from common import clips_of, machine, random_weights

from vvp.encoders.minilm import metadata_text
from vvp.encoders.profiles import PROFILES, Profile
from vvp.media.decode import Clip, DecodeSettings, decode

RESULTS = Path(__file__).parent / "results" / "cost.json"
VIDEOS = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--cpu-hour", type=float, default=0.05, help="price of a core for an hour")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        paths = clips_of(options.clips, home, options.count)
        models = str(random_weights(home / "models"))
        clips, decoding = _timed(lambda path: decode(str(path), DecodeSettings()), paths)
        usable = [clip for clip in clips if clip.frames is not None or clip.waveform is not None]
        result: dict[str, Any] = {
            "date": date.today().isoformat(),
            "machine": machine(),
            "clips": {
                "count": len(paths),
                "from": "a folder" if options.clips else "generated",
                "median_seconds": statistics.median(clip.duration_s or 0.0 for clip in usable),
            },
            "cpu_seconds_per_clip": {
                name: {"decode": decoding, **_stages(one, models if name == "paper" else None, usable)}
                for name, one in PROFILES.items()
            },
        }
    for name, stages in result["cpu_seconds_per_clip"].items():
        total = sum(stages.values())
        hours = total * VIDEOS / 3600
        print(f"{name}: " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.items()))
        print(
            f"  {total:.2f} CPU-seconds a clip; {VIDEOS:,} clips: {hours:,.0f} core-hours, "
            f"{hours * options.cpu_hour:,.1f} at {options.cpu_hour:g} a core-hour"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(result, indent=1) + "\n")


def _stages(chosen: Profile, models: str | None, clips: Sequence[Clip]) -> dict[str, float]:
    inputs: dict[str, list[Any]] = {
        "video": [clip.frames for clip in clips if clip.frames is not None],
        "audio": [clip.waveform for clip in clips if clip.waveform is not None],
        "text": [(metadata_text("a title of six words", None, ["tag"]), "a transcript " * 20) for _ in clips],
    }
    spent = {}
    for modality, cls in chosen.encoders.items():
        encoder = cls(cls.locate(models))
        _, seconds = _timed(encoder.encode, [[one] for one in inputs[modality]])
        spent[modality] = seconds * len(inputs[modality]) / len(clips)  # a clip without sound costs nothing
    if chosen.transcriber is not None:
        speech = chosen.transcriber(chosen.transcriber.locate(models))
        _, seconds = _timed(speech.transcribe, inputs["audio"])
        spent["transcribe"] = seconds * len(inputs["audio"]) / len(clips)
    return spent


def _timed(work: Callable[[Any], Any], inputs: Sequence[Any]) -> tuple[list[Any], float]:
    """The results, and the mean CPU-seconds of one; the first input is worked once more, before the clock."""
    work(inputs[0])
    began = time.process_time()
    results = [work(one) for one in inputs]
    return results, (time.process_time() - began) / len(inputs)


if __name__ == "__main__":
    main()
