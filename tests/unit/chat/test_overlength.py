"""Over-long records are left out, counted and named; too many stop the run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.chat.kit import RenderKit
from mlcore.chat.overlength import OverLengthConfig, sift
from mlcore.chat.prompts import MODES, Mode
from mlcore.chat.render import Renderer
from mlcore.contract.records import Record
from mlcore.errors import DataError
from tests.support.scenes import make_image, make_record


def records(count: int) -> list[Record]:
    return [make_record(number) for number in range(count)]


def number_of(record: Record) -> int:
    return int(record.id.removeprefix("scene-"))


ANY = OverLengthConfig(max_share=1.0)


def test_what_does_not_fit_is_left_out_and_the_others_keep_their_order() -> None:
    sifted = sift(records(10), lambda r: 100 if number_of(r) in (3, 7) else 5, 50, ANY, "d")
    assert [number_of(r) for r in sifted.kept] == [0, 1, 2, 4, 5, 6, 8, 9]
    assert sifted.report() == {
        "reason": "over_length", "records": 2, "of": 10, "limit": 50,
        "dropped": [{"id": "scene-3", "tokens": 100}, {"id": "scene-7", "tokens": 100}],
    }


def test_exactly_the_limit_fits() -> None:
    assert not sift(records(1), lambda _: 50, 50, ANY, "d").dropped


@given(long=st.sets(st.integers(0, 19)), share=st.floats(0, 1))
def test_the_run_stops_exactly_past_the_share(long: set[int], share: float) -> None:
    def length(record: Record) -> int:
        return 2 if number_of(record) in long else 1

    config = OverLengthConfig(max_share=share)
    if len(long) > share * 20 or len(long) == 20:
        with pytest.raises(DataError):
            sift(records(20), length, 1, config, "d")
    else:
        assert len(sift(records(20), length, 1, config, "d").dropped) == len(long)


def test_the_error_names_the_dataset_and_its_longest_records() -> None:
    with pytest.raises(DataError) as caught:
        sift(records(9), lambda r: 10 * number_of(r), 5, OverLengthConfig(), "cabinets")
    assert caught.value.message == (
        "cabinets: 8 of 9 records are longer than 5 tokens; the longest: scene-8 (80), "
        "scene-7 (70), scene-6 (60), scene-5 (50), scene-4 (40); allowed are 1.0%"
    )
    assert caught.value.where == "scene-8"


def test_nothing_left_is_an_error_whatever_is_allowed() -> None:
    with pytest.raises(DataError, match="3 of 3 records"):
        sift(records(3), lambda _: 9, 5, ANY, "d")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(96, 64), (64, 160)])
def test_a_length_is_that_of_the_rendered_sample(
    tiny_checkpoint: Path, mode: Mode, size: tuple[int, int]
) -> None:
    renderer = Renderer(RenderKit.from_folder(tiny_checkpoint))
    for number in range(6):
        record = make_record(number, *size, objects=number)
        example = renderer.training_example(record, None, mode, image=make_image(number, *size))
        assert renderer.length(record, mode) == len(example)
