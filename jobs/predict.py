"""`vvp predict`: a forecast for one video, or for words alone, in this process."""

from datetime import datetime, timezone
from math import exp
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import options, show
from vvp import words
from vvp.errors import UserError


def command(
    workspace: options.Workspace,
    video: Annotated[
        str | None, typer.Argument(help="The draft; leave it out to forecast from words and channel.")
    ] = None,
    name: options.Name = "default",
    title: Annotated[str | None, typer.Option(help="As it will be posted.")] = None,
    description: Annotated[str | None, typer.Option()] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A hashtag; repeat for more.")] = None,
    channel: Annotated[str | None, typer.Option(help="The channel's id, as in the training videos.")] = None,
    followers: Annotated[int | None, typer.Option(help="The channel's followers now.", min=0)] = None,
    channel_videos: Annotated[
        int | None, typer.Option(help="How many videos the channel has.", min=0)
    ] = None,
    following: Annotated[
        int | None, typer.Option(help="How many accounts the channel follows.", min=0)
    ] = None,
    verified: Annotated[
        bool | None, typer.Option("--verified/--not-verified", help="The platform has verified the channel.")
    ] = None,
    ad: Annotated[
        bool | None, typer.Option("--ad/--not-ad", help="It is posted as an advertisement.")
    ] = None,
    published_at: Annotated[
        str | None, typer.Option(help="When it will be posted, UTC; default: now.")
    ] = None,
    horizon_days: Annotated[
        float | None,
        typer.Option(help="Views after how many days; default: what training supports.", min=0.1, max=3650),
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Seconds, for a draft without a video.", min=0.1)
    ] = None,
    transcript: Annotated[
        str | None, typer.Option(help="File with the words spoken (text, .vtt, .srt), instead of Whisper.")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="FILE", help="A calendar of drafts, a row each.")
    ] = None,
    csv: Annotated[
        str | None,
        typer.Option("--csv", "--out", metavar="FILE", help="Write the forecasts to a .csv or .xlsx."),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="TARGET", help="With --table: what orders the drafts; views, likes, …")
    ] = "views",
    dates: Annotated[
        str | None,
        typer.Option(help="With --table: day-first, month-first or year-first; default: its rows say."),
    ] = None,
    models: options.Models = None,
    json: options.Json = False,
) -> None:
    """How many views a draft will get, the 80 % interval, and what the simple rules say."""
    from jobs import forecast_sheet
    from vvp import sheets
    from vvp.collect.parse import moment
    from vvp.forecast import others, predictor
    from vvp.forecast.drafts import embed_draft
    from vvp.workspace import Workspace

    if csv is not None:
        sheets.check(csv)
    if table is not None:
        _table(table, workspace, name, horizon_days, dates, csv, by, models, json)
        return
    if by != "views":
        raise UserError("--by orders the drafts of a --table; one draft has every target that the run has.")
    if video is None and title is None:
        raise UserError("nothing to forecast: give a video, or at least a --title.")
    space = Workspace.existing(workspace)
    loaded = others.open_run(space, name, views=False)
    try:
        when = moment(published_at) if published_at else datetime.now(timezone.utc)
    except ValueError as error:
        raise UserError(f"--published-at {published_at} is no time: write 2026-01-31T18:00.") from error
    values: dict[str, Any] = {
        "title": title, "description": description, "tags": tag, "channel_id": channel, "published_at": when,
        "channel_followers": followers, "channel_videos": channel_videos, "channel_following": following,
        "channel_verified": verified, "is_ad": ad, "duration_s": duration,
        "transcript": _spoken(transcript),
    }  # fmt: skip
    embedded = embed_draft(loaded.head.embedding, video, values, models)
    row = predictor.draft_rows(values, embedded)
    [forecast] = others.forecast(loaded, row, horizon_days)
    if csv is not None:
        told = {**values, "row": 1, "media": video, **forecast_sheet.draft_row(forecast)}
        sheets.write(csv, [told], forecast_sheet.draft_columns(others.targets(loaded)))
        show.err.print(f"1 row written to {csv}", markup=False)
    if json:
        show.as_json({"predictor": loaded.head.id, **forecast.as_dict()})
        return
    _print(video, forecast, loaded.head)
    if forecast.targets:
        show.facts("also", [(name, one.text) for name, one in forecast.targets.items()])


