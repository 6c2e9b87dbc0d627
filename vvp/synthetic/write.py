"""Writes a synthetic world to a folder, as yt-dlp would have left it: NAME.mp4 beside NAME.info.json.

Beside the clips lie two files that no collector reads, for benchmarks only:

    world.json   the settings, the causal formula, and the best R² and Spearman that can be reached:
                 on the clips written (`reachable`) and on POPULATION_CLIPS others of the world (`population`)
    effects.csv  per clip, every planted contribution to log views, the noise, and their sum

The clips themselves are metadata-identical for the same settings, on any machine and in any number of
processes. Not known here: why a clip gets its views (world.py), how it looks (render.py), workspaces.
"""

import csv
import io
import json
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import count, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from vvp.errors import UserError
from vvp.synthetic import world as causes
from vvp.synthetic.render import HEIGHT, WIDTH, write_clip
from vvp.synthetic.world import MODALITY, POPULATION, UNSEEN, Clip, World, WorldSettings, reachable

POPULATION_CLIPS = 4000
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class WrittenWorld:
    """What a folder holds after write_world."""

    folder: Path
    videos: int
    written: int  # by this call; the others were there already
    reachable: dict[str, float]  # r2 and spearman of the noise-free part, on these videos
    population: dict[str, float]  # the same in the world at large


@dataclass(frozen=True, kw_only=True)
class Unseen:
    """A clip of a world that is in nobody's training folder, with the truth about it."""

    path: Path
    title: str
    description: str
    tags: tuple[str, ...]
    channel_id: str
    channel_followers: int
    published_at: datetime  # UTC, after every clip of the folder
    horizon_days: float  # the age at which log_views was counted
    expected_log_views: float  # without the noise: the best possible forecast
    log_views: float  # natural log


def write_world(
    folder: str | Path,
    *,
    videos: int = 200,
    seed: int = 0,
    channels: int = 40,
    noise: float = 0.65,
    silent: float = 0.08,
    workers: int | None = None,
    progress: Progress | None = None,
) -> WrittenWorld:
    """Writes `videos` clips, their info.json, world.json and effects.csv; only what is missing of them.

    `channels`, `noise` and `silent` are those of WorldSettings; `workers` processes render (default: one a
    core). `progress(done, total)` is called as clips are finished, first with those found. A folder may
    grow (more `videos`), never shrink. UserError: a setting out of range, a folder that holds another
    world or other clips. The caller's main module must be importable (processes are spawned).
    """
    settings = WorldSettings(seed=seed, channels=channels, noise=noise, silent=silent)
    if videos < 2:
        raise UserError(f"a world needs at least 2 videos, not {videos}.")
    home = Path(folder)
    _claim(home, settings, videos)
    world = World(settings)
    clips = [world.clip(number) for number in range(videos)]
    missing = [clip for clip in clips if not _is_written(home, clip)]
    best = reachable(clips)
    population = reachable(world.clip(number, POPULATION) for number in range(POPULATION_CLIPS))
    _write(home / "effects.csv", _effects_csv(clips))
    description = {
        "settings": asdict(settings),
        "videos": videos,
        "reachable": best,
        "population": population,
        "effects": MODALITY,
        "formula": causes.__doc__,
        "words": causes.WORDS,
    }
    # Written before the clips, so that the folder of a killed run can be recognised and finished.
    _write(home / "world.json", json.dumps(description, indent=1, ensure_ascii=False))
    _render(missing, home, workers or _cores(), len(clips), progress)
    return WrittenWorld(home, videos, len(missing), best, population)


def write_unseen(
    folder: str | Path,
    seed: int = 0,
    *,
    number: int = 0,
    channels: int = 40,
    noise: float = 0.65,
    silent: float = 0.08,
) -> Unseen:
    """Writes clip `number` of those that the world of these settings keeps back; an mp4 and no info.json.

    It always has sound. UserError when `folder` is a world's own (the clip would be taken for a part of it).
    """
    home = Path(folder)
    if (home / "world.json").exists():
        raise UserError(f"{home} holds the world's own clips: an unseen one must go to another folder.")
    home.mkdir(parents=True, exist_ok=True)
    world = World(WorldSettings(seed=seed, channels=channels, noise=noise, silent=silent))
    heard = (clip for i in count() if (clip := world.clip(i, UNSEEN)).loudness is not None)
    clip = next(islice(heard, number, None))
    _encode(clip, home)
    return Unseen(
        path=home / f"{clip.video_id}.mp4",
        title=clip.title,
        description=_description(clip),
        tags=clip.tags,
        channel_id=clip.channel_id,
        channel_followers=clip.followers,
        published_at=datetime.fromtimestamp(clip.published_at, timezone.utc),
        horizon_days=(clip.observed_at - clip.published_at) / causes.DAY,
        expected_log_views=clip.expected,
        log_views=clip.log_views,
    )


