"""`vvp evaluate`: opens the test part once, prints what the models are worth, saves the predictor."""

from datetime import datetime, timezone
from typing import Annotated, Any

import typer

from jobs import options, show
from vvp.errors import UserError

OPENED = "test_opened.json"


@options.writes
def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    resamples: Annotated[int, typer.Option(help="Bootstrap resamples of channels.", min=100)] = 1000,
    json: options.Json = False,
) -> None:
    """Metrics with 95 % intervals on the test part, every model against the best baseline, three splits.

    Called again it shows what was found the first time. Each further run that opens the same test part makes
    its numbers a little too good; how often that happened is printed.
    """
    from vvp.dataset.matrix import assemble, embedded_dims, population
    from vvp.dataset.split_rules import SplitSettings
    from vvp.forecast import files as predictor_store
    from vvp.learn import candidates, evaluate
    from vvp.workspace import Workspace

    space = Workspace.existing(workspace)
    home = options.run_folder(name)
    if not space.exists(f"{home}/run.json"):
        raise UserError(f"there is no run called {name} in {space.root}: run `vvp tune --name {name}` first.")
    run = space.read_json(f"{home}/run.json")
    marks = {s: space.read_json(f"{home}/{s}/candidates.json")["fingerprint"] for s in _made(run)}
    if space.exists(f"{home}/evaluation.json"):
        saved = space.read_json(f"{home}/evaluation.json")
        made = (saved.get("run_id"), saved["resamples"], saved.get("format"))
        if made == (run["id"], resamples, predictor_store.FORMAT):
            _finish(saved, json)
            return
    result: dict[str, Any] = {
        "name": name,
        "split": run["split"],
        "profile": run["profile"],
        "opened_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "resamples": resamples,
        "format": predictor_store.FORMAT,
        "run_id": run["id"],
        "counts": run["counts"],
        "splits": {s: one for s, one in run["splits"].items() if "unavailable" in one},
    }
    dims, settings = embedded_dims(space), SplitSettings(embargo_days=run["embargo_days"])
    for split in _made(run):
        matrix = assemble(space, split, settings, dims)
        if candidates.fingerprint(matrix) != marks[split]:
            raise UserError(
                f"the tables changed since `vvp tune --name {name}`: run it again, then evaluate."
            )
        rows = population(matrix)
        found, _ = candidates.read(space, f"{home}/{split}")
        result["splits"][split] = evaluate.evaluate_split(matrix, rows, found, resamples=resamples)
        if split == run["split"]:
            own = result["splits"][split]
            result["verdict"] = evaluate.verdict(own)
            result["warnings"] = evaluate.warnings(matrix, own)
            chosen = evaluate.choose(found)
            metadata = next(c for c in found if c.name == "metadata only")
            facts = {
                "run": name,
                "split": split,
                "embedding": space.read_json("embed.json"),
                "quality": {
                    "main": {"verdict": result["verdict"], **_quality(own, chosen.name)},
                    "metadata": {"verdict": _alone(own, metadata.name), **_quality(own, metadata.name)},
                    "warnings": result["warnings"],
                },
            }
            parts = matrix.splits.facts["fingerprint"]
            space.write_bytes(f"{home}/predictions.parquet", evaluate.predictions(matrix, rows, found))
            mark = predictor_store.save(space, f"{home}/predictor", matrix, rows, chosen, metadata, facts)
            result["predictor"] = {"id": mark, "model": chosen.name, "at": space.uri(f"{home}/predictor")}
    opened = space.read_json(OPENED) if space.exists(OPENED) else []
    opened.append({"run": name, "split": run["split"], "parts": parts, "at": result["opened_at"]})
    space.write_json(OPENED, opened)
    result["times_opened"] = len(
        {o["run"] for o in opened if (o.get("split"), o.get("parts")) == (run["split"], parts)}
    )
    space.write_json(f"{home}/evaluation.json", result)
    _finish(result, json)


def _made(run: dict[str, Any]) -> list[str]:
    return [split for split, one in run["splits"].items() if "unavailable" not in one]


