"""Points per second through the host API, and the time to read 100,000 points back.

Starts the real server (granian, one worker) over a fresh SQLite state folder, launches a run,
claims it, and sends metric events in batches over one connection, each batch waited for. A point
is counted when the server has answered, which it does after the commit (synchronous=FULL). Only
the time of requests counts, not that of the client which makes the next body meanwhile.

    python -m tests.bench.ingest [--seconds 10] [--batch 1000] [--values 1]
"""
from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
DRAWN_POINTS = 100_000
CHART_POINTS = 2000
"""what a chart here asks for"""
PEER_POINTS = 320
"""what MLflow's own charts ask for"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--batch", type=int, default=1000, help="events in a request")
    parser.add_argument("--values", type=int, default=1, help="metrics in an event")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as state:
        print(json.dumps(measure(Path(state), options.seconds, options.batch, options.values)))
    return 0


def measure(state: Path, seconds: float, batch: int, values: int) -> dict[str, Any]:
    """All figures of this file, on a state folder that is made and left by it."""
    with opened(state) as (host, api, attempt, pid):
        figures = ingest(host, attempt, pid, seconds, batch, values)
        return figures | singles(host, attempt) | draw(api, host, attempt, pid)


@contextmanager
def opened(state: Path) -> Iterator[tuple[Api, Api, dict[str, Any], int]]:
    """The server with a claimed attempt: the host's and the person's connection, the attempt, and
    the server's process id."""
    environ = {
        **os.environ, "GATEHOUSE_STATE": str(state),
        "DJANGO_SETTINGS_MODULE": "console.settings.embedded", "DATABASE_URL": "", "REDIS_URL": "",
    }
    manage(environ, "migrate", "-v", "0")
    tokens = json.loads(manage(environ, "shell", "-v", "0", "-c", MAKE))
    with served(environ) as (port, pid):
        host, api = Api(port, tokens["host"]), Api(port, tokens["api"])
        yield host, api, start_run(host, api), pid


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its children so far: what a busy machine does not distort much."""
    server = psutil.Process(pid)
    times = [p.cpu_times() for p in (server, *server.children(recursive=True))]
    return sum(t.user + t.system for t in times)


MAKE = """
import json
from console.accounts.audit import SYSTEM
from console.accounts.models import Membership, Project, User
from console.accounts.tokens import make_api_token, make_host_token
user = User.objects.create_user("bench")
project = Project.objects.create(slug="bench", name="Bench")
Membership.objects.create(project=project, user=user, role="operator")
print(json.dumps({
    "api": make_api_token(SYSTEM, user, "bench", "launch")[1],
    "host": make_host_token(SYSTEM, "bench")[1],
}))
"""


def manage(environ: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "django", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    )
    return done.stdout


@contextmanager
def served(environ: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The web server: its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        sys.executable, "-m", "granian", "--interface", "asginl", "--host", "127.0.0.1",
        "--port", str(port), "--workers", "1", "--workers-kill-timeout", "3", "--no-access-log",
        "--log-level", "warning",
        "console.asgi:application",
    ]
    server = subprocess.Popen(command, cwd=ROOT, env=environ)
    try:
        wait_for(port)
        yield port, server.pid
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not answer")


class Api:
    """One kept connection with a token."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {
            "Authorization": f"Bearer {token}", "Content-Type": "application/json"
        }
        self.connect()

    def connect(self) -> None:
        """Connect anew: a server ends connections that were idle for long."""
        self._connection.close()
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        self._connection.request(method, "/api/v1" + path, data, self._headers)
        response = self._connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:400]!r}")
        return json.loads(text)


