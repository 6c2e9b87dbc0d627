"""The verbs as functions: what `vvp` does on the command line, for a program or a notebook.

    from vvp import api
    api.collect("clips/", "ws")
    api.embed("ws")
    api.tune("ws")
    print(api.evaluate("ws").verdict)
    print(api.open_predictor("ws").forecast("draft.mp4", title="My next short").headline)

A workspace is a folder or an s3:// URI. A wrong path, an empty table and the like raise vvp.errors.UserError,
whose message is one sentence. Ray is started on this machine when a verb needs it and nothing has started it;
a program that wants a cluster calls `ray.init` first.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from vvp.collect.summary import CollectSummary
from vvp.dataset.labels import MIN_AGE_DAYS
from vvp.dataset.split_rules import SplitSettings
from vvp.dataset.targets import find
from vvp.errors import UserError
from vvp.forecast.forecasts import Forecast
from vvp.forecast.predictor import Predictor
from vvp.learn.candidates import Sweeper
from vvp.learn.records import Evaluation
from vvp.learn.run_records import Run
from vvp.models.registry import swept
from vvp.paths import RunPaths
from vvp.workspace import Workspace

Progress = Callable[[int, int, str], None]
"""(done, total, a few words)"""


def collect(
    source: str | Path, workspace: str | Path, *, kind: str | None = None, **options: Any
) -> CollectSummary:
    """Takes videos into a workspace: what yt-dlp left, a table of posts, or bare media files.

    kind: ytdlp, posts or folder; None: posts for a file, ytdlp for a folder with an info.json, else folder.
    options: those of the collector (`vvp.collect.posts.collect_posts` and its siblings).
    """
    from vvp.collect.folder import collect_folder
    from vvp.collect.posts import collect_posts
    from vvp.collect.ytdlp import collect_ytdlp

    path = Path(source)
    if kind is None:
        kind = "posts" if path.is_file() else "ytdlp" if any(path.rglob("*.info.json")) else "folder"
    makers: dict[str, Callable[..., CollectSummary]] = {
        "ytdlp": collect_ytdlp, "posts": collect_posts, "folder": collect_folder,
    }  # fmt: skip
    if kind not in makers:
        raise UserError(f"there is no kind called {kind}; there are {', '.join(makers)}.")
    space = Workspace(workspace)
    with space.alone():
        return makers[kind](str(source), space, **options)


def embed(
    workspace: str | Path,
    *,
    profile: str = "offline",
    models: str | None = None,
    transcribe: bool = True,
    progress: Progress | None = None,
) -> Any:
    """Decodes and embeds what is new or changed; the summary of the run (`vvp.embed.graph.EmbedSummary`)."""
    from vvp.embed.graph import EmbedSettings, embed
    from vvp.encoders.profiles import profile as find

    space = Workspace.existing(workspace)
    start_ray()

    def tell(done: int, total: int, outcomes: Counter[str]) -> None:
        if progress is not None:
            progress(done, total, " ".join(f"{n} {status}" for status, n in outcomes.items()))

    with space.alone():
        return embed(space, find(profile), EmbedSettings(models=models, transcribe=transcribe), tell)


def tune(
    workspace: str | Path,
    *,
    name: str = "default",
    target: str = "views",
    viral: str | None = None,
    split: str = "time",
    others: bool = True,
    embargo_days: float | None = None,
    min_age_days: float = MIN_AGE_DAYS,
    label_lag_days: float | None = None,
    shares: tuple[float, float] = (0.6, 0.2),
    trials: int = 8,
    families: Sequence[str] | None = None,
    seed: int = 0,
    cpus_per_trial: float = 1.0,
    progress: Progress | None = None,
    sweep_for: Callable[[str], Sweeper] | None = None,
) -> Run:
    """Fits every rule and model of a run under each split; the run's record.

    target: one of `vvp.dataset.targets.TARGETS`; viral: the rule of the target viral ("top:10%",
    "views:1000000"; None: all four counts above their medians). families: None: all that can forecast it.
    split: one of `vvp.dataset.splits.SPLITS`; others: the other splits as well. shares: of the labelled
    videos, training and validation; the rest is the test part. min_age_days: a count read sooner after
    posting is no label; label_lag_days: when a count is known to the channel's later videos (None:
    min_age_days). sweep_for: what sweeps a split's data, in place of Ray Tune. With too few videos for a
    split the run holds the rules alone (`rules_only`).
    """
    from vvp.learn.sweep import Sweeps
    from vvp.learn.tuning import tune

    space = Workspace.existing(workspace)
    settings = SplitSettings(
        train=shares[0], validation=shares[1], embargo_days=embargo_days, min_age_days=min_age_days,
        lag_days=label_lag_days,
    )  # fmt: skip
    what = find(target, viral)
    chosen = tuple(swept(what.classes) if families is None else families)
    sweeps = sweep_for or Sweeps(
        space=space, at=RunPaths(name, target), families=chosen, deciding=split, trials=trials, seed=seed,
        cpus_per_trial=cpus_per_trial, start=start_ray, progress=progress,
    )  # fmt: skip
    with space.alone():
        return tune(
            space, sweeps, name=name, split=split, others=others, settings=settings, trials=trials,
            families=chosen, seed=seed, target=what, viral=viral,
        )  # fmt: skip


def evaluate(
    workspace: str | Path, *, name: str = "default", target: str = "views", resamples: int = 1000
) -> Evaluation:
    """Opens the test part once and saves the predictor; the evaluation. `verdict` is the sentence to read."""
    from vvp.forecast.judging import judge

    space = Workspace.existing(workspace)
    with space.alone():
        return judge(space, name=name, target=target, resamples=resamples)


def explore(
    workspace: str | Path, *, name: str = "default", seed: int = 0, progress: Progress | None = None
) -> dict[str, Any]:
    """Draws the map of the collection: PCA, UMAP, clusters and what each is like; map.json's content."""
    from vvp.explore import store
    from vvp.explore.collection import collect
    from vvp.explore.explore import explore

    space = Workspace.existing(workspace)
    with space.alone():
        atlas = explore(collect(space, name), seed=seed, tell=progress or (lambda *_: None))
        store.write(space, atlas)
    return atlas.facts


