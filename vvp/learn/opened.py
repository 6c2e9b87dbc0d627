"""How often a test part was opened: each further look makes the best number less honest."""

from vvp.dataset.matrix import Matrix
from vvp.dataset.targets import VIEWS
from vvp.paths import TEST_OPENED
from vvp.workspace import Workspace


def note(space: Workspace, who: str, matrix: Matrix, when: str) -> int:
    """Writes down that `who`, a run or a network of one, opened the test part of the matrix for its target.

    when: ISO 8601. Returns by how many it was opened so far.
    """
    parts, target = matrix.splits.facts["fingerprint"], matrix.target.target.name
    found = space.read_json(TEST_OPENED) if space.exists(TEST_OPENED) else []
    with space.taken_apart(TEST_OPENED, "put it right, or delete it and say so with the results"):
        found.append({"run": who, "target": target, "split": matrix.split, "parts": parts, "at": when})
        same = (target, matrix.split, parts)
        times = {
            o["run"] for o in found if (o.get("target", VIEWS.name), o.get("split"), o.get("parts")) == same
        }
    space.write_json(TEST_OPENED, found)
    return len(times)
