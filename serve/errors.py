"""What a request can end in besides an answer: a kind, a sentence, and the HTTP status they go with.

The kinds of media are those of schema.ERROR_KINDS, the words of the embeddings table.
Not known here: HTTP, deployments.
"""

import errno
from typing import Any

from ray.exceptions import ObjectStoreFullError, OutOfDiskError

from vvp.schema import ERROR_KINDS

STATUS = {
    "bad_request": 422,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "not_allowed": 405,
    "slow_upload": 408,
    "too_large": 413,
    "too_long": 413,
    "unsupported_type": 415,
    "no_model": 422,
    **dict.fromkeys(ERROR_KINDS, 422),
    "internal": 500,
    "busy": 503,
    "unavailable": 503,
    "time_limit": 504,
}
RETRY_AFTER = ("busy", "unavailable")  # these go away by themselves


class ApiError(Exception):
    """Ends the request. `message` is one sentence for the person who asked; it quotes no title or content."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)  # both, so that it survives a trip between processes
        self.kind, self.message = kind, message

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.kind]

    def body(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"error": {"kind": self.kind, "message": self.message}}


def no_room(error: Exception) -> bool:
    """Whether a disk, or Ray's object store, is full; also when that was in another process."""
    first = getattr(error, "cause", error)  # of a RayTaskError
    full = isinstance(first, OSError) and first.errno in (errno.ENOSPC, errno.EDQUOT)
    return full or isinstance(first, ObjectStoreFullError | OutOfDiskError)


NO_ROOM = ("unavailable", "The service has no room for the video now; try later.")
