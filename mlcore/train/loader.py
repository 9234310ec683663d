"""Samples made ahead of the steps that learn from them, by worker processes.

A sample is a pure function of its draw and step, and so are the draws of their step: any number
of workers gives the same samples in the same order, and a resume needs no state of theirs.

Workers are forks: the records, the tokenizer and the mapped patch bank are shared, not copied.
Pixels come back in shared memory; everything else is small.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import ClassVar, Self

import cv2
import numpy as np
import torch
import torch.multiprocessing as shared  # noqa: F401  # tensors then travel in shared memory

from mlcore.errors import GatehouseError, InfrastructureError
from mlcore.train.config import LoadingConfig
from mlcore.train.order import Draw
from mlcore.train.source import Sample, Source

DrawsOf = Callable[[int], Sequence[Draw]]
"""the draws of a step, counted from 0, that are this rank's"""
SHARED_BYTES = 1 << 20
"""pixels of at least this size go through shared memory; smaller ones are quicker in the pipe"""
WATCH_S = 0.5


class SampleError(GatehouseError):
    """Making a sample failed for a reason that is nobody's input: a mistake of the code."""

    code: ClassVar[str] = "sample"


@dataclass(frozen=True)
class _Parcel:
    """A sample on its way, without its pixels, and those as a tensor."""

    sample: Sample
    pixels: torch.Tensor


class Loader:
    """The samples of a rank, step by step. Use it in a `with`, which ends the workers."""

    def __init__(self, source: Source, draws: DrawsOf, config: LoadingConfig, steps: int) -> None:
        self._source = source
        self._draws = draws
        self._config = config
        self._steps = steps
        self._pool: ProcessPoolExecutor | None = None
        self._workers: list[BaseProcess] = []
        self._ahead: deque[tuple[int, list[Future[list[Sample | _Parcel]]]]] = deque()

    def __enter__(self) -> Self:
        if self._config.workers:
            # A fork has its parent's pools without their threads and would wait for those forever.
            os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
            cv2.setNumThreads(1)
            self._pool = ProcessPoolExecutor(
                self._config.workers,
                mp_context=multiprocessing.get_context("fork"),
                initializer=_begin,
                initargs=(self._source, os.getpid()),
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ahead.clear()
        if self._pool is None:
            return
        if kind is not None:
            # Nobody waits for what they are making, and they do not hear a polite request.
            for worker in self._workers:
                worker.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def samples(self, step: int) -> list[Sample]:
        """The samples of `step` in the order of its draws; steps are asked for in order.

        Raises what making one raised, naming its record, and InfrastructureError when a worker
        was killed.
        """
        return self._made_ahead(step) if self._pool else self._made_now(step)

    def _made_now(self, step: int) -> list[Sample]:
        return [make(self._source, draw, step) for draw in self._draws(step)]

    def _made_ahead(self, step: int) -> list[Sample]:
        if not self._ahead or self._ahead[0][0] != step:
            self._ahead.clear()
            self._order(step)
        while len(self._ahead) <= self._config.prefetch and self._ahead[-1][0] + 1 < self._steps:
            self._order(self._ahead[-1][0] + 1)
        _, parts = self._ahead.popleft()
        try:
            return [_opened(parcel) for part in parts for parcel in part.result()]
        except BrokenProcessPool as error:
            names = [self._source.name(draw) for draw in self._draws(step)]
            raise InfrastructureError(
                f"a loading worker was killed while the samples of step {step + 1} were made",
                hint="Resume continues from the last checkpoint. Look at the host's memory and at "
                "the size of /dev/shm; lower loading.workers or loading.prefetch.",
                where=", ".join(names),
            ) from error

    def _order(self, step: int) -> None:
        """Have the samples of a step made, a share by each worker."""
        assert self._pool is not None
        others = [] if self._workers else multiprocessing.active_children()
        draws = self._draws(step)
        size = max(1, -(-len(draws) // self._config.workers))
        try:
            parts = [
                self._pool.submit(_make_all, draws[start : start + size], step)
                for start in range(0, len(draws), size)
            ]
        except BrokenProcessPool as error:
            parts = [_failed(error)]
        if not self._workers:
            started = multiprocessing.active_children()
            self._workers = [child for child in started if child not in others]
        self._ahead.append((step, parts))


def make(source: Source, draw: Draw, step: int) -> Sample:
    """The sample of a draw. Whatever goes wrong names the record."""
    try:
        return source.sample(draw, step)
    except GatehouseError as error:
        error.where = error.where or source.name(draw)
        raise
    except (OSError, MemoryError):
        # The runner knows these: a full disk, a full memory.
        raise
    except Exception as error:
        name = source.name(draw)
        raise SampleError(
            f"making the sample of {name} failed: {type(error).__name__}: {error}",
            hint="This is a bug; the traceback is in the log.",
            where=name,
        ) from error


_source: Source | None = None


def _begin(source: Source, parent: int) -> None:
    """Make this process a worker: it ends with its parent, and leaves signals to it."""
    global _source
    _source = source
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_S)
    os._exit(1)


def _make_all(draws: Sequence[Draw], step: int) -> list[Sample | _Parcel]:
    assert _source is not None
    return [_packed(make(_source, draw, step)) for draw in draws]


def _packed(sample: Sample) -> Sample | _Parcel:
    pixels = sample.example.pixel_values
    if pixels.nbytes < SHARED_BYTES:
        return sample
    empty = replace(sample.example, pixel_values=np.empty((0, 0), dtype=np.float32))
    return _Parcel(replace(sample, example=empty), torch.from_numpy(pixels))


def _opened(parcel: Sample | _Parcel) -> Sample:
    if isinstance(parcel, Sample):
        return parcel
    pixels = parcel.pixels.numpy()
    return replace(parcel.sample, example=replace(parcel.sample.example, pixel_values=pixels))


def _failed(error: Exception) -> Future[list[Sample | _Parcel]]:
    future: Future[list[Sample | _Parcel]] = Future()
    future.set_exception(error)
    return future
