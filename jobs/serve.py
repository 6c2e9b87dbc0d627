"""`vvp serve`: the online app in this machine, until Ctrl-C or SIGTERM. On a cluster: serve/README.md."""

import importlib
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Annotated, Any

import typer

from jobs import options, show, signals
from vvp.errors import UserError, VvpError
from vvp.paths import RunPaths

KEY = "VVP_API_KEY"
BOTH = (signal.SIGTERM, signal.SIGINT)
LAYOUTS = ("fused", "staged")
ANSWER_S = 10.0  # a replica that does not say within this whether it has work counts as one that has none
LAST_S = 0.3  # for the way of the last answers through Serve's proxy


def command(
    workspace: options.Workspace,
    name: options.Name = "default",
    host: Annotated[str, typer.Option(help="Address to listen on; the default: this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Name that the app is reached by, besides localhost and addresses; repeatable."),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(help="Cores to plan for; default: all there are.", min=1)
    ] = None,
    models: options.Models = None,
    upload_mb: Annotated[float, typer.Option(help="Largest video file, MiB.", min=0.1)] = 256.0,
    duration: Annotated[float, typer.Option(help="Longest video, seconds.", min=1.0)] = 300.0,
    layout: Annotated[
        str | None,
        typer.Option(
            help="fused: words and forecaster inside the process that speaks HTTP; staged: each part apart, "
            "for large machines and GPUs. Default: fused up to 8 cores without a GPU."
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Answer over HTTP until Ctrl-C: a page at /, forecasts at /v1/forecasts, documentation at /docs.

    Told to end, by Ctrl-C or SIGTERM, it answers what is in work first; a second time it ends at once.
    With VVP_API_KEY set, every call of the API must carry that key in the header X-API-Key.
    """
    signals.listen(*BOTH)
    try:
        _run(workspace, name, host, port, allow_host or [], cpus, models, upload_mb, duration, layout, json)
    except BaseException:
        if not signals.told():  # else it is the signal, or what a library made of it
            raise
        signals.ignore(*BOTH)
        show.err.print("interrupted while starting", markup=False)
        if "ray" in sys.modules:
            from jobs.cluster import disconnect

            disconnect()


def _run(
    workspace: str, name: str, host: str, port: int, allow_host: list[str], cpus: int | None,
    models: str | None, upload_mb: float, duration: float, layout: str | None, json: bool,
) -> None:  # fmt: skip
    """As `command`. KeyboardInterrupt: a signal came while it was starting."""
    from vvp.embed.recipe import Recipe
    from vvp.forecast import files as predictor_store
    from vvp.workspace import Workspace

    if layout not in (None, *LAYOUTS):
        raise UserError(f"there is no layout called {layout}; there are {' and '.join(LAYOUTS)}.")
    space = Workspace.existing(workspace)
    head = predictor_store.load(space, RunPaths(name).predictor).head
    Recipe.of(head.embedding).check(models)
    _refuse_taken(host, port)

    _import_serve()
    from jobs.cluster import connect
    from serve.config import AppArgs, Limits, on_this_machine

    connect(cpus=cpus)
    args = AppArgs(
        workspace=space.root,
        name=name,
        models=options.absolute(models),
        hosts=[host, *allow_host],
        limits=Limits(upload_mb=upload_mb, duration_s=duration),
        **_sizes(on_this_machine, layout, head.embedding.profile),
    )
    show.err.print("starting (models are loaded)", markup=False)
    _serve(args, host, port, head, json)


def _import_serve() -> None:
    """Ray Serve reads its switches when it is imported. SWITCHES are for Ray's processes, which inherit them;
    in this one, which asks its handle outside any event loop, they must be off."""
    from serve.config import SWITCHES
    from serve.proxy import SETTINGS

    switches = {name: os.environ.pop(name, value) for name, value in (SWITCHES | SETTINGS).items()}
    importlib.import_module("ray.serve")
    os.environ.update(switches)


def _serve(args: Any, host: str, port: int, head: Any, json: bool) -> None:
    """Starts the app, says where it is, waits for a signal, answers what is in work, takes it down again."""
    from ray import serve

    from jobs.cluster import disconnect, quietly
    from serve.app import JSON_LOGS, build

    try:
        serve.start(http_options={"host": host, "port": port}, logging_config=JSON_LOGS)
        logging.getLogger("ray.serve").setLevel(logging.ERROR)  # its log files have everything
        app = serve.run(build(args))
        _announce(f"http://{_shown(host)}:{port}", host, head, json)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()
        with suppress(KeyboardInterrupt):  # a second signal: no more waiting
            _finish(app, args.limits.time_s)
    except RuntimeError as error:  # it names the deployment; only Serve's log has the reason
        why = _replicas_error()
        if why is None:
            raise
        raise VvpError(f"the app did not start: {why}") from error
    finally:
        signals.ignore(*BOTH)  # another signal would leave parts of it running
        with quietly():  # Ray reports the shutdown of Serve's controller as a death
            serve.shutdown()
        disconnect()


def _finish(app: Any, most_s: float) -> None:
    """Waits until what is in work is answered, most_s at most; what comes meanwhile gets 503."""
    app.broadcast("close").results(timeout_s=ANSWER_S)
    end, told = time.monotonic() + most_s, False
    while busy := sum(app.broadcast("busy").results(timeout_s=ANSWER_S)):
        if not told:
            show.err.print(f"ending; requests in work, answered first: {busy}", markup=False)
            told = True
        if time.monotonic() > end:
            break
        time.sleep(0.1)
    time.sleep(LAST_S)
    answered: Counter[str] = sum(map(Counter, app.broadcast("tally").results(timeout_s=ANSWER_S)), Counter())
    counts = ", ".join(f"{n} {outcome}" for outcome, n in sorted(answered.items())) or "none"
    show.err.print(f"requests: {counts}; ending", markup=False)


def _replicas_error() -> str | None:
    """The error with which a replica ended, from Serve's status; None: none is known."""
    from ray import serve

    from jobs.causes import last_error

    applications = serve.status().applications.values()
    messages = [each.message for app in applications for each in app.deployments.values()]
    return next((why for message in messages if (why := last_error(message))), None)


def _announce(address: str, host: str, head: Any, json: bool) -> None:
    asked = bool(os.environ.get(KEY))
    if json:
        show.as_json({"address": address, "predictor": head.id, "api_key": asked})
        return
    pairs = [
        ("page", address), ("API", f"{address}/docs"),
        ("predictor", f"{head.id} ({head.models.main.name})"),
        ("how good it is", head.quality.main.verdict),
        ("API key", "asked for" if asked else f"none: who reaches it may use it (set {KEY})"),
    ]  # fmt: skip
    show.facts("serving; Ctrl-C ends it", pairs if asked or not _local(host) else pairs[:-1])


def _sizes(on_this_machine: Any, layout: str | None, profile: str) -> dict[str, Any]:
    """For all that Ray has here; profile: of the predictor's encoders."""
    import ray

    from vvp.embed.graph import grounded
    from vvp.encoders.profiles import profile as find_profile

    have = ray.cluster_resources()
    gpus, memory_gb = have.get("GPU", 0.0), have.get("memory", 0.0) / 2**30
    on_cpu = grounded(find_profile(profile)) if gpus else {}
    for note in sorted(set(on_cpu.values())):
        show.err.print(f"note: {note}", markup=False)
    sizes: dict[str, Any] = on_this_machine(have.get("CPU", 1.0), gpus, memory_gb, layout, on_cpu)
    return sizes


def _refuse_taken(host: str, port: int) -> None:
    """UserError when nothing can listen there."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError as error:
        raise UserError(f"cannot listen on {host} port {port}: {error.strerror or error}.") from error


def _local(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    with suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False


def _shown(host: str) -> str:
    """As it stands in a URL that works from here."""
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
