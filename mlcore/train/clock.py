"""Where the seconds of a step go. What was not measured is absent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

Phase = Literal["data", "teacher", "forward", "backward", "sync", "optimizer"]
Mark = Any
"""a moment: seconds of the process's clock, or an event in the GPU's stream of work"""


class StepClock:
    """Adds up the seconds of each phase of the steps between two calls of `take`.

    On a GPU the phases are measured in its own stream, without making it wait; `data` is always
    the time that this process spent.
    """

    def __init__(self, device: torch.device) -> None:
        self._on_gpu = device.type == "cuda"
        self._spans: list[tuple[Phase, Mark, Mark]] = []

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count what is done inside."""
        on_gpu = self._on_gpu and name != "data"
        begun = _now(on_gpu=on_gpu)
        yield
        self._spans.append((name, begun, _now(on_gpu=on_gpu)))

    @contextmanager
    def backward(self, loss: torch.Tensor, *, shared: bool) -> Iterator[None]:
        """Count a backward pass from `loss`.

        With `shared` gradients go to other ranks meanwhile: what is left to wait for once this
        rank's own gradients are there counts as sync. The engine's wait is the last thing that a
        backward pass does, in a callback that it queues; ours is queued before it.
        """
        done: list[Mark] = []
        if shared:
            loss.register_hook(  # type: ignore[no-untyped-call]
                lambda _: _when_done(lambda: done.append(self._mark()))
            )
        begun = self._mark()
        yield
        ended = self._mark()
        own = done[0] if done else ended
        self._spans.append(("backward", begun, own))
        if done:
            self._spans.append(("sync", own, ended))

    def take(self) -> dict[Phase, float]:
        """Seconds of each phase since the last call, those that were measured."""
        spans, self._spans = self._spans, []
        out: dict[Phase, float] = {}
        for name, begun, ended in spans:
            out[name] = out.get(name, 0.0) + _between(begun, ended)
        return out

    def _mark(self) -> Mark:
        return _now(on_gpu=self._on_gpu)


def _now(*, on_gpu: bool) -> Mark:
    if not on_gpu:
        return time.perf_counter()
    event: Any = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record()
    return event


def _between(begun: Mark, ended: Mark) -> float:
    if isinstance(begun, float):
        return float(ended - begun)
    ended.synchronize()
    return float(begun.elapsed_time(ended)) / 1000


def _when_done(call: Callable[[], None]) -> None:
    """Run `call` at the end of the backward pass that is running."""
    torch.autograd.Variable._execution_engine.queue_callback(call)
