"""What somebody writes first: one FastAPI process that holds the encoders and takes one request at a time.

The rival of benchmarks/serve.py: same predictor, encoders and weights, all cores for each model, no Ray.

    python benchmarks/serve_single.py WORKSPACE RUN PORT
"""

import os
import sys
import tempfile
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import FastAPI, File, Form

from vvp.embed.recipe import Recipe, first_row
from vvp.embed.stages import Decode, encoders_here
from vvp.forecast.files import load
from vvp.forecast.predictor import draft_rows
from vvp.paths import RunPaths
from vvp.workspace import Workspace


def app_of(workspace: str, run: str) -> FastAPI:
    known = load(Workspace(workspace), RunPaths(run).predictor)
    recipe = Recipe.of(known.head.embedding)
    decode = Decode(recipe.decode)
    encoders = list(encoders_here(recipe.profile, None, recipe.decode, len(os.sched_getaffinity(0))))
    turn = threading.Lock()
    app = FastAPI()

    @app.post("/v1/forecasts")
    def forecast(
        title: Annotated[str | None, Form()] = None,
        channel_id: Annotated[str | None, Form()] = None,
        video: Annotated[bytes | None, File()] = None,
    ) -> dict[str, Any]:
        values = {"title": title, "channel_id": channel_id, "published_at": datetime.now(timezone.utc)}
        with turn, tempfile.TemporaryDirectory() as folder:
            path = None
            if video:
                path = str(Path(folder) / "media")
                Path(path).write_bytes(video)
            rows = decode(first_row(values, path))
            for stage in encoders:
                rows = stage(rows)
            return known.predict(draft_rows(values, rows.to_pylist()[0]))[0].as_dict()

    return app


if __name__ == "__main__":
    workspace, run, port = sys.argv[1:]
    uvicorn.run(app_of(workspace, run), host="127.0.0.1", port=int(port), log_level="warning")
