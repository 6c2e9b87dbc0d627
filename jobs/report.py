"""`vvp report`: what was found, as one HTML page and as figures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import options, show
from vvp.errors import UserError
from vvp.paths import RunPaths


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    out: Annotated[
        str | None, typer.Option("--out", metavar="FOLDER", help="Also copy the page and its figures here.")
    ] = None,
    json: options.Json = False,
) -> None:
    """One page with the headline, the collection, the map, the clusters, the model and what it cannot know.

    It needs no network and opens from a file; the figures lie beside it as SVG and PNG, under
    runs/NAME/report. What cannot be shown yet has a sentence in its place, with the command that makes it.
    """
    from vvp.media.thumbnail import thumbnails
    from vvp.report import gather, page, pictures
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    home = RunPaths(name).report
    facts = gather.gather(space, name)
    paths = pictures.wanted(facts)
    thumbs: dict[str, str] = {}
    if paths:
        with show.progress("report, thumbnails") as update:
            thumbs = thumbnails(paths, update)
    built = page.build(facts, thumbs)
    files = {"report.html": built.html.encode(), **built.files}
    space.remove(home)  # so that no figure of an earlier report stays
    for file, data in files.items():
        space.write_bytes(f"{home}/{file}", data)
    if out is not None:
        _copy(Path(out).expanduser(), files)
    drawn = [figure for figure in built.plots if figure.figure is not None]
    result: dict[str, Any] = {
        "name": name,
        "report": space.uri(f"{home}/report.html"),
        "bytes": len(files["report.html"]),
        "copy": None if out is None else str(Path(out).expanduser().absolute()),
        "figures": {figure.name: figure.title for figure in drawn},
        "absent": {figure.name: figure.absent for figure in built.plots if figure.figure is None},
        "thumbnails": {"wanted": len(paths), "made": len(thumbs)},
        "notes": facts.notes,
    }
    if json:
        show.as_json(result)
        return
    _print(result)


def _copy(folder: Path, files: dict[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, data in files.items():
            (folder / file).write_bytes(data)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror or error}.") from error


def _print(result: dict[str, Any]) -> None:
    thumbs = result["thumbnails"]
    pairs = [
        ("page", f"{result['report']} ({result['bytes'] / 1e6:.1f} MB, opens from the file)"),
        ("figures", f"{len(result['figures'])} as SVG and PNG, beside it"),
        ("thumbnails", f"{thumbs['made']} of {thumbs['wanted']}"),
    ]
    if result["copy"]:
        pairs.append(("copy", result["copy"]))
    show.facts(f"report of the run {result['name']}", pairs)
    reasons: dict[str, list[str]] = {}
    for figure, why in result["absent"].items():
        reasons.setdefault(why, []).append(figure)
    for why, figures in reasons.items():
        show.out.print(f"without {', '.join(figures)}: {why}", markup=False)
    for note in result["notes"]:
        show.out.print(f"note: {note}", markup=False)
