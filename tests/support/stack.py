"""The real console on one machine, started as a person starts it, and a client of its API."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

from console.embedded.processes import kill_all
from console.embedded.state import ROOT, State, open_state, read_json

LIVE = ("queued", "running", "cancelling")
LIMIT_S = 240.0
"""how long anything may take before a test is called broken"""
logging.getLogger("httpx2").setLevel(logging.WARNING)
_NOT_INHERITED = ("DJANGO_SETTINGS_MODULE", "GATEHOUSE_TEST_STATE", "GATEHOUSE_TEST_DB")


def wait_for(
    condition: Callable[[], Any], what: str = "it", limit_s: float = LIMIT_S, pause_s: float = 0.05
) -> Any:
    """The first true value of a condition; the limit only ends a broken test."""
    deadline = time.monotonic() + limit_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen in {limit_s:g} s"
        time.sleep(pause_s)
    return value


class Stack:
    """`python -m console.embedded up` on a state folder of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.state: State = open_state({"GATEHOUSE_STATE": str(folder)})
        self.output = folder / "up.out"
        self.process: subprocess.Popen[bytes] | None = None
        self._environ = environ

    def environment(self) -> dict[str, str]:
        """The environment of `up`: none of this test process's own settings."""
        kept = {k: v for k, v in os.environ.items() if k not in _NOT_INHERITED}
        return {**kept, "GATEHOUSE_STATE": str(self.state.root), **self._environ}

    def up(self, *arguments: str) -> None:
        """Start, and return once the console says that it is up."""
        command = [sys.executable, "-m", "console.embedded", "up", *arguments]
        with self.output.open("wb") as out:
            process = self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment(), stdout=out, stderr=subprocess.STDOUT
            )

        def ready() -> bool:
            text = self.output.read_text(encoding="utf-8")
            assert process.poll() is None, text
            return "is up at" in text

        wait_for(ready, "the start of the console")

    def down(self) -> int:
        """Ctrl-C; returns the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)

    def kill(self) -> None:
        """End everything at once, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        kill_all(self.processes())

    def processes(self) -> list[int]:
        """Live processes, other than this one, whose command or environment names the state
        folder: services and jobs alike."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                words = [*process.cmdline(), *process.environ().values()]
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if any(str(self.state.root) in word for word in words):
                found.append(process.pid)
        return found

    def services(self) -> dict[str, int]:
        """Ids of the services by name: broker, web, worker, control."""
        rows = read_json(self.state.pids).get("services", {})
        return {name: int(row["pid"]) for name, row in rows.items()}

    def child(self, uid: str) -> int | None:
        """The id of the process that does a run now."""
        pid = read_json(self.state.host / "runs" / uid / "child.json").get("pid")
        return pid if isinstance(pid, int) and psutil.pid_exists(pid) else None

    @property
    def url(self) -> str:
        found = self.state.url()
        assert found is not None
        return found

    def client(self) -> Client:
        """A client with the operator's token of this machine."""
        token = (self.state.root / "api_token").read_text(encoding="utf-8").strip()
        return Client(self.url, token)

    def admin_client(self) -> Client:
        """A client that may do everything, drain hosts for one."""
        code = (
            "from console.accounts.audit import SYSTEM;"
            "from console.accounts.models import User;"
            "from console.accounts.tokens import make_api_token;"
            "user = User.objects.earliest('pk');"
            "print(make_api_token(SYSTEM, user, 'tests', 'admin')[1])"
        )
        return Client(self.url, self.manage("shell", "--verbosity=0", "-c", code).strip())

    def manage(self, *arguments: str) -> str:
        """The output of a command of manage.py on this stack's database."""
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def host_token(self) -> str:
        return self.state.host_token.read_text(encoding="utf-8").strip()


class Client:
    """Requests to one project of a console. A console that is away for a moment is asked again."""

    def __init__(self, url: str, token: str, project: str = "demo") -> None:
        self.project = f"/api/v1/projects/{project}"
        self.http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0,
            trust_env=False,
        )

    def send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        """One request. `path` is below the project unless it starts with a slash."""
        url = path if path.startswith("/") else f"{self.project}/{path}"
        for _try in range(60):
            try:
                response = self.http.request(method, url, **request)
            except httpx2.TransportError:
                time.sleep(0.5)
                continue
            if response.status_code != 503:
                return response
            time.sleep(0.5)
        raise AssertionError(f"{method} {url}: no console for 30 s")

    def get(self, path: str, **query: Any) -> Any:
        """The JSON of a successful GET."""
        response = self.send("GET", path, params=query)
        assert response.is_success, f"{path}: {response.status_code} {response.text}"
        return response.json()

    def items(self, path: str, **query: Any) -> list[Any]:
        """All items of a paged list."""
        found: list[Any] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.get(path, **query, **cursor)
            found += page["items"]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    def post(self, path: str, body: Any = None) -> httpx2.Response:
        """A POST that takes effect once, however often it is sent."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        return self.send("POST", path, json=body, headers=key)

    def launch(self, config: str, inputs: Mapping[str, str] | None = None, **more: Any) -> str:
        """Launch a run; returns its uid."""
        body = {"config": config, "inputs": dict(inputs or {}), **more}
        response = self.post("runs/", body)
        assert response.status_code == 201, response.text
        return str(response.json()["uid"])

    def act(self, uid: str, what: str, body: Any = None) -> Any:
        """cancel, resume, retry or clone; returns the answered run."""
        response = self.post(f"runs/{uid}/{what}/", body)
        assert response.is_success, response.text
        return response.json()

    def run(self, uid: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"runs/{uid}/")
        return found

    def finished(self, uid: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """The run once it has ended."""
        found: dict[str, Any] = {}

        def over() -> bool:
            found.update(self.run(uid))
            return found["state"] not in LIVE

        wait_for(over, f"the end of {uid}", limit_s, pause_s=0.25)
        return found

    def succeeded(self, uid: str) -> dict[str, Any]:
        """The run, which must have ended well; else the assertion shows its log."""
        run = self.finished(uid)
        if run["state"] != "succeeded":
            log = self.get(f"runs/{uid}/log/", tail=30)["text"]
            raise AssertionError(f"{uid}: {run['state']} {run['reason']} {run['error']}\n{log}")
        return run

    def points(self, uid: str, key: str) -> tuple[list[int], list[float]]:
        """Steps and values of a metric as a chart shows them, nothing left out."""
        series = self.get(f"runs/{uid}/metrics/", keys=key, points=20_000)["series"]
        return (series[0]["steps"], series[0]["values"]) if series else ([], [])


@contextmanager
def running(folder: Path | None = None, *arguments: str, **environ: str) -> Iterator[Stack]:
    """A started stack. At the end Ctrl-C must leave no process and exit with 0."""
    with tempfile.TemporaryDirectory(prefix="gh-stack-") as made:
        stack = Stack(folder or Path(made), **environ)
        try:
            stack.up(*arguments)
            yield stack
            assert stack.down() == 0, stack.output.read_text(encoding="utf-8")
            left = [psutil.Process(pid).cmdline() for pid in stack.processes()]
            assert left == []
        finally:
            stack.kill()