def start_run(host: Api, api: Api) -> dict[str, Any]:
    run = api.call("POST", "/projects/bench/runs/", {"config": "kind: synth\n"})
    hello = {
        "host": "bench", "boot_id": "b", "worker": "w", "queues": ["cpu"], "gpus": [],
        "kinds": ["synth"], "slots": 1, "version": "1",
    }
    host_id = host.call("POST", "/host/hello", hello)["host_id"]
    body = {"host_id": host_id, "worker": "w", "queues": ["cpu"], "kinds": ["synth"]}
    attempt = host.call("POST", "/host/claim", body)["attempt"]
    return {"uid": run["uid"], "seq": 0, **attempt}


def send(host: Api, attempt: dict[str, Any], events: int, names: list[str]) -> float:
    """Send events of one value per name; returns the seconds of the request."""
    now = "2026-01-31T12:00:00.123Z"
    rows = []
    for _ in range(events):
        attempt["seq"] += 1
        seq = attempt["seq"]
        values = dict.fromkeys(names, 2.5 + (seq % 997) * 0.001)
        rows.append(
            {"v": 1, "seq": seq, "time": now, "type": "metric", "step": seq, "values": values}
        )
    body = json.dumps({"lease": attempt["lease"], "events": rows}, separators=(",", ":")).encode()
    started = time.perf_counter()
    answer = host.call("POST", f"/host/attempts/{attempt['id']}/events", body)
    assert answer == {"last_seq": attempt["seq"]}, answer
    return time.perf_counter() - started


def ingest(
    host: Api, attempt: dict[str, Any], pid: int, seconds: float, batch: int, values: int
) -> dict[str, Any]:
    names = [f"bench/{n}" for n in range(values)]
    host.connect()
    for _ in range(3):
        send(host, attempt, batch, names)
    calls = []
    points = 0
    cpu = cpu_seconds(pid)
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        calls.append(send(host, attempt, batch, names))
        points += batch * values
    cpu = cpu_seconds(pid) - cpu
    return {
        "events_per_request": batch, "values_per_event": values, "points": points,
        "points_per_s": round(points / sum(calls)),
        "points_per_server_cpu_s": round(points / cpu),
        "request_ms_p50": round(1000 * statistics.median(calls), 1),
        "request_ms_p95": round(1000 * percentile(calls, 95), 1),
    }


def singles(host: Api, attempt: dict[str, Any]) -> dict[str, float]:
    """Requests of one point each."""
    took = [send(host, attempt, 1, ["bench/single"]) for _ in range(100)]
    return {
        "single_ms_p50": round(1000 * statistics.median(took), 1),
        "single_ms_p95": round(1000 * percentile(took, 95), 1),
    }


def draw(api: Api, host: Api, attempt: dict[str, Any], pid: int) -> dict[str, Any]:
    """Read a series of 100,000 points for a chart."""
    host.connect()
    for _ in range(DRAWN_POINTS // 5000):
        send(host, attempt, 5000, ["bench/drawn"])
    cpu = cpu_seconds(pid)
    times = drawings(api, attempt, CHART_POINTS)
    cpu = cpu_seconds(pid) - cpu
    fewer = drawings(api, attempt, PEER_POINTS)
    return {
        "draw_server_cpu_ms": round(1000 * cpu / len(times), 1),
        "draw_ms_p50": round(1000 * statistics.median(times), 1),
        "draw_ms_p95": round(1000 * percentile(times, 95), 1),
        "draw_as_peer_ms_p50": round(1000 * statistics.median(fewer), 1),
    }


def drawings(api: Api, attempt: dict[str, Any], points: int) -> list[float]:
    """Seconds of each of 20 requests for the series, decimated to about so many points."""
    path = f"/projects/bench/runs/{attempt['uid']}/metrics/?keys=bench/drawn&points={points}"
    times = []
    api.connect()
    for _ in range(20):
        started = time.perf_counter()
        series = api.call("GET", path)["series"][0]
        times.append(time.perf_counter() - started)
        assert series["total"] == DRAWN_POINTS, series["total"]
        assert points * 0.9 <= len(series["steps"]) <= points + 2, len(series["steps"])
    return times


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share / 100), len(values) - 1)]


if __name__ == "__main__":
    sys.exit(main())
