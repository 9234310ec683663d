"""SIGTERM and SIGINT ask for a stop at the next safe point."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


class StopSignal:
    """True once a stop was asked for. The loop looks at it between steps."""

    def __init__(self) -> None:
        self._event = threading.Event()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self) -> None:
        self._event.set()

    def install(self) -> None:
        """Take SIGTERM and SIGINT of this process. Main thread only."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def follow_parent(self, pipe: int) -> None:
        """Ask for a stop when `pipe` (a file descriptor) ends: the supervisor is gone."""
        threading.Thread(target=self._wait_for_end, args=(pipe,), daemon=True).start()

    def _wait_for_end(self, pipe: int) -> None:
        while os.read(pipe, 4096):
            continue
        self.request()

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self.request()
