"""A driver of its own process for test_kills.py: `python embed_driver.py WORKSPACE [--mortal | --signals]`.

--signals: signals end it as they end `vvp embed`.
"""

import os
import signal
import sys

import ray
from embed_poison import MORTAL, slow
from fakes import FAKE

from vvp.embed.graph import EmbedSettings, embed
from vvp.workspace import Workspace


def main() -> None:
    if not ray.is_initialized():
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


def as_vvp() -> int:
    """The exit code."""
    from jobs.cli import _stopped
    from jobs.signals import heard, kept, listen

    listen(signal.SIGTERM)
    try:
        with kept():
            ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        main()
    except KeyboardInterrupt:
        return _stopped(heard())
    return 0


if __name__ == "__main__":
    sys.exit(as_vvp() if "--signals" in sys.argv else main())
