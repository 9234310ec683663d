"""HTTP client of the console's Host API: typed calls, retries with backoff, typed errors."""
from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import httpx2

from jobs.errors import (
    ConsoleUnreachableError,
    EventGapError,
    FetchError,
    LeaseLostError,
    OffsetMismatchError,
    RefusedError,
)
from jobs.messages import Beat, Claim, Finish, Hello, parse_claim

PREFIX = "/api/v1/host"
CHUNK = 1 << 20
"""bytes read or written at a time while a blob travels"""
MISSING_BATCH = 1000
"""hashes asked for in one request"""
_RETRYABLE = frozenset({408, 425, 429})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class HostClient:
    """Calls of the Host API. Safe to share between threads.

    Every method raises ConsoleUnreachableError when no try of `tries` got an answer (or only 5xx,
    408, 425, 429), LeaseLostError when the attempt is no longer ours, RefusedError otherwise.
    """

    def __init__(self, url: str, token: str, *, tries: int = 3, timeout_s: float = 10.0) -> None:
        local = (urlsplit(url).hostname or "") in _LOOPBACK
        self._tries = tries
        self._http = httpx2.Client(
            base_url=url.rstrip("/") + PREFIX,
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=httpx2.Timeout(timeout_s, connect=3.0),
            trust_env=not local,
        )

    def close(self) -> None:
        self._http.close()

    def hello(self, body: Mapping[str, Any]) -> Hello:
        """Say what this worker can do."""
        answer = self._post("/hello", body)
        return Hello(str(answer["host_id"]), float(answer["heartbeat_s"]), float(answer["lease_s"]))

    def claim(
        self, host_id: str, worker: str, queues: Sequence[str], kinds: Sequence[str]
    ) -> Claim | None:
        """The best runnable run for these capabilities, None when there is none."""
        body = {"host_id": host_id, "worker": worker, "queues": list(queues), "kinds": list(kinds)}
        response = self._send("POST", "/claim", json=body)
        return None if response.status_code == 204 else parse_claim(response.json())

    def heartbeat(self, attempt_id: str, lease: str, pid: int | None, pgid: int | None) -> Beat:
        """Extend the lease. One try: the next beat is the retry."""
        body = {"lease": lease, "pid": pid, "pgid": pgid}
        answer = self._post(f"/attempts/{attempt_id}/heartbeat", body, tries=1)
        return Beat(bool(answer["cancel"]))

    def events(self, attempt_id: str, lease: str, events: Sequence[Mapping[str, Any]]) -> int:
        """Send a batch; returns the last seq that the console has stored.

        Raises EventGapError when events before the batch are missing there.
        """
        body = {"lease": lease, "events": list(events)}
        return int(self._post(f"/attempts/{attempt_id}/events", body, tries=1)["last_seq"])

    def log(self, attempt_id: str, lease: str, offset: int, data: bytes) -> int:
        """Append a chunk at a byte offset; returns the new end.

        Raises OffsetMismatchError when the stored end is another.
        """
        response = self._send(
            "POST", f"/attempts/{attempt_id}/log", tries=1, content=data,
            params={"lease": lease, "offset": offset},
            headers={"Content-Type": "application/octet-stream"},
        )
        return int(response.json()["offset"])

    def missing_blobs(self, hashes: Iterable[str]) -> set[str]:
        """Which of these SHA-256 the console does not have yet."""
        wanted = sorted(set(hashes))
        missing: set[str] = set()
        for start in range(0, len(wanted), MISSING_BATCH):
            batch = wanted[start : start + MISSING_BATCH]
            missing.update(self._post("/blobs/missing", {"sha256": batch})["missing"])
        return missing

    def put_blob(self, sha256: str, path: Path) -> None:
        """Upload one file; the console verifies the hash. Raises OSError when it is unreadable."""
        for remaining in range(self._tries - 1, -1, -1):
            with path.open("rb") as file:
                headers = {
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(path.stat().st_size),
                }
                try:
                    self._send(
                        "PUT", f"/blobs/{sha256}", tries=1, content=_chunks(file), headers=headers
                    )
                    return
                except ConsoleUnreachableError:
                    if remaining == 0:
                        raise
            _back_off(self._tries - remaining)

    def get_blob(self, sha256: str, target: Path) -> None:
        """Download one file. Raises FetchError when it is not there or arrives damaged."""
        digest = hashlib.sha256()
        try:
            with self._http.stream("GET", f"/blobs/{sha256}") as response:
                if response.status_code == 404:
                    raise FetchError(f"the console does not have blob {sha256[:12]}")
                if response.status_code != 200:
                    response.read()
                    raise _error_of(response)
                with target.open("wb") as file:
                    for chunk in response.iter_bytes(CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
        except httpx2.TransportError as error:
            raise ConsoleUnreachableError(f"GET blob: {error}") from error
        if digest.hexdigest() != sha256:
            raise FetchError(f"blob {sha256[:12]} arrived damaged")

    def finish(self, attempt_id: str, lease: str, end: Finish) -> str:
        """Tell the end of the attempt; returns the run's state. The listings of its outputs must
        be there already."""
        named = [{key: output[key] for key in ("name", "type", "digest")} for output in end.outputs]
        body = {
            "lease": lease, "exit_code": end.exit_code, "last_seq": end.last_seq,
            "report": end.report, "manifest": end.manifest, "outputs": named,
        }
        return str(self._post(f"/attempts/{attempt_id}/finish", body)["state"])

    def tick(self) -> dict[str, Any]:
        """Let the console do its periodic work (reap, re-wake)."""
        return self._post("/control/tick", {})

    def _post(
        self, path: str, body: Mapping[str, Any], *, tries: int | None = None
    ) -> dict[str, Any]:
        answer: dict[str, Any] = self._send("POST", path, tries=tries, json=body).json()
        return answer

    def _send(
        self, method: str, path: str, *, tries: int | None = None, **request: Any
    ) -> httpx2.Response:
        count = tries or self._tries
        for number in range(1, count + 1):
            try:
                response = self._http.request(method, path, **request)
                if response.is_success:
                    return response
                raise _error_of(response)
            except httpx2.TransportError as error:
                reason = str(error) or type(error).__name__
                failure = ConsoleUnreachableError(f"{method} {path}: {reason}")
                failure.__cause__ = error
            except ConsoleUnreachableError as error:
                failure = error
            if number < count:
                _back_off(number)
        raise failure


def _back_off(number: int) -> None:
    """Sleep before try `number + 1`: 0.2 s, 0.4 s, 0.8 s ... with jitter against stampedes."""
    time.sleep(min(0.2 * 2 ** (number - 1), 5.0) * random.uniform(0.75, 1.25))


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _error_of(response: httpx2.Response) -> RefusedError | ConsoleUnreachableError:
    """The typed error of an answer that is not a success (RFC 9457 problem or anything else)."""
    status = response.status_code
    problem = _problem(response)
    code = str(problem.get("code", "unknown"))
    detail = str(problem.get("detail") or problem.get("title") or response.reason_phrase)
    if status >= 500 or status in _RETRYABLE:
        return ConsoleUnreachableError(f"{status} {code}: {detail}")
    if code == "lease_lost":
        return LeaseLostError(status, code, detail)
    if code == "event_gap" and "last_seq" in problem:
        return EventGapError(status, code, detail, int(problem["last_seq"]))
    if code == "offset_mismatch" and "offset" in problem:
        return OffsetMismatchError(status, code, detail, int(problem["offset"]))
    return RefusedError(status, code, detail)


def _problem(response: httpx2.Response) -> dict[str, Any]:
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
