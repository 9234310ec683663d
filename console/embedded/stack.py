"""The whole stack on one machine: broker, web, worker, control; started in order, kept alive,
stopped in order. Used by `up` and `demo`."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.embedded import janitor
from console.embedded.broker import (
    Broker,
    answers,
    choose_broker,
    remove_socket_folder,
    set_data_aside,
)
from console.embedded.errors import StackError, StopRequested
from console.embedded.ports import web_port
from console.embedded.processes import STACK_TAG
from console.embedded.service import Service
from console.embedded.state import ROOT, State, write_secret

WATCH_S = 0.25
START_S = 60.0
"""how long a service may take to answer at the start"""
WORKER_STOP_S = 45.0
"""the worker's own grace for its jobs, and the time to tell the console"""
SECRETS = frozenset({"GATEHOUSE_HOST_TOKEN", "SECRET_KEY", "DATABASE_URL"})
"""variables that only the process that needs them gets"""


@dataclass(frozen=True)
class Access:
    """What a person and a program need to get in."""

    url: str
    project: str
    operator: str
    one_time_password: str | None
    api_token: str


class Stack:
    """Start with `start`, keep alive with `watch` in a thread, end with `stop`.

    `stop_event` is set when a person asks to stop; a start in progress then raises StopRequested.
    """

    def __init__(
        self, state: State, environ: Mapping[str, str], stop_event: threading.Event,
        *, slots: int = 2, port: int | None = None,
    ) -> None:
        self.state = state
        self.stop_event = stop_event
        self.services: list[Service] = []
        self._environ = dict(environ)
        self._slots = slots
        self._wanted_port = port
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> Access:
        """Start everything. Raises StackError with the reason, StopRequested on Ctrl-C."""
        killed = janitor.clean(self.state)
        if killed:
            say(f"Cleaned up {killed} processes of an earlier stack.")
        broker = choose_broker(self.state, self._environ)
        port = web_port(self.state, self._wanted_port)
        url = f"http://127.0.0.1:{port}"
        base = {
            **{k: v for k, v in self._environ.items() if k not in SECRETS},
            "GATEHOUSE_STATE": str(self.state.root),
            "GATEHOUSE_URL": url,
            "REDIS_URL": broker.url,
            "PYTHONUNBUFFERED": "1",
            STACK_TAG: str(self.state.root),
        }
        console = {**base, **{k: self._environ[k] for k in SECRETS if k in self._environ}}
        console.pop("GATEHOUSE_HOST_TOKEN", None)
        self._launch_broker(broker, base)
        access = json.loads(self._manage(console, "bootstrap", "--json"))
        token = self._host_token(access)
        self._launch(self._web(console, port))
        for service in self._workers(base, token):
            self._launch(service)
        self._watcher.start()
        return Access(
            url, access["project"], access["operator"], access.get("one_time_password"),
            access["api_token"],
        )

    def stop(self) -> None:
        """Stop in order: the worker first, so that it can still tell the console how its runs
        ended; the broker last. Leaves no process."""
        self._ended.set()
        if self._watcher.is_alive():
            self._watcher.join()
        by_name = {service.name: service for service in self.services}
        for name in ("worker", "control"):
            if name in by_name:
                by_name[name].ask_to_stop()
        for name in ("worker", "control", "web", "broker"):
            if name in by_name:
                by_name[name].stop()
        remove_socket_folder(self.state)
        self.state.pids.unlink(missing_ok=True)

    def hurry(self) -> None:
        """A second Ctrl-C: wait for nobody. Jobs stop by themselves when their worker is gone."""
        for service in self.services:
            if service.process is not None and service.process.poll() is None:
                service.process.kill()

    def _launch(self, service: Service) -> None:
        service.start()
        self.services.append(service)
        self._record()
        self._await_health(service)

    def _await_health(self, service: Service, limit_s: float = START_S) -> None:
        deadline = time.monotonic() + limit_s
        while not service.healthy():
            if self.stop_event.is_set():
                raise StopRequested
            if not service.alive() or time.monotonic() > deadline:
                state = "does not answer" if service.alive() else f"ended ({service.status()})"
                raise StackError(
                    f"{service.name} {state}. Its log {service.log} ends with:\n"
                    f"{service.log_tail()}"
                )
            time.sleep(0.05)

    def _launch_broker(self, broker: Broker, environment: Mapping[str, str]) -> None:
        if broker.command is None or broker.socket is None:
            return
        path = broker.socket
        service = Service(
            "broker", broker.command, environment, self.state.logs / "broker.log",
            self.state.broker, healthy=lambda: answers(path), stop_s=5.0,
        )
        try:
            self._launch(service)
        except StackError:
            # A damaged file of messages must not stop the console: the messages are only hints.
            service.kill()
            set_data_aside(self.state)
            service.start()
            self._await_health(service)

    def _web(self, environment: Mapping[str, str], port: int) -> Service:
        command = (
            sys.executable, "-m", "granian", "console.asgi:application", "--interface", "asginl",
            "--host", "127.0.0.1", "--port", str(port), "--workers", str(web_workers(environment)),
            "--no-ws",
            "--workers-kill-timeout", "3", "--log-level", "warning",
        )
        return Service(
            "web", command, environment, self.state.logs / "web.log", ROOT,
            healthy=lambda: web_answers(port), stop_s=8.0,
        )

    def _workers(self, environment: Mapping[str, str], token: str) -> list[Service]:
        roots = environment.get("GATEHOUSE_ALLOWED_ROOTS")
        shared = {
            **environment,
            "GATEHOUSE_HOST_TOKEN": token,
            "GATEHOUSE_BLOB_ROOT": str(self.state.blobs),
            "GATEHOUSE_ALLOWED_ROOTS": roots or f"{self.state.host}:{self.state.data}",
        }
        module = (sys.executable, "-m", "jobs.worker")
        return [
            Service(
                "worker", (*module, "--queues", "auto", "--slots", str(self._slots)), shared,
                self.state.logs / "worker.log", ROOT, stop_s=WORKER_STOP_S,
            ),
            Service(
                "control", (*module, "--control"), shared, self.state.logs / "control.log", ROOT
            ),
        ]

    def _manage(self, environment: Mapping[str, str], *arguments: str) -> str:
        """Run one command of manage.py and return its output."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        with subprocess.Popen(
            command, cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        ) as process:
            output, errors = process.communicate()
        if self.stop_event.is_set():
            raise StopRequested
        if process.returncode != 0:
            tail = "\n".join((errors or output).strip().splitlines()[-15:])
            raise StackError(f"manage.py {arguments[0]} failed ({process.returncode}):\n{tail}")
        return output

    def _host_token(self, access: Mapping[str, Any]) -> str:
        if access.get("host_token"):
            write_secret(self.state.host_token, access["host_token"])
        if not self.state.host_token.exists():
            raise StackError(
                f"{self.state.host_token} is missing: revoke the host token in the console's "
                "database or start with an empty state folder"
            )
        return self.state.host_token.read_text(encoding="utf-8").strip()

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_S):
            for service in self.services:
                status = service.status()
                if service.tend():
                    say(f"{service.name} had ended ({status}) and was started again.")
                    self._record()

    def _record(self) -> None:
        pids = {s.name: s.pid for s in self.services if s.pid is not None}
        janitor.record(self.state, pids)


def web_answers(port: int) -> bool:
    """True when the console answers its health question."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def say(text: str) -> None:
    """One line to the person at the terminal, also when the output is a pipe."""
    print(text, file=sys.stderr, flush=True)


def describe(access: Access) -> str:
    """Where the console is and how to get in."""
    lines = [f"Gatehouse is up at {access.url}", f"Sign in as: {access.operator}"]
    if access.one_time_password:
        lines.append(f"One-time password: {access.one_time_password}")
    else:
        lines.append("Password: the one you chose")
    return "\n".join(lines)


def web_workers(environment: Mapping[str, str]) -> int:
    """Processes of the web server: on PostgreSQL two where there are cores for them; SQLite has one
    writer, so a second process would only wait for it."""
    shared = environment.get("DATABASE_URL", "").startswith("postgres")
    return min(2, usable_cores()) if shared else 1


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else (os.cpu_count() or 1)
