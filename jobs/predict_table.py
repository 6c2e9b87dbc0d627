"""`vvp predict --table`: forecasts for a whole calendar of drafts, with the models loaded once."""

from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from jobs import show
from vvp import sheets
from vvp.errors import UserError

TOGETHER = 16  # drafts whose frames are held at a time
COLUMNS = (
    "row", "title", "media", "channel_id", "published_at", "views", "low", "high", "coverage", "percentile",
    "horizon_days", "missing", "outside", "error",
)  # fmt: skip


def forecast_table(
    file: str, loaded: Any, recipe: Any, models: str | None, horizon_days: float | None, settings: Any
) -> list[dict[str, Any]]:
    """A row with COLUMNS per draft; one whose video gives nothing has its error and no forecast.

    recipe: how the predictor's training videos were embedded. settings: columns.Settings. UserError: a table
    that cannot be read, or a file in it that is not there.
    """
    from vvp.collect.drafts import read_drafts
    from vvp.forecast.predictor import draft_rows
    from vvp.schema import FAILED

    drafts = read_drafts(file, settings)
    for column, number in drafts.unreadable.items():
        show.err.print(f"{number} unreadable {column}, left out: {drafts.examples[column]}", markup=False)
    if drafts.unused:
        show.err.print(f"columns that nothing used: {', '.join(drafts.unused)}", markup=False)
    now = datetime.now(timezone.utc)
    for row in drafts.rows:
        row["published_at"] = row["published_at"] or now
    out = []
    with show.progress("predict") as update:
        for row, line, media, embedded in _embedded(drafts, recipe, models):
            row_out: dict[str, Any] = {
                "row": line, "title": row["title"], "media": media and str(media),
                "channel_id": row["channel_id"], "published_at": row["published_at"],
            }  # fmt: skip
            if embedded["status"] == FAILED:
                row_out["error"] = f"{embedded['error_kind']}: {embedded['error_detail']}"
            else:
                row_out |= _forecast(loaded, draft_rows(row, embedded), horizon_days)
            out.append(row_out)
            update(len(out), len(drafts.rows))
    return out


def _forecast(loaded: Any, row: pa.Table, horizon_days: float | None) -> dict[str, Any]:
    try:
        facts = loaded.predict(row, horizon_days)[0].as_dict()
    except UserError as error:
        return {"error": str(error)}
    facts["outside"] = [feature["feature"] for feature in facts["outside"]]
    return {name: facts.get(name) for name in COLUMNS[5:-1]}


def _embedded(drafts: Any, recipe: Any, models: str | None) -> Any:
    """(facts, line, media, the draft's row as `vvp embed` would have made it) of each draft."""
    from vvp.embed.recipe import first_row
    from vvp.embed.stages import Decode, encoders_here

    decode = Decode(recipe.decode)
    stages: list[Any] = []
    try:
        for start in range(0, len(drafts.rows), TOGETHER):
            rows = drafts.rows[start : start + TOGETHER]
            media = drafts.media[start : start + TOGETHER]
            first = [first_row(row, m and str(m)) for row, m in zip(rows, media, strict=True)]
            batch = decode(pa.concat_tables(first))
            stages = stages or list(encoders_here(recipe.profile, models, recipe.decode))
            for stage in stages:
                batch = stage(batch)
            yield from zip(rows, drafts.lines[start:], media, batch.to_pylist(), strict=False)
    finally:
        decode.sandbox.close()


def tell(rows: list[dict[str, Any]], out: str | None, json: bool, predictor: str) -> None:
    """The forecasts as a file, as JSON, or as a table on the screen."""
    if out is not None:
        sheets.write(out, rows, COLUMNS)
    if json:
        show.as_json({"predictor": predictor, "forecasts": rows})
        return
    from vvp import words

    def views(value: float | None) -> str | None:
        return None if value is None else words.views(value)

    lines = [
        (
            row["row"], (row["title"] or row["media"] or "")[:40], views(row.get("views")),
            views(row.get("low")), views(row.get("high")),
            row.get("error") or ", ".join(row.get("outside") or []),
        )
        for row in sorted(rows, key=lambda each: -(each.get("views") or 0))
    ]  # fmt: skip
    heads = ("row", "draft", "views", "low", "high", "outside training, or error")
    show.table(f"{len(rows)} drafts, most views first (predictor {predictor})", heads, lines, left=(1, 5))
    if out is not None:
        show.out.print(f"written: {out}", markup=False)
