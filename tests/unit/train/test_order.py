"""The order of samples is a pure function of seed and step."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mlcore.train.order import Order


def order(samples: int = 20, batch: int = 4, share: float = 0.4, seed: int = 7) -> Order:
    return Order(samples, batch, share, seed)


def test_the_same_step_is_the_same_whenever_it_is_asked_for() -> None:
    forwards = [order().step(step) for step in range(60)]
    backwards = [order().step(step) for step in reversed(range(60))]
    assert forwards == backwards[::-1]


def test_another_seed_is_another_order() -> None:
    assert [order().step(s) for s in range(5)] != [order(seed=8).step(s) for s in range(5)]


def test_every_epoch_of_a_task_sees_every_sample_once() -> None:
    plans = [order(share=0.0).step(step) for step in range(10)]
    for epoch in (plans[:5], plans[5:]):
        assert sorted(i for plan in epoch for i in plan.indices) == list(range(20))
    assert plans[:5] != plans[5:]


def test_a_batch_may_cross_from_one_epoch_into_the_next() -> None:
    plans = [order(samples=6, batch=4, share=0.0).step(step) for step in range(3)]
    seen = [i for plan in plans for i in plan.indices]
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_a_batch_may_be_larger_than_the_data() -> None:
    counts = Counter(order(samples=3, batch=8, share=0.0).step(0).indices)
    assert sum(counts.values()) == 8
    assert max(counts.values()) - min(counts.values()) <= 1


@given(share=st.floats(0, 1), steps=st.integers(1, 300))
def test_the_share_of_summary_steps_is_exact(share: float, steps: int) -> None:
    modes = Counter(order(share=share).step(step).mode for step in range(steps))
    assert abs(modes["summary"] - share * steps) <= 1


def test_the_digest_names_everything_that_the_order_depends_on() -> None:
    variants = [order(), order(samples=21), order(batch=5), order(share=0.5), order(seed=8)]
    assert len({variant.digest() for variant in variants}) == len(variants)
