"""Who summarises: this process, or several that share the images one by one.

A process of several has a checkpoint of its own and sends whole batches of answers home as they
come. The leader alone writes, so nothing is left behind where one of them dies.
"""

from __future__ import annotations

import signal
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context
from multiprocessing.process import BaseProcess

from mlcore.errors import GatehouseError, InfrastructureError
from mlcore.run.classify import classified
from mlcore.run.events import EventWriter
from mlcore.stage_a.answer import Answer, Job, Task

POLL_S = 0.2
"""seconds until a request to stop is seen while nobody answers"""
LAST_WORDS_S = 5.0


@dataclass(frozen=True)
class _Warned:
    code: str
    message: str


@dataclass(frozen=True)
class _Failed:
    error: GatehouseError


@dataclass(frozen=True)
class _Done:
    pass


_Said = list[Answer] | _Warned | _Failed | _Done


def answers(
    task: Task, jobs: Sequence[Job], processes: int, events: EventWriter
) -> Generator[list[Answer], None, None]:
    """Answers to all jobs as they come, a batch at a time; an empty one where nothing came for a
    while. Closing the generator ends the work.

    Raises what a process died of, InfrastructureError when it was killed.
    """
    if processes == 1 or len(jobs) <= 1:
        from mlcore.stage_a.summarise import Summariser

        yield from Summariser(task, events.warning, events=events).answers(jobs)
        return
    workers = _started(task, jobs, min(processes, len(jobs)))
    try:
        yield from _heard(workers, events)
    finally:
        for process in workers.values():
            process.terminate()
        for pipe, process in workers.items():
            process.join()
            pipe.close()


def _started(
    task: Task, jobs: Sequence[Job], world: int
) -> dict[connection.Connection, BaseProcess]:
    context = get_context("spawn")
    workers: dict[connection.Connection, BaseProcess] = {}
    for rank in range(world):
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=work, args=(theirs, task, list(jobs[rank::world]), rank), daemon=True
        )
        process.start()
        theirs.close()
        workers[ours] = process
    return workers


def _heard(
    workers: dict[connection.Connection, BaseProcess], events: EventWriter
) -> Iterator[list[Answer]]:
    waiting = list(workers)
    while waiting:
        ready = connection.wait(waiting, timeout=POLL_S)
        if not ready:
            yield []
        for pipe in ready:
            assert isinstance(pipe, connection.Connection)
            try:
                said: _Said = pipe.recv()
            except EOFError as error:
                raise _killed(workers[pipe]) from error
            if isinstance(said, _Failed):
                raise said.error
            if isinstance(said, _Warned):
                events.warning(said.code, said.message)
            elif isinstance(said, _Done):
                waiting.remove(pipe)
            else:
                yield said


def work(pipe: connection.Connection, task: Task, jobs: Sequence[Job], rank: int) -> None:
    """What a process of several does. Ctrl-C is for the leader, who ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # Imported here, so that a library that cannot be imported is an error that is reported.
        from mlcore.stage_a.summarise import Summariser

        summariser = Summariser(
            task, lambda code, message: pipe.send(_Warned(code, message)), rank=rank
        )
        for batch in summariser.answers(jobs):
            pipe.send(batch)
        pipe.send(_Done())
    except BrokenPipeError as error:
        raise SystemExit("the leader is gone") from error
    except Exception as error:
        ours = error if isinstance(error, GatehouseError) else classified(error)
        pipe.send(_Failed(ours))
        raise SystemExit(int(ours.exit_code)) from error


def _killed(process: BaseProcess) -> GatehouseError:
    process.join(LAST_WORDS_S)
    code = process.exitcode
    how = f"was killed by signal {-code}" if code and code < 0 else f"ended with status {code}"
    return InfrastructureError(
        f"a process that summarises {how}",
        hint="Often memory: try fewer processes or a smaller batch_size. Resume asks what is left.",
    )
