"""How a decoder's child answers: JSON and raw arrays, each with a length and a limit, checked on arrival.

The child has read untrusted bytes and may be anybody's by now, so nothing that it sends is unpickled, and
its reader waits for no part of a message longer than the clip's time. Not known here: processes, decoding.
"""

import json
import math
import select
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vvp.media.decode import Clip
from vvp.schema import FAILED, OK, PARTIAL, SIGNALS

MOST_BYTES = 256 * 2**20  # of one array; a clip's own are some megabytes
HEAD_BYTES = 64 * 2**10
LENGTH = 8  # bytes before each message


@dataclass(frozen=True)
class Fault:
    """An error of the machine or of vvp, not the clip, that stopped decoding. number: an OSError's errno."""

    trace: str
    number: int | None


class NonsenseError(Exception):
    """An answer that no sound child gives."""


def send(to: socket.socket, answer: Clip | Fault | float) -> None:
    """In the child: an answer, or the time (time.monotonic) at which it begins the next clip."""
    head, arrays = _packed(answer)
    for part in (memoryview(json.dumps(head).encode()), *arrays):
        to.sendall(part.nbytes.to_bytes(LENGTH, "big"))
        to.sendall(part)


def _packed(answer: Clip | Fault | float) -> tuple[dict[str, Any], list[memoryview]]:
    if isinstance(answer, Fault):
        return {"fault": [answer.trace[-HEAD_BYTES // 8 :], answer.number]}, []
    if not isinstance(answer, Clip):
        return {"begun": answer}, []
    arrays = {"frames": (answer.frames, np.uint8), "waveform": (answer.waveform, np.float32)}
    whole = {k: np.ascontiguousarray(a, kind) for k, (a, kind) in arrays.items() if a is not None}
    head = {k: v for k, v in vars(answer).items() if k not in arrays}
    shapes = {k: list(array.shape) for k, array in whole.items()}
    return {"clip": head, "arrays": shapes}, [a.data.cast("B") for a in whole.values() if a.size]


def receive(source: socket.socket, end: float) -> Clip | Fault | float:
    """In the parent. TimeoutError: not whole at `end` (time.monotonic); EOFError: the child is dead;
    NonsenseError."""
    try:
        head = json.loads(_message(source, HEAD_BYTES, end))
        if "begun" in head:
            return float(head["begun"])
        if "fault" in head:
            trace, number = head["fault"]
            return Fault(str(trace), None if number is None else int(number))
        arrays = {}
        for name, kind in (("frames", np.uint8), ("waveform", np.float32)):
            if name in head["arrays"]:
                arrays[name] = _array(source, head["arrays"][name], kind, end)
        return _clip(head["clip"], arrays)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise NonsenseError(f"its answer makes no sense ({type(error).__name__})") from error


def _array(source: socket.socket, shape: Sequence[int], kind: Any, end: float) -> np.ndarray:
    if len(shape) > 4 or not all(type(side) is int and 0 <= side < MOST_BYTES for side in shape):
        raise ValueError("shape")
    size = math.prod(shape) * np.dtype(kind).itemsize
    data = _message(source, MOST_BYTES, end) if size else b""
    return np.frombuffer(data, kind).reshape(shape)


def _clip(head: dict[str, Any], arrays: dict[str, np.ndarray]) -> Clip:
    """A Clip of values of the right types. What a detail says is text for people, and no more."""
    if head["status"] not in (OK, PARTIAL, FAILED) or set(head["signals"]) - set(SIGNALS):
        raise ValueError("status or signals")

    def number(key: str) -> float | None:
        return None if head[key] is None else float(head[key])

    def words(key: str) -> str | None:
        return None if head[key] is None else str(head[key])[:8000]

    return Clip(
        frames=arrays.get("frames"),
        waveform=arrays.get("waveform"),
        signals={k: float(v) for k, v in head["signals"].items()},
        duration_s=number("duration_s"),
        source_frames=None if head["source_frames"] is None else int(head["source_frames"]),
        aspect=number("aspect"),
        decoder=words("decoder"),
        status=head["status"],
        error_kind=words("error_kind"),
        error_detail=words("error_detail"),
    )


def _message(source: socket.socket, most: int, end: float) -> bytearray:
    size = int.from_bytes(_exactly(source, LENGTH, end), "big")
    if size > most:
        raise ValueError("too long")
    return _exactly(source, size, end)


def _exactly(source: socket.socket, size: int, end: float) -> bytearray:
    data, poll = bytearray(size), select.poll()
    view, have = memoryview(data), 0
    poll.register(source, select.POLLIN)
    while have < size:
        if not poll.poll(max(0.0, end - time.monotonic()) * 1000):
            raise TimeoutError
        try:
            count = source.recv_into(view[have:], 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            continue
        except OSError as error:
            raise EOFError from error
        if not count:
            raise EOFError
        have += count
    return data
