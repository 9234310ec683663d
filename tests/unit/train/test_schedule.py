"""Rates and widths are pure functions of the step."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.train.config import CoordLossConfig, OptimConfig
from mlcore.train.schedule import rate, sigma


def rates(config: OptimConfig, steps: int) -> list[float]:
    return [rate(config, step, steps) for step in range(steps)]


def test_warm_up_is_linear_and_ends_at_the_peak() -> None:
    config = OptimConfig(warmup_steps=4, schedule="constant")
    assert rates(config, 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_last_step_has_the_floor(schedule: str) -> None:
    config = OptimConfig.model_validate(
        {"warmup_steps": 10, "schedule": schedule, "floor": 0.03, "hold": 0.3}
    )
    assert rate(config, 99, 100) == pytest.approx(0.03)


def test_the_rate_holds_at_the_peak_for_its_share_of_the_steps() -> None:
    config = OptimConfig(warmup_steps=5, schedule="linear", hold=0.5)
    assert rates(config, 20)[4:11] == [1.0] * 7
    assert rate(config, 11, 20) < 1.0


def test_cosine_is_half_way_down_in_the_middle() -> None:
    config = OptimConfig(warmup_steps=0, schedule="cosine", floor=0.0)
    assert rate(config, 50, 101) == pytest.approx(0.5)


@given(
    warmup=st.integers(0, 30),
    steps=st.integers(1, 200),
    hold=st.floats(0, 0.99),
    floor=st.floats(0, 1),
    schedule=st.sampled_from(["constant", "linear", "cosine"]),
)
def test_a_rate_never_rises_after_warm_up_nor_leaves_its_range(
    warmup: int, steps: int, hold: float, floor: float, schedule: str
) -> None:
    config = OptimConfig.model_validate(
        {"warmup_steps": warmup, "hold": hold, "floor": floor, "schedule": schedule}
    )
    values = rates(config, steps)
    assert all(0.0 <= value <= 1.0 for value in values)
    assert all(later <= earlier + 1e-12 for earlier, later in pairwise(values[warmup:]))


def test_the_width_goes_from_start_to_end() -> None:
    config = CoordLossConfig(sigma_start=9.0, sigma_end=1.0)
    assert [sigma(config, step, 5) for step in range(5)] == [9.0, 7.0, 5.0, 3.0, 1.0]


def test_one_step_has_the_starting_width() -> None:
    assert sigma(CoordLossConfig(sigma_start=4.0, sigma_end=1.0), 0, 1) == 4.0