def _quality(split: dict[str, Any], name: str) -> dict[str, Any]:
    """What the predictor carries about one of its models: its metrics, the best baseline's, the coverage."""
    return {
        "metrics": split["results"][name].get("metrics"),
        "best_baseline": split["best_baseline"],
        "baseline_metrics": split["results"][split["best_baseline"]]["metrics"],
        "interval": split["interval"] if name == split["chosen"] else None,
        "test_rows": split["test_rows"],
        "test_channels": split["test_channels"],
    }


def _alone(split: dict[str, Any], name: str) -> str:
    """One sentence about the model for drafts without a video."""
    metrics = split["results"][name].get("metrics")
    rank = None if metrics is None else _interval(metrics["spearman"])
    return f"{name}, on the same test: Spearman {rank or 'undefined'}; its interval was not measured there."


def _finish(result: dict[str, Any], json: bool) -> None:
    if json:
        show.as_json(result)
        return
    for split, one in result["splits"].items():
        if "unavailable" not in one and split == result["split"]:
            _print_split(split, one)
    _print_side_by_side(result)
    for warning in result["warnings"]:
        show.out.print(f"note: {warning}", markup=False)
    opened = result["times_opened"]
    if opened > 1:
        show.out.print(
            f"note: this test part was opened by {opened} runs; each look makes the best number less honest"
        )
    show.out.print(f"[bold]{result['verdict']}[/bold]", highlight=False)
    kept = result["predictor"]
    show.out.print(f"predictor {kept['id']} ({kept['model']}) saved at {kept['at']}", markup=False)


def _print_split(split: str, one: dict[str, Any]) -> None:
    rows: list[tuple[str | None, ...]] = []
    absent = []
    for name, r in one["results"].items():
        if "unavailable" in r:
            absent.append(f"{name}: not available, {r['unavailable']}")
            continue
        m = {k: _interval(v) for k, v in r["metrics"].items()}
        gap = r["versus_baseline"]
        against = "(best baseline)" if "spearman" not in gap else _interval(gap["spearman"], signed=True)
        marked = f"{name} ◂" if name == one["chosen"] else name
        rows.append((marked, m["spearman"], m["r2"], m["mae"], m["pairwise_accuracy"], against))
    show.table(
        f"evaluate: {split} split, {one['test_rows']} test videos of {one['test_channels']} channels, "
        "95 % intervals by channel; ◂ chosen on validation",
        (
            "",
            "Spearman",
            "R²",
            "MAE (log views)",
            "pairs right",
            "Spearman vs best",
        ),
        rows,
        note="\n".join([one["population"], *absent]),
    )
    interval = one["interval"]
    if interval["half_width"] is None:
        show.out.print(f"no 80 % interval: {interval['reason']}")
    else:
        factor = 2.718281828 ** interval["half_width"]
        show.out.print(
            f"80 % interval: forecast ÷ {factor:.1f} to × {factor:.1f}; "
            f"it held {_interval(interval['measured'])} of the test videos"
        )


def _print_side_by_side(result: dict[str, Any]) -> None:
    made = {s: one for s, one in result["splits"].items() if "unavailable" not in one}
    names = list(dict.fromkeys(n for one in made.values() for n in one["results"]))
    cells = [
        (
            n,
            *(
                _interval(one["results"].get(n, {}).get("metrics", {}).get("spearman"))
                for one in made.values()
            ),
        )
        for n in names
    ]
    show.table("Spearman under the three splits", ("", *(f"{s} split" for s in made)), cells)
    for split, one in result["splits"].items():
        if "unavailable" in one:
            show.out.print(f"{split} split: {one['unavailable']}", markup=False)


def _interval(value: dict[str, Any] | None, signed: bool = False) -> str | None:
    if value is None or value["point"] is None:
        return None
    sign = "+" if signed else ""
    point = f"{value['point']:{sign}.2f}"
    return point if value["low"] is None else f"{point} [{value['low']:{sign}.2f}, {value['high']:{sign}.2f}]"
