"""`vvp embed`: videos/ → embeddings/."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

import typer

from jobs import options, show
from vvp.errors import UserError

_ACTORS = "Actors for {}: N, or MIN:MAX to let Ray add and remove them."


def _check(space: Any, profile: Any, settings: Any) -> None:
    """What needs no Ray is found out before Ray starts. UserError: no videos, weights, or other encoders."""
    from vvp.embed.resume import refuse_other_encoders

    if not len(space.read("videos", ["video_id"])):
        raise UserError(f"{space.root} holds no videos: collect some first.")
    labels = profile.labels(settings.models)
    if not settings.replace:
        refuse_other_encoders(space, {modality: labels[modality] for modality in profile.encoders})


def teller(update: show.Update, speech: bool) -> Callable[[int, int, Counter[str]], None]:
    """What embed calls as it goes on. Until the first row the models load, which can take minutes.

    speech: whether a model that recognises it is loaded as well.
    """
    models = ["picture", "sound", *(["speech"] if speech else []), "words"]

    def tell(done: int, total: int, outcomes: Counter[str]) -> None:
        bad = " ".join(f"{n} {status}" for status, n in outcomes.items() if status != "ok")
        update(done, total, bad if done or not total else f"(loading {', '.join(models)})")

    return tell


@options.writes
def command(
    workspace: options.Workspace,
    profile: options.ProfileName = "offline",
    models: options.Models = None,
    transcribe: Annotated[
        bool, typer.Option(help="Whisper transcripts for videos that have speech and no subtitles.")
    ] = True,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try failed and partial videos again.")
    ] = False,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Embed everything anew if the table holds vectors of other encoders."),
    ] = False,
    limit: Annotated[int | None, typer.Option(help="At most so many videos in this run.", min=1)] = None,
    decode_actors: Annotated[str | None, typer.Option(help=_ACTORS.format("decoding"))] = None,
    video_actors: Annotated[str | None, typer.Option(help=_ACTORS.format("the picture encoder"))] = None,
    audio_actors: Annotated[str | None, typer.Option(help=_ACTORS.format("the sound encoder"))] = None,
    text_actors: Annotated[str | None, typer.Option(help=_ACTORS.format("the words encoder"))] = None,
    transcribe_actors: Annotated[str | None, typer.Option(help=_ACTORS.format("Whisper"))] = None,
    gpus_per_actor: Annotated[float | None, typer.Option(help="Share of a GPU per encoder actor.")] = None,
    timeout: Annotated[float, typer.Option(help="Seconds of decoding a clip may cost.")] = 60.0,
    audio_seconds: Annotated[
        float, typer.Option(help="How much of the sound is used, from its start.")
    ] = 60.0,
    whole_decode: Annotated[
        bool,
        typer.Option("--whole-decode", help="Let decord decode every frame: same 16 frames, twice the CPU."),
    ] = False,
    min_cpus: options.MinCpus = 0,
    min_gpus: options.MinGpus = 0,
    json: options.Json = False,
) -> None:
    """Decode every video and turn picture, sound and words into vectors.

    A rerun embeds only what is missing or changed. A file that cannot be read costs one row with its reason.
    """
    from jobs.cluster import connect
    from vvp.embed.graph import EmbedSettings, embed
    from vvp.embed.pools import parse_actors
    from vvp.encoders.profiles import profile as find_profile
    from vvp.media.decode import DecodeSettings
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    chosen = find_profile(profile)
    asked = {
        "decode": decode_actors, "video": video_actors, "audio": audio_actors,
        "text": text_actors, "transcribe": transcribe_actors,
    }  # fmt: skip
    settings = EmbedSettings(
        decode=DecodeSettings(timeout_s=timeout, audio_s=audio_seconds, fast=not whole_decode),
        transcribe=transcribe,
        models=options.absolute(models),
        actors={stage: parse_actors(text) for stage, text in asked.items() if text},
        gpus_per_actor=gpus_per_actor,
        retry_failed=retry_failed,
        replace=replace,
        limit=limit,
    )
    _check(space, chosen, settings)
    connect(min_cpus, min_gpus)
    with show.progress("embed") as update:
        speech = transcribe and chosen.transcriber is not None
        summary = embed(space, chosen, settings, teller(update, speech))
    for note in summary.notes:
        show.err.print(f"note: {note}", markup=False)
    if summary.doubtful:
        show.err.print(f"WARNING: {summary.doubtful}", markup=False)
    if json:
        show.as_json(summary.as_dict())
        return
    show.facts(
        f"embed: {summary.done} done, {summary.skipped} skipped (done before) of {summary.videos} videos",
        [
            ("profile", f"{summary.profile}: " + ", ".join(summary.encoders.values())),
            *((f"this run, {status}", n) for status, n in sorted(summary.by_status.items())),
            *((f"failed, {kind}", n) for kind, n in sorted(summary.failed_by_kind.items())),
            ("whole table", ", ".join(f"{n} {outcome}" for outcome, n in summary.table.items())),
            *([("worked", _worked(summary))] if summary.spent else []),
            ("speed", f"{summary.clips_per_second:.2f} clips per second ({summary.seconds:.1f} s)"),
        ],
    )


def _worked(summary: Any) -> str:
    """Where the time went: seconds of work by stage, and how much of the run its actors were at it."""
    named = {"video": "picture", "audio": "sound", "text": "words", "transcribe": "speech"}
    parts = [
        f"{named.get(stage, stage)} {seconds:.0f} s ({summary.busy[stage]:.0%})"
        for stage, seconds in summary.spent.items()
    ]
    return ", ".join(parts) + " of the run's time, its start included"
