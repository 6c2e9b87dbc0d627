"""What the benchmarks share: clips, random weights, a table of videos, the warm part of a run, memory."""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from vvp.schema import TABLES

RESULTS = Path(__file__).parent / "results"
WARM = 0.2  # share of the clips that run before the clock starts


def clips_of(folder: Path | None, home: Path, count: int) -> list[Path]:
    if folder is None:
        from vvp.synthetic.write import write_world

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


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "")
    return f"{os.cpu_count()} cores, {model or platform.processor()}"


def warm_rate(marks: list[tuple[int, float]]) -> float:
    """Clips per second from the mark that ends the first fifth, (clips done, seconds), to the last."""
    total = marks[-1][0]
    first = next(m for m in marks if m[0] >= WARM * total)
    return (total - first[0]) / (marks[-1][1] - first[1])


def videos_table(paths: Sequence[Path]) -> pa.Table:
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


def tree_gb(pid: int) -> float:
    """Proportional set size of a process and its descendants, GB (2**30 bytes)."""
    total = 0
    for member in tree(pid):
        try:
            total += int(Path(f"/proc/{member}/smaps_rollup").read_text().split("Pss:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total / 2**20


def tree_cpu_s(pid: int) -> float:
    """CPU-seconds so far of a process, its descendants, and those of them that have ended."""
    ticks = 0
    for member in tree(pid):
        try:
            stat = Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(map(int, stat[11:15]))  # own and of children that were waited for, user and system
    return ticks / os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue  # it ended while we looked
    found = []
    for member in parents:
        above = member
        while above not in (pid, 0, 1):
            above = parents.get(above, 0)
        if above == pid:
            found.append(member)
    return found
