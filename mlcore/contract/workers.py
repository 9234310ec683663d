"""Work over many pieces in several processes, results in the order of the pieces."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from mlcore.errors import InfrastructureError

Piece = TypeVar("Piece")
Result = TypeVar("Result")
MOST_WORKERS = 16
AHEAD = 2
"""pieces per worker that are under way at once; bounds the memory of results that wait"""


def usable_workers() -> int:
    """As many as this process may use cores; one where it may not start processes."""
    if multiprocessing.current_process().daemon:
        return 1
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS)


def ordered_map(
    work: Callable[[Piece], Result], pieces: Iterable[Piece], workers: int
) -> Iterator[Result]:
    """`work` of every piece, in their order, the same for any number of workers.

    With one worker the work is done here. Else fresh processes do it, which share nothing with
    this one: threads and locks of a large process cannot hang them. Each gets its own copy of
    `work`, once, and may remember things in it. Raises InfrastructureError when a process dies.
    """
    if workers == 1:
        yield from map(work, pieces)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_start, initargs=(work,))
    try:
        waiting: deque[Future[Result]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(_do, piece))
            if len(waiting) >= workers * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise InfrastructureError(
            "a worker process died", hint="Often memory: try fewer --workers."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_work: list[Callable[[Any], Any]] = []
"""in a worker process: what it does"""


def _start(work: Callable[[Any], Any]) -> None:
    """Ctrl-C is for the process that people see; it ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _work[:] = [work]


def _do(piece: Any) -> Any:
    return _work[0](piece)
