"""What a creator with few clips gets: a forecast as good as the best simple rule, and an interval that holds?

Generated clips of one channel and of five, SIZES of them to learn from, LATER ones to forecast, SEEDS worlds
each. The same verbs as a user's run (tune, evaluate, predict), one trial of Ridge and LightGBM in place of a
sweep on Ray. Vectors stand in for the encoders: a random projection of what the world planted in picture and
sound, plus noise, so that there is something to find and much to be fooled by. Titles, hours, counts and
followers are the world's own. Counts are read in one go, as `yt-dlp` leaves them.

The rules to beat are computed here from the counts alone: the channel's mean and median of log views, the
mean and median of all. error: median over seeds and later clips of |log forecast − log truth|.
Coverage: share of later clips inside the 80 % interval, with its exact 95 % binomial interval.
With --shorts: a folder in yt-dlp's layout, already embedded as a workspace; the oldest 14 of its largest
channel are learned from, the others forecast.
Writes benchmarks/results/small.json.
"""

import json
import tempfile
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import typer
from common import RESULTS
from scipy.stats import binomtest

from jobs import show
from vvp.embed.resume import content_key
from vvp.forecast import files
from vvp.forecast.judging import judge
from vvp.forecast.predictor import draft_rows
from vvp.learn.first_points import at_first_points
from vvp.learn.tuning import tune
from vvp.paths import EMBED_RECIPE, EMBEDDINGS, VIDEOS, RunPaths
from vvp.schema import TABLES
from vvp.synthetic.world import DAY, FPS, Clip, World, WorldSettings
from vvp.workspace import Workspace

SIZES, LATER, OLDEST = (10, 15, 25, 50), 20, 14
DIMS = {"video": 64, "audio": 32, "text": 48}
RECIPE: dict[str, Any] = {
    "profile": "stand-in", "encoders": {}, "speech": None, "decode": {}, "dims": DIMS,
}  # fmt: skip


def clips_of(seed: int, channels: int, wanted: int) -> list[Clip]:
    """The first `wanted` clips of the busiest `channels` channels of a world, oldest first."""
    world = World(WorldSettings(seed=seed))
    order = sorted(world.channels, key=lambda channel: -channel.weight)[:channels]
    names = {channel.channel_id for channel in order}
    found: list[Clip] = []
    number = 0
    while len(found) < wanted:
        clip = world.clip(number)
        number += 1
        if clip.channel_id in names:
            found.append(clip)
    return sorted(found, key=lambda clip: clip.published_at)


def vectors(clip: Clip, projection: np.ndarray) -> dict[str, np.ndarray]:
    """float32 stand-ins of the encoders' vectors."""
    rng = np.random.default_rng(clip.look)
    pace = len(clip.cuts) * FPS / clip.frames
    seen = np.array([pace, clip.warmth, clip.motion, 0.0])
    heard = np.array([0.0, 0.0, clip.loudness or 0.5, clip.brightness or 0.5])
    said = np.random.default_rng(abs(hash_of(clip.title))).normal(size=DIMS["text"])
    found = {}
    for name, facts in (("video", seen), ("audio", heard)):
        size = DIMS[name]
        found[name] = (facts @ projection[:, :size] + rng.normal(0, 0.3, size)).astype(np.float32)
    return {**found, "text": said.astype(np.float32)}


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return int.from_bytes(text.encode()[:8].ljust(8, b"\0"), "big") + sum(text.encode())


