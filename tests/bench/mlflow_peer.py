"""MLflow's tracking server in an environment of its own: the peer that ingest is held against."""

from __future__ import annotations

import base64
import http.client
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from console.embedded.state import ROOT
from tests.bench.figures import median
from tests.bench.ingest import PEER_POINTS, cpu_seconds

VERSION = "3.17.2"
POINTS = 100_000
BATCH = 1000
START_S = 180.0
SETTLE_S = 15.0
"""after the first answer its other processes are still starting"""


def environment() -> Path | str:
    """The Python of an environment with MLflow, made when absent; a sentence when it cannot be.

    GATEHOUSE_MLFLOW_ENV names an existing one; else it lies in the state folder.
    """
    named = os.environ.get("GATEHOUSE_MLFLOW_ENV")
    state = Path(os.environ.get("GATEHOUSE_STATE") or ROOT / "var")
    folder = Path(named) if named else state / f"mlflow-{VERSION}"
    python = folder / "bin" / "python"
    if (folder / "bin" / "mlflow").exists():
        return python
    steps = (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", f"mlflow[auth]=={VERSION}"],
    )
    for command in steps:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"MLflow {VERSION} cannot be installed: {done.stderr.strip()[-300:]}"
    return python


@contextmanager
def opened(python: Path, folder: Path, workers: int | None) -> Iterator[tuple[Api, str, int]]:
    """MLflow's server with a run: a connection, the run's id and the server's process id.
    `workers` None leaves the server's default."""
    with served(python, folder, workers) as (port, pid, password):
        time.sleep(SETTLE_S)
        api = Api(port, password)
        run = start_run(api)
        for _number in range(3):
            log_batch(api, run, 0, ["warm-up"])
        yield api, run, pid


def ingest(
    api: Api, run: str, pid: int, keys: list[str], start: int, points: int
) -> dict[str, float]:
    """Figures of logging so many points. The client's own time between requests is left out."""
    cpu = cpu_seconds(pid)
    steps = BATCH // len(keys)
    calls = [log_batch(api, run, start + n * steps, keys) for n in range(points // BATCH)]
    cpu = cpu_seconds(pid) - cpu
    return {
        "points": points,
        "points_per_s": points / sum(calls),
        "points_per_server_cpu_s": points / max(cpu, 1e-9),
        "request_ms_p50": 1000 * median(calls),
    }


@contextmanager
def served(python: Path, folder: Path, workers: int | None) -> Iterator[tuple[int, int, str]]:
    """MLflow's server with its basic-auth app over SQLite: port, process id, password."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    password = secrets.token_urlsafe(18)
    settings = folder / "auth.ini"
    settings.write_text(
        "[mlflow]\ndefault_permission = READ\n"
        f"database_uri = sqlite:///{folder}/auth.db\n"
        f"admin_username = admin\nadmin_password = {password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
        # As MLflow recommends for busy servers: else every request pays for a password hash.
        "auth_cache_ttl_seconds = 60\n"
    )
    command = [
        str(python), "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", "127.0.0.1",
        "--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
    ]
    if workers is not None:
        command += ["--workers", str(workers)]
    environ = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("DJANGO", "PYTHON"))},
        "MLFLOW_AUTH_CONFIG_PATH": str(settings),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(16),
        "PATH": f"{python.parent}:{os.environ.get('PATH', '')}",
    }
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        await_health(server, port, log)
        yield port, server.pid, password
    finally:
        os.killpg(server.pid, 15)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, 9)


def await_health(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        assert server.poll() is None, log.read_text()[-2000:]
        assert time.monotonic() < deadline, f"MLflow did not start: {log.read_text()[-2000:]}"
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.25)
        finally:
            connection.close()


class Api:
    """One kept connection, signed in by name and password."""

    def __init__(self, port: int, password: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._connection.connect()
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = base64.b64encode(f"admin:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        made = body is None or isinstance(body, bytes)
        data = body if made else json.dumps(body, separators=(",", ":"))
        self._connection.request(method, path, data, self._headers)
        response = self._connection.getresponse()
        text = response.read()
        assert response.status < 300, (path, response.status, text[:400])
        return json.loads(text)


def start_run(api: Api) -> str:
    made = api.call("POST", "/api/2.0/mlflow/experiments/create", {"name": "bench"})
    body = {"experiment_id": made["experiment_id"], "start_time": int(time.time() * 1000)}
    return str(api.call("POST", "/api/2.0/mlflow/runs/create", body)["run"]["info"]["run_id"])


def log_batch(api: Api, run: str, start: int, keys: list[str]) -> float:
    """Seconds of one request with BATCH points, of each key equally many."""
    now = int(time.time() * 1000)
    metrics = [
        {"key": key, "value": 2.5 + (step % 997) * 0.001, "timestamp": now, "step": step}
        for step in range(start, start + BATCH // len(keys))
        for key in keys
    ]
    body = json.dumps({"run_id": run, "metrics": metrics}, separators=(",", ":")).encode()
    began = time.perf_counter()
    api.call("POST", "/api/2.0/mlflow/runs/log-batch", body)
    return time.perf_counter() - began


def sampled_history(api: Api, run: str) -> float:
    """Seconds of what MLflow's pages ask to draw a series."""
    path = "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval"
    began = time.perf_counter()
    answer = api.call("GET", f"{path}?run_ids={run}&metric_key=bench&max_results={PEER_POINTS}")
    took = time.perf_counter() - began
    assert len(answer["metrics"]) >= PEER_POINTS
    return took


def full_history(api: Api, run: str) -> float:
    """Seconds of the whole series by MLflow's API."""
    path = f"/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=bench"
    began = time.perf_counter()
    found = len(api.call("GET", path)["metrics"])
    took = time.perf_counter() - began
    assert found == POINTS
    return took
