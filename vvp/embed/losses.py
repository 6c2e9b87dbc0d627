"""What `embed` does when machines die under it: it waits until the cluster is settled, and goes on with less.

Ray tries a task again a few times within seconds; that a node is dead it finds out much later. So the run
outlasts it: whatever part of Ray died, the graph is planned anew for the machines that are left, of the clips
that have no row yet. It waits as long as that takes to be known, and counts no tries.
Not known here: the graph, the rows.
"""

import time
from collections.abc import Iterator
from typing import Any

import ray
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import (
    GetTimeoutError,
    NodeDiedError,
    ObjectLostError,
    ObjectStoreFullError,
    OutOfDiskError,
    OutOfMemoryError,
    RayActorError,
    RayError,
    RaySystemError,
    RayTaskError,
    RpcError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from vvp.errors import UserError, VvpError
from vvp.media.decode import NOBODYS

DETECTION_S = 180.0  # the longest that Ray takes to call a dead node dead
ANSWER_S = 5.0  # within which a living node starts an empty task
LOST = (
    RayActorError, NodeDiedError, ObjectLostError, OutOfMemoryError, WorkerCrashedError, RaySystemError,
    RpcError, ExecutionTimeoutError,
)  # fmt: skip


def lost(error: BaseException) -> bool:
    """Whether a part of Ray died under the run, rather than that our code raised, in a constructor too."""
    ours = isinstance(error, RayTaskError) or getattr(error, "actor_init_failed", False)
    return isinstance(error, LOST) and not ours


def mendable(error: BaseException) -> VvpError | None:
    """What a person can mend, in one sentence, where that is what ended a task; None: a mistake of ours."""
    for cause in _causes(error):
        if isinstance(cause, VvpError) and not isinstance(cause, RayError):
            return cause
        if isinstance(cause, OutOfDiskError | ObjectStoreFullError):
            return UserError("a machine has no room left for Ray's objects. Make room, and run it again.")
        if isinstance(cause, OSError) and not isinstance(cause, RayError) and cause.errno in NOBODYS:
            return UserError(
                f"a machine cannot write: {cause.strerror or cause}. Make room, and run it again."
            )
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen = 0
    while error is not None and seen < 20:
        yield error
        error, seen = getattr(error, "cause", None) or error.__cause__, seen + 1


def settle() -> list[dict[str, Any]]:
    """The resources of each node that answers, once no dead one is taken for alive any more."""
    wait_s, end = 1.0, time.monotonic() + DETECTION_S
    while True:
        nodes = [node for node in ray.nodes() if node["Alive"]]
        answers = [_answer(node["NodeID"]) for node in nodes]
        done, missing = ray.wait(answers, num_returns=len(answers), timeout=ANSWER_S)
        if nodes and not missing and all(map(_sound, done)):
            return [node["Resources"] for node in nodes]
        for task in missing:
            ray.cancel(task, force=True)
        if time.monotonic() > end:
            raise VvpError(f"after {DETECTION_S:.0f} s a node of the cluster still does not answer.")
        time.sleep(wait_s)
        wait_s = min(2 * wait_s, 15.0)


def _answer(node: str) -> "ray.ObjectRef[None]":
    placed = NodeAffinitySchedulingStrategy(node, soft=False)
    empty = ray.remote(_nothing).options(num_cpus=0, max_retries=0, scheduling_strategy=placed)
    task: ray.ObjectRef[None] = empty.remote()
    return task


def _nothing() -> None:
    """What a node that lives can do."""


def _sound(task: "ray.ObjectRef[None]") -> bool:
    try:
        ray.get(task, timeout=ANSWER_S)
    except (RayError, GetTimeoutError):
        return False
    return True
