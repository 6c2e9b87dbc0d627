"""What a further target costs an answer: a run that forecasts views alone beside one of several targets.

Both runs of one workspace, each served twice in turn (benchmarks/serve_app.py), one client, without a video
and with one; and the forecast alone in this process, the least of fifty.

    python benchmarks/serve_targets.py --workspace demo/workspace --name default --several SEVERAL
"""

import argparse
import json
import multiprocessing
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

# Run as a script, this file would be found where the package of the app is meant.
sys.path[0] = str(Path(__file__).parents[1])

from benchmarks.common import RESULTS, machine  # noqa: E402
from benchmarks.serve import load, running  # noqa: E402

TRIES = 50


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", default="demo/workspace")
    parser.add_argument("--name", default="default", help="the run of views alone")
    parser.add_argument("--several", required=True, help="the run of several targets")
    parser.add_argument("--clips", type=Path, default=Path("demo/unseen"), help="a folder of mp4")
    parser.add_argument("--layout", default="fused", choices=["fused", "staged"])
    parser.add_argument("--requests", type=int, default=128, help="a turn, without a video")
    parser.add_argument("--videos", type=int, default=16, help="a turn, with one")
    options = parser.parse_args()

    from vvp.learn.tuning import targets_of
    from vvp.workspace import Workspace

    workspace = str(Path(options.workspace).absolute())
    space, runs = Workspace(workspace), (options.name, options.several)
    many = {run: len(targets_of(space, run)) for run in runs}
    if many[options.name] != 1 or many[options.several] < 2:
        raise SystemExit(
            f"{options.name} must have one target and {options.several} several; they have {many}"
        )
    films = [clip.read_bytes() for clip in sorted(options.clips.glob("*.mp4"))]
    result: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "targets": many}
    alone = {run: in_process_ms(space, run) for run in runs}
    each = (alone[options.several] - alone[options.name]) / (many[options.several] - 1)
    result["in_process"] = {"least_ms": alone, "ms_per_target": each}
    print(f"in this process, the least of {TRIES}: {alone} ms, {each:.1f} ms a further target", flush=True)
    with multiprocessing.get_context("spawn").Pool(1) as asking:
        for kind, sent, requests in (("words", [], options.requests), ("video", films, options.videos)):
            found: dict[str, list[float]] = {run: [] for run in runs}
            for turn, run in enumerate((*runs, *runs)):
                with running("serve_app.py", workspace, run, options.layout) as (url, _):
                    asking.apply(load, (url, 1, 3, sent, 100))  # it warms up
                    found[run].append(asking.apply(load, (url, 1, requests, sent, turn))["p50_s"])
            one, several = (float(np.mean(found[run])) for run in runs)
            each = 1000 * (several - one) / (many[options.several] - 1)
            result[kind] = {
                "p50_s": found, "ratio": several / one, "ms_per_target": each, "requests": requests
            }  # fmt: skip
            print(f"{kind}: {1000 * one:.0f} ms with one target, {1000 * several:.0f} ms with several, ratio"
                  f" {several / one:.2f}, {each:.1f} ms a further target", flush=True)  # fmt: skip
            # Each kind is kept as it ends.
            (RESULTS / "serve_targets.json").write_text(json.dumps(result, indent=1) + "\n")


def in_process_ms(space: Any, run: str) -> float:
    """Milliseconds of a forecast of an embedded draft, all targets of the run, without HTTP: the least."""
    from serve.forecaster import _trial_row
    from vvp.forecast import others

    predictor = others.open_run(space, run)
    row = _trial_row(predictor, False)
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        others.forecast(predictor, row)
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