def _table(
    table: str,
    workspace: str,
    name: str,
    horizon_days: float | None,
    dates: str | None,
    csv: str | None,
    by: str,
    models: str | None,
    json: bool,
) -> None:
    from jobs.predict_table import forecast_table, tell
    from vvp.collect.columns import Settings
    from vvp.embed.recipe import Recipe
    from vvp.forecast import others
    from vvp.workspace import Workspace

    loaded = others.open_run(Workspace.existing(workspace), name)
    others.check(loaded, by)
    recipe = Recipe.of(loaded.head.embedding)
    recipe.check(models)
    rows = forecast_table(table, loaded, recipe, models, horizon_days, Settings(dates=dates))
    tell(rows, csv, json, loaded.head.id, others.targets(loaded), by)


def _spoken(file: str | None) -> str | None:
    """The words of a subtitle or text file. UserError when it cannot be read."""
    if file is None:
        return None
    from vvp.collect.subtitles import words_of

    try:
        return words_of(Path(file))
    except (OSError, ValueError) as error:
        raise UserError(f"--transcript {file} cannot be read: {error}") from error


def _reasons(forecast: Any) -> list[tuple[str, str]]:
    """Where the number comes from, block by block, and what it can be looked at beside."""
    from vvp.dataset.targets import VIEWS

    steps = [f"{b} ×{exp(v):.2f}" for b, v in forecast.blocks.items() if round(v, 2)]
    start = words.views(VIEWS.value(forecast.starting_log_views))
    pairs = []
    if forecast.kind != "rule":  # a rule ignores the clip, and its headline says so
        what = ", ".join(steps) or "nothing changes it"
        pairs.append(("made of", f"{start} for a typical training video; {what}"))
    if forecast.top_tenth is not None:
        bound = words.views(forecast.top_tenth_views)
        pairs.append(("top tenth", f"{forecast.top_tenth:.0%} chance of more than {bound}"))
    for near in forecast.nearest[:3]:
        title = " ".join((near["title"] or near["video_id"]).split())  # some are paragraphs
        pairs.append(
            ("alike", f"{title[:60]}: {words.views(near['views'])} (likeness {near['similarity']:.2f})")
        )
    return pairs


def _print(video: str | None, forecast: Any, head: Any) -> None:
    from vvp.forecast.outside import said

    v = words.views
    span = "no interval" if forecast.low is None else f"{v(forecast.low)} to {v(forecast.high)}"
    quality = forecast.quality
    many = head.training.videos
    videos = f"{many} training {'video' if many == 1 else 'videos'}"
    pairs: list[tuple[str, Any]] = [
        (f"{forecast.coverage:.0%} interval", span),
        ("more than", f"{forecast.percentile:.0f} % of the {videos}"),
    ]
    ages = head.training.horizon_days
    if forecast.horizon_days is not None:
        shown = f"{words.days(ages.min)} to {words.days(ages.max)}"
        pairs.append(("horizon", f"{words.days(forecast.horizon_days)}; training counts are {shown} old"))
    for rule, value in forecast.baselines.items():
        pairs.append((f"rule: {rule}", "no earlier video known" if value is None else v(value)))
    pairs += _reasons(forecast)
    pairs.append(("missing", ", ".join(forecast.missing) or "nothing"))
    if forecast.outside:
        pairs += [("outside training", one) for one in dict.fromkeys(map(said, forecast.outside))]
    pairs += [("note", note) for note in forecast.notes]
    pairs.append(("model", f"{forecast.model}, predictor {head.id}"))
    pairs.append(("how good it is", quality["verdict"]))
    show.out.print(forecast.headline, markup=False, style="bold")
    show.out.print(forecast.promise, markup=False)
    show.facts(f"forecast for {video or 'a draft without video'}", pairs)
