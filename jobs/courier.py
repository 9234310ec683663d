"""Carrying one attempt's events and log home, exactly once, whatever the console's mood."""
from __future__ import annotations

import logging
import time

from jobs.client import HostClient
from jobs.errors import EventGapError, OffsetMismatchError, RefusedError
from jobs.messages import Claim
from jobs.settings import HostSettings
from jobs.tail import BATCH_EVENTS, EventTail, LogTail
from jobs.upload import Uploader
from mlcore.run.folder import RunFolder

LOG_INTERVAL_S = 0.5
"""shortest time between two log requests of a live run"""
logger = logging.getLogger(__name__)


class Courier:
    """Sends what is new. The files are the buffer: nothing is lost by a failed call.

    Raises LeaseLostError and ConsoleUnreachableError of the client.
    """

    def __init__(
        self, client: HostClient, claim: Claim, folder: RunFolder, settings: HostSettings,
        uploader: Uploader,
    ) -> None:
        self._client = client
        self._claim = claim
        self._uploader = uploader
        self._events = EventTail(folder.events(claim.number))
        self._log = LogTail(
            folder.log(claim.number),
            file_limit=settings.log_limit, carry_limit=settings.log_carry_limit,
        )
        self._log_due = 0.0

    @property
    def last_seq(self) -> int:
        """The seq up to which the console has the events."""
        return self._events.last_seq

    def go_on_from(self, last_seq: int, log_size: int) -> None:
        """Start after what the console has already, as for an attempt that another worker left."""
        self._events.rewind(last_seq)
        self._log.correct(log_size)

    def carry(self) -> bool:
        """One round: at most one batch of events and one chunk of log.

        True when a full batch went, so more is waiting.
        """
        full = self._carry_events() >= BATCH_EVENTS
        if time.monotonic() >= self._log_due:
            self._carry_log()
            self._log_due = time.monotonic() + LOG_INTERVAL_S
        self._log.rotate()
        return full

    def drain(self) -> None:
        """After the child's end: everything that is left."""
        while self._carry_events():
            continue
        while self._carry_log():
            continue

    def _carry_events(self) -> int:
        batch = self._events.read()
        if batch is None:
            return 0
        self._uploader.event_files(batch.events)
        try:
            stored = self._client.events(self._claim.attempt_id, self._claim.lease, batch.events)
        except EventGapError as gap:
            logger.warning("%s: the console has events up to %d", self._claim.uid, gap.last_seq)
            self._events.rewind(gap.last_seq)
            return 1
        self._events.confirm(batch, stored)
        return len(batch.events)

    def _carry_log(self) -> int:
        chunk = self._log.read()
        if not chunk:
            return 0
        claim = self._claim
        try:
            end = self._client.log(claim.attempt_id, claim.lease, self._log.offset, chunk)
        except OffsetMismatchError as mismatch:
            self._log.correct(mismatch.offset)
            return 1
        if end != self._log.offset + len(chunk):
            raise RefusedError(200, "bad_offset", f"the console counts {end} bytes of log")
        self._log.confirm(chunk)
        return len(chunk)