def workspace(folder: Path, clips: Sequence[Clip], observed_at: int) -> Workspace:
    """Collected and embedded: what `vvp collect` and `vvp embed` would have left."""
    projection = np.random.default_rng(7).normal(size=(4, max(DIMS.values())))
    recipe = json.dumps(RECIPE)
    videos, embeddings = [], []
    for clip in clips:
        posted = datetime.fromtimestamp(clip.published_at, timezone.utc)
        row: dict[str, Any] = dict.fromkeys(TABLES[VIDEOS].names) | {
            "video_id": clip.video_id, "channel_id": clip.channel_id, "title": clip.title,
            "tags": list(clip.tags), "published_at": posted, "duration_s": clip.duration_s,
            "observed_at": datetime.fromtimestamp(observed_at, timezone.utc), "views": clip.views,
            "channel_followers": clip.followers, "media_sha256": clip.video_id, "media_path": "/none.mp4",
        }  # fmt: skip
        videos.append(row)
        embeddings.append(
            dict.fromkeys(TABLES[EMBEDDINGS].names)
            | {f"{m}_embedding": v for m, v in vectors(clip, projection).items()}
            | {
                "video_id": clip.video_id, "content_key": content_key(row, recipe), "status": "ok",
                "decoded_duration_s": clip.duration_s, "profile": "stand-in", "embedded_at": posted,
                "video_encoder": "v@1", "audio_encoder": "a@1", "text_encoder": "t@1",
            }
        )  # fmt: skip
    space = Workspace(folder)
    space.replace(VIDEOS, pa.Table.from_pylist(videos, schema=TABLES[VIDEOS]))
    space.replace(EMBEDDINGS, pa.Table.from_pylist(embeddings, schema=TABLES[EMBEDDINGS]))
    space.write_json(EMBED_RECIPE, RECIPE)
    return space


def rules(known: Sequence[tuple[str, float]], channel: str) -> dict[str, float]:
    """What simple rules say of a later clip, log views: from counts alone."""
    everybody = np.array([y for _, y in known])
    own = np.array([y for c, y in known if c == channel])
    return {
        "channel's mean": float(own.mean() if len(own) else everybody.mean()),
        "channel's median": float(np.median(own) if len(own) else np.median(everybody)),
        "mean of all": float(everybody.mean()),
        "median of all": float(np.median(everybody)),
    }


def forecast(
    space: Workspace, drafts: Sequence[tuple[dict[str, Any], dict[str, Any] | None, float]]
) -> tuple[str, list[dict[str, Any]]]:
    """(who forecasts, per draft {forecast, truth, held}) by the saved predictor."""
    known = files.load(space, RunPaths("default").predictor)
    rows = []
    for values, embedded, truth in drafts:
        [said] = known.predict(draft_rows(values, embedded))
        held = said.low is not None and said.high is not None and said.low <= np.expm1(truth) <= said.high
        rows.append({"forecast": said.log_views, "truth": truth, "held": bool(held)})
    return known.head.models.main.name, rows


def cell(channels: int, size: int, seeds: int) -> dict[str, Any]:
    """One size and number of channels over all seeds, JSON-ready."""
    errors: list[float] = []
    by_rule: dict[str, list[float]] = {}
    held = of = 0
    chosen: dict[str, int] = {}
    for seed in range(seeds):
        clips = clips_of(seed, channels, size + LATER)
        first, later = clips[:size], clips[size:]
        with tempfile.TemporaryDirectory() as folder:
            read_at = first[-1].published_at + 7 * DAY
            space = workspace(Path(folder), first, read_at)
            tune(space, at_first_points(["ridge", "gbdt"]))
            judge(space, resamples=100)
            projection = np.random.default_rng(7).normal(size=(4, max(DIMS.values())))
            drafts = []
            for clip in later:
                made = {f"{m}_embedding": v.tolist() for m, v in vectors(clip, projection).items()}
                embedded = dict.fromkeys(TABLES[EMBEDDINGS].names) | made | {"status": "ok"}
                embedded["decoded_duration_s"] = clip.duration_s
                values = {
                    "title": clip.title, "tags": list(clip.tags), "channel_id": clip.channel_id,
                    "published_at": datetime.fromtimestamp(clip.published_at, timezone.utc),
                    "channel_followers": clip.followers, "duration_s": clip.duration_s,
                }  # fmt: skip
                drafts.append((values, embedded, float(np.log1p(clip.views))))
            name, rows = forecast(space, drafts)
        chosen[name] = chosen.get(name, 0) + 1
        known = [(clip.channel_id, float(np.log1p(clip.views))) for clip in first]
        for clip, row in zip(later, rows, strict=True):
            errors.append(abs(row["forecast"] - row["truth"]))
            for rule, said in rules(known, clip.channel_id).items():
                by_rule.setdefault(rule, []).append(abs(said - row["truth"]))
        held, of = held + sum(row["held"] for row in rows), of + len(rows)
    best = min(by_rule, key=lambda rule: float(np.median(by_rule[rule])))
    span = binomtest(held, of).proportion_ci(0.95)
    return {
        "channels": channels, "clips": size, "seeds": seeds, "later": of, "chosen": chosen,
        "error": float(np.median(errors)), "best_rule": best, "rule_error": float(np.median(by_rule[best])),
        "ratio": float(np.median(errors) / np.median(by_rule[best])),
        "held": held / of, "held_low": span.low, "held_high": span.high,
    }  # fmt: skip