def _claim(home: Path, settings: WorldSettings, videos: int) -> None:
    """Makes the folder, or makes sure that it holds no more than the same world. UserError otherwise."""
    if home.exists() and not home.is_dir():
        raise UserError(f"{home} is a file, not a folder.")
    home.mkdir(parents=True, exist_ok=True)
    facts_file = home / "world.json"
    if not facts_file.exists():
        if any(home.glob("*.info.json")):
            raise UserError(f"{home} holds clips that are no synthetic world; choose an empty folder.")
        return
    try:
        facts = json.loads(facts_file.read_text(encoding="utf-8"))
        theirs, number = facts["settings"], facts["videos"]
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise UserError(f"{facts_file} is damaged; choose an empty folder.") from error
    if theirs != asdict(settings):
        raise UserError(f"{home} holds a world of other settings ({theirs}); choose an empty folder.")
    if number > videos:
        raise UserError(f"{home} holds {number} videos of this world, more than the {videos} asked for.")


def _render(clips: list[Clip], home: Path, workers: int, total: int, progress: Progress | None) -> None:
    """Makes every clip; with more than one worker, in spawned processes (libx264 and fork do not mix)."""
    tell = progress or (lambda done, total: None)
    tell(written := total - len(clips), total)
    if workers == 1 or len(clips) < 2:
        for done, clip in enumerate(clips, written + 1):
            _make(clip, home)
            tell(done, total)
        return
    with ProcessPoolExecutor(min(workers, len(clips)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_make, clip, home) for clip in clips]
        try:
            for done, future in enumerate(as_completed(futures), written + 1):
                future.result()
                tell(done, total)
        finally:
            pool.shutdown(cancel_futures=True)  # on an error or Ctrl-C the clips that wait are not rendered


def _make(clip: Clip, home: Path) -> None:
    """The clip, then its info.json: where a json lies, the clip is whole."""
    _encode(clip, home)
    _write(home / f"{clip.video_id}.info.json", json.dumps(info(clip), indent=1, ensure_ascii=False))


def _encode(clip: Clip, home: Path) -> None:
    temporary = home / f".{clip.video_id}.{os.getpid()}.tmp"
    write_clip(clip, temporary)
    temporary.replace(home / f"{clip.video_id}.mp4")


def _is_written(home: Path, clip: Clip) -> bool:
    return all((home / f"{clip.video_id}.{kind}").exists() for kind in ("mp4", "info.json"))


def info(clip: Clip) -> dict[str, Any]:
    """What `yt-dlp --write-info-json` would have written; nothing of the truth but the counts."""
    likes, comments, reposts = (int(share * clip.views) for share in clip.engagement)
    return {
        "id": clip.video_id,
        "title": clip.title,
        "description": _description(clip),
        "tags": list(clip.tags),
        "timestamp": clip.published_at,
        "upload_date": f"{datetime.fromtimestamp(clip.published_at, timezone.utc):%Y%m%d}",
        "duration": round(clip.duration_s, 3),
        "width": WIDTH,
        "height": HEIGHT,
        "fps": causes.FPS,
        "vcodec": "h264",
        "acodec": "none" if clip.loudness is None else "aac",
        "view_count": clip.views,
        "like_count": likes,
        "comment_count": comments,
        "repost_count": reposts,
        "channel_id": clip.channel_id,
        "uploader_id": clip.channel_id,
        "channel_follower_count": clip.followers,
        "epoch": clip.observed_at,
        "extractor": "synthetic",
        "ext": "mp4",
        "_type": "video",
    }


def _description(clip: Clip) -> str:
    return f"{clip.title} {' '.join('#' + tag for tag in clip.tags)}"


def _effects_csv(clips: list[Clip]) -> str:
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["video_id", "channel_id", *MODALITY, "mean", "noise", "log_views"])
    for clip in clips:
        parts = [clip.effects[name] for name in MODALITY]
        table.writerow([clip.video_id, clip.channel_id, *parts, causes.MEAN, clip.noise, clip.log_views])
    return out.getvalue()


def _write(path: Path, text: str) -> None:
    """A file appears whole or not at all; no collector takes up what ends in .tmp."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _cores() -> int:
    """The cores that this process may use (a container may be lent fewer than the machine has)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
