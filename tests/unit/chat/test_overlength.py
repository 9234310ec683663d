from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.chat.overlength import Drop, OverLengthTally, choose
from mlcore.errors import DataError

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=40)


def pick(lengths: list[int], place: int, limit: int = 20):
    return choose(range(len(lengths)), place, lengths.__getitem__, limit, lambda i: f"r{i}")


def test_a_sample_that_fits_keeps_its_place() -> None:
    assert pick([5, 50, 7], 0).sample == 0
    assert pick([5, 20, 7], 1).dropped == ()


def test_an_over_long_sample_gives_its_place_to_the_next_that_fits() -> None:
    choice = pick([5, 50, 60, 7], 1)
    assert choice.sample == 3
    assert choice.dropped == (Drop("r1", 50, 20), Drop("r2", 60, 20))


def test_after_the_last_place_comes_the_first() -> None:
    assert pick([5, 50], 1).sample == 0


def test_an_order_without_a_fitting_sample_names_the_shortest() -> None:
    with pytest.raises(DataError, match="r1 with 21") as caught:
        pick([50, 21, 60], 0)
    assert "global_max_length" in caught.value.hint


def test_an_empty_order_is_an_error() -> None:
    with pytest.raises(DataError, match="no sample"):
        choose([], 0, len, 20, str)


@given(LENGTHS, st.integers(0, 10**6))
def test_the_choice_depends_on_order_and_place_alone(lengths: list[int], place: int) -> None:
    if min(lengths) > 20:
        return
    first, again = pick(lengths, place), pick(lengths, place)
    assert first == again
    assert lengths[first.sample] <= 20
    assert all(drop.tokens > 20 for drop in first.dropped)
    passed = [int(drop.record_id[1:]) for drop in first.dropped]
    assert [*passed, first.sample] == [(place + k) % len(lengths) for k in range(len(passed) + 1)]


def test_too_many_over_long_records_stop_the_run_with_what_to_do() -> None:
    lengths = [50 if i % 4 == 0 else 9 for i in range(40)]
    tally = OverLengthTally(total=40, max_share=0.1)
    for place in range(13):
        tally.note(pick(lengths, place))
    with pytest.raises(DataError, match="5 of 40 records are longer than 20 tokens") as caught:
        for place in range(13, 40):
            tally.note(pick(lengths, place), where="cabinets")
    assert caught.value.where == "cabinets"
    assert "over_length.max_share" in caught.value.hint


def test_a_share_of_zero_stops_at_the_first() -> None:
    with pytest.raises(DataError, match="r0 with 50"):
        OverLengthTally(total=1000, max_share=0.0).note(pick([50, 1], 0))


def test_meeting_a_record_again_counts_it_once_and_its_place_again() -> None:
    tally = OverLengthTally(total=4, max_share=0.5)
    for _ in range(3):
        tally.note(pick([50, 1, 1, 1], 0))
    assert tally.report() == {
        "reason": "over_length", "records": 1, "of": 4, "places": 3,
        "dropped": [{"id": "r0", "tokens": 50, "limit": 20}],
    }


@given(LENGTHS)
def test_ranks_together_count_what_one_alone_counts(lengths: list[int]) -> None:
    lengths = [*lengths, 1]
    alone, ranks = OverLengthTally(1, 1e9), [OverLengthTally(1, 1e9) for _ in range(3)]
    for place in range(len(lengths)):
        alone.note(pick(lengths, place))
        ranks[place % 3].note(pick(lengths, place))
    merged = OverLengthTally(1, 1e9)
    for rank in ranks:
        merged.merge(rank)
    assert merged.report() == alone.report()
    assert OverLengthTally.restored(alone.report(), 1e9) == alone