def creator(source: Workspace) -> dict[str, Any]:
    """The oldest OLDEST counted clips of the largest channel are learned from, its later ones forecast."""
    videos = source.read(VIDEOS)
    counted = videos.filter(pc.and_(pc.is_null(videos["label_issue"]), pc.is_valid(videos["published_at"])))
    names = counted["channel_id"].to_pylist()
    channel = max(set(names) - {None}, key=names.count)
    own = counted.filter(pc.equal(counted["channel_id"], channel)).sort_by("published_at")
    first, later = own.slice(0, OLDEST), own.slice(OLDEST)
    embedded = source.latest(EMBEDDINGS, "video_id", "embedded_at")
    with tempfile.TemporaryDirectory() as folder:
        space = Workspace(folder)
        space.replace(VIDEOS, first)
        space.replace(EMBEDDINGS, embedded.filter(pc.is_in(embedded["video_id"], first["video_id"])))
        space.write_json(EMBED_RECIPE, source.read_json(EMBED_RECIPE))
        tune(space, at_first_points(["ridge", "gbdt"]))
        judge(space, resamples=100)
        vectors_of = {row["video_id"]: row for row in embedded.to_pylist()}
        facts = (
            "title",
            "description",
            "tags",
            "channel_id",
            "published_at",
            "channel_followers",
            "duration_s",
        )
        drafts = [
            ({name: row[name] for name in facts}, vectors_of[row["video_id"]], float(np.log1p(row["views"])))
            for row in later.to_pylist()
        ]
        name, rows = forecast(space, drafts)
    known = [(channel, float(np.log1p(views))) for views in first["views"].to_pylist()]
    by_rule = {
        rule: float(np.median([abs(rules(known, channel)[rule] - row["truth"]) for row in rows]))
        for rule in rules(known, channel)
    }
    error = float(np.median([abs(row["forecast"] - row["truth"]) for row in rows]))
    return {
        "learned_from": len(first), "later": len(rows), "chosen": name, "error": error, "rules": by_rule,
        "held": sum(row["held"] for row in rows),
    }  # fmt: skip


def main(
    seeds: Annotated[int, typer.Option(help="Worlds per cell.")] = 20,
    shorts: Annotated[Path | None, typer.Option(help="An embedded workspace of real clips.")] = None,
) -> None:
    """Few clips, as a creator has them."""
    cells = []
    for channels in (1, 5):
        for size in SIZES:
            cells.append(cell(channels, size, seeds))
            show.err.print(f"{channels} channels, {size} clips: {cells[-1]}", markup=False)
    show.table(
        "Few clips: typical error against the best simple rule's, and how often the 80 % interval held",
        ("channels", "clips", "off by ×", "best rule", "off by ×", "ratio", "held", "chosen"),
        [
            (
                c["channels"], c["clips"], f"{np.exp(c['error']):.2f}", c["best_rule"],
                f"{np.exp(c['rule_error']):.2f}", f"{c['ratio']:.2f}",
                f"{c['held']:.2f} [{c['held_low']:.2f}, {c['held_high']:.2f}]",
                ", ".join(f"{name} {n}" for name, n in c["chosen"].items()),
            )
            for c in cells
        ],
        left=(3, 7),
    )  # fmt: skip
    result: dict[str, Any] = {"cells": cells}
    if shorts is not None:
        result["shorts"] = creator(Workspace(shorts))
        show.as_json(result["shorts"])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "small.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
