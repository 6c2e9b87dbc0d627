"""What the road itself costs: `vvp embed` with encoders that cost nothing and tiny clips.

Prints resident memory at four marks of a run of --rows videos (it must stay flat), and Ray's own CPU time per
row: the run's core-seconds less those of the same stages called one after another in one process.

    python benchmarks/road.py [--rows 2000]
"""

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
from common import RESULTS, clips_of, machine, videos_table, warm_rate
from fakes import FAKE

from vvp.media.decode import DecodeSettings
from vvp.workspace import Workspace


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2000)
    options = parser.parse_args()

    from jobs.cluster import connect

    connect()
    with tempfile.TemporaryDirectory() as scratch:
        result = {"date": date.today().isoformat(), "machine": machine(), **road(Path(scratch), options.rows)}
    print(f"the road itself, {result['rows']} rows, fake encoders")
    print(f"  resident memory at each quarter: {', '.join(f'{g:.2f}' for g in result['resident_gb'])} GB")
    whole, ray_only = result["core_seconds_per_row"], result["ray_core_seconds_per_row"]
    print(f"  core-seconds per row: {whole:.4f}, of which Ray {ray_only:.4f}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "road.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"written: {RESULTS / 'road.json'}")


def road(home: Path, rows: int) -> dict[str, Any]:
    """Fake encoders, tiny clips: resident memory at four marks, and what Ray adds per row."""
    from vvp.embed.graph import EmbedSettings, embed
    from vvp.embed.stages import Decode, Encode

    paths = clips_of(None, home / "tiny", 8)
    todo = [paths[i % len(paths)] for i in range(rows)]
    with tempfile.TemporaryDirectory() as root:
        space = Workspace(root)
        space.append("videos", videos_table(todo))
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
    sample = videos_table(todo[:64]).append_column("content_key", pa.array(["x"] * 64))
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
    through = 1 / warm_rate(marks)
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


if __name__ == "__main__":
    main()
