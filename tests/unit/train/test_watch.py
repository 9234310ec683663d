"""Troubles that show while a run goes on are said once, with what to do."""

from __future__ import annotations

import pytest

from mlcore.train.watch import LEAST, SPIKES, WAITS, Watch


def said(watch: Watch, *losses: float) -> list[str]:
    return [code for loss in losses for code, _ in watch.see({"train/loss": loss})]


def test_a_loss_that_jumps_again_and_again_is_told_once_with_the_remedies() -> None:
    watch = Watch(0)
    steady = [1.0 + 0.01 * (i % 3) for i in range(LEAST)]
    assert said(watch, *steady) == []
    jumps = [5.0, 1.0] * SPIKES
    told = [row for loss in jumps for row in watch.see({"train/loss": loss})]
    assert [code for code, _ in told] == ["loss_spikes"]
    assert all(word in told[0][1] for word in ("optim.lr", "batch_size", "warm-up"))
    assert said(watch, 6.0, 7.0) == []


def test_a_falling_or_noisy_loss_is_no_trouble() -> None:
    assert said(Watch(0), *(5.0 * 0.9**i for i in range(60))) == []
    assert said(Watch(0), *(1.0 + 0.2 * (i % 5) for i in range(60))) == []


def test_one_odd_batch_is_no_trouble() -> None:
    assert said(Watch(0), *[1.0] * LEAST, 9.0, *[1.0] * 20) == []


@pytest.mark.parametrize(("workers", "words"), [(0, "set loading.workers"), (2, "above 2")])
def test_waiting_for_samples_is_told_with_the_knob(workers: int, words: str) -> None:
    watch = Watch(workers)
    window = {"time/data_s": 0.8, "time/step_s": 1.0}
    told = [row for _ in range(2 * WAITS) for row in watch.see(window)]
    assert [code for code, _ in told] == ["data_wait"]
    assert "80%" in told[0][1]
    assert words in told[0][1]


def test_waiting_now_and_then_or_unmeasured_is_no_trouble() -> None:
    watch = Watch(0)
    for number in range(4 * WAITS):
        data = 0.1 if number % WAITS == 0 else 0.9
        assert watch.see({"time/data_s": data, "time/step_s": 1.0}) == []
    assert watch.see({"train/lr": 1.0}) == []
