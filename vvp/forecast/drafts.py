"""A draft's row, made as `vvp embed` made those of training, in this process.

Not known here: what is forecast from it (predictor.py), Ray, HTTP.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vvp.embed.recipe import Noted, Recipe, first_row
from vvp.embed.stages import embed_here
from vvp.errors import UserError
from vvp.schema import FAILED


def embed_draft(
    noted: Noted, video: str | None, values: Mapping[str, Any], models: str | None
) -> dict[str, Any]:
    """The row of embeddings/ that the draft would have.

    noted: how the training videos were embedded, `embedding` of a predictor's head; values: facts
    by videos column; video: path or URI, None for words alone.
    UserError when the file gives nothing.
    """
    recipe = Recipe.of(noted)
    recipe.check(models)
    if video is not None and "://" not in video:
        if not Path(video).is_file():
            raise UserError(f"there is no file {video}.")
        video = str(Path(video).absolute())
    done: dict[str, Any]
    [done] = embed_here(first_row(values, video), recipe.profile, models, recipe.decode).to_pylist()
    if done["status"] == FAILED:
        raise UserError(f"{video} cannot be read ({done['error_kind']}): {done['error_detail']}")
    return done
