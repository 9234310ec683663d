"""One process of the stack: started in its own session, asked to stop, killed with its tree."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from console.embedded.processes import kill_all, session_members

LOG_LIMIT = 10 << 20
"""bytes after which a service's log is set aside at its next start"""
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)
"""pauses before the first, second ... start; never so long that runs lose their leases (20 s)"""
STEADY_S = 60.0
"""a service that lived this long starts again without delay"""


def always_healthy() -> bool:
    """For services whose being alive is all that can be asked."""
    return True


@dataclass
class Service:
    """What to start and how to know that it works. Times in seconds."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    folder: Path
    healthy: Callable[[], bool] = always_healthy
    stop_s: float = 10.0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _deaths: int = field(default=0, init=False)
    _started_at: float = field(default=0.0, init=False)
    _restart_at: float | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT:
            self.log.replace(self.log.with_suffix(".1.log"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, cwd=self.folder, env=dict(self.environment), stdout=output,
                stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True,
            )
        self._started_at = time.monotonic()

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tend(self) -> bool:
        """Start it again when it died, after a pause that grows; True when it was started."""
        if self.alive():
            return False
        now = time.monotonic()
        if self._restart_at is None:
            self.kill()
            if now - self._started_at > STEADY_S:
                self._deaths = 0
            self._restart_at = now + BACKOFF_S[min(self._deaths, len(BACKOFF_S) - 1)]
            self._deaths += 1
        if now < self._restart_at:
            return False
        self._restart_at = None
        self.start()
        return True

    def status(self) -> int | None:
        """The exit status of a dead process."""
        return None if self.process is None else self.process.poll()

    def ask_to_stop(self) -> None:
        """SIGTERM to the process itself; it stops its own helpers."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def stop(self, patience_s: float | None = None) -> None:
        """Ask, wait, then kill whatever is left of its session."""
        self.ask_to_stop()
        if self.process is not None:
            limit = self.stop_s if patience_s is None else patience_s
            try:
                self.process.wait(limit)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and everything in its session."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        kill_all([pid for pid in session_members(self.process.pid) if pid != os.getpid()])

    def log_tail(self, lines: int = 15) -> str:
        """The end of the log, for a message about what went wrong."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 16384))
            text = file.read().decode("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])
