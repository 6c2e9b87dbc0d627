"""`vvp collect …`: from what lies around to videos/. One sub-command per kind of source."""

from typing import Annotated, Any

import typer

from jobs import options, show
from vvp.collect.summary import NOTES, CollectSummary
from vvp.workspace import Workspace

Rehash = Annotated[
    bool, typer.Option("--rehash", help="Read all media again, also those that look unchanged.")
]

app = typer.Typer(
    no_args_is_help=True,
    help="Read videos and posts into the workspace. Run it again: only what is new or changed is added.",
)


@app.command()
@options.writes
def ytdlp(
    folder: Annotated[
        str, typer.Argument(help="What `yt-dlp --write-info-json [--write-subs]` left behind.")
    ],
    workspace: options.Workspace,
    rehash: Rehash = False,
    json: options.Json = False,
) -> None:
    """A folder of NAME.info.json with its media and subtitles, any output template."""
    from vvp.collect.ytdlp import collect_ytdlp

    _show(collect_ytdlp(folder, Workspace(workspace), rehash=rehash), json)


@app.command()
def posts(
    file: Annotated[str, typer.Argument(help="CSV, JSON, Parquet or Excel: a row per post.")],
    workspace: options.Workspace,
    map: Annotated[
        list[str] | None, typer.Option("--map", metavar="OURS=THEIRS", help="Which of your columns is ours.")
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help="A ready-made map; by default the one that fits.")
    ] = None,
    observed_at: Annotated[
        str | None, typer.Option(help="When the counts were read, for rows that do not say: 2026-01-31.")
    ] = None,
    numbers: Annotated[
        str | None,
        typer.Option(help="How it writes 1234.5: 1,234.5 or 1.234,5 or '1 234,5'; default: its rows say."),
    ] = None,
    dates: Annotated[
        str | None, typer.Option(help="day-first, month-first or year-first; default: its rows say.")
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="A column that nobody needs; 'author*' names several."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Any doubt (worth a look, unused columns too) is an error.")
    ] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the map and the first rows as read, and write nothing.")
    ] = False,
    rehash: Rehash = False,
    json: options.Json = False,
) -> None:
    """A table of posts with counts, with or without media. docs/inputs.md says which shapes are read."""
    from vvp.errors import UserError

    pairs = [text.partition("=") for text in map or []]
    wrong = [f"{ours}{sign}{theirs}" for ours, sign, theirs in pairs if not (ours and sign and theirs)]
    if wrong:
        raise UserError(f"--map {wrong[0]} is not of the form OURS=THEIRS, as in views=view_count.")
    mapping = {ours: theirs for ours, _, theirs in pairs}
    if preview:
        _preview(file, mapping, preset, observed_at, numbers, dates, ignore or [], strict, json)
        return
    _collect_posts(
        file=file, workspace=workspace, mapping=mapping, preset=preset, observed_at=observed_at,
        numbers=numbers, dates=dates, ignore=ignore or [], strict=strict, rehash=rehash,
        json=json,
    )  # fmt: skip


@options.writes
def _collect_posts(
    *,
    file: str,
    workspace: str,
    mapping: dict[str, str],
    preset: str | None,
    observed_at: str | None,
    numbers: str | None,
    dates: str | None,
    ignore: list[str],
    strict: bool,
    rehash: bool,
    json: bool,
) -> None:
    from vvp.collect.posts import collect_posts

    summary = collect_posts(
        file, Workspace(workspace), mapping, preset, observed_at, numbers=numbers, dates=dates, ignore=ignore,
        strict=strict, rehash=rehash,
    )  # fmt: skip
    _show(summary, json)


def _preview(
    file: str,
    mapping: dict[str, str],
    preset: str | None,
    observed_at: str | None,
    numbers: str | None,
    dates: str | None,
    ignore: list[str],
    strict: bool,
    json: bool,
) -> None:
    """The table as it would be read; nothing is written. UserError: strict, and collect would refuse it."""
    from vvp.collect.columns import Settings
    from vvp.collect.doubts import refuse_any
    from vvp.collect.posts import read_posts, refuse_unreadable
    from vvp.collect.preview import preview_of

    reading = read_posts(file, mapping, preset, observed_at, Settings(numbers=numbers, dates=dates), ignore)
    preview = preview_of(reading)
    if json:
        show.as_json(preview)
    else:
        _show_preview(preview, reading)
    if strict:
        refuse_unreadable(reading)
        refuse_any(preview["doubts"], preview["unused_columns"], reading.gathered.refused)


