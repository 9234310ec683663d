"""Strengths that change while training."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mlcore.augment.pipeline import Augmenter
from tests.support.augmenting import config, picture, record

OPS = (
    {"type": "rotate", "max_deg": 0.0, "prob": 0.0},
    {"type": "random_crop", "scale": [1.0, 1.0], "min_objects": 2},
    {"type": "hsv"},
)
PHASES = [
    {"until_percent": 10, "bypass_prob": 1.0},
    {"until_percent": 50, "bypass_prob": 0.2,
     "ops": {"rotate": {"max_deg": 20, "prob": 1}, "random_crop": {"scale": [0.5, 0.9]}}},
    {"until_percent": 80, "ops": {"rotate": {"max_deg": 10}, "random_crop": {"min_objects": 6}}},
]


def augmenter(phases: list[dict[str, Any]] | None = None, **rest: Any) -> Augmenter:
    curriculum = {"phases": PHASES if phases is None else phases}
    return Augmenter(config(*OPS, curriculum=curriculum, **{"bypass_prob": 1.0, **rest}), 0)


def at(one: Augmenter, step: int, total: int = 1000) -> dict[str, Any]:
    bypass, ops = one.strengths(step, total)
    return {"bypass": bypass, **{op.type: op.model_dump() for op in ops}}


def test_it_goes_straight_from_target_to_target_and_then_holds() -> None:
    one = augmenter()
    assert at(one, 0)["bypass"] == 1.0 and at(one, 99)["bypass"] == 1.0
    middle = at(one, 300)
    assert middle["bypass"] == pytest.approx(0.6)
    assert middle["rotate"]["max_deg"] == pytest.approx(10) and middle["rotate"]["prob"] == 0.5
    assert middle["random_crop"]["scale"] == pytest.approx((0.75, 0.95))
    assert at(one, 500)["rotate"]["max_deg"] == 20
    assert at(one, 650)["rotate"]["max_deg"] == pytest.approx(15)
    assert at(one, 650)["bypass"] == 0.2
    end = at(one, 800)
    assert end["rotate"]["max_deg"] == 10 and end["random_crop"]["min_objects"] == 6
    assert at(one, 999) == end == at(one, 5000)


def test_what_no_phase_names_stays_as_the_config_has_it() -> None:
    assert at(augmenter(), 700)["hsv"] == at(augmenter(), 0)["hsv"]


def test_whole_numbers_stay_whole() -> None:
    assert {at(augmenter(), s)["random_crop"]["min_objects"] for s in range(500, 801)} == {
        2, 3, 4, 5, 6
    }


def test_a_percent_is_a_percent_and_never_a_share() -> None:
    """Half a percent of 1000 steps is 5 steps; one percent is 10, not all of them."""
    one = augmenter([{"until_percent": 0.5, "bypass_prob": 0.0}])
    assert at(one, 4)["bypass"] == pytest.approx(0.2) and at(one, 5)["bypass"] == 0.0
    one = augmenter([{"until_percent": 1, "bypass_prob": 0.0}])
    assert at(one, 9)["bypass"] > 0 and at(one, 10)["bypass"] == 0.0


def test_steps_need_no_total() -> None:
    one = augmenter([{"until_step": 4, "bypass_prob": 0.0}])
    assert [at(one, s, 0)["bypass"] for s in range(6)] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    with pytest.raises(ValueError, match="number of all steps"):
        augmenter().strengths(0, 0)


@given(st.integers(0, 2000), st.lists(st.integers(0, 2000), max_size=5))
def test_the_place_alone_decides_whatever_came_before(step: int, before: list[int]) -> None:
    one = augmenter()
    for earlier in before:
        one.strengths(earlier, 1000)
    assert one.strengths(step, 1000) == augmenter().strengths(step, 1000)


def test_a_sample_changes_with_its_place_and_not_with_what_was_asked_before() -> None:
    ops = [{"type": "rotate", "prob": 1.0, "max_deg": 0.0}]
    phases = {"phases": [{"until_step": 100, "ops": {"rotate": {"max_deg": 30}}}]}
    one = Augmenter(config(*ops, curriculum=phases), 3)
    first = one(record(), picture(), 0, 10, 0)
    later = one(record(), picture(), 0, 90, 0)
    assert first.record != later.record
    assert one(record(), picture(), 0, 10, 0).record == first.record


@pytest.mark.parametrize(
    ("phases", "path", "message"),
    [
        ([{"until_percent": 2, "until_step": 3}], ("phases", 0), "exactly one of"),
        ([{"bypass_prob": 1}], ("phases", 0), "exactly one of"),
        ([{"until_percent": 2}, {"until_step": 3}], (), "mix"),
        ([{"until_percent": 5}, {"until_percent": 5}], (), "one after another"),
        ([{"until_percent": 101}], ("phases", 0, "until_percent"), "100"),
        ([{"until_percent": 0}], ("phases", 0, "until_percent"), "greater than 0"),
        ([], ("phases",), "at least 1"),
        ([{"until_step": 2, "bypass_prob": 1.5}], ("phases", 0, "bypass_prob"), "1"),
        ([{"until_step": 2, "ops": {"rotat": {}}}], ("phases", 0, "ops", "rotat"),
         "did you mean 'rotate'"),
        ([{"until_step": 2, "ops": {"rotate": {"max_dg": 1}}}],
         ("phases", 0, "ops", "rotate", "max_dg"), "did you mean 'max_deg'"),
        ([{"until_step": 2, "ops": {"rotate": {"max_deg": [1, 2]}}}],
         ("phases", 0, "ops", "rotate", "max_deg"), "must be one number"),
        ([{"until_step": 2, "ops": {"hsv": {"sat": 1}}}],
         ("phases", 0, "ops", "hsv", "sat"), "must be a pair"),
        ([{"until_step": 2, "ops": {"rotate": {"prob": 1.5}}}],
         ("phases", 0, "ops", "rotate", "prob"), "less than or equal to 1"),
        ([{"until_step": 2, "ops": {"random_crop": {"skip_if_line": 1}}}],
         ("phases", 0, "ops", "random_crop", "skip_if_line"), "cannot change gradually"),
        ([{"until_step": 2, "ops": {"hsv": {"sat": [3, 2]}}}], ("phases", 0, "ops", "hsv"),
         "must rise"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(
    phases: list[dict[str, Any]], path: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        augmenter(phases)
    found = {error["loc"]: str(error["msg"]) for error in caught.value.errors()}
    assert message in found["curriculum", *path], found


def test_an_op_that_is_there_twice_cannot_be_meant() -> None:
    phases = {"phases": [{"until_step": 2, "ops": {"hflip": {"prob": 1}}}]}
    with pytest.raises(ValidationError, match="several ops 'hflip'"):
        config({"type": "hflip"}, {"type": "hflip"}, curriculum=phases)
