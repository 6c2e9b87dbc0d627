"""For test_losses.py: `python loss_driver.py node|clip WORKSPACE`, with Ray nodes of its own.

node: three nodes of one CPU each, of which one is killed in the middle. clip: one node, and a clip that kills
its encoder.
"""

import os
import signal
import sys

import ray
from embed_poison import DEADLY, slow
from fakes import FAKE
from ray.cluster_utils import Cluster

from vvp.embed import graph as module
from vvp.embed.graph import EmbedSettings, embed
from vvp.workspace import Workspace

SMALL = {"num_cpus": 1, "object_store_memory": 100 * 2**20}


def lose_a_node(space: Workspace) -> None:
    cluster = Cluster(initialize_head=True, head_node_args=SMALL)
    victim = [cluster.add_node(**SMALL) for _ in range(2)][-1]
    raylet = victim.all_processes["raylet"][0].process.pid
    ray.init(address=cluster.address, log_to_driver=False)
    alive = True

    def note(done: int, total: int, outcomes: object) -> None:
        nonlocal alive
        print(done, total, flush=True)
        if alive and done >= 6:
            os.kill(raylet, signal.SIGKILL)
            alive = False

    settings = EmbedSettings(transcribe=False, decoder=slow, block_rows=2)
    summary = embed(space, FAKE, settings, note)
    print("nodes", sum(node["Alive"] for node in ray.nodes()), flush=True)
    print("summary", summary.done, summary.by_status.get("ok"), not alive, flush=True)
    ray.shutdown()
    cluster.shutdown()


def meet_a_deadly_clip(space: Workspace) -> None:
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    module.TASK_RETRIES = 1
    one = {"video": (1, 1), "audio": (1, 1)}
    summary = embed(space, DEADLY, EmbedSettings(transcribe=False, block_rows=2, actors=one))
    print("summary", summary.by_status, summary.failed_by_kind, flush=True)


if __name__ == "__main__":
    {"node": lose_a_node, "clip": meet_a_deadly_clip}[sys.argv[1]](Workspace(sys.argv[2]))
