"""The files of map/ in a workspace: points.parquet, placer.json, placer.safetensors, map.json.

map.json is written last and vouches for the rest; the old one goes first, so that a kill leaves no map
rather than a mixed one. Not known here: what they mean (schema.POINTS, explore.py, placer.py).
"""

from vvp import parquet
from vvp.explore.explore import Atlas
from vvp.paths import MAP, MAP_FACTS, MAP_PLACER, MAP_POINTS, MAP_TENSORS
from vvp.workspace import Workspace


def write(space: Workspace, atlas: Atlas) -> None:
    for name in (MAP_FACTS, MAP_PLACER, MAP_TENSORS):
        space.remove(name)
    space.write_bytes(MAP_POINTS, parquet.written(atlas.points))
    if atlas.placer is not None:
        for name, data in atlas.placer.files().items():
            space.write_bytes(f"{MAP}/{name}", data)
    space.write_json(MAP_FACTS, atlas.facts)
