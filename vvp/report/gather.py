"""A workspace and the name of a run → everything that the report shows, as one frozen Facts.

What is absent is None, and `why` holds one sentence for it, with the command that would make it. Nothing is
fitted, made or written here; splits are read as they were saved. counts are read by labels.py.
Not known here: figures, sentences about findings, HTML.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from vvp.dataset.fuse import present
from vvp.dataset.labels import Labels, issues, moments, read_labels
from vvp.dataset.split_rules import SplitSettings
from vvp.dataset.targets import TARGETS
from vvp.errors import UserError
from vvp.finetune import clips
from vvp.finetune.results import NetworkResult, networks
from vvp.forecast.evaluations import read_evaluation, read_predictions
from vvp.learn.records import Evaluation, SplitResult
from vvp.learn.run_records import Run
from vvp.learn.tuning import read_run, targets_of
from vvp.paths import CLIPS_FACTS, EMBEDDINGS, RUNS, SET_ASIDE, SPLITS_TABLE, VIDEOS, RunPaths
from vvp.report import gather_map as atlas
from vvp.schema import FAILED
from vvp.words import visible
from vvp.workspace import Workspace


@dataclass(frozen=True, kw_only=True, eq=False)
class Videos:
    """All n videos, in the order of the videos table."""

    video_id: np.ndarray  # object (n,)
    title: np.ndarray  # object (n,), None: none given
    channel_id: np.ndarray  # object (n,), None: unknown
    tags: np.ndarray  # object (n,), lists of hashtags without the sign, None: none given
    caption_length: np.ndarray  # float64 (n,), characters of the description, else of the title, NaN: neither
    published_at: np.ndarray  # datetime64[us] (n,), UTC, NaT: unknown
    duration_s: np.ndarray  # float64 (n,), seconds, NaN: unknown
    decoded_s: np.ndarray  # float64 (n,), seconds that really decode, NaN: nothing did
    width: np.ndarray  # float64 (n,), pixels, upright, NaN: unknown
    height: np.ndarray  # float64 (n,)
    frames: np.ndarray  # float64 (n,), of the whole clip as `vvp clips` counted them, NaN: it did not
    followers: np.ndarray  # float64 (n,), of the channel when collected, NaN: unknown
    log_views: np.ndarray  # float64 (n,), log(1 + views), NaN: no usable count
    counts: dict[str, np.ndarray]  # schema.COUNTS → float64 (n,), NaN: unknown, or the video has no label
    horizon_days: np.ndarray  # float64 (n,), age of the count, NaN: unknown
    part: np.ndarray  # object (n,), under the deciding split: train … none; none where nothing was split
    embedded: np.ndarray  # bool (n,), has a row in embeddings that did not fail
    picture: np.ndarray  # bool (n,), it was embedded
    sound: np.ndarray  # bool (n,)
    speech: np.ndarray  # bool (n,), some words were spoken, by subtitles or Whisper
    media_path: np.ndarray  # object (n,), None: no media

    def name(self, row: int) -> str:
        """What a person calls it: its title, else its id."""
        return str((self.title[row] or "").strip() or self.video_id[row])

    @property
    def labelled(self) -> np.ndarray:
        return np.isfinite(self.log_views)


@dataclass(frozen=True, kw_only=True, eq=False)
class Tested:
    """The m test videos and what each model said of them, float64 (m,): log views, or the target's scale."""

    row: np.ndarray  # int64 (m,), of Videos
    truth: np.ndarray
    by_model: dict[str, np.ndarray]
    low: np.ndarray  # ends of the chosen forecaster's 80 % interval; NaN: none could be made
    high: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    root: str
    name: str
    split: str  # the deciding one
    others: list[Evaluation]  # of the run's targets beside views
    others_tested: dict[str, Tested]  # of those that are numbers, by target, on their own scales
    profile: str
    videos: Videos
    set_aside: dict[str, int]  # schema.SET_ASIDE_REASONS → rows
    label_issues: dict[str, int]  # schema.LABEL_ISSUES → videos
    statuses: dict[str, int]  # of embeddings
    errors: dict[str, int]  # schema.ERROR_KINDS → videos
    not_embedded: int
    run: Run | None
    evaluation: Evaluation | None
    tested: Tested | None
    trials: dict[str, list[dict[str, Any]]]  # split → rows of the sweep, in the order of proposal
    map: dict[str, Any] | None  # map.json
    points: pa.Table | None  # map/points.parquet
    networks: list[NetworkResult] = field(
        default_factory=list
    )  # trained on the clips under this split, least loss first
    other_networks: list[str] = field(default_factory=list)  # a sentence for each of another split
    why: dict[str, str] = field(default_factory=dict)  # run, evaluation, tested, map → why it is None
    notes: list[str] = field(default_factory=list)  # what does not match any more

    @property
    def deciding(self) -> SplitResult | None:
        """The evaluation of the deciding split; None where the rule alone was tried."""
        return None if self.evaluation is None else self.evaluation.splits.get(self.split)

    @property
    def chosen(self) -> str:
        """Name of the predictor's model; empty before the evaluation."""
        return "" if self.deciding is None else self.deciding.chosen

    @property
    def half_width(self) -> float | None:
        """Of the 80 % interval, in log views, the middle one; None: none could be made."""
        return None if self.deciding is None else self.deciding.interval.half_width


