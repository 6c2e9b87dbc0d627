"""Where each table lives. A workspace is one directory, or one URI that pyarrow can open (s3://…).

    videos/ set_aside/ embeddings/     Parquet, see schema.py
    splits.parquet splits.json         which part each video is in, saved once
    runs/NAME/                         sweep, models, evaluation.json, predictor/, report/
    map/                               the collection seen from above, see explore/store.py

Nothing else in vvp knows a path inside a workspace. A file appears whole or not at all: on a local disk
by rename, on an object store because a PUT is atomic. Not known here: what the tables mean.
"""

import errno
import fcntl
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs

from vvp import parquet
from vvp.errors import UserError
from vvp.schema import TABLES

DAMAGED = (
    KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError,
    pa.ArrowException,
)  # fmt: skip
WHOLE = "whole-"  # begins the names of files that are a whole table


class Workspace:
    """One workspace. Cheap to make and to send to another process (it holds a string only)."""

    def __init__(self, root: str | Path) -> None:
        """UserError: an empty name, or `~` where nobody knows which folder is home."""
        text = str(root)
        if not text.strip():
            raise UserError("the workspace has no name: give a folder or an s3:// URI with --workspace.")
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UserError("the workspace's name is not UTF-8: give another with --workspace.") from error
        try:
            self.root = text.rstrip("/") if "://" in text else str(Path(text).expanduser().absolute())
        except RuntimeError as error:
            raise UserError(f"{text}: no home folder is known here: write the whole path.") from error

    def __repr__(self) -> str:
        return f"Workspace({self.root!r})"

    @classmethod
    def existing(cls, root: str | Path) -> "Workspace":
        """The workspace at `root`; UserError when nothing was ever collected into it."""
        space = cls(root)
        if not space.has("videos"):
            raise UserError(
                f"{space.root} is no workspace yet: run `vvp collect … --workspace {root}` first."
            )
        return space

    def _at(self, name: str) -> tuple[pafs.FileSystem, str]:
        fs, base = open_uri(self.root)
        return fs, f"{base}/{name}" if name else base

    # --- tables -------------------------------------------------------------------------------------
    def parts(self, table: str) -> list[str]:
        """Names of a table's Parquet files; [] when the table is not there. What was there before the newest
        whole table (`replace`) and is still there after a crash does not count."""
        names = self._files(table)
        whole = [n for n in names if n.startswith(WHOLE)]
        return [n for n in names if not n.startswith(WHOLE)] + whole[-1:]

    def _files(self, table: str) -> list[str]:
        # While a table is replaced one listing may miss both files, the old and the new; the next does not.
        return self._listed(table) or self._listed(table)

    def _listed(self, table: str) -> list[str]:
        fs, path = self._at(table)
        entries = fs.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        names = (f.base_name for f in entries if f.is_file)
        return sorted(n for n in names if n.endswith(".parquet") and not n.startswith((".", "_")))

    def has(self, table: str) -> bool:
        return bool(self.parts(table))

    def read(self, table: str, columns: list[str] | None = None) -> pa.Table:
        """The whole table with the schema of schema.py. UserError when absent or damaged.

        Another process may `replace` it meanwhile: a file that vanished since it was listed is no damage, and
        the new files are read.
        """
        wanted = TABLES[table] if columns is None else pa.schema([TABLES[table].field(c) for c in columns])
        names = self.parts(table)
        while names:
            try:
                return pa.concat_tables([self.read_part(table, name, wanted) for name in names])
            except UserError:
                before, names = names, self.parts(table)
                if set(before) <= set(names):  # all are still there, so one of them is damaged
                    raise
        raise UserError(f"{self.root} has no {table} table yet.")

    def read_part(self, table: str, name: str, schema: pa.Schema) -> pa.Table:
        """One Parquet file of a table, cast to `schema`; a column the file lacks is null. UserError: as
        parquet.read, or a row without a video_id."""
        found = self.read_file(f"{table}/{name}", schema, table, lacking=True)
        if "video_id" in schema.names and table != "set_aside" and found["video_id"].null_count:
            raise UserError(f"{self.uri(table)}/{name} holds a row without a video_id.")
        return found

    def append(self, table: str, rows: pa.Table, name: str | None = None) -> None:
        """One more Parquet file, plain lists and no pandas metadata. The same `name` overwrites itself."""
        file = f"{table}/{name or uuid.uuid4().hex}.parquet"
        self.write_bytes(file, parquet.written(rows.cast(TABLES[table])))

    def replace(self, table: str, rows: pa.Table) -> None:
        """The table becomes exactly `rows`, in one file. A crash half-way leaves the old rows or the new:
        names of whole tables grow with time, and `parts` shows the newest of them alone."""
        old = self._files(table)
        name = f"{WHOLE}{time.time_ns():020d}"
        self.append(table, rows, name)
        self.remove_parts(table, [n for n in old if n != f"{name}.parquet"])

    def remove_parts(self, table: str, names: list[str]) -> None:
        for name in names:
            fs, path = self._at(f"{table}/{name}")
            fs.delete_file(path)

    def remove_leftovers(self, table: str) -> None:
        """Deletes what a killed writer left half-written. Not while anybody writes to the table."""
        fs, path = self._at(table)
        for file in fs.get_file_info(pafs.FileSelector(path, allow_not_found=True)):
            if file.is_file and file.base_name.startswith(".") and file.base_name.endswith(".tmp"):
                fs.delete_file(file.path)

    def latest(self, table: str, key: str, order: str, columns: list[str] | None = None) -> pa.Table:
        """The table with one row per `key`: the one with the greatest `order`."""
        wanted = None if columns is None else list(dict.fromkeys([*columns, key, order]))
        rows = self.read(table, wanted)
        times = rows[order].cast(pa.int64()).fill_null(-1).to_pylist()
        best: dict[str, int] = {}
        for row, value in enumerate(rows[key].to_pylist()):
            if value not in best or times[row] >= times[best[value]]:
                best[value] = row
        return rows.take(pa.array(sorted(best.values()), type=pa.int64()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While it lasts no other process may write here; UserError when one does, or when the folder cannot
        be made or written. The lock dies with its process. Local disks only: an object store has no lock.

        The folder itself is locked, so it is made first; it goes again where nothing was written into it.
        """
        if "://" in self.root:
            yield
            return
        made = self._make_folder()
        lock = self._lock_folder()
        try:
            self._try_to_write()
            yield
        finally:
            for folder in made:  # before the lock is released: a folder made anew has a lock of its own
                with suppress(OSError):
                    folder.rmdir()
            os.close(lock)

    def _make_folder(self) -> list[Path]:
        """Makes the workspace's folder; those that were not there yet, the innermost first."""
        path = Path(self.root)
        if path.is_symlink() and not path.exists():
            raise UserError(f"{path} is a link to {os.readlink(path)}, which is not there.")
        missing = [each for each in (path, *path.parents) if not each.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot make {path}: {error.strerror or error}.") from error
        return missing

    def _lock_folder(self) -> int:
        """An open, locked handle of the folder. A folder that was removed in the meantime is made anew."""
        while True:
            try:
                folder = os.open(self.root, os.O_RDONLY)
            except FileNotFoundError:
                self._make_folder()
                continue
            except OSError as error:
                raise UserError(f"cannot open {self.root}: {error.strerror or error}.") from error
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                os.close(folder)
                raise UserError(f"another vvp is writing to {self.root}: wait for it, or stop it.") from error
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(folder), os.stat(self.root)):
                    return folder
            os.close(folder)

    def _try_to_write(self) -> None:
        """UserError on a disk that is full or read-only: now, and not after Ray has started and worked."""
        probe = Path(self.root, f".{uuid.uuid4().hex}.tmp")
        try:
            probe.write_bytes(b"x")
        except OSError as error:
            raise _unwritten(self.root, error) from error
        finally:
            with suppress(OSError):
                probe.unlink()

    # --- single files -------------------------------------------------------------------------------
    def exists(self, name: str) -> bool:
        fs, path = self._at(name)
        return fs.get_file_info(path).type != pafs.FileType.NotFound

    def folders(self, name: str) -> list[str]:
        """Names of the folders in folder `name`, sorted; [] when it is not there."""
        fs, path = self._at(name)
        entries = fs.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        return sorted(f.base_name for f in entries if f.type == pafs.FileType.Directory)

    def write_bytes(self, name: str, data: bytes) -> None:
        fs, path = self._at(name)
        folder, base = path.rsplit("/", 1)
        local = isinstance(fs, pafs.LocalFileSystem)
        written = f"{folder}/.{base}.{uuid.uuid4().hex}.tmp" if local else path
        try:
            fs.create_dir(folder, recursive=True)
            with fs.open_output_stream(written) as out:
                out.write(data)
            if local:
                fs.move(written, path)
        except OSError as error:
            if local:
                with suppress(OSError):
                    fs.delete_file(written)
            raise _unwritten(path, error) from error

    def read_bytes(self, name: str) -> bytes:
        fs, path = self._at(name)
        try:
            _refuse_irregular(fs, path)
            with fs.open_input_stream(path) as file:
                return file.read()
        except FileNotFoundError as error:
            raise UserError(f"{self.root} has no {name}.") from error

    def read_file(self, name: str, schema: pa.Schema, what: str, *, lacking: bool = False) -> pa.Table:
        """A Parquet file of the workspace with exactly this schema. UserError: absent, or as parquet.read."""
        fs, path = self._at(name)
        _refuse_irregular(fs, path)
        try:
            file = fs.open_input_file(path)
        except FileNotFoundError as error:
            raise UserError(f"{self.root} has no {name}.") from error
        except OSError as error:
            raise UserError(f"cannot read {path}: {_why(error)}.") from error
        with file:
            return parquet.read(file, schema, path, what, lacking=lacking)

    @contextmanager
    def taken_apart(self, name: str, advice: str) -> Iterator[None]:
        """Around code that takes apart what was read of a file: where the file is not of the shape that vvp
        writes, UserError says so, with the advice."""
        try:
            yield
        except DAMAGED as error:
            reason = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"
            raise UserError(
                f"{self.uri(name)} is damaged or of another version ({reason}): {advice}."
            ) from error

    def write_json(self, name: str, value: Any) -> None:
        self.write_bytes(name, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode())

    def read_json(self, name: str) -> Any:
        try:
            return json.loads(self.read_bytes(name))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{self.uri(name)} is damaged: it is not JSON.") from error

    def remove(self, name: str) -> None:
        """Deletes a file or folder of the workspace, if it is there."""
        fs, path = self._at(name)
        kind = fs.get_file_info(path).type
        if kind == pafs.FileType.Directory:
            fs.delete_dir(path)
        elif kind == pafs.FileType.File:
            fs.delete_file(path)

    def uri(self, name: str) -> str:
        """Path or URI of `name`, for libraries that do their own writing (Ray Tune)."""
        return f"{self.root}/{name}"


def _unwritten(path: str, error: OSError) -> UserError:
    room = " Make room, and run it again." if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return UserError(f"cannot write {path}: {_why(error)}.{room}")


def _why(error: OSError) -> str:
    """The system's word for it; pyarrow puts a path and a number around it."""
    return os.strerror(error.errno) if error.errno else str(error).splitlines()[0]


def _refuse_irregular(fs: pafs.FileSystem, path: str) -> None:
    """UserError for a pipe or a device in place of a file: opening it would wait, or never end."""
    if isinstance(fs, pafs.LocalFileSystem) and os.path.exists(path) and not os.path.isfile(path):
        raise UserError(f"{path} is no file.")


def open_media(uri: str) -> Any:
    """What a media cell names, opened for reading as it lies there. Such a cell is somebody else's word: it
    may name a bucket and a key, never an option. UserError, FileNotFoundError.

    An option as `endpoint_override` would send the credentials of this machine to whoever it names.
    """
    rest = uri.partition("://")[2]
    if rest and ("?" in rest or "@" in rest.partition("/")[0]):
        raise UserError(f"{uri.partition('?')[0]}: a media URI names a bucket and a key, and no options.")
    fs, path = open_uri(uri)
    if isinstance(fs, pafs.LocalFileSystem) and not fs.get_file_info(path).is_file:
        raise FileNotFoundError(f"{path} is no file")
    return fs.open_input_stream(path, compression=None)


def open_uri(uri: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem and path behind a local path or a URI such as s3://bucket/key."""
    if "://" not in uri:
        return pafs.LocalFileSystem(), str(Path(uri).absolute())
    try:
        return pafs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise UserError(f"cannot open {uri}: {str(error).splitlines()[0]}") from error
