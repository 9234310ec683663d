"""What a training run tells of the steps between two events."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.metrics import UndeclaredMetricError
from mlcore.run.events import EventWriter, read_events
from mlcore.train.telemetry import StepFacts, Telemetry

STEPS = (
    {"lr": 0.1, "loss": 1.0, "loss_dense": 1.0},
    {"lr": 0.2, "loss": 3.0, "loss_summary": 3.0},
    {"lr": 0.3, "loss": 5.0, "loss_dense": 5.0},
    {"lr": 0.4, "loss": 7.0, "loss_summary": 7.0},
    {"lr": 0.5, "loss": 9.0, "loss_dense": 9.0},
)


@pytest.fixture
def told(tmp_path: Path) -> dict[int, dict[str, float]]:
    """Five steps, an event every second one."""
    telemetry = Telemetry(EventWriter(tmp_path / "events.jsonl"), steps=5, every=2)
    for step, values in enumerate(STEPS, start=1):
        telemetry.begin_step()
        facts = StepFacts(
            values, tokens=100, samples=4,
            ratios={"loss/a": (step, 2.0)} if step < 4 else {"loss/a": (0.0, 0.0)},
            counts={"samples/a": 3.0},
        )
        telemetry.end_step(step, facts, epoch=step / 10)
    events = read_events(tmp_path / "events.jsonl")
    return {e["step"]: e["values"] for e in events if e["type"] == "metric"}


def test_an_event_comes_at_its_interval_and_at_the_end(told: dict[int, dict[str, float]]) -> None:
    assert list(told) == [2, 4, 5]


def test_each_task_is_told_even_when_the_last_step_was_the_other(
    told: dict[int, dict[str, float]],
) -> None:
    assert (told[2]["train/loss_dense"], told[2]["train/loss_summary"]) == (1.0, 3.0)
    assert (told[4]["train/loss_dense"], told[4]["train/loss_summary"]) == (5.0, 7.0)


def test_a_loss_is_the_mean_since_the_last_event_and_the_rate_is_the_last(
    told: dict[int, dict[str, float]],
) -> None:
    assert (told[2]["train/loss"], told[4]["train/loss"], told[5]["train/loss"]) == (2.0, 6.0, 9.0)
    assert [values["train/lr"] for values in told.values()] == [0.2, 0.4, 0.5]


def test_nothing_is_told_of_a_task_that_had_no_step(told: dict[int, dict[str, float]]) -> None:
    assert "train/loss_summary" not in told[5]


def test_speeds_share_one_clock(told: dict[int, dict[str, float]]) -> None:
    for values in told.values():
        assert values["train/tokens_per_s"] == pytest.approx(25 * values["train/samples_per_s"])


def test_a_share_is_of_the_whole_window_and_left_out_where_there_was_nothing(
    told: dict[int, dict[str, float]],
) -> None:
    assert (told[2]["train/loss/a"], told[4]["train/loss/a"]) == (0.75, 1.5)
    assert "train/loss/a" not in told[5]


def test_counts_are_added_up_since_the_last_event(told: dict[int, dict[str, float]]) -> None:
    assert [values["train/samples/a"] for values in told.values()] == [6.0, 6.0, 3.0]


def test_a_figure_that_nobody_declared_is_refused(tmp_path: Path) -> None:
    telemetry = Telemetry(EventWriter(tmp_path / "events.jsonl"), steps=5, every=2)
    facts = StepFacts({"made_up": 1.0}, tokens=1, samples=1)
    with pytest.raises(UndeclaredMetricError, match="train/made_up"):
        telemetry.end_step(1, facts, epoch=0.0)


@pytest.mark.parametrize(("peak", "flops"), [(None, 5e9), (1e12, 0.0), (1e12, 5e9)])
def test_mfu_is_told_where_arithmetic_and_peak_are_known(
    tmp_path: Path, peak: float | None, flops: float
) -> None:
    telemetry = Telemetry(EventWriter(tmp_path / "events.jsonl"), steps=1, every=1, peak=peak)
    facts = StepFacts({"loss": 1.0}, tokens=100, samples=4, supervised=50, flops=flops)
    told = telemetry.end_step(1, facts, epoch=0.1)
    assert ("train/mfu" in told) == bool(peak and flops)
    if "train/mfu" in told:
        used = told["train/tokens_per_s"] / 100 * flops
        assert told["train/mfu"] == pytest.approx(used / 1e12)
    assert told["train/tokens_per_s"] == pytest.approx(2 * told["train/supervised_tokens_per_s"])
