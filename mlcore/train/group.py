"""The other ranks as children of rank 0: their start, their end, and whose fault it was.

They are in the process group of the job, so a kill of the group reaches them all. A rank that
dies breaks the connections of the others; rank 0 then says which one it was and why.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mlcore.errors import (
    ConfigError,
    DataError,
    GatehouseError,
    InfrastructureError,
    InterruptedRunError,
    OutOfMemoryError,
)
from mlcore.run.context import RunContext
from mlcore.run.events import read_events
from mlcore.run.folder import RunFolder
from mlcore.train.rank import event_file, ready_file

POLL_S = 0.05
PATIENCE_S = 60.0
"""how long a rank may take to end once the work is done"""
BLAME_S = 5.0
"""how long after a broken connection a dead rank must show"""
_OURS: dict[int, type[GatehouseError]] = {
    int(kind.exit_code): kind
    for kind in (ConfigError, DataError, OutOfMemoryError, InfrastructureError)
}


class RankGroup:
    """Ranks 1.. of one attempt. `arguments` is what each gets before its own number."""

    def __init__(
        self, arguments: Sequence[str], meeting: Path, world: int, ctx: RunContext
    ) -> None:
        self._ctx = ctx
        self._meeting = meeting
        meeting.unlink(missing_ok=True)
        self._ranks = {rank: self._start(arguments, rank) for rank in range(1, world)}

    def _start(self, arguments: Sequence[str], rank: int) -> subprocess.Popen[bytes]:
        ready_file(self._meeting, rank).unlink(missing_ok=True)
        event_file(self._ctx.folder, rank).unlink(missing_ok=True)
        module = [sys.executable, "-m", "mlcore.train.rank"]
        with rank_log(self._ctx.folder, rank).open("ab") as log:
            return subprocess.Popen(
                [*module, *arguments, str(rank), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """Wait until every rank is about to meet the others.

        Raises what a rank died of, or InterruptedRunError when a stop was asked for meanwhile.
        """
        waiting = set(self._ranks)
        while waiting:
            if self._ctx.stop.requested:
                raise InterruptedRunError("stopped on request before the first step")
            failure = self.failure(patience=0.0)
            if failure is not None:
                raise failure
            waiting -= {rank for rank in waiting if ready_file(self._meeting, rank).exists()}
            time.sleep(POLL_S)

    def failure(self, patience: float = BLAME_S) -> GatehouseError | None:
        """What the first dead rank died of; None when none died within `patience` seconds."""
        end = time.monotonic() + patience
        while True:
            for rank, process in self._ranks.items():
                if process.poll():
                    return self._reason(rank, process.returncode)
            if time.monotonic() >= end:
                return None
            time.sleep(POLL_S)

    def _reason(self, rank: int, status: int) -> GatehouseError:
        if status < 0:
            return InfrastructureError(
                f"rank {rank} was killed by signal {-status}",
                hint="Resume continues from the last checkpoint; look at the host's memory.",
            )
        said = [e for e in read_events(event_file(self._ctx.folder, rank)) if e["type"] == "error"]
        if said and status in _OURS:
            return _OURS[status](
                f"rank {rank}: {said[-1]['message']}",
                hint=said[-1]["hint"],
                where=said[-1]["where"],
            )
        log = rank_log(self._ctx.folder, rank).name
        return GatehouseError(f"rank {rank} ended with status {status}", hint=f"See log/{log}.")

    def join(self) -> None:
        """Wait for every rank to end well. Raises what one died of."""
        end = time.monotonic() + PATIENCE_S
        while any(process.poll() is None for process in self._ranks.values()):
            if time.monotonic() >= end:
                raise InfrastructureError("a rank does not end although the work is done")
            time.sleep(POLL_S)
        failure = self.failure(patience=0.0)
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Kill what is left and remove the files of the meeting."""
        for rank, process in self._ranks.items():
            process.kill()
            process.wait()
            ready_file(self._meeting, rank).unlink(missing_ok=True)
        self._meeting.unlink(missing_ok=True)


def rank_log(folder: RunFolder, rank: int) -> Path:
    """Where the output of a rank goes."""
    return folder.root / "log" / f"rank-{rank}.txt"


@contextmanager
def other_ranks(
    arguments: Sequence[str], meeting: Path, world: int, ctx: RunContext
) -> Iterator[RankGroup]:
    """Run ranks 1.. as children; whatever happens, none is left at the end.

    A connection that broke because a rank died is raised as what that rank died of.
    """
    group = RankGroup(arguments, meeting, world, ctx)
    try:
        yield group
        group.join()
    except RuntimeError as error:
        failure = group.failure()
        if failure is None:
            raise
        raise failure from error
    finally:
        group.close()
