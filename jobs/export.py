"""`vvp export`: the posts of a workspace, with forecast, ratio and cluster, as a CSV or an Excel file."""

from typing import Annotated

import typer

from jobs import options, show


def command(
    file: Annotated[str, typer.Argument(help="Where to write: posts.csv or posts.xlsx.")],
    workspace: options.Workspace,
    name: options.Name = "default",
    json: options.Json = False,
) -> None:
    """Write every post with what is known of it, for a spreadsheet.

    A forecast stands beside the videos of the test part, which the model had not seen.
    """
    from vvp import sheets
    from vvp.export import COLUMNS, posts
    from vvp.workspace import Workspace

    sheets.check(file)
    rows, notes = posts(Workspace.existing(workspace), name)
    sheets.write(file, rows, COLUMNS)
    forecast = sum(row.get("forecast") is not None for row in rows)
    if json:
        show.as_json({"file": file, "posts": len(rows), "with_forecast": forecast, "notes": notes})
        return
    pairs = [("posts", show.count(len(rows))), ("with a forecast", f"{show.count(forecast)} (the test part)")]
    show.facts(f"export: {file}", [*pairs, *(("note", note) for note in notes)])
