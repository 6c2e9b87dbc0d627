"""A driver of its own process for test_kills.py: `python embed_driver.py WORKSPACE [--mortal]`."""

import os
import sys

import ray
from embed_poison import MORTAL, slow
from fakes import FAKE

from vvp.embed.graph import EmbedSettings, embed
from vvp.workspace import Workspace


def main() -> None:
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    profile = MORTAL if "--mortal" in sys.argv else FAKE
    one = {"video": (1, 1), "audio": (1, 1)}
    settings = EmbedSettings(transcribe=False, decoder=slow, block_rows=2, actors=one)
    summary = embed(
        Workspace(sys.argv[1]),
        profile,
        settings,
        lambda done, total, outcomes: print(done, total, flush=True),
    )
    print("summary", summary.done, summary.skipped, os.getpid(), flush=True)


if __name__ == "__main__":
    main()