def gather(space: Workspace, name: str) -> Facts:
    """UserError when nothing is embedded, or there are runs and none is called `name`."""
    if not space.has(EMBEDDINGS):
        raise UserError(f"{space.root} has nothing embedded yet: run `vvp embed` first.")
    why: dict[str, str] = {}
    notes: list[str] = []
    run = _run(space, name, why)
    split = run.split if run else "time"
    table = space.read(VIDEOS)
    latest = space.latest(EMBEDDINGS, "video_id", "embedded_at")
    labels = read_labels(table, (run.split_settings if run else SplitSettings()).min_age_days)
    videos = _videos(space, table, labels, latest, split)
    if not videos.embedded.any():
        raise UserError(
            f"none of the {len(table)} videos of {space.root} could be embedded: see `vvp embed`."
        )
    evaluation = _evaluation(space, name, run, why, notes)
    known = set(videos.video_id)
    mine = latest.filter(pa.array([v in known for v in latest["video_id"].to_pylist()]))
    aside = space.read(SET_ASIDE)["reason"].to_pylist() if space.has(SET_ASIDE) else []
    evaluated = None if evaluation is None else evaluation.run_id
    others = _others(space, name)
    trained = [networks(space, name, target) for target in TARGETS]
    shape, points = atlas.read(space, name, split, evaluated, mine, why, notes)
    return Facts(
        root=space.root, name=name, split=split, others=others,
        others_tested=_others_tested(space, name, others, videos),
        profile=next(iter(mine["profile"].to_pylist()), "") or "",
        videos=videos, set_aside=dict(Counter(aside).most_common()), label_issues=issues(table, labels),
        statuses=dict(Counter(mine["status"].to_pylist())),
        errors=dict(Counter(k for k in mine["error_kind"].to_pylist() if k).most_common()),
        not_embedded=len(table) - len(mine), run=run, evaluation=evaluation,
        tested=_tested(space, name, evaluation, videos, why), trials=_trials(space, name, run),
        map=shape, points=points, why=why, notes=notes,
        networks=[one for found, _ in trained for one in found],
        other_networks=[sentence for _, others in trained for sentence in others],
    )  # fmt: skip


def _run(space: Workspace, name: str, why: dict[str, str]) -> Run | None:
    run = read_run(space, name)
    if run is not None:
        return run
    runs = [r for r in space.folders(RUNS) if space.exists(RunPaths(r).run)]
    if runs or name != "default":
        others = f"there are: {', '.join(runs)}" if runs else "there is none yet; `vvp tune` makes one"
        raise UserError(f"there is no run called {name} in {space.root}; {others}.")
    for key in ("run", "evaluation", "tested"):
        why[key] = "No model has been fitted yet: run `vvp tune`, then `vvp evaluate`."
    return None


def _evaluation(
    space: Workspace, name: str, run: Run | None, why: dict[str, str], notes: list[str]
) -> Evaluation | None:
    if run is None:
        return None
    command = f"`vvp evaluate --name {name}`"
    evaluation = read_evaluation(space, name)
    if evaluation is None:
        if space.exists(RunPaths(name).evaluation):
            why["evaluation"] = f"The evaluation is damaged or of another version: run {command} again."
            notes.append(why["evaluation"])
        else:
            why["evaluation"] = f"The test part has not been opened yet: run {command}."
        why["tested"] = why["evaluation"]
        return None
    if evaluation.run_id != run.id:
        why["evaluation"] = why["tested"] = (
            f"The evaluation is of an earlier sweep of this name: run {command} again."
        )
        notes.append(why["evaluation"])
        return None
    return evaluation


def _others(space: Workspace, name: str) -> list[Evaluation]:
    found = [read_evaluation(space, name, target) for target in targets_of(space, name) if target != "views"]
    return [evaluation for evaluation in found if evaluation is not None]


def _others_tested(
    space: Workspace, name: str, others: list[Evaluation], videos: Videos
) -> dict[str, Tested]:
    """Those whose predictions are there; what is absent has no figure, which says so."""
    found = {each.target: _tested(space, name, each, videos, {}) for each in others if each.splits}
    return {target: tested for target, tested in found.items() if tested is not None}


