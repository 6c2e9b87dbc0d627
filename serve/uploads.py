"""A multipart body, streamed: text into memory, files onto disk, limits checked with every chunk.

Files have no name on disk (they are unlinked when made), so nothing is left of them however the process
ends, and no name that came with the upload is ever a path.
Not known here: what the fields mean, media, Ray.
"""

import asyncio
import mmap
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from serve.errors import ApiError

FIELD_BYTES = 1 << 20
MAX_PARTS = 64
IDLE_S = 10.0  # over which the rate of an upload is judged
PREFIX = "vvp-upload-"
MEDIA = ("video/", "audio/", "application/mp4", "application/ogg", "application/octet-stream", "binary/")


@dataclass
class File:
    body: IO[bytes]
    size: int = 0

    def mapped(self) -> mmap.mmap:
        """The content in memory as it is read; closing it is the caller's. Not for an empty file."""
        self.body.flush()
        return mmap.mmap(self.body.fileno(), 0, access=mmap.ACCESS_READ)


@dataclass
class Form:
    """What arrived: text by field, files by field. `close` frees the disk.

    scratch: the folder that files lie in, without a name; null: the system's temporary directory.
    """

    scratch: str | None = None
    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, File] = field(default_factory=dict)

    def close(self) -> None:
        for file in self.files.values():
            with suppress(OSError):  # what a full disk still owes it, which nobody wants any more
                file.body.close()

    def __enter__(self) -> "Form":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


async def read_form(
    form: Form, body: AsyncIterator[bytes], content_type: str | None, file_bytes: int, most_files: int
) -> None:
    """Fills `form` from a request's body. The caller closes it, also when this raises.

    file_bytes: largest file; most_files: how many. ApiError: not multipart (unsupported_type), too_large,
    no media type, or a body that is no whole form (bad_request).
    """
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ApiError("unsupported_type", "Send the draft as multipart/form-data.")
    parts = _Parts(form, file_bytes, most_files)
    try:
        parser = MultipartParser(options[b"boundary"], parts.callbacks())
        async for chunk in body:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise ApiError("bad_request", "The form cannot be read: it is no valid multipart body.") from error
    if not parts.ended:
        raise ApiError("bad_request", "The form ends in the middle.")


async def lively(body: AsyncIterator[bytes], least: int) -> AsyncIterator[bytes]:
    """The chunks of a body. ApiError slow_upload when IDLE_S bring fewer than IDLE_S * `least` bytes."""
    came, since = 0, time.monotonic()
    chunks = body.__aiter__()
    while True:
        left = since + IDLE_S - time.monotonic()
        try:
            chunk = await asyncio.wait_for(chunks.__anext__(), max(left, 0.001))
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError as error:
            raise ApiError("slow_upload", f"The upload brings fewer than {least} bytes a second.") from error
        yield chunk
        came += len(chunk)
        if came >= IDLE_S * least:
            came, since = 0, time.monotonic()


class _Parts:
    """The parser's callbacks: one part after another into the form."""

    def __init__(self, form: Form, file_bytes: int, most_files: int) -> None:
        self.form, self.file_bytes, self.most_files = form, file_bytes, most_files
        self.count, self.ended = 0, False
        self.header, self.value = b"", b""
        self.headers: dict[bytes, bytes] = {}
        self.name, self.text = "", bytearray()
        self.file: File | None = None
        self.unchosen = False  # what a browser sends for a file input that was left empty

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self.begin,
            "on_header_field": self.header_field,
            "on_header_value": self.header_value,
            "on_header_end": self.header_end,
            "on_headers_finished": self.start,
            "on_part_data": self.data,
            "on_part_end": self.end,
            "on_end": self.all,
        }

    def begin(self) -> None:
        self.count += 1
        if self.count > MAX_PARTS:
            raise ApiError("bad_request", f"The form has more than {MAX_PARTS} parts.")
        self.headers, self.text, self.file = {}, bytearray(), None

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self.header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        self.headers[self.header.lower()] = self.value
        self.header, self.value = b"", b""

    def start(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition"))
        self.name = options.get(b"name", b"").decode("utf-8", "replace")
        if not self.name:
            raise ApiError("bad_request", "A part of the form has no name.")
        if self.name in self.form.texts or self.name in self.form.files:
            raise ApiError("bad_request", "A field of the form is given twice.")
        if b"filename" not in options:
            return
        self.unchosen = not options[b"filename"]
        kind = self.headers.get(b"content-type", b"application/octet-stream").decode("latin-1").lower()
        if not kind.startswith(MEDIA):
            raise ApiError("unsupported_type", f"{kind.split(';')[0][:60]} is no video: send a video file.")
        if len(self.form.files) >= self.most_files:
            raise ApiError("bad_request", f"At most {self.most_files} files can be sent at once.")
        body = tempfile.TemporaryFile(prefix=PREFIX, dir=self.form.scratch)  # noqa: SIM115 - Form.close closes it
        self.file = self.form.files[self.name] = File(body)

    def data(self, data: bytes, start: int, end: int) -> None:
        if self.file is None:
            if len(self.text) + end - start > FIELD_BYTES:
                raise ApiError("too_large", "A text field holds more than a megabyte.")
            self.text += data[start:end]
            return
        self.file.size += end - start
        if self.file.size > self.file_bytes:
            raise too_large(self.file_bytes)
        self.file.body.write(memoryview(data)[start:end])

    def end(self) -> None:
        if self.file is not None:
            if self.unchosen and not self.file.size:
                self.form.files.pop(self.name).body.close()
        else:
            try:
                self.form.texts[self.name] = self.text.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ApiError("bad_request", "A text field is not UTF-8.") from error

    def all(self) -> None:
        self.ended = True


def too_large(file_bytes: int) -> ApiError:
    return ApiError(
        "too_large", f"The video is larger than {file_bytes / 2**20:g} MiB, the most this app takes."
    )
