"""What `vvp evaluate` wrote: the evaluation of a run, and what was said of each test video."""

import pyarrow as pa
import pyarrow.compute as pc

from vvp.dataset.targets import VIEWS
from vvp.errors import UserError
from vvp.forecast import files
from vvp.learn import evaluate
from vvp.learn.records import Evaluation
from vvp.paths import RunPaths
from vvp.workspace import Workspace


def read_evaluation(space: Workspace, name: str, target: str = VIEWS.name) -> Evaluation | None:
    """The evaluation of a run; None when there is none, or it is of another version of vvp."""
    at = RunPaths(name, target)
    if not space.exists(at.evaluation):
        return None
    try:
        found = Evaluation.read(
            space.read_json(at.evaluation), at.evaluation, f"`vvp evaluate --name {name}`"
        )
    except UserError:
        return None
    return found if found.format == files.FORMAT else None


def read_predictions(space: Workspace, name: str, target: str = VIEWS.name) -> pa.Table:
    """What was said of the test videos: schema evaluate.PREDICTIONS, model by model, each of the same videos.

    UserError: absent or damaged.
    """
    at = RunPaths(name, target).predictions
    found = space.read_file(at, evaluate.PREDICTIONS, "predictions")
    with space.taken_apart(at, f"run `vvp evaluate --name {name}` again"):
        if any(found[column].null_count for column in ("video_id", "model", "predicted", "log_views")):
            raise ValueError("a row without a forecast")
        models = found["model"].to_pylist()
        ids = [found.filter(pc.equal(found["model"], one))["video_id"].to_pylist() for one in set(models)]
        if any(one != ids[0] or len(set(one)) < len(one) for one in ids):
            raise ValueError("models that speak of different videos")
    return found
