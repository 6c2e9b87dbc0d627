"""The app of serve/ as `vvp serve` starts it, for benchmarks/serve.py: with room for all clients to wait, no
words kept, and a fixed number of replicas.

    python benchmarks/serve_app.py WORKSPACE RUN PORT LAYOUT
"""

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

# Run as a script, this folder would be where the package of the app is looked for.
sys.path[0] = str(Path(__file__).parents[1])

from jobs import signals  # noqa: E402
from jobs.cluster import connect, disconnect, quietly  # noqa: E402
from jobs.serve import _import_serve  # noqa: E402

WAITING = {"max_queued_requests": 256}


def main(workspace: str, run: str, port: int, layout: str) -> None:
    signals.listen(signal.SIGTERM)
    _import_serve()
    import ray
    from ray import serve

    from serve.app import JSON_LOGS, build
    from serve.config import AppArgs, Limits, on_this_machine

    cores = len(os.sched_getaffinity(0))
    connect(cpus=cores)
    memory_gb = ray.cluster_resources()["memory"] / 2**30
    sizes = on_this_machine(cores, 0, memory_gb, layout)  # type: ignore[arg-type]
    for name, one in sizes["stages"].items():
        count = one.max_replicas if name == "ingress" else 1
        sizes["stages"][name] = one.model_copy(
            update={"min_replicas": count, "max_replicas": count, **WAITING}
        )
    limits = Limits(at_once=256, time_s=600)
    serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config=JSON_LOGS)
    with suppress(KeyboardInterrupt):
        serve.run(build(AppArgs(workspace=workspace, name=run, limits=limits, words_kept=0, **sizes)))
        threading.Event().wait()
    signals.ignore(signal.SIGTERM, signal.SIGINT)
    with quietly():
        serve.shutdown()
    disconnect()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
