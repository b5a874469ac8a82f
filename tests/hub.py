"""A stand-in for Hugging Face's hub: answers what huggingface_hub 2.4 asks, goes wrong as told."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

COMMIT = "1" * 40
NEWER = "2" * 40


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    byte_range: str | None
    token: str | None


@dataclass
class StandInHub:
    """The files of one repository by revision, and the faults that come next.

    A fault is a status, `cut` (half of the body, then the line is dead), `wrong` (other bytes of
    the same length), `no_range` (the whole body although a part was asked for), `no_commit` (an
    answer that is no hub's) or `redirect` (the bytes lie on another host).
    """

    repository: str = "maker/model-GGUF"
    files: dict[str, bytes] = field(default_factory=dict)
    revision: str = COMMIT
    faults: list[str] = field(default_factory=list)
    in_git: bool = False
    asked: list[Asked] = field(default_factory=list)
    port: int = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def fetched(self) -> list[Asked]:
        """The requests for bytes."""
        return [one for one in self.asked if one.method == "GET" and "/api/" not in one.path]

    def take_fault(self, *kinds: str) -> str | None:
        """Return the next fault if it is one of these; a status is three digits."""
        if self.faults and (self.faults[0] in kinds or self.faults[0].isdigit()):
            return self.faults.pop(0)
        return None


@contextmanager
def run_hub(hub: StandInHub) -> Iterator[StandInHub]:
    """Serve on loopback until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = False
    hub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[StandInHub]

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._note()
        if not self._refuse("no_commit"):
            self._answer_head()

    def do_GET(self) -> None:
        self._note()
        if self.path.startswith("/api/models/"):
            if not self._refuse():
                self._send_json({"id": self.hub.repository, "sha": self.hub.revision})
        elif self.path.startswith("/cdn/"):
            self._send_body(self.hub.files[self.path.removeprefix("/cdn/")], None)
        elif not self._refuse():
            self._answer_get()

    def _note(self) -> None:
        name = self.headers.get("Authorization")
        self.hub.asked.append(Asked(self.command, self.path, self.headers.get("Range"), name))

    def _refuse(self, *kinds: str) -> bool:
        fault = self.hub.take_fault(*kinds)
        if fault == "no_commit":
            self._start(200, {"Content-Length": "0"})
            return True
        if fault is None:
            return False
        codes = {"401": "GatedRepo", "404": "EntryNotFound", "410": "RepoNotFound"}
        codes["411"] = "RevisionNotFound"
        status = 404 if fault in ("410", "411") else int(fault)
        headers = {"Content-Length": "0", "Connection": "close"}
        if fault in codes:
            headers["X-Error-Code"] = codes[fault]
        self._start(status, headers)
        return True

    def _content(self) -> bytes | None:
        prefix = f"/{self.hub.repository}/resolve/"
        _, _, name = self.path.removeprefix(prefix).partition("/")
        return self.hub.files.get(name) if self.path.startswith(prefix) else None

    def _answer_head(self) -> None:
        content = self._content()
        if content is None:
            code = {"X-Error-Code": "EntryNotFound", "Content-Length": "0"}
            self._start(404, code)
            return
        tag = hashlib.sha256(content).hexdigest()
        if self.hub.in_git:
            tag = tag[:40]
        headers = {"X-Repo-Commit": self.hub.revision, "Content-Length": str(len(content))}
        headers |= {"ETag": f'"{tag}"', "X-Linked-Size": str(len(content))}
        self._start(200, headers)

    def _answer_get(self) -> None:
        content = self._content()
        if content is None:
            self._start(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
            return
        fault = self.hub.take_fault("cut", "wrong", "no_range", "redirect")
        if fault == "redirect":
            name = self.path.rpartition("/")[2]
            target = f"http://localhost:{self.hub.port}/cdn/{name}"
            self._start(302, {"Location": target, "Content-Length": "0"})
            return
        if fault == "wrong":
            content = bytes(reversed(content))
        self._send_body(content, fault)

    def _send_body(self, content: bytes, fault: str | None) -> None:
        begin = 0
        asked = self.headers.get("Range")
        if asked is not None and fault != "no_range":
            begin = int(asked.removeprefix("bytes=").split("-")[0])
        body = content[begin:]
        headers = {"Content-Length": str(len(body))}
        if begin:
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        self._start(206 if begin else 200, headers)
        if fault == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    def _send_json(self, data: object) -> None:
        body = json.dumps(data).encode()
        self._start(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        self.wfile.write(body)

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
