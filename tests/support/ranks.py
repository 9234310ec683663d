"""Ranks that do one thing each, for tests of what the launcher makes of it. Imports no torch.

`python -m tests.support.ranks ROOM`; the deed stands in the order's `start`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlcore.errors import DataError, InterruptedRunError
from mlcore.run.context import RunContext
from mlcore.train.worker import Order, work_as_rank

FOREVER_S = 600.0


def rank() -> int:
    return int(os.environ["RANK"])


def report(ctx: RunContext) -> Mapping[str, Any]:
    """Rank 0 writes an event and reports who met."""
    ctx.events.warning("here", f"rank {rank()}")
    return {"world": int(os.environ["WORLD_SIZE"]), "attempt": ctx.attempt}


def refuse(ctx: RunContext) -> Mapping[str, Any]:
    """Rank 1 refuses its data; rank 0 is left with a broken connection."""
    if rank() == 1:
        raise DataError("no picture", hint="Add one.", where="row 7")
    raise RuntimeError("Connection closed by peer")


def memory(ctx: RunContext) -> Mapping[str, Any]:
    """Rank 1 asks for more memory than there is."""
    if rank() == 1:
        raise MemoryError("512 GB")
    time.sleep(FOREVER_S)
    return {}


def killed(ctx: RunContext) -> Mapping[str, Any]:
    """Rank 1 is killed as by the kernel; rank 0 is left with a broken connection."""
    if rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("Connection closed by peer")


def stopped(ctx: RunContext) -> Mapping[str, Any]:
    """Every rank goes on until it is asked to stop."""
    ctx.events.status("running", str(os.getpid()))
    while not ctx.stop.requested:
        time.sleep(0.02)
    raise InterruptedRunError("stopped after step 3", hint="Resume.")


DEEDS = {deed.__name__: deed for deed in (report, refuse, memory, killed, stopped)}


def work(order: Order, ctx: RunContext) -> Mapping[str, Any]:
    return DEEDS[order.start](ctx)


if __name__ == "__main__":
    work_as_rank(Path(sys.argv[1]), work)
