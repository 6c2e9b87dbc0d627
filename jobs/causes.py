"""What lies behind an error that comes out of Ray or the system, for a person to read.

Not known here: what is printed (cli.py).
"""

import errno
import os
import re
from collections.abc import Iterator

from vvp import errors
from vvp.errors import VvpError

_OWN = re.compile(r"^vvp\.errors\.(\w+): (.+)$", re.MULTILINE)
_SYSTEM = re.compile(r"^(?:OSError|PermissionError|IOError): \[Errno (\d+)\] (.+)$", re.MULTILINE)

# Errors of the machine that its user can mend. Any other error of the system is a fault of vvp.
OF_THE_MACHINE = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE,
    errno.ENOMEM, errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP, errno.EADDRINUSE,
)  # fmt: skip


def cause_of(error: BaseException) -> BaseException:
    """The first of vvp's own errors behind `error`, else the first of the system's, else itself.

    Ray raises a worker's error as its own, with the traceback as its text and the cause inside.
    """
    chain = list(_chain(error))
    vvps_own: BaseException | None = next(
        (each for each in chain if isinstance(each, VvpError) and not hasattr(each, "cause")), None
    )
    if vvps_own is not None and "\n" in str(vvps_own):
        # Ray Data writes advice for programmers behind the sentence of an error that crosses it.
        vvps_own = type(vvps_own)(str(vvps_own).partition("\n")[0])
    if vvps_own is None:
        vvps_own = next((behind for each in chain if (behind := _retold(each)) is not None), None)
    return vvps_own or next((each for each in chain if of_the_machine(each) is not None), error)


def _retold(error: BaseException) -> BaseException | None:
    """The error of vvp's or the system's that a worker's traceback ends with. Ray Data wraps what its workers
    raise, and what stood behind it does not travel: only the traceback tells of it."""
    if not hasattr(error, "cause"):
        return None
    text = str(error)
    vvps_own = _OWN.search(text)
    if (
        vvps_own
        and isinstance(kind := getattr(errors, vvps_own[1], None), type)
        and issubclass(kind, VvpError)
    ):
        return kind(vvps_own[2])
    machine = _SYSTEM.search(text)
    return OSError(int(machine[1]), machine[2]) if machine else None


def last_error(traceback: str) -> str | None:
    """The last line of a traceback that names an error and says what it is; None: no line does."""
    lines = re.findall(r"^(?:[\w.]+\.)?(\w+(?:Error|Exception|Interrupt): .+)$", traceback, re.MULTILINE)
    return lines[-1].strip() if lines else None


def of_the_machine(error: BaseException) -> str | None:
    """A sentence about a full disk and its like; None for any other error."""
    if not isinstance(error, OSError) or error.errno not in OF_THE_MACHINE or hasattr(error, "cause"):
        return None
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{os.strerror(error.errno)}."


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what stands behind it, each once."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [getattr(each, "cause", None), each.__cause__, each.__context__]
