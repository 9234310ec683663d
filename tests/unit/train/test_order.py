"""The order of samples is a pure function of seed and step."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from mlcore.fusion.config import FusionConfig
from mlcore.train.order import FusionOrder, Order, StepPlan


def order(samples: int = 20, batch: int = 4, share: float = 0.4, seed: int = 7) -> Order:
    return Order(samples, batch, share, seed)


def records(plan: StepPlan) -> list[int]:
    return [draw.record for draw in plan.draws]


def test_the_same_step_is_the_same_whenever_it_is_asked_for() -> None:
    forwards = [order().step(step) for step in range(60)]
    backwards = [order().step(step) for step in reversed(range(60))]
    assert forwards == backwards[::-1]


def test_another_seed_is_another_order() -> None:
    assert [order().step(s) for s in range(5)] != [order(seed=8).step(s) for s in range(5)]


def test_every_epoch_of_a_task_sees_every_sample_once() -> None:
    plans = [order(share=0.0).step(step) for step in range(10)]
    for epoch in (plans[:5], plans[5:]):
        assert sorted(i for plan in epoch for i in records(plan)) == list(range(20))
    assert plans[:5] != plans[5:]


def test_a_batch_may_cross_from_one_epoch_into_the_next() -> None:
    plans = [order(samples=6, batch=4, share=0.0).step(step) for step in range(3)]
    seen = [i for plan in plans for i in records(plan)]
    assert sorted(seen[:6]) == sorted(seen[6:]) == list(range(6))


def test_a_batch_may_be_larger_than_the_data() -> None:
    counts = Counter(records(order(samples=3, batch=8, share=0.0).step(0)))
    assert sum(counts.values()) == 8
    assert max(counts.values()) - min(counts.values()) <= 1


@given(share=st.floats(0, 1), steps=st.integers(1, 300))
def test_the_share_of_summary_steps_is_exact(share: float, steps: int) -> None:
    modes = Counter(order(share=share).step(step).draws[0].mode for step in range(steps))
    assert abs(modes["summary"] - share * steps) <= 1


def test_a_step_has_one_task() -> None:
    for step in range(20):
        assert len({draw.mode for draw in order().step(step).draws}) == 1


def test_the_steps_of_one_dataset_are_pinned_for_good() -> None:
    """The shipped figures and every resumed run hang on them."""
    plans = [order(samples=10, batch=4, share=0.3).step(step) for step in range(5)]
    assert [(plan.draws[0].mode, records(plan)) for plan in plans] == PINNED


PINNED = [
    ("dense", [8, 0, 7, 1]),
    ("dense", [3, 6, 2, 4]),
    ("dense", [5, 9, 8, 2]),
    ("summary", [9, 0, 8, 6]),
    ("dense", [4, 1, 3, 7]),
]


def test_a_record_is_drawn_at_another_visit_every_time() -> None:
    seen = [draw for step in range(40) for draw in order(samples=6).step(step).draws]
    assert len({(draw.record, draw.visit) for draw in seen}) == len(seen)


MIXTURE = FusionConfig.model_validate(
    {
        "type": "fusion",
        "targets": [{"name": "a", "dataset": "d", "summary_share": 0.25}],
        "sources": [{"name": "b", "dataset": "e", "ratio": 0.5}],
    }
)


def fused(batch: int = 5, seed: int = 7, **sizes: int) -> FusionOrder:
    return FusionOrder(MIXTURE, {"a": 20, "b": 4, **sizes}, batch, seed)


def test_a_mixture_walks_through_one_epoch_s_plan_after_the_other() -> None:
    draws = [draw for step in range(12) for draw in fused().step(step).draws]
    for epoch in (draws[:30], draws[30:]):
        targets = [draw for draw in epoch if draw.member == 0]
        assert sorted(draw.record for draw in targets) == list(range(20))
        assert sum(draw.mode == "summary" for draw in targets) == 5
        assert sum(draw.member == 1 for draw in epoch) == 10
    assert draws[:30] != draws[30:]


def test_a_mixture_s_step_is_the_same_whenever_and_in_whatever_batches_it_is_asked_for() -> None:
    one = fused()
    backwards = [one.step(step) for step in reversed(range(24))][::-1]
    assert [fused().step(step) for step in range(24)] == backwards
    narrow = [draw for step in range(120) for draw in fused(batch=1).step(step).draws]
    assert narrow == [draw for plan in backwards for draw in plan.draws]


def test_a_mixture_draws_no_record_twice_at_the_same_visit() -> None:
    seen = [draw for step in range(60) for draw in fused().step(step).draws]
    assert len({(d.member, d.record, d.visit) for d in seen}) == len(seen)


@given(steps=st.integers(0, 40), batch=st.integers(1, 50))
def test_samples_of_each_dataset_are_counted_without_walking(steps: int, batch: int) -> None:
    mixture = fused(batch=batch)
    walked = Counter(d.member for step in range(steps) for d in mixture.step(step).draws)
    assert mixture.drawn(steps) == [walked[0], walked[1]]


def test_a_mixture_s_digest_names_everything_that_it_depends_on() -> None:
    variants = [fused(), fused(batch=6), fused(seed=8), fused(b=5)]
    assert len({variant.digest() for variant in variants}) == len(variants)


def test_the_digest_names_everything_that_the_order_depends_on() -> None:
    variants = [order(), order(samples=21), order(batch=5), order(share=0.5), order(seed=8)]
    assert len({variant.digest() for variant in variants}) == len(variants)
