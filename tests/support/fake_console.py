"""A console that is only its Host API, kept in memory, strict about what the contract says."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

TOKEN = "host-token-of-the-test"


@dataclass
class FakeConsole:
    """State of one attempt. `down` answers 503; `drop_answers` does the work, then answers 503."""

    lease: str = "lease-1"
    claims: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    log: bytes = b""
    blobs: dict[str, bytes] = field(default_factory=dict)
    finishes: list[dict[str, Any]] = field(default_factory=list)
    hellos: list[dict[str, Any]] = field(default_factory=list)
    beats: list[dict[str, Any]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    cancel: bool = False
    down: bool = False
    drop_answers: int = 0
    ticks: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON (or bytes) of one request."""
        parts = urlsplit(target)
        path = parts.path.removeprefix("/api/v1/host")
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        with self.lock:
            self.requests.append(f"{method} {path}")
            if self.down:
                return 503, problem(503, "down")
            result = self._route(method, path, query, body)
            if self.drop_answers and path.startswith("/attempts/") and method == "POST":
                self.drop_answers -= 1
                return 503, problem(503, "answer_lost")
            return result

    def _route(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        if path.startswith("/blobs/"):
            return self._blob(method, path.removeprefix("/blobs/"), body)
        if path.startswith("/attempts/"):
            return self._attempt(path.split("/")[3], query, body)
        if path == "/hello":
            self.hellos.append(json.loads(body))
            return 200, {"host_id": "h1", "heartbeat_s": 0.1, "lease_s": 20}
        if path == "/claim":
            return (200, self.claims.pop(0)) if self.claims else (204, None)
        if path == "/control/tick":
            self.ticks += 1
            return 200, {"reaped": 0, "woken": 0}
        return 404, problem(404, "not_found")

    def _blob(self, method: str, name: str, body: bytes) -> tuple[int, Any]:
        if name == "missing":
            return 200, {"missing": [s for s in json.loads(body)["sha256"] if s not in self.blobs]}
        if method == "GET":
            found = self.blobs.get(name)
            return (404, problem(404, "not_found")) if found is None else (200, found)
        if hashlib.sha256(body).hexdigest() != name:
            return 422, problem(422, "hash_mismatch")
        self.blobs[name] = body
        return 201, {}

    def _attempt(self, action: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        message = {} if action == "log" else json.loads(body)
        if message.get("lease", query.get("lease")) != self.lease or self.finishes:
            return 409, problem(409, "lease_lost")
        if action == "heartbeat":
            self.beats.append(message)
            return 200, {"cancel": self.cancel, "lease_expires": "2026-01-01T00:00:00Z"}
        if action == "events":
            return self._store_events(message["events"])
        if action == "log":
            if int(query["offset"]) != len(self.log):
                return 409, {**problem(409, "offset_mismatch"), "offset": len(self.log)}
            self.log += body
            return 200, {"offset": len(self.log)}
        self.finishes.append(message)
        return 200, {"state": "succeeded" if message["exit_code"] == 0 else "failed"}

    def _store_events(self, events: list[dict[str, Any]]) -> tuple[int, Any]:
        last = self.events[-1]["seq"] if self.events else 0
        for event in events:
            if event["seq"] <= last:
                continue
            if event["seq"] != last + 1:
                return 409, {**problem(409, "event_gap"), "last_seq": last}
            self.events.append(event)
            last = event["seq"]
        return 200, {"last_seq": last}


def problem(status: int, code: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": code, "status": status, "code": code, "detail": code}


def claim_of(console: FakeConsole, **changes: Any) -> dict[str, Any]:
    """A claim as the console would answer it."""
    claim = {
        "run": {"uid": "run1", "kind": "synth", "name": "n", "project": "p"},
        "attempt": {"id": 7, "number": 1, "lease": console.lease, "lease_expires": "x"},
        "config": {"filename": "synth.yaml", "text": "kind: synth\n", "sources": []},
        "set": {},
        "bindings": [],
        "resume": False,
    }
    return {**claim, **changes}


@contextmanager
def serving(console: FakeConsole, port: int = 0) -> Iterator[FakeConsole]:
    """The console over real HTTP on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, answer = 401, problem(401, "not_signed_in")
            else:
                status, answer = console.answer(self.command, self.path, body)
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            data = b"" if status == 204 else data
            self.send_response(status)
            kind = "application/problem+json" if status >= 400 else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    console.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield console
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
