"""Starting the ranks of a run by torchrun's agent, and saying whose fault an end was.

The agent runs inside the job's own process, which stays the leader: it takes the signals, lends
its event file to rank 0 and reports. No rank is started again by the agent: a new attempt is the
job backend's to decide. Ranks have sessions of their own and follow the leader themselves, so
none outlives it. They meet by the environment that torchrun sets (MASTER_ADDR and so on), which
is what ranks on several hosts need too.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import Any

from torch.distributed.elastic.multiprocessing.api import LogsDest, LogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from mlcore.errors import GatehouseError, InfrastructureError, InterruptedRunError
from mlcore.run.context import RunContext
from mlcore.run.folder import RunFolder
from mlcore.run.signals import StopSignal
from mlcore.train.worker import OUTCOME, POLL_S, STOP, Order

RANK_MODULE = "mlcore.train.rank"
SHUTDOWN_S = 10
"""how long a rank that is told to end may take before it is killed"""


def launch(
    ctx: RunContext, start: Path, world: int, module: str = RANK_MODULE
) -> Mapping[str, Any]:
    """Run `world` ranks of `python -m module ROOM` on this host; returns what rank 0 reports.

    Raises what the first failing rank died of, InfrastructureError when it was killed, or
    InterruptedRunError when the ranks stopped on request.
    """
    room = ctx.folder.root / f".ranks-{ctx.attempt}"
    shutil.rmtree(room, ignore_errors=True)
    room.mkdir()
    Order.of(ctx, start).write(room)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=world,
        logs_specs=RankFiles(room, ctx.folder, ctx.attempt),
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        local_addr="localhost",
        max_restarts=0,
        monitor_interval=POLL_S,
        # Stops are the leader's: it hears SIGTERM and SIGINT and passes the wish on by a file.
        signals_to_handle="SIGQUIT",
        shutdown_timeout=SHUTDOWN_S,
    )
    agent = elastic_launch(config, sys.executable)
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    try:
        with ctx.events.lent(), _stop_passed_on(ctx.stop, room / STOP):
            agent("-m", module, str(room))
        return _outcome(room)
    except ChildFailedError as error:
        raise _blamed(error, ctx) from error
    finally:
        shutil.rmtree(room, ignore_errors=True)


class RankFiles(LogsSpecs):
    """Where the agent lets ranks write: rank 0 to the log of the run, the others to their own."""

    def __init__(self, room: Path, folder: RunFolder, attempt: int) -> None:
        super().__init__(log_dir=str(folder.root / "log"))
        self._room = room
        self._folder = folder
        self._attempt = attempt

    @property
    def root_log_dir(self) -> str:
        return str(self._folder.root / "log")

    def reify(self, envs: dict[int, dict[str, str]]) -> LogsDest:
        """Standard error alone is redirected; a rank sends its standard output there too."""
        logs = {rank: str(rank_log(self._folder, self._attempt, rank)) for rank in envs if rank}
        errors = {rank: str(self._room / f"error-{rank}.json") for rank in envs}
        for rank, env in envs.items():
            env["TORCHELASTIC_ERROR_FILE"] = errors[rank]
        nothing = dict.fromkeys(envs, "")
        return LogsDest(
            stdouts=nothing,
            stderrs=nothing | logs,
            tee_stdouts={},
            tee_stderrs={},
            error_files=errors,
            filtered_stdout="",
            filtered_stderr="",
        )


def rank_log(folder: RunFolder, attempt: int, rank: int) -> Path:
    """Where the output of a rank other than 0 goes."""
    return folder.root / "log" / f"attempt-{attempt}-rank-{rank}.txt"


@contextmanager
def _stop_passed_on(stop: StopSignal, flag: Path) -> Iterator[None]:
    """While inside, a stop that is asked for leaves a file that the ranks look for."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(POLL_S):
            if stop.requested:
                flag.touch()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _outcome(room: Path) -> Mapping[str, Any]:
    outcome = json.loads((room / OUTCOME).read_text(encoding="utf-8"))
    if "interrupted" in outcome:
        words = outcome["interrupted"]
        raise InterruptedRunError(words["message"], hint=words["hint"], where=words["where"])
    report: Mapping[str, Any] = outcome["report"]
    return report


def _blamed(error: ChildFailedError, ctx: RunContext) -> GatehouseError:
    """The error of the first rank that failed, as it was raised there."""

    def when(item: tuple[int, ProcessFailure]) -> tuple[int, bool]:
        # The agent ends the others with SIGTERM: a rank that died of it is not to blame.
        said = item[1].error_file_data.get("gatehouse")
        return int(said["time_ns"]) if said else sys.maxsize, item[1].exitcode == -SIGTERM

    rank, failure = min(error.failures.items(), key=when)
    said = failure.error_file_data.get("gatehouse")
    if said:
        kind = _family(GatehouseError).get(said["code"], GatehouseError)
        return kind(f"rank {rank}: {said['message']}", hint=said["hint"], where=said["where"])
    if failure.exitcode < 0:
        return InfrastructureError(
            f"rank {rank} was killed by signal {-failure.exitcode}",
            hint="Resume continues from the last checkpoint; look at the host's memory.",
        )
    log = rank_log(ctx.folder, ctx.attempt, rank).name if rank else "the log of the run"
    return GatehouseError(f"rank {rank} ended with status {failure.exitcode}", hint=f"See {log}.")


def _family(kind: type[GatehouseError]) -> dict[str, type[GatehouseError]]:
    """Every class of the error family by its code."""
    found = {kind.code: kind}
    for child in kind.__subclasses__():
        found = _family(child) | found
    return found