def _show_preview(preview: dict[str, Any], reading: Any) -> None:
    from vvp.collect.posts import refuse_unreadable
    from vvp.collect.preview import preview_rows
    from vvp.errors import UserError

    show.table(
        f"preview of {preview['origin']}: map {preview['preset'] or 'your own'}; nothing is written",
        ("ours", "column", "read", "missing", "unreadable", "as in", "decided"),
        [tuple(column.values()) for column in preview["columns"]],
        left=(0, 1, 5, 6),
    )
    heads, rows = preview_rows(preview)
    show.table(
        f"the first {len(preview['first'])} of {preview['rows']} rows", heads, rows, left=range(len(heads))
    )
    try:
        refuse_unreadable(reading)
    except UserError as error:
        show.out.print(f"collect would refuse this: {error}", markup=False)
    for reason, number in preview["set_aside"].items():
        why = preview["why_set_aside"][reason]
        show.out.print(f"set aside: {show.count(number)} {reason}, the first: {why}", markup=False)
    for column, number in preview["unreadable_values"].items():
        example = preview["examples"][column]
        show.out.print(f"unreadable {column}: {show.count(number)}, the first: {example}", markup=False)
    for name, number in preview["notes"].items():
        show.out.print(f"{name.replace('_', ' ')}: {show.count(number)} ({NOTES[name]})", markup=False)
    _worth_a_look(preview["doubts"], preview["unused_columns"])


def _worth_a_look(doubts: list[str], unused: list[str]) -> None:
    if doubts or unused:
        show.out.print("[bold]worth a look[/bold]")
    for doubt in doubts:
        show.out.print(f"  {doubt}", markup=False, soft_wrap=True)
    if unused:
        show.out.print(f"  columns that nothing used: {', '.join(unused)}", markup=False, soft_wrap=True)


@app.command()
@options.writes
def folder(
    folder: Annotated[str, typer.Argument(help="Media files, in sub-folders too.")],
    workspace: options.Workspace,
    rehash: Rehash = False,
    json: options.Json = False,
) -> None:
    """Bare media files without metadata: for embedding and forecasting, not for training."""
    from vvp.collect.folder import collect_folder

    _show(collect_folder(folder, Workspace(workspace), rehash=rehash), json)


@app.command()
@options.writes
def synthetic(
    folder: Annotated[str, typer.Argument(help="Where the clips are written, as yt-dlp would leave them.")],
    workspace: options.Workspace,
    videos: Annotated[int, typer.Option(help="How many clips.", min=2)] = 200,
    channels: Annotated[int, typer.Option(help="How many channels post them.")] = 40,
    noise: Annotated[float, typer.Option(help="Standard deviation of the noise on log views.")] = 0.65,
    seed: options.Seed = 0,
    json: options.Json = False,
) -> None:
    """Generated shorts whose views are a known sum of what is seen, heard and read, plus noise."""
    from vvp.collect.ytdlp import collect_ytdlp
    from vvp.synthetic.write import write_world

    with show.progress("render") as update:
        world = write_world(folder, videos=videos, channels=channels, noise=noise, seed=seed, progress=update)
    summary = collect_ytdlp(folder, Workspace(workspace))
    best = world.reachable
    if json:
        show.as_json({**summary.as_dict(), "world": {"reachable": best, "written": world.written}})
        return
    _show(summary, json)
    show.out.print(
        f"best reachable on these {world.videos} clips: R² {best['r2']:.3f}, Spearman {best['spearman']:.3f} "
        "(the rest is noise); the formula is in world.json beside them"
    )


def _show(summary: CollectSummary, json: bool) -> None:
    if json:
        show.as_json(summary.as_dict())
        return
    rows = [(label, show.count(number), rule) for label, number, rule in summary.lines()]
    show.table(f"collect {summary.source}: {summary.origin}", ("", "videos", "rule"), rows, left=(0, 2))
    if summary.preset or summary.mapping:
        mapping = ", ".join(f"{ours}={theirs}" for ours, theirs in summary.mapping.items())
        show.out.print(f"map ({summary.preset or 'your own'}): {mapping}", markup=False)
    for remark in summary.remarks:
        show.out.print(remark, markup=False, soft_wrap=True)
    _worth_a_look(summary.doubts, summary.unused_columns)
    if summary.added or summary.updated:
        show.out.print("next: `vvp embed`, which turns picture, sound and words into vectors", markup=False)
