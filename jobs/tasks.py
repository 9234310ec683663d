"""The two tasks: a wake-up that claims and supervises, and the control worker's tick."""
from __future__ import annotations

import logging
import threading
import time

from jobs.celery import app
from jobs.client import HostClient
from jobs.errors import ConsoleUnreachableError, HostError
from jobs.host import Announcer
from jobs.messages import Claim
from jobs.settings import HostSettings
from jobs.supervisor import Supervisor

HELLO_PATIENCE_S = 30.0
logger = logging.getLogger(__name__)


class Worker:
    """What the tasks of one worker process share."""

    def __init__(self, settings: HostSettings, client: HostClient, announcer: Announcer) -> None:
        self.settings = settings
        self.client = client
        self.announcer = announcer
        self.shutdown = threading.Event()

    def work(self) -> int:
        """Claim and supervise until nothing is runnable; returns how many attempts were done."""
        hello = self.announcer.hello(HELLO_PATIENCE_S)
        if hello is None:
            logger.warning("woken, but the console does not know this host yet")
            return 0
        done = 0
        while not self.shutdown.is_set():
            claim = self._claim(hello.host_id)
            if claim is None:
                break
            self._supervise(claim, hello.heartbeat_s)
            done += 1
        return done

    def _claim(self, host_id: str) -> Claim | None:
        announcer = self.announcer
        try:
            return self.client.claim(host_id, announcer.worker, announcer.queues, announcer.kinds)
        except ConsoleUnreachableError as error:
            logger.warning("cannot claim now, the console will wake us again: %s", error)
            return None

    def _supervise(self, claim: Claim, heartbeat_s: float) -> None:
        logger.info("%s: attempt %d of %s starts", claim.uid, claim.number, claim.kind)
        supervisor = Supervisor(
            self.client, claim, self.settings, heartbeat_s=heartbeat_s, shutdown=self.shutdown
        )
        state = supervisor.supervise()
        logger.info("%s: attempt %d ended: %s", claim.uid, claim.number, state)


class Control:
    """The control worker's share: the tick, and a watch that it also happens without a broker."""

    def __init__(self, client: HostClient) -> None:
        self.client = client
        self._last = time.monotonic()
        self._done = threading.Event()

    def tick(self) -> None:
        """One round of the console's periodic work."""
        answer = self.client.tick()
        self._last = time.monotonic()
        if any(answer.values()):
            logger.info("tick: %s", answer)

    def watch(self, patience_s: float) -> None:
        """Tick directly whenever no message did so for a while, as during a broker restart."""
        while not self._done.wait(patience_s / 3):
            if time.monotonic() - self._last < patience_s:
                continue
            try:
                self.tick()
            except HostError as error:
                logger.warning("tick failed: %s", error)

    def stop(self) -> None:
        self._done.set()


_worker: Worker | None = None
_control: Control | None = None


def serve(*, worker: Worker | None = None, control: Control | None = None) -> None:
    """Say what the tasks of this process work with. Called once, before the worker starts."""
    global _worker, _control
    _worker, _control = worker, control


@app.task(name="jobs.wake", ignore_result=True)  # type: ignore[untyped-decorator]
def wake() -> None:
    """Something may be runnable."""
    if _worker is None:
        raise RuntimeError("jobs.wake reached a process that takes no runs; check the queues")
    _worker.work()


@app.task(name="jobs.tick", ignore_result=True)  # type: ignore[untyped-decorator]
def tick() -> None:
    """The console's periodic work."""
    if _control is None:
        raise RuntimeError("jobs.tick reached a worker that is not the control worker")
    try:
        _control.tick()
    except HostError as error:
        logger.warning("tick failed: %s", error)
