"""What a rank is to the process that launched it: told what to do, followed, and heard.

Light on purpose: the errors of a rank must reach its leader even when torch cannot be imported.
A rank that fails writes torchrun's own error file, with our typed error beside torch's words.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from mlcore.errors import GatehouseError, InterruptedRunError
from mlcore.run.classify import classified
from mlcore.run.context import RunContext
from mlcore.run.events import EventWriter
from mlcore.run.exits import ExitCode
from mlcore.run.folder import RunFolder, write_json
from mlcore.run.signals import StopSignal

POLL_S = 0.1
LINGER_S = 10.0
"""how long a rank with a broken connection waits for the one who broke it to be found"""
ORDER = "order.json"
OUTCOME = "outcome.json"
STOP = "stop"


@dataclass(frozen=True)
class Order:
    """What the ranks of one attempt are told. `leader` is the process whose end is theirs."""

    folder: str
    start: str
    leader: int
    attempt: int
    resuming: bool
    config_dir: str
    bindings: dict[str, str]

    @classmethod
    def of(cls, ctx: RunContext, start: Path) -> Self:
        """The order that makes a rank see what the leader sees."""
        return cls(
            folder=str(ctx.folder.root),
            start=str(start),
            leader=os.getpid(),
            attempt=ctx.attempt,
            resuming=ctx.resuming,
            config_dir=str(ctx.config_dir),
            bindings={ref: str(path) for ref, path in ctx.bindings.items()},
        )

    def write(self, room: Path) -> None:
        write_json(room / ORDER, asdict(self))

    @classmethod
    def read(cls, room: Path) -> Self:
        return cls(**json.loads((room / ORDER).read_text(encoding="utf-8")))

    def context(self, rank: int, stop: StopSignal) -> RunContext:
        """The run as a rank sees it. Rank 0 writes the attempt's events, the others their own."""
        folder = RunFolder(Path(self.folder))
        own = rank_events(folder, self.attempt, rank)
        events = EventWriter(folder.events(self.attempt) if rank == 0 else own)
        bindings = {ref: Path(path) for ref, path in self.bindings.items()}
        return RunContext(
            folder, events, stop, self.attempt, self.resuming, Path(self.config_dir), bindings
        )


def rank_events(folder: RunFolder, attempt: int, rank: int) -> Path:
    """Where a rank other than 0 writes its events. Rank 0 passes its warnings on."""
    return folder.root / "events" / f"rank-{rank}-attempt-{attempt}.jsonl"


def work_as_rank(room: Path, work: Callable[[Order, RunContext], Mapping[str, Any]]) -> None:
    """Do `work` as the rank of the environment (RANK, as torchrun sets it).

    `room` is the folder that leader and ranks share. What rank 0 returns, or that it was
    interrupted, becomes the outcome there. An error goes to torchrun's error file and its exit
    code ends the process.
    """
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    rank = int(os.environ["RANK"])
    order = Order.read(room)
    stop = StopSignal()
    threading.Thread(target=_follow, args=(order.leader, room / STOP, stop), daemon=True).start()
    try:
        outcome = {"report": dict(work(order, order.context(rank, stop)))}
    except InterruptedRunError as error:
        outcome = {"interrupted": _words(error)}
    except Exception as error:
        # The outermost frame of a rank: every error becomes its record and an exit code here.
        traceback.print_exc()
        ours = error if isinstance(error, GatehouseError) else classified(error)
        if isinstance(error, RuntimeError) and ours.exit_code == ExitCode.BUG:
            # A connection breaks when another rank dies. That one is to blame, and the launcher
            # ends this one as soon as it has seen it.
            time.sleep(LINGER_S)
        _record(ours)
        raise SystemExit(int(ours.exit_code)) from error
    if rank == 0:
        write_json(room / OUTCOME, outcome)


def _follow(leader: int, flag: Path, stop: StopSignal) -> None:
    """End this process at once when the leader is gone; ask for a stop when the leader does."""
    while os.getppid() == leader:
        if flag.exists():
            stop.request()
        time.sleep(POLL_S)
    os._exit(ExitCode.INTERRUPTED)


def _words(error: GatehouseError) -> dict[str, str]:
    return {"code": error.code, "message": error.message, "hint": error.hint, "where": error.where}


def _record(error: GatehouseError) -> None:
    """Write the error file that torchrun's agent reads when this process has ended."""
    extra = {"py_callstack": traceback.format_exc(), "timestamp": str(int(time.time()))}
    write_json(
        Path(os.environ["TORCHELASTIC_ERROR_FILE"]),
        {
            "message": {"message": error.message, "extraInfo": extra},
            "gatehouse": {**_words(error), "time_ns": time.time_ns()},
        },
    )
