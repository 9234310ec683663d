"""What this host is: its name, its boot, its GPUs, its kinds; and the thread that says so."""
from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from jobs import __version__
from jobs.client import HostClient
from jobs.errors import HostError
from jobs.messages import Hello
from jobs.settings import ROOT

HELLO_INTERVAL_S = 5.0
logger = logging.getLogger(__name__)


def boot_id() -> str:
    """The same until the host restarts; process ids mean nothing across it."""
    path = Path("/proc/sys/kernel/random/boot_id")
    if path.exists():
        return path.read_text(encoding="ascii").strip()
    return f"boot-{int(psutil.boot_time())}"


def find_gpus() -> list[dict[str, Any]]:
    """GPUs as nvidia-smi names them: {index, name, memory_mb}; empty without nvidia-smi."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        logger.warning("nvidia-smi does not answer: no GPU is announced")
        return []
    return parse_gpus(done.stdout) if done.returncode == 0 else []


def parse_gpus(text: str) -> list[dict[str, Any]]:
    """nvidia-smi's CSV lines `index, name, memory in MiB`."""
    gpus = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and parts[0].isdigit() and parts[2].isdigit():
            gpus.append({"index": int(parts[0]), "name": parts[1], "memory_mb": int(parts[2])})
    return gpus


def known_kinds() -> list[str]:
    """The kinds that this host's mlcore can run. Asked in a process of its own: the config
    models need more memory than an idle worker should hold."""
    done = subprocess.run(
        [sys.executable, "-m", "mlcore", "kinds"], cwd=ROOT, capture_output=True, text=True,
        timeout=60, check=True,
    )
    return [line.split()[0] for line in done.stdout.splitlines() if line.strip()]


class Announcer:
    """Says hello every few seconds and keeps the console's answer for the claims."""

    def __init__(
        self, client: HostClient, *, queues: Sequence[str], gpus: Sequence[dict[str, Any]],
        slots: int, host: str | None = None, roots: Sequence[str] = (),
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}"
        self.queues = list(queues)
        self.gpus = list(gpus)
        self.kinds: list[str] = []
        self.slots = slots
        self.roots = list(roots)
        self._host = host or socket.gethostname()
        self._client = client
        self._known = threading.Event()
        self._done = threading.Event()
        self._hello: Hello | None = None
        self._thread = threading.Thread(target=self._run, name="hello", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._done.set()

    def hello(self, timeout_s: float) -> Hello | None:
        """The console's last answer; waits for the first one, None when it does not come or the
        announcer is stopped."""
        deadline = time.monotonic() + timeout_s
        while not self._known.wait(0.1):
            if self._done.is_set() or time.monotonic() > deadline:
                return None
        return self._hello

    def _run(self) -> None:
        body = self._body()
        while True:
            try:
                self._hello = self._client.hello(body)
                self._known.set()
            except HostError as error:
                logger.warning("the console does not take our hello: %s", error)
            if self._done.wait(HELLO_INTERVAL_S if self._known.is_set() else 1.0):
                return

    def _body(self) -> dict[str, Any]:
        self.kinds = known_kinds()
        return {
            "host": self._host,
            "boot_id": boot_id(),
            "worker": self.worker,
            "queues": self.queues,
            "gpus": self.gpus,
            "kinds": self.kinds,
            "slots": self.slots,
            "roots": self.roots,
            "version": __version__,
        }
