"""The thread that keeps a lease alive and obeys: cancel, worker stop, lost lease, long silence."""
from __future__ import annotations

import logging
import threading
import time
from typing import Literal

from jobs.child import Child
from jobs.client import HostClient
from jobs.errors import ConsoleUnreachableError, LeaseLostError, RefusedError, StoppedError
from jobs.messages import Claim
from jobs.settings import HostSettings

Reason = Literal["cancel", "shutdown"]
POLL_S = 0.1
logger = logging.getLogger(__name__)


class Warden:
    """Heartbeats from the claim until `release`, also while inputs are fetched and outputs sent.

    A stop request becomes SIGTERM to the child's leader, and SIGKILL to its group after the
    grace. A lost lease kills the group at once. While the console cannot be reached the child
    goes on, up to the offline limit.
    """

    def __init__(
        self, client: HostClient, claim: Claim, settings: HostSettings,
        *, heartbeat_s: float, shutdown: threading.Event,
    ) -> None:
        self._client = client
        self._claim = claim
        self._settings = settings
        self._heartbeat_s = heartbeat_s
        self._shutdown = shutdown
        self._done = threading.Event()
        self._lost = threading.Event()
        self._child: Child | None = None
        self._child_lock = threading.Lock()
        self._kill_at: float | None = None
        self._last_answer = time.monotonic()
        self.reason: Reason | None = None
        """why a stop was asked for; None when it was not"""
        self._thread = threading.Thread(target=self._run, name=f"warden-{claim.uid}", daemon=True)

    @property
    def lost(self) -> bool:
        """True once the attempt is no longer ours, or the console was silent for too long."""
        return self._lost.is_set()

    def start(self) -> None:
        self._thread.start()

    def release(self) -> None:
        """Stop beating: the attempt is over."""
        self._done.set()
        self._thread.join(timeout=15.0)

    def watch(self, child: Child) -> None:
        """Take charge of a started child; passes on a stop that came before it."""
        with self._child_lock:
            self._child = child
        if self.lost:
            child.kill()
        elif self.reason is not None:
            self._ask_to_stop(child)

    def lose(self) -> None:
        """The attempt is not ours any more: kill the child's group, report nothing."""
        if not self._lost.is_set():
            logger.warning("%s: the lease is lost", self._claim.uid)
        self._lost.set()
        with self._child_lock:
            child = self._child
        if child is not None:
            child.kill()

    def check(self) -> None:
        """Raise StoppedError when the attempt should not go on. For the time before the child."""
        if self.lost or self.reason is not None:
            raise StoppedError("stopped before the job started")

    def _run(self) -> None:
        due = 0.0
        while not self._done.wait(POLL_S) and not self.lost:
            if self._shutdown.is_set():
                self._stop("shutdown")
            now = time.monotonic()
            if now >= due:
                due = now + self._heartbeat_s
                self._beat()
            if self._kill_at is not None and now >= self._kill_at and self._child is not None:
                logger.warning("%s did not stop in time: killing its group", self._claim.uid)
                self._kill_at = None
                self._child.kill()

    def _beat(self) -> None:
        child = self._child
        pid = None if child is None else child.pid
        try:
            answer = self._client.heartbeat(self._claim.attempt_id, self._claim.lease, pid, pid)
        except ConsoleUnreachableError as error:
            self._note_silence(error)
            return
        except LeaseLostError:
            if not self._done.is_set():
                self.lose()
            return
        except RefusedError as error:
            logger.warning("%s: heartbeat refused: %s", self._claim.uid, error)
            self._note_silence(error)
            return
        self._last_answer = time.monotonic()
        if answer.cancel:
            self._stop("cancel")

    def _note_silence(self, error: Exception) -> None:
        silent = time.monotonic() - self._last_answer
        logger.warning("%s: no heartbeat for %.0f s: %s", self._claim.uid, silent, error)
        if silent > self._settings.offline_limit_s:
            self.lose()

    def _stop(self, reason: Reason) -> None:
        if self.reason is not None:
            # A person's wish outranks the worker's: the run must not start again by itself.
            self.reason = "cancel" if reason == "cancel" else self.reason
            return
        self.reason = reason
        logger.info("%s: stopping (%s)", self._claim.uid, reason)
        if self._child is not None:
            self._ask_to_stop(self._child)

    def _ask_to_stop(self, child: Child) -> None:
        self._kill_at = time.monotonic() + self._settings.grace_s
        child.request_stop()
