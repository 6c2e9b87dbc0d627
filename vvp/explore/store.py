"""The files of map/ in a workspace: points.parquet, placer.json, placer.safetensors, map.json.

map.json is written last and vouches for the rest; the old one goes first, so that a kill leaves no map
rather than a mixed one. Not known here: what they mean (schema.POINTS, explore.py, placer.py).
"""

import io

import pyarrow.parquet as pq

from vvp.explore.explore import Atlas
from vvp.explore.placer import HEAD, TENSORS
from vvp.workspace import Workspace

FOLDER = "map"
FACTS, TABLE = f"{FOLDER}/map.json", f"{FOLDER}/points.parquet"


def write(space: Workspace, atlas: Atlas) -> None:
    for name in (FACTS, f"{FOLDER}/{HEAD}", f"{FOLDER}/{TENSORS}"):
        space.remove(name)
    sink = io.BytesIO()
    pq.write_table(atlas.points, sink, compression="zstd")
    space.write_bytes(TABLE, sink.getvalue())
    if atlas.placer is not None:
        for name, data in atlas.placer.files().items():
            space.write_bytes(f"{FOLDER}/{name}", data)
    space.write_json(FACTS, atlas.facts)