def _tested(
    space: Workspace, name: str, evaluation: Evaluation | None, videos: Videos, why: dict[str, str]
) -> Tested | None:
    if evaluation is None:
        return None
    if evaluation.rules_only:
        why["evaluation"] = why["tested"] = evaluation.verdict
        return None
    target = evaluation.target
    if not space.exists(RunPaths(name, target).predictions):
        why["tested"] = f"The predictions were not kept by this evaluation: run `vvp evaluate --name {name}`."
        return None
    rows = read_predictions(space, name, target)
    place = {video: i for i, video in enumerate(videos.video_id)}
    models = np.array(rows["model"].to_pylist(), dtype=object)
    ids = np.array(rows["video_id"].to_pylist(), dtype=object)
    first = models == models[0] if len(models) else np.zeros(0, bool)
    if not first.any() or any(video not in place for video in ids[first]):
        why["tested"] = (
            "The predictions are of videos that are no longer here: run `vvp tune` and `vvp evaluate`."
        )
        return None
    predicted = rows["predicted"].to_numpy()
    chosen = evaluation.splits[evaluation.split].chosen
    return Tested(
        row=np.array([place[video] for video in ids[first]], dtype=np.int64),
        truth=rows["log_views"].to_numpy()[first],
        by_model={m: predicted[models == m] for m in dict.fromkeys(models)},
        low=rows["low"].to_numpy()[models == chosen],
        high=rows["high"].to_numpy()[models == chosen],
    )


def _trials(space: Workspace, name: str, run: Run | None) -> dict[str, list[dict[str, Any]]]:
    files = {s: RunPaths(name).trials(s) for s in (run.splits if run else ())}
    return {s: _trials_of(space, file) for s, file in files.items() if space.exists(file)}


def _trials_of(space: Workspace, file: str) -> list[dict[str, Any]]:
    found = space.read_json(file)
    with space.taken_apart(file, "run `vvp tune` again"):
        rows: list[dict[str, Any]] = [
            {"family": str(trial["family"]), "validation": float(trial["validation"])} for trial in found
        ]
        if not np.isfinite([row["validation"] for row in rows]).all():
            raise ValueError("an error that is not finite")
        return rows


def _videos(space: Workspace, table: pa.Table, labels: Labels, latest: pa.Table, split: str) -> Videos:
    def objects(name: str) -> np.ndarray:
        return np.array(table[name].to_pylist(), dtype=object)

    def shown(name: str) -> np.ndarray:
        """Other people's words, as they may stand in a page or a figure."""
        return np.array([text and visible(text) for text in table[name].to_pylist()], dtype=object)

    def numbers(name: str) -> np.ndarray:
        return table[name].cast(pa.float64(), safe=False).to_numpy().astype(np.float64)

    tags = np.empty(len(table), dtype=object)  # np.array would make lists of one length a matrix
    tags[:] = [own and [visible(tag) for tag in own] for own in table["tags"].to_pylist()]
    texts = zip(table["description"].to_pylist(), table["title"].to_pylist(), strict=True)
    captions = [description or title for description, title in texts]
    place = {video: i for i, video in enumerate(latest["video_id"].to_pylist())}
    at = np.array([place.get(video, -1) for video in labels.video_id], dtype=np.int64)
    has = at >= 0

    def there(valid: np.ndarray) -> np.ndarray:
        return has & valid[at] if len(valid) else has

    part = np.full(len(table), "none", dtype=object)
    if space.exists(SPLITS_TABLE):
        wanted = pa.schema([("video_id", pa.string()), (split, pa.string())])  # older splits lack newer rules
        saved = space.read_file(SPLITS_TABLE, wanted, "splits", lacking=True)
        if saved[split].null_count < len(saved):
            of = dict(zip(saved["video_id"].to_pylist(), saved[split].to_pylist(), strict=True))
            part = np.array([of.get(video) or "none" for video in labels.video_id], dtype=object)
    return Videos(
        video_id=labels.video_id, title=shown("title"), channel_id=shown("channel_id"), tags=tags,
        caption_length=np.array([len(c) if c else np.nan for c in captions], dtype=np.float64),
        published_at=moments(table["published_at"]), duration_s=numbers("duration_s"),
        decoded_s=_decoded(latest, at, has), width=numbers("width"), height=numbers("height"),
        frames=_frames(space, labels.video_id),
        followers=numbers("channel_followers"), log_views=labels.log_views,
        counts=labels.counts, horizon_days=labels.horizon_days,
        part=part, embedded=there(np.array([s != FAILED for s in latest["status"].to_pylist()])),
        picture=there(present(latest, "picture")),
        sound=there(present(latest, "sound")),
        speech=there(latest["transcript"].is_valid().to_numpy()) | table["transcript"].is_valid().to_numpy(),
        media_path=objects("media_path"),
    )  # fmt: skip


def _decoded(latest: pa.Table, at: np.ndarray, has: np.ndarray) -> np.ndarray:
    """float64 (n,): seconds that really decoded. at: row of `latest` of each video, where it has one."""
    found = np.full(len(at), np.nan)
    if len(latest):
        seconds = latest["decoded_duration_s"].cast(pa.float64()).to_numpy(zero_copy_only=False)
        found[has] = seconds[at[has]]
    return found


def _frames(space: Workspace, ids: np.ndarray) -> np.ndarray:
    """float64 (n,): frames of each clip, where `vvp clips` decoded it whole."""
    if not space.exists(CLIPS_FACTS):
        return np.full(len(ids), np.nan)
    of = {row["video_id"]: row["source_frames"] for row in clips.rows(space)}
    return np.array([of.get(video) or np.nan for video in ids], dtype=np.float64)
