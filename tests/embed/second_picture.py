"""A driver for test_second_picture.py, run with a vvp whose table of modalities has one row more.

`python second_picture.py FOLDER OLD`: clips are embedded and fused in FOLDER; OLD is a workspace that was
embedded before the row came. What was found is printed as JSON.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray
from embed_tables import clip, workspace
from fakes import FAKE, FakePicture

from vvp.dataset.columns import layout
from vvp.dataset.embedded import embedded_dims, join, read_embedded
from vvp.dataset.fuse import fuse
from vvp.dataset.matrix import assemble
from vvp.dataset.reduction import Reduction, reduce
from vvp.embed.graph import EmbedSettings, embed
from vvp.embed.recipe import first_row
from vvp.embed.stages import embed_here
from vvp.errors import UserError
from vvp.forecast.predictor import draft_rows
from vvp.media.decode import DecodeSettings
from vvp.workspace import Workspace


class FakeGist(FakePicture):
    name, dim = "fake-gist", 3

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([frames.mean(axis=(0, 1, 2)) for frames in batch], np.float32)


TWO = replace(FAKE, name="two", encoders={**FAKE.encoders, "gist": FakeGist})


def main(folder: Path, old: str) -> None:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    loud, silent = clip(folder, "loud", colour=(200, 30, 90)), clip(folder, "silent", sound=False)
    space = workspace(folder / "ws", loud, silent, None)
    settings = EmbedSettings(transcribe=False, actors=dict.fromkeys(TWO.encoders, (1, 1)))
    pools = embed(space, TWO, settings).pools
    try:
        refused = str(embed(space, FAKE, settings))
    except UserError as error:
        refused = str(error)

    dims = embedded_dims(space)
    assert dims is not None
    videos, embeddings = read_embedded(space)
    rows, at = join(videos, embeddings)
    fused = fuse(rows, dims)
    reduction = reduce(fused, dims)
    again = Reduction.from_bytes(reduction.to_bytes())
    words = {"title": "a title"}
    [draft] = embed_here(first_row(words, str(loud)), TWO, None, DecodeSettings()).to_pylist()
    before = assemble(Workspace(old))
    print(
        json.dumps(
            {
                "pools": sorted(pools),
                "refused": refused,
                "rows": space.read("embeddings", ["video_id", "gist_embedding", "gist_encoder"]).to_pylist(),
                "order": videos["video_id"].take(pa.array(at)).to_pylist(),
                "lengths": dict(dims.lengths),
                "fused": fused.tolist(),
                "columns": [[c.name, c.block, c.kind] for c in layout(dims)][: dims.fused],
                "reduced_alike": bool((again.transform(fused) == reduction.transform(fused)).all()),
                "draft": fuse(draft_rows(words, draft), dims)[0].tolist(),
                "old_lengths": dict(before.dims.lengths),
                "old_columns": [c.name for c in before.columns],
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