def report(workspace: str | Path, *, name: str = "default", thumbnails: bool = True) -> str:
    """Writes report.html and its figures under the run; the path of the page."""
    from vvp.media.thumbnail import thumbnails as make
    from vvp.report import gather, page, pictures

    space, home = Workspace.existing(workspace), RunPaths(name).report
    facts = gather.gather(space, name)
    paths = pictures.wanted(facts) if thumbnails else {}
    built = page.build(facts, make(paths, lambda *_: None) if paths else {})
    space.remove(home)  # so that no figure of an earlier report stays
    for file, data in {"report.html": built.html.encode(), **built.files}.items():
        space.write_bytes(f"{home}/{file}", data)
    return space.uri(f"{home}/report.html")


class OpenPredictor:
    """A saved predictor, ready to forecast drafts in this process. Made by `open_predictor`."""

    def __init__(self, predictor: Predictor, models: str | None) -> None:
        self.predictor = predictor
        self._models = models

    @property
    def id(self) -> str:
        return self.predictor.head.id

    def forecast(
        self,
        video: str | Path | None = None,
        *,
        title: str | None = None,
        description: str | None = None,
        tags: Sequence[str] | None = None,
        channel: str | None = None,
        followers: int | None = None,
        channel_videos: int | None = None,
        channel_following: int | None = None,
        channel_verified: bool | None = None,
        is_ad: bool | None = None,
        published_at: datetime | None = None,
        duration_s: float | None = None,
        transcript: str | None = None,
        horizon_days: float | None = None,
    ) -> Forecast:
        """One draft's forecast: its views, and under `targets` what else the run forecasts, by name.

        None: unknown (published_at: now). UserError: the file cannot be read.
        """
        from vvp.forecast import others
        from vvp.forecast.drafts import embed_draft
        from vvp.forecast.predictor import draft_rows

        values: dict[str, Any] = {
            "title": title, "description": description, "tags": None if tags is None else list(tags),
            "channel_id": channel, "channel_followers": followers, "channel_videos": channel_videos,
            "channel_following": channel_following, "channel_verified": channel_verified, "is_ad": is_ad,
            "published_at": published_at or datetime.now(timezone.utc), "duration_s": duration_s,
            "transcript": transcript,
        }  # fmt: skip
        embedded = embed_draft(
            self.predictor.head.embedding, None if video is None else str(video), values, self._models
        )
        return others.forecast(self.predictor, draft_rows(values, embedded), horizon_days)[0]


def open_predictor(
    workspace: str | Path, *, name: str = "default", models: str | None = None
) -> OpenPredictor:
    """The predictor of a run, with those of its other targets. models: folder of model weights, where
    training used one."""
    from vvp.forecast import others

    return OpenPredictor(others.open_run(Workspace.existing(workspace), name, views=False), models)


def start_ray() -> None:
    """Ray on this machine, unless it runs in this process already."""
    import ray

    if not ray.is_initialized():
        ray.init("local", include_dashboard=False, log_to_driver=False)
