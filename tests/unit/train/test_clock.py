"""Where the seconds of a step go, by a clock that the test moves."""

from __future__ import annotations

import pytest
import torch

from mlcore.train import clock
from mlcore.train.clock import StepClock

CPU = torch.device("cpu")


class Hand:
    """The hand of a clock."""

    def __init__(self) -> None:
        self.at = 100.0

    def move(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    hand = Hand()
    monkeypatch.setattr(clock.time, "perf_counter", lambda: hand.at)
    return hand


class Slow(torch.autograd.Function):
    """Passes a tensor on; its gradient takes 3 seconds, and an engine waits 5 more at the end, in
    the kind of callback in which DistributedDataParallel waits."""

    @staticmethod
    def forward(ctx: object, x: torch.Tensor, hand: Hand) -> torch.Tensor:
        Slow.hand = hand
        return x.clone()

    @staticmethod
    def backward(ctx: object, grad: torch.Tensor) -> tuple[torch.Tensor, None]:
        Slow.hand.move(3.0)
        engine = torch.autograd.Variable._execution_engine
        engine.queue_callback(lambda: Slow.hand.move(5.0))
        return grad, None


def test_phases_add_up_over_micro_batches_and_start_anew_when_taken(hand: Hand) -> None:
    timed = StepClock(CPU)
    for seconds in (1.0, 2.0):
        with timed.phase("forward"):
            hand.move(seconds)
        hand.move(50.0)
    with timed.phase("data"):
        hand.move(0.5)
    assert timed.take() == {"forward": 3.0, "data": 0.5}
    assert timed.take() == {}


@pytest.mark.parametrize(
    ("shared", "told"),
    [(True, {"backward": 3.0, "sync": 5.0}), (False, {"backward": 8.0})],
)
def test_waiting_for_other_ranks_is_not_the_backward_pass(
    hand: Hand, shared: bool, told: dict[str, float]
) -> None:
    timed = StepClock(CPU)
    loss = Slow.apply(torch.ones(2, requires_grad=True), hand).sum()
    with timed.backward(loss, shared=shared):
        loss.backward()
    assert timed.take() == told
