"""`vvp clips`: videos/ → clips/, what networks are trained on."""

from dataclasses import asdict
from typing import Annotated

import typer

from jobs import options, show


@options.writes
def command(
    workspace: options.Workspace,
    fps: Annotated[float, typer.Option(min=0.5, max=60, help="Frames a second that are kept.")] = 8.0,
    seconds: Annotated[float, typer.Option(min=1, max=120, help="Seconds kept, from the start.")] = 16.0,
    size: Annotated[int, typer.Option(min=32, max=512, help="Short side of the frames, pixels.")] = 128,
    timeout: Annotated[float, typer.Option(help="Seconds of decoding a clip may cost.")] = 60.0,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try failed videos again.")] = False,
    min_cpus: options.MinCpus = 0,
    json: options.Json = False,
) -> None:
    """Decode every video once into a cache that networks learn from (`vvp finetune`).

    A rerun makes only what is missing or changed. A file that cannot be read costs one row with its reason.
    """
    from jobs.cluster import connect
    from vvp.finetune.caching import make
    from vvp.finetune.clips import pending
    from vvp.finetune.decoding import ClipSettings
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    settings = ClipSettings(size=size, fps=fps, length_s=seconds, timeout_s=timeout)
    todo, _ = pending(space, settings, retry_failed)
    most = settings.most_bytes / 1e6
    show.err.print(
        f"{len(todo)} clips to make: at most {most:.1f} MB each, {most * len(todo) / 1e3:.1f} GB in all "
        f"(10,000 clips: {most * 10:.0f} GB)"
    )
    connect(min_cpus)
    with show.progress("clips") as update:
        summary = make(space, settings, retry_failed=retry_failed, progress=update)
    if json:
        show.as_json(asdict(summary))
        return
    show.facts(
        f"clips: {summary.done} made, {summary.skipped} made before, of {summary.videos} videos with media",
        [
            *((f"failed, {kind}", n) for kind, n in sorted(summary.failed.items())),
            ("on the disk", f"{summary.bytes / 1e9:.2f} GB"),
            ("took", f"{summary.seconds:.1f} s"),
        ],
    )
    show.out.print("next: `vvp finetune NETWORK`, which trains a network on them")
