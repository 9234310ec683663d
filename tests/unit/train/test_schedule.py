"""Rates and widths are pure functions of the step."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlcore.train.config import CoordLossConfig, OptimConfig
from mlcore.train.schedule import rate, sigma


def rates(config: OptimConfig, steps: int) -> list[float]:
    return [rate(config, step, steps, config.floor_of("llm")) for step in range(steps)]


def test_warm_up_is_linear_and_ends_at_the_peak() -> None:
    config = OptimConfig(warmup_steps=4, schedule="constant")
    assert rates(config, 6) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_last_step_has_the_floor(schedule: str) -> None:
    config = OptimConfig.model_validate(
        {"warmup_steps": 10, "schedule": schedule, "floor": 0.03, "hold": 0.3}
    )
    assert rates(config, 100)[-1] == pytest.approx(0.03)


def test_the_rate_holds_at_the_peak_for_its_share_of_the_steps() -> None:
    config = OptimConfig(warmup_steps=5, schedule="linear", hold=0.5)
    assert rates(config, 20)[4:11] == [1.0] * 7
    assert rates(config, 20)[11] < 1.0


def test_cosine_is_half_way_down_in_the_middle() -> None:
    config = OptimConfig(warmup_steps=0, schedule="cosine", floor=0.0)
    assert rates(config, 101)[50] == pytest.approx(0.5)


def test_a_whole_curve() -> None:
    config = OptimConfig(warmup_ratio=0.25, schedule="cosine", hold=0.5, floor=0.1)
    curve = [round(value, 6) for value in rates(config, 12)]
    assert curve == [
        0.333333, 0.666667, 1.0, 1.0, 1.0, 1.0, 1.0, 0.914058, 0.689058, 0.410942, 0.185942, 0.1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ratio", "steps", "warmup"), [(0.0, 10, 0), (0.1, 10, 1), (0.11, 10, 2), (0.3, 10, 3)]
)
def test_a_warm_up_by_ratio_is_a_share_of_all_steps_rounded_up(
    ratio: float, steps: int, warmup: int
) -> None:
    assert OptimConfig(warmup_ratio=ratio).warmup(steps) == warmup


def test_without_either_key_the_warm_up_has_fifty_steps_and_the_floor_three_percent() -> None:
    config = OptimConfig()
    assert (config.warmup_steps, config.floor) == (50, 0.03)
    assert OptimConfig.model_validate(config.model_dump()) == config


def test_an_absolute_floor_is_the_same_rate_for_every_group() -> None:
    config = OptimConfig(lr=1e-3, vit_lr=1e-4, min_lr=1e-5, warmup_steps=0)
    last = {
        group: config.peak(group) * rate(config, 9, 10, config.floor_of(group))
        for group in ("llm", "vit")
    }
    assert last == {"llm": pytest.approx(1e-5), "vit": pytest.approx(1e-5)}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"warmup_steps": 3, "warmup_ratio": 0.1}, "null for the other"),
        ({"floor": 0.1, "min_lr": 1e-6}, "null for the other"),
        ({"vit_lr": 1e-6, "min_lr": 1e-5}, "above the peak rate of vit"),
        ({"betas": (0.9, 1.0)}, "below 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    wrong: dict[str, object], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        OptimConfig.model_validate(wrong)


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
