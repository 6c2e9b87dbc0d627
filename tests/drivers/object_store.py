"""A small object store with S3's HTTP interface: what pyarrow asks of one, in memory, and it can be cut off.

It checks no signature and has one bucket, called bucket. `cut(n)` closes the connection in the middle of the
next n answers that carry an object.
"""

import io
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.objects: dict[str, bytes] = {}  # "bucket/key" → bytes
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.lock = threading.Lock()
        self.cuts = 0
        self.was_cut = 0

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        return {
            "AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.server_port}",
        }  # fmt: skip

    def cut(self, times: int) -> None:
        self.cuts = times

    def keys(self, prefix: str) -> list[str]:
        with self.lock:
            return sorted(key for key in self.objects if key.startswith(prefix))


@contextmanager
def running() -> Iterator[Store]:
    store = Store()
    thread = threading.Thread(target=store.serve_forever, daemon=True)
    thread.start()
    try:
        yield store
    finally:
        store.shutdown()
        store.server_close()
        thread.join()


def _chunks(stream: BinaryIO) -> bytes:
    """Each has its size in hex, perhaps a signature, its bytes; the last has none."""
    data = b""
    while size := int(stream.readline().split(b";")[0], 16):
        data += stream.read(size)
        stream.readline()
    return data


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def log_message(self, *arguments: Any) -> None:
        pass

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return unquote(parts.path).strip("/"), query

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = _chunks(self.rfile)
            while self.rfile.readline().strip():  # trailers
                pass
        else:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # S3's own chunks lie inside those of HTTP; a checksum follows the last.
        return _chunks(io.BytesIO(raw)) if "x-amz-decoded-content-length" in self.headers else raw

    def _say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _missing(self) -> None:
        self._say(404, b"<Error><Code>NoSuchKey</Code></Error>", Content_Type="application/xml")

    def do_PUT(self) -> None:
        key, query = self._asked()
        body, tag = self._body(), f'"{uuid.uuid4().hex}"'
        with self.server.lock:
            if "uploadId" in query:
                self.server.uploads[query["uploadId"]][int(query["partNumber"])] = body
            elif "/" in key:
                self.server.objects[key if not self.path.endswith("/") else key + "/"] = body
        self._say(200, ETag=tag)

    def do_POST(self) -> None:
        key, query = self._asked()
        body, store = self._body(), self.server
        if "delete" in query:
            names = [e.text or "" for e in ElementTree.fromstring(body).iter() if e.tag.endswith("Key")]
            with store.lock:
                for name in names:
                    store.objects.pop(f"{key}/{name}", None)
            self._say(200, f'<DeleteResult xmlns="{NAMESPACE}"/>'.encode(), Content_Type="application/xml")
            return
        bucket, _, name = key.partition("/")
        with store.lock:
            if "uploads" in query:
                upload = uuid.uuid4().hex
                store.uploads[upload] = {}
                said = f"<UploadId>{upload}</UploadId>"
                kind = "InitiateMultipartUploadResult"
            else:
                parts = store.uploads.pop(query["uploadId"])
                store.objects[key] = b"".join(parts[number] for number in sorted(parts))
                said, kind = f'<ETag>"{uuid.uuid4().hex}"</ETag>', "CompleteMultipartUploadResult"
        xml = f'<{kind} xmlns="{NAMESPACE}"><Bucket>{bucket}</Bucket><Key>{escape(name)}</Key>{said}</{kind}>'
        self._say(200, xml.encode(), Content_Type="application/xml")

    def do_DELETE(self) -> None:
        key, query = self._asked()
        with self.server.lock:
            if "uploadId" in query:
                self.server.uploads.pop(query["uploadId"], None)
            else:
                self.server.objects.pop(key, None)
                self.server.objects.pop(key + "/", None)
        self._say(204)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        key, query = self._asked()
        if "/" not in key:
            if key == "bucket":
                self._list(key, query)
            else:
                self._missing()
            return
        with self.server.lock:
            found = self.server.objects.get(key + "/" if self.path.endswith("/") else key)
        if found is None:
            self._missing()
            return
        facts = {
            "ETag": f'"{md5(found).hexdigest()}"', "Last_Modified": formatdate(0, usegmt=True),
            "Accept_Ranges": "bytes", "Content_Type": "application/octet-stream",
        }  # fmt: skip
        status, asked = 200, self.headers.get("Range")
        if asked:
            first, _, last = asked.removeprefix("bytes=").partition("-")
            end = min(int(last) if last else len(found) - 1, len(found) - 1)
            facts["Content_Range"] = f"bytes {first}-{end}/{len(found)}"
            status, found = 206, found[int(first) : end + 1]
        if self.command == "GET" and self.server.cuts and len(found) > 1:
            self.server.cuts -= 1
            self.server.was_cut += 1
            self.send_response(status)
            for name, value in facts.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found[: len(found) // 2])
            self.close_connection = True
            return
        self._say(status, found, **facts)

    def _list(self, bucket: str, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        most, after = int(query.get("max-keys", 1000)), query.get("continuation-token", "")
        names: dict[str, int | None] = {}  # name → bytes; None: a common prefix
        for key in self.server.keys(f"{bucket}/{prefix}"):
            name = key[len(bucket) + 1 :]
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                names.setdefault(prefix + rest.split(delimiter)[0] + delimiter, None)
            else:
                names[name] = len(self.server.objects.get(key, b""))
        left = [name for name in sorted(names) if name > after]
        page, rows = left[:most], []
        for name in page:
            size, shown = names[name], escape(name)
            rows.append(
                f"<CommonPrefixes><Prefix>{shown}</Prefix></CommonPrefixes>"
                if size is None
                else f"<Contents><Key>{shown}</Key><Size>{size}</Size><ETag>&quot;0&quot;</ETag>"
                "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            )
        more = len(left) > most
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        xml = (
            f'<ListBucketResult xmlns="{NAMESPACE}"><Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>'
            f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{most}</MaxKeys>"
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{''.join(rows)}</ListBucketResult>"
        )
        self._say(200, xml.encode(), Content_Type="application/xml")
