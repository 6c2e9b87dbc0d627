"""The decoder's own process: decodes what it is given until its parent is gone. See sandbox.py.

`main` is all of it. Not known here: who asks, and what becomes of a clip.
"""

import multiprocessing.connection as mpc
import os
import select
import socket
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.reduction import recv_handle
from typing import Any

import av
import decord

from vvp.media.confine import allow_cpu, confine
from vvp.media.decode import Clip, blamed, failed, load
from vvp.media.source import Media
from vvp.media.wire import Fault, send


def main(descriptor: int, gone: int) -> None:
    """descriptor: of the socket to the parent; gone: of the working folder, which is already removed.

    The child trusts the parent's messages; the parent must not trust the child's.
    """
    inward: mpc.Connection[Any, Any] = mpc.Connection(os.dup(descriptor))
    outward = socket.socket(fileno=descriptor)
    with suppress(EOFError, BrokenPipeError):  # the parent is gone
        decode, settings, folder = inward.recv()
        tempfile.tempdir = folder  # which is no more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # FFmpeg and decord report each damaged block there
        load()  # before the limits: what belongs to no clip counts towards none
        os.fchdir(gone)
        os.close(gone)
        av.logging.set_level(None)
        decord.logging.set_level(decord.logging.QUIET)
        confine(settings.memory_gb)
        threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
        while True:
            name = inward.recv()
            media = Media(name, recv_handle(inward))
            send(outward, time.monotonic())  # one clock for all processes of a machine
            allow_cpu(settings.timeout_s)
            send(outward, _answer(decode, media, settings))
            media.file.close()


def _answer(decode: Any, media: Media, settings: Any) -> Clip | Fault:
    try:
        return decode(media, settings)
    except MemoryError:
        return failed("memory", f"more than {settings.memory_gb:g} GB")
    except PermissionError as error:
        if isinstance(error, av.error.FFmpegError):  # the clip names a file that it must not open
            return blamed(error)
        # The clip is open already, so this is a file of ours that `confine` left out.
        return Fault(traceback.format_exc(), None)
    except Exception as error:  # noqa: BLE001 - on untrusted bytes a library may raise anything
        try:
            return blamed(error)
        except Exception:  # noqa: BLE001 - no clip's fault: the parent raises it, where it can be seen
            return Fault(traceback.format_exc(), getattr(error, "errno", None))


def _end_with_parent(descriptor: int) -> None:
    """A thread, because PR_SET_PDEATHSIG fires when the parent's *thread* that started the child ends."""
    poll = select.poll()
    poll.register(descriptor, 0)  # asked for nothing, it tells of the other end's end
    poll.poll()
    os._exit(1)
