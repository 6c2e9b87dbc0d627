"""What a killed process could not remove itself. Knows folders named PREFIX + process id + "-" + anything."""

import os
import shutil
import tempfile
from pathlib import Path


def sweep(prefix: str, scratch: str | None) -> None:
    """Deletes such folders in `scratch` (null: the temporary directory) whose process is no more."""
    for folder in Path(scratch or tempfile.gettempdir()).glob(f"{prefix}*-*"):
        process = folder.name.removeprefix(prefix).partition("-")[0]
        if process.isdigit() and not _alive(int(process)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
