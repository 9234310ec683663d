"""After a worker's death: what its runs had written goes home, and they are queued again at once.

The child of a dead worker stops at its next safe point, because its stdin ended. While its lease
is valid, the next worker on the host brings the rest of its events and log home and ends the
attempt as interrupted. Without that the lease would have to run out first.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

from jobs.child import PID_FILE, PidRecord, kill_leftovers, read_record
from jobs.client import HostClient
from jobs.courier import Courier
from jobs.errors import HostError
from jobs.messages import Claim, Finish
from jobs.processes import is_same
from jobs.settings import HostSettings
from jobs.upload import Uploader
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder

BEAT_S = 3.0
POLL_S = 0.1
logger = logging.getLogger(__name__)


def salvage_all(client: HostClient, settings: HostSettings) -> int:
    """Settle the runs of dead workers of this host; returns how many there were."""
    count = 0
    for file in sorted(settings.runs.glob(f"*/{PID_FILE}")):
        record = read_record(file.parent)
        if record is not None and is_same(record.worker_pid, record.worker_started):
            continue
        count += 1
        try:
            _salvage(client, settings, file.parent, record)
        except (HostError, OSError) as error:
            # The lease is over or the console is away: then its reaper settles the run.
            logger.warning("%s: left for the reaper: %s", file.parent.name, error)
            kill_leftovers(file.parent, file.parent.name)
    return count


def _salvage(
    client: HostClient, settings: HostSettings, folder: Path, record: PidRecord | None
) -> None:
    uid = folder.name
    if record is None:
        (folder / PID_FILE).unlink(missing_ok=True)
        return
    _await_end(client, settings, record)
    kill_leftovers(folder, uid)
    claim = Claim(
        uid=uid, kind="", name="", project="", attempt_id=record.attempt_id, number=record.number,
        lease=record.lease, filename="", text="", sources=(),
    )
    run_folder = RunFolder(folder)
    uploader = Uploader(client, folder, lambda: None)
    courier = Courier(client, claim, run_folder, settings, uploader)
    courier.drain()
    state = client.finish(
        record.attempt_id, record.lease, Finish(ExitCode.INTERRUPTED, courier.last_seq)
    )
    logger.info("%s: attempt %d of a dead worker settled: %s", uid, record.number, state)


def _await_end(client: HostClient, settings: HostSettings, record: PidRecord) -> None:
    """Keep the lease while the child saves; it has the grace of any stop."""
    deadline = time.monotonic() + settings.grace_s
    due = 0.0
    while is_same(record.pid, record.started) and time.monotonic() < deadline:
        if time.monotonic() >= due:
            client.heartbeat(record.attempt_id, record.lease, record.pid, record.pgid)
            due = time.monotonic() + BEAT_S
        time.sleep(POLL_S)
