"""`vvp predict --table`: forecasts for a whole calendar of drafts, with the models loaded once."""

from collections.abc import Sequence
from datetime import datetime, timezone
from math import inf
from typing import Any

import pyarrow as pa

from jobs import forecast_sheet, show
from vvp import sheets
from vvp.errors import UserError

TOGETHER = 16  # drafts whose frames are held at a time
STRENGTHS = "strengths"  # of a row: what orders it, by target; not for people


def forecast_table(
    file: str, loaded: Any, recipe: Any, models: str | None, horizon_days: float | None, settings: Any
) -> list[dict[str, Any]]:
    """A row of forecast_sheet.draft_columns per draft; one whose video gives nothing has its error and no
    forecast.

    recipe: how the predictor's training videos were embedded. settings: columns.Settings. UserError: a table
    that cannot be read, or none of whose files is there.
    """
    from vvp.collect.drafts import read_drafts
    from vvp.forecast.predictor import draft_rows
    from vvp.schema import FAILED

    drafts = read_drafts(file, settings)
    for column, number in drafts.unreadable.items():
        show.err.print(f"{number} unreadable {column}, left out: {drafts.examples[column]}", markup=False)
    if drafts.absent:
        first = min(drafts.absent)
        many = "1 file is" if len(drafts.absent) == 1 else f"{len(drafts.absent)} files are"
        named = f"row {drafts.lines[first]}: {drafts.absent[first][:80]}"
        show.err.print(f"{many} not there, without a forecast ({named})", markup=False)
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
    from vvp.forecast import others

    try:
        [found] = others.forecast(loaded, row, horizon_days)
    except UserError as error:
        return {"error": str(error)}
    strengths = {name: others.strength(found, name) for name in others.targets(loaded)}
    return {**forecast_sheet.draft_row(found), STRENGTHS: strengths}


def _embedded(drafts: Any, recipe: Any, models: str | None) -> Any:
    """(facts, line, media, the draft's row as `vvp embed` would have made it) of each draft."""
    from vvp.embed.recipe import first_row
    from vvp.embed.stages import Decode, encoders_here

    decode = Decode(recipe.decode)
    stages: list[Any] = []
    try:
        for start in range(0, len(drafts.rows), TOGETHER):
            places = range(start, min(start + TOGETHER, len(drafts.rows)))
            there = [at for at in places if at not in drafts.absent]
            embedded = {at: _not_found(name) for at, name in drafts.absent.items()}
            if there:
                first = [first_row(drafts.rows[at], (m := drafts.media[at]) and str(m)) for at in there]
                batch = decode(pa.concat_tables(first))
                stages = stages or list(encoders_here(recipe.profile, models, recipe.decode))
                for stage in stages:
                    batch = stage(batch)
                embedded |= dict(zip(there, batch.to_pylist(), strict=True))
            for at in places:
                media = drafts.absent.get(at) or drafts.media[at]
                yield drafts.rows[at], drafts.lines[at], media, embedded[at]
    finally:
        decode.sandbox.close()


def _not_found(name: str) -> dict[str, Any]:
    """Of a draft whose file is not there: a failed row, as the decoder makes them."""
    from vvp.schema import FAILED

    return {"status": FAILED, "error_kind": "not_found", "error_detail": f"there is no file {name[:200]}"}


def tell(
    rows: list[dict[str, Any]], csv: str | None, json: bool, predictor: str, targets: Sequence[str], by: str
) -> None:
    """The forecasts as a file, as JSON, or as a table on the screen, those with most of the target `by`
    first. targets: what the run forecasts."""
    if csv is not None:
        sheets.write(csv, rows, forecast_sheet.draft_columns(targets))
    rows = sorted(rows, key=lambda row: -row.get(STRENGTHS, {}).get(by, -inf))
    rows = [{name: value for name, value in row.items() if name != STRENGTHS} for row in rows]
    if json:
        show.as_json({"predictor": predictor, "by": by, "forecasts": rows})
        return
    from vvp.forecast.outside import names

    low, high = ("low", "high") if by == "views" else (f"{by} low", f"{by} high")
    lines = [
        (
            row["row"], (row["title"] or row["media"] or "")[:40],
            *(said(by, row.get(column)) for column in (by, low, high)),
            row.get("error") or ", ".join(names(row.get("outside") or [])),
        )
        for row in rows
    ]  # fmt: skip
    heads = ("row", "draft", by, "low", "high", "outside training, or error")
    show.table(f"{len(rows)} drafts, most {by} first (predictor {predictor})", heads, lines, left=(1, 5))
    if csv is not None:
        show.out.print(f"written: {csv}", markup=False)


def said(target: str, value: Any) -> str | None:
    """A cell of the table: an amount, a chance, or a class in words."""
    from vvp.dataset.targets import TARGETS
    from vvp.forecast.others import amount

    if value is None or isinstance(value, str):
        return value
    of = TARGETS[target]
    return f"{value:.0%}" if of.classes else amount(of.kind, value)
